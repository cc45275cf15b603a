//! The registration of one annotated item.

use std::ffi::c_void;

use super::outcome::Context;

/// One annotated item: its record, and what to call.
#[repr(C)]
pub struct Export {
    record: *const u8,
    record_len: usize,
    entry: *const c_void,
    invoke: Option<Invoke>,
}

/// Calls a function's entry with arguments and outcome by address, so that a host can do it that knows their types only
/// from the descriptor: `arguments` points at an address for each argument's `Repr`.
pub type Invoke = unsafe extern "C" fn(context: Context, arguments: *const *const c_void, outcome: *mut c_void);

// SAFETY: all pointers are to constants of the library.
unsafe impl Sync for Export {}
// SAFETY: as above.
unsafe impl Send for Export {}

impl Export {
    /// Joins a record with its entry, an `unsafe extern "C" fn(Context, ..) -> Outcome<..>`, and with what calls that.
    ///
    /// # Safety
    ///
    /// `entry` is a function whose arguments and result have the `Repr`s that the record's descriptor says, and `invoke`
    /// calls it.
    pub const unsafe fn new(record: &'static [u8], entry: *const c_void, invoke: Option<Invoke>) -> Self {
        Export { record: record.as_ptr(), record_len: record.len(), entry, invoke }
    }

    /// The record's bytes, for as long as the library is mapped.
    ///
    /// # Safety
    ///
    /// The library stays mapped for `'a`.
    pub unsafe fn record<'a>(&self) -> &'a [u8] {
        // SAFETY: `new` took them from a slice that lives as long as the library is mapped.
        unsafe { std::slice::from_raw_parts(self.record, self.record_len) }
    }

    /// The entry.
    pub fn entry(&self) -> *const c_void {
        self.entry
    }

    /// The function that calls the entry, if the entry is a function's.
    pub fn invoke(&self) -> Option<Invoke> {
        self.invoke
    }
}
