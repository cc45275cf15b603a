//! Types that may grow: the two sides may have different versions of them.
//!
//! Such a value crosses in a box of its own, so that what contains it is laid out alike on both sides. The box's maker
//! knows all that is in it. The receiver moves out what it knows, and has the maker drop the rest and free the box. The box
//! of a lent value is in the sender's arena, and releasing it has no effect.

use crate::memory::Arena;

/// Drops what is in the box but the first `taken` fields, and frees the box. `number` is that of the [`GrowsRepr`].
pub type Release = unsafe extern "C" fn(at: *mut u8, number: u32, taken: u32);

/// The `Repr` of a type that may grow.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct GrowsRepr {
    /// The box: the `Repr`s of the fields, of a struct or of one variant, as `#[repr(C)]` lays them out.
    at: *mut u8,
    /// Of a struct, how many fields there are; of an enum, which variant it is.
    number: u32,
    release: Release,
}

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
        // SAFETY: there is room for one.
        unsafe { at.write(fields) };
        GrowsRepr { at: at.as_ptr().cast(), number, release: release_lent }
    }

    /// A variant without fields, for which there is no box.
    #[inline]
    pub fn empty(number: u32, release: Release) -> Self {
        GrowsRepr { at: std::ptr::null_mut(), number, release }
    }

    /// Passes a box on that was made without knowing its type.
    ///
    /// # Safety
    ///
    /// At `at` are the fields that `number` says, and `release` frees them and the box as a [`Release`] does.
    #[cfg(feature = "host")]
    pub unsafe fn from_raw(at: *mut u8, number: u32, release: Release) -> Self {
        GrowsRepr { at, number, release }
    }

    /// How many fields there are, or which variant it is.
    #[inline]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The `Repr` of the fields, of which the first ones may be all there are.
    #[inline]
    pub fn fields<F: Copy>(&self) -> *const F {
        self.at.cast()
    }

    /// Has the box freed, with all but the first `taken` fields.
    ///
    /// # Safety
    ///
    /// The first `taken` fields were moved out, the others were not; the box was not released before, and the library that
    /// made it is still loaded.
    #[inline]
    pub unsafe fn release(self, taken: u32) {
        // SAFETY: the caller's promise.
        unsafe { (self.release)(self.at, self.number, taken) }
    }
}

/// The [`Release`] of a lent box.
unsafe extern "C" fn release_lent(_: *mut u8, _: u32, _: u32) {}

/// Takes back a box that [`GrowsRepr::new`] made.
///
/// # Safety
///
/// `at` is from `new::<F>` in this same library, and is taken once.
#[inline]
pub unsafe fn unbox<F: Copy>(at: *mut u8) -> F {
    // SAFETY: the caller's promise.
    *unsafe { Box::from_raw(at.cast::<F>()) }
}
