//! The registration of one annotated item.

use std::ffi::c_void;

use super::outcome::Context;

/// One annotated item: its record and its entry.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Export {
    record: *const u8,
    record_len: usize,
    entry: *const c_void,
    invoke: Option<Invoke>,
}

/// The by-address form of a function's entry. It calls `entry` with `context`. It takes the arguments and the outcome by
/// address, for a host that knows their types only from the descriptor. `arguments` points at one address for each
/// argument's `Repr`. Exports of one type share it.
pub type Invoke =
    unsafe extern "C" fn(entry: *const c_void, context: Context, arguments: *const *const c_void, outcome: *mut c_void);

// SAFETY: nothing changes an `Export`, and its pointers lead to constants and functions of the library.
unsafe impl Sync for Export {}
// SAFETY: its pointers lead to constants and functions of the library, which any thread may use.
unsafe impl Send for Export {}

impl Export {
    /// Joins a record with its entry, an `unsafe extern "C" fn(Context, ..) -> Outcome<..>`, and with the by-address
    /// form of such an entry.
    ///
    /// # Safety
    ///
    /// The arguments and the result of `entry` have the `Repr`s that follow from the record's descriptor. `invoke`
    /// calls entries of this type.
    pub const unsafe fn new(record: &'static [u8], entry: *const c_void, invoke: Option<Invoke>) -> Self {
        Export { record: record.as_ptr(), record_len: record.len(), entry, invoke }
    }

    /// The record's bytes, for as long as the library is mapped.
    ///
    /// # Safety
    ///
    /// The library stays mapped for `'a`.
    pub unsafe fn record<'a>(&self) -> &'a [u8] {
        // SAFETY: `new` took address and length from a slice in the library, which stays mapped for `'a` (`# Safety`).
        unsafe { std::slice::from_raw_parts(self.record, self.record_len) }
    }

    /// The entry.
    pub fn entry(&self) -> *const c_void {
        self.entry
    }

    /// The function that calls the entry with arguments by address, if the entry is a function's.
    pub fn invoke(&self) -> Option<Invoke> {
        self.invoke
    }
}
