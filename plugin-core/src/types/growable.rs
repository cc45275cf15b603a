//! Types that may grow: the two sides may have different versions of them.
//!
//! # The problem
//!
//! One side has a version of a type with more fields or variants than the other side's version. The type may be a part
//! of other types, whose layout must be the same on both sides. A receiver must neither use nor drop fields that it
//! does not know, and yet no field may leak.
//!
//! # The idea
//!
//! The `Repr` of such a value is a [`GrowsRepr`], which has the same size in every version. The fields are in a box of
//! the sender. A receiver moves the fields out that it knows. Then it calls the sender's [`Release`], which drops the
//! other fields and frees the box. A receiver with more fields than the sender uses the defaults of the missing ones.
//! The box of a lent value is in the sender's arena, and its release has no effect.
//!
//! # The proof
//!
//! *Both sides find the known fields.* New fields are only added at the end, and `#[repr(C)]` gives a field an offset
//! that follows from the fields up to it. `number` tells the receiver how many fields exist, or which variant it is.
//!
//! *Each field is dropped once.* The receiver owns the first `taken` fields. The release gets the same number, and
//! drops only the fields after them. The sender's library frees its own box.

use crate::memory::Arena;

/// A function that drops all fields in the box except the first `taken`, and frees the box. `number` is that of the
/// [`GrowsRepr`].
pub type Release = unsafe extern "C" fn(at: *mut u8, number: u32, taken: u32);

/// The `Repr` of a type that may grow.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct GrowsRepr {
    /// The box: the `Repr`s of the fields, of a struct or of one variant, as `#[repr(C)]` lays them out.
    at: *mut u8,
    /// The number of fields of a struct, or the number of an enum's variant.
    number: u32,
    release: Release,
}

/// Functions for the code that the attribute emits, and for `plugin-host`.
#[doc(hidden)]
impl GrowsRepr {
    /// The number of an enum's fallback variant.
    pub const FALLBACK: u32 = u32::MAX;

    /// Puts `fields` in a box that `release` frees.
    #[inline]
    pub fn new<F: Copy>(fields: F, number: u32, release: Release) -> Self {
        GrowsRepr { at: Box::into_raw(Box::new(fields)).cast(), number, release }
    }

    /// Puts `fields`, which are lent, into a box in the arena.
    #[inline]
    pub fn lent<F: Copy>(fields: F, number: u32, arena: &mut Arena) -> Self {
        let at = arena.alloc::<F>(1);
        // SAFETY: the arena has given room for one `F`.
        unsafe { at.write(fields) };
        GrowsRepr { at: at.as_ptr().cast(), number, release: release_lent }
    }

    /// Makes the `Repr` of a variant without fields, which needs no box.
    #[inline]
    pub fn empty(number: u32, release: Release) -> Self {
        GrowsRepr { at: std::ptr::null_mut(), number, release }
    }

    /// Makes a `GrowsRepr` from a box that a host has made from the descriptor.
    ///
    /// # Safety
    ///
    /// `at` is the address of the fields that belong to `number`. `release` drops the fields and frees the box as a
    /// [`Release`] does.
    #[cfg(feature = "host")]
    pub unsafe fn from_raw(at: *mut u8, number: u32, release: Release) -> Self {
        GrowsRepr { at, number, release }
    }

    /// Returns the number of fields, or the number of the variant.
    #[inline]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Returns the address of the fields' `Repr`s. If the sender has fewer fields than `F`, only the first ones exist.
    #[inline]
    pub fn fields<F: Copy>(&self) -> *const F {
        self.at.cast()
    }

    /// Frees the box, and drops all fields except the first `taken`.
    ///
    /// # Safety
    ///
    /// The first `taken` fields were moved out, and the others were not. The box was not released before. The library
    /// that made it is still loaded.
    #[inline]
    pub unsafe fn release(self, taken: u32) {
        // SAFETY: a `Release` asks that the first `taken` fields are moved out, that the box was not released, and that
        // its library is loaded. This function's `# Safety` asks its caller for these.
        unsafe { (self.release)(self.at, self.number, taken) }
    }
}

/// The [`Release`] of a lent box.
unsafe extern "C" fn release_lent(_: *mut u8, _: u32, _: u32) {}

/// Takes back a box that [`GrowsRepr::new`] made.
///
/// # Safety
///
/// `at` came from `new::<F>` in this library, and is taken once.
#[inline]
pub unsafe fn unbox<F: Copy>(at: *mut u8) -> F {
    // SAFETY: by `# Safety`, `GrowsRepr::new::<F>` in this library leaked the box, and the box is taken once.
    *unsafe { Box::from_raw(at.cast::<F>()) }
}
