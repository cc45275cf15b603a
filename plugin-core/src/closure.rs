//! A handle that is seen as a closure, so that users can call the handle like a function.
//!
//! Only closures implement `Fn` on a stable compiler, so what a handle derefs to must be one. No closure is ever made:
//! a closure that captures the handle and nothing else is laid out as the handle is, so a reference to the handle
//! serves as a reference to the closure.

/// A handle in the hands of a closure.
///
/// A closure captures the places that it mentions, which may be single fields of a variable. The field of this struct
/// cannot be mentioned outside of this module. So whatever a closure does with it, it captures all of it.
#[repr(transparent)]
pub(crate) struct Whole<H>(H);

impl<H> Whole<H> {
    pub(crate) fn new(handle: H) -> Self {
        Whole(handle)
    }

    pub(crate) fn into_inner(self) -> H {
        self.0
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> &H {
        &self.0
    }
}

/// Returns true if a `C` that has an `H` in it has nothing else: only then are they equally large.
const fn is_alone<H, C>() -> bool {
    size_of::<C>() == size_of::<H>() && align_of::<C>() == align_of::<H>()
}

/// Sees a handle as the closure that `_make` would make of it. `_make` is not called.
///
/// It does not compile if the closure captures anything else beside the handle.
///
/// # Safety
///
/// The closure that `_make` would return uses its `Whole`.
#[inline(always)]
pub(crate) unsafe fn as_closure<H, C>(handle: &H, _make: impl FnOnce(Whole<H>) -> C) -> &C {
    const { assert!(is_alone::<H, C>()) }
    // SAFETY: by `# Safety`, the closure uses its `Whole`, so it captures all of the handle. It captures nothing else,
    // as was asserted. So the handle is at the closure's start, and its bytes are the closure's. The closure is only
    // borrowed, as the handle is.
    unsafe { &*std::ptr::from_ref(handle).cast::<C>() }
}

/// As [`as_closure`], of a handle that nothing else uses.
///
/// # Safety
///
/// The closure that `_make` would return uses its `Whole`.
#[inline(always)]
pub(crate) unsafe fn as_closure_mut<H, C>(handle: &mut H, _make: impl FnOnce(Whole<H>) -> C) -> &mut C {
    const { assert!(is_alone::<H, C>()) }
    // SAFETY: as in `as_closure`. The closure is borrowed mutably, as the handle is.
    unsafe { &mut *std::ptr::from_mut(handle).cast::<C>() }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Handle {
        name: &'static str,
        number: u64,
        flag: bool,
    }

    const HANDLE: Handle = Handle { name: "a name", number: 12345, flag: true };

    /// Tells of a closure, which is not made, whether it may be used.
    fn may_be_used<H, C>(_: &H, _make: impl FnOnce(Whole<H>) -> C) -> bool {
        is_alone::<H, C>()
    }

    /// The test fails with `-Zrandomize-layout` if a closure could capture the handle in pieces.
    #[test]
    fn a_handle_is_seen_as_a_closure() {
        let handle = HANDLE;
        // SAFETY: the closure uses its handle.
        let closure = unsafe {
            as_closure(&handle, |handle| {
                move |number: u64| (handle.get().name, handle.get().number + number, handle.get().flag)
            })
        };
        assert_eq!(closure(1), ("a name", 12346, true));
        // Also as the trait object that a handle derefs to, and when only some fields are used.
        // SAFETY: the closure uses its handle.
        let closure: &dyn Fn() -> bool = unsafe { as_closure(&handle, |handle| move || handle.get().flag) };
        assert!(closure());
        // SAFETY: the closure uses its handle.
        let closure: &dyn Fn() -> u64 = unsafe { as_closure(&handle, |handle| move || handle.get().number) };
        assert_eq!(closure(), 12345);
    }

    #[test]
    fn a_closure_that_captures_anything_else_is_noticed() {
        let (byte, text) = (std::hint::black_box(7_u8), String::from("text"));
        assert!(may_be_used(&HANDLE, |handle| move || handle.get().number));
        // Something more, before or after.
        assert!(!may_be_used(&HANDLE, |handle| move || handle.get().number + u64::from(byte)));
        assert!(!may_be_used(&HANDLE, |handle| move || text.len() as u64 + handle.get().number));
        // Something else.
        assert!(!may_be_used(&HANDLE, |_| move || byte));
        assert!(!may_be_used(&HANDLE, |_| || 7));
        // A part, and a reference.
        assert!(!may_be_used(&HANDLE, |handle| {
            let number = handle.get().number;
            move || number
        }));
        assert!(!may_be_used(&&HANDLE, |handle| {
            let handle = *handle.get();
            move || (handle.number, byte)
        }));
    }
}
