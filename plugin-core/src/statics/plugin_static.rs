//! Exported statics: the access that a host gets to them.
//!
//! A static crosses as the return value of its accessor. For a static that never changes, the accessor returns the
//! address of a plain value, or lends any other value, so that the host can copy it. An atomic is shared. Functions of
//! the plugin operate a lock (see [`locks`](super::locks)), because only the plugin's std knows the layout of the lock.

use std::ffi::c_void;
use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic;

use crate::abi::Outcome;
use crate::abi::SliceRepr;
use crate::describe::{Node, Tag};
use crate::fault::boundary::contain;
use crate::memory::Arena;
use crate::origin::Origin;
use crate::types::{PluginRef, PluginType, is_plain, with_room};

/// A type of statics that can be exported: every [`PluginType`], `&str`, `&[T]`, atomics, `RwLock<T>`, `Mutex<T>`.
///
/// The trait is for bounds. Its other items are hidden, and semantic versioning does not cover them, so do not implement it by
/// hand.
///
/// # Safety
///
/// `view` gives access to the static on which `access` was called, or to a copy of its value. This holds for any two
/// sides whose `STATIC_NODE`s fit each other. A static that may change is never copied.
///
/// # Example
///
/// ```standalone_crate
/// use plugin_core::{PluginStatic, Static, plugin_export};
/// use plugin_host::{Error, Host};
///
/// /// Looks up the limit of the plugin, which is a number or an atomic.
/// fn limit<T: PluginStatic>(host: &Host) -> Result<Static<T>, Error> {
///     host.get::<T>("LIMIT")
/// }
///
/// #[plugin_export]
/// static LIMIT: u32 = 3;
///
/// assert_eq!(*limit::<u32>(&Host::linked()?)?, 3);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a static of type `{Self}` cannot be exported",
    label = "a static of this type does not cross",
    note = "write `#[plugin_type]` on a struct or enum of yours",
    note = "what can be exported: `&'static str`, `&'static [T]`, any `T` that crosses, atomics, and `RwLock<T>` or \
            `Mutex<T>` of what crosses"
)]
pub unsafe trait PluginStatic: Sized {
    /// The return type of the accessor.
    #[doc(hidden)]
    type Access: Copy;
    /// The view that the host holds.
    #[doc(hidden)]
    type View;
    /// The type to which the host's handle derefs.
    type Target;
    /// The descriptor.
    #[doc(hidden)]
    const STATIC_NODE: &'static Node;

    /// Returns the access to `self`.
    #[doc(hidden)]
    fn access(&'static self) -> Self::Access;

    /// Makes a view of the static.
    ///
    /// # Safety
    ///
    /// `access` came from a static with the same descriptor, in the library of `origin`, and is viewed once. The library
    /// is loaded during the call, and the view is not used or dropped after the library is unmapped.
    #[doc(hidden)]
    unsafe fn view(access: Self::Access, origin: &Origin) -> Self::View;

    /// Returns the value behind the view.
    #[doc(hidden)]
    fn target(view: &Self::View) -> &Self::Target;
}

/// The access to a static that never changes, or to an atomic.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct AccessRepr {
    /// The value or the elements. If they are not plain for the plugin, they are lent, as `Repr`s. A backend outside of this
    /// process gives them away instead.
    elements: SliceRepr,
    /// The boxed arena of the loan, or null if nothing is lent or given away.
    arena: *mut c_void,
    end: unsafe extern "C" fn(arena: *mut c_void),
}

/// # Safety
///
/// `arena` is the arena of an [`AccessRepr`], and is not used afterwards.
unsafe extern "C" fn end(arena: *mut c_void) {
    if !arena.is_null() {
        // SAFETY: `AccessRepr::lend` in this library leaked the box, and by `# Safety` it is not used afterwards.
        drop(unsafe { Box::from_raw(arena.cast::<Arena>()) });
    }
}

impl AccessRepr {
    /// Gives access to elements that the host can use in place.
    fn to<T>(elements: &'static [T]) -> Self {
        AccessRepr { elements: SliceRepr::new(elements), arena: std::ptr::null_mut(), end }
    }

    /// Gives access to elements, and lends them if they are not plain.
    fn lend<T: PluginType>(elements: &'static [T]) -> Self {
        if is_plain::<T>() {
            return AccessRepr::to(elements);
        }
        let mut arena = Box::new(Arena::new());
        let elements = elements.lend_ref(&mut arena);
        AccessRepr { elements, arena: Box::into_raw(arena).cast(), end }
    }

    /// Returns the plugin's elements, if they are plain on both sides. If the access has a loan, the elements are not
    /// plain for the plugin, and the host has to copy them before the loan ends.
    ///
    /// # Safety
    ///
    /// [`lend`](Self::lend) or [`from_raw`](Self::from_raw) made this access, for elements with the same descriptor as `T`. They are
    /// not used after their origin is gone.
    unsafe fn in_place<T: PluginType>(&self) -> Option<&'static [T]> {
        // SAFETY: by `# Safety`, `lend` or `from_raw` made the access. Without an arena, `lend` gives the address of the static's own
        // elements, which are plain for the plugin, and `from_raw` that of `Repr`s. The type is plain here, so both have its layout.
        (is_plain::<T>() && self.arena.is_null()).then(|| unsafe { self.elements.as_slice() })
    }

    /// Copies the elements, and ends the loan if there is one.
    ///
    /// # Safety
    ///
    /// [`lend`](Self::lend) in the library of `origin` made this access, for elements with the same descriptor as `T`. Or
    /// [`from_raw`](Self::from_raw) did, and no elements of it were lifted.
    /// The loan has not ended yet, and the library is loaded.
    unsafe fn copy<T: PluginType>(self, origin: &Origin) -> Box<[T]> {
        struct Loan(AccessRepr);
        impl Drop for Loan {
            fn drop(&mut self) {
                // SAFETY: by `# Safety` of `copy`, the loan has not ended yet, and the library is loaded. This is the
                // drop, so the loan ends once.
                unsafe { self.0.end() }
            }
        }
        let loan = Loan(self);
        // SAFETY: `lend` put the `Repr`s into the loan's arena, which exists until `loan` is dropped. Otherwise the
        // elements are plain for the plugin, and are their own `Repr`s.
        let reprs: &[T::Repr] = unsafe { loan.0.elements.as_slice() };
        // SAFETY: the elements of the static lend the `Repr`s until `loan` is dropped, or give them away and are lifted once, here.
        // By `# Safety`, the library of `origin` is loaded.
        with_room(T::DEEP, || reprs.iter().map(|&repr| unsafe { T::lift(repr, origin) }).collect())
    }

    /// Ends the loan.
    ///
    /// # Safety
    ///
    /// The loan has not ended yet, and the library of the static is still loaded.
    #[doc(hidden)]
    pub unsafe fn end(self) {
        // SAFETY: the function gets the arena that came with it. By `# Safety`, the loan ends once, and the library is
        // loaded.
        unsafe { (self.end)(self.arena) }
    }

    /// Makes the access of a backend. With an arena, the elements are the caller's to lift, once.
    ///
    /// # Safety
    ///
    /// The elements are the `Repr`s of values of the static's type. With an arena, they exist until `end` is called with it.
    /// Otherwise they own no memory, do not change, and exist as long as the static.
    #[cfg(feature = "host")]
    pub unsafe fn from_raw(elements: SliceRepr, arena: *mut c_void, end: unsafe extern "C" fn(*mut c_void)) -> Self {
        AccessRepr { elements, arena, end }
    }

    /// The address of the value or of the elements, and their number.
    #[cfg(feature = "host")]
    #[doc(hidden)]
    pub fn elements(&self) -> SliceRepr {
        self.elements
    }
}

/// Runs the accessor of a static, for its entry.
#[inline]
pub fn access<T: PluginStatic>(item: &'static T) -> Outcome<T::Access> {
    contain(|| item.access())
}

/// A static of a plugin. It [`Deref`]s to its value.
///
/// `*host.get::<&str>(..)?` has this type. A `&'static str` in its place could outlive the library.
///
/// # Example
///
/// ```standalone_crate
/// # use plugin_core::plugin_export;
/// # use plugin_host::Host;
/// #[plugin_export]
/// static GREETER: &str = "Hello, World!";
///
/// let host = Host::linked()?;
/// let greeter = host.get::<&str>("GREETER")?;
/// assert_eq!(*greeter, "Hello, World!");
/// assert_eq!(greeter.len(), 13);
/// # Ok::<(), plugin_host::Error>(())
/// ```
pub struct Borrowed<T: ?Sized> {
    at: NonNull<T>,
    /// True if `at` is this side's own copy, in a box. False if it is the plugin's static, or the origin's copy of that.
    copied: bool,
}

// SAFETY: a shared `Borrowed` gives only a `&T`, and a `T` may be shared.
unsafe impl<T: ?Sized + Sync> Sync for Borrowed<T> {}
// SAFETY: a `Borrowed` gives only a `&T`, and a `T` may be shared. If it owns a `Box<T>`, another thread may drop the
// box, because a `T` may be sent.
unsafe impl<T: ?Sized + Sync + Send> Send for Borrowed<T> {}

impl<T: ?Sized> Borrowed<T> {
    fn copied(value: Box<T>) -> Self {
        Borrowed { at: NonNull::from(Box::leak(value)), copied: true }
    }
}

impl<T: ?Sized> Drop for Borrowed<T> {
    fn drop(&mut self) {
        if self.copied {
            // SAFETY: `copied` leaked the box, and this is the drop, so the box is dropped once.
            drop(unsafe { Box::from_raw(self.at.as_ptr()) });
        }
    }
}

impl<T: ?Sized> Deref for Borrowed<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the value is this side's copy, or in a static of the library. By `# Safety` of `PluginStatic::view`,
        // this view is not used after the library is unmapped.
        unsafe { self.at.as_ref() }
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for Borrowed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Borrowed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl PartialEq<str> for Borrowed<str> {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Borrowed<str> {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl<T: PartialEq> PartialEq<[T]> for Borrowed<[T]> {
    fn eq(&self, other: &[T]) -> bool {
        **self == *other
    }
}

impl<T: PartialEq, const N: usize> PartialEq<[T; N]> for Borrowed<[T]> {
    fn eq(&self, other: &[T; N]) -> bool {
        **self == *other
    }
}

/// Returns the descriptor of a value that a host copies.
pub(super) const fn copied(node: &'static Node) -> &'static Node {
    assert!(
        !node.has_boxed_objects(),
        "a static cannot contain an object in a `Box`, such as a closure, because a host copies the value: write \
         `Arc<dyn .. + Send + Sync>`"
    );
    node
}

/// The type `T`, beside a type that must exist.
pub trait Beside<T> {
    /// The type `T`.
    type Type;
}

impl<R, T> Beside<T> for R {
    type Type = T;
}

// SAFETY: a value that is plain on both sides is read in place. Any other value is copied.
#[diagnostic::do_not_recommend]
unsafe impl<T: PluginType> PluginStatic for T {
    type Access = AccessRepr;
    type View = Borrowed<T>;
    // This is `T`, but only the compiler that finds the `Repr` of `T` can know it: see `StaticLookup`.
    type Target = <T::Repr as Beside<T>>::Type;
    const STATIC_NODE: &'static Node = &Node::Of { head: &Tag::Static.head(), parts: &[copied(T::NODE)] };

    fn access(&'static self) -> AccessRepr {
        AccessRepr::lend(std::slice::from_ref(self))
    }
    unsafe fn view(access: AccessRepr, origin: &Origin) -> Borrowed<T> {
        // SAFETY: by `# Safety` of `PluginStatic::view`, `access` came from such a static, so `lend` or `from_raw` made it. The view
        // is not used after the library is unmapped.
        if let Some(elements) = unsafe { access.in_place::<T>() } {
            return Borrowed { at: NonNull::from(&elements[0]), copied: false };
        }
        // SAFETY: by `# Safety` of `PluginStatic::view`, `lend` made the access in the library of `origin`, which is loaded, or
        // `from_raw` did. This is the only view of it, so the loan has not ended, and no element was lifted.
        let value = unsafe { access.copy::<T>(origin) };
        Borrowed::copied(Box::new(value.into_iter().next().expect("one value was lent")))
    }
    fn target(view: &Borrowed<T>) -> &T {
        view
    }
}

// SAFETY: text crosses as address and length, and is UTF-8 on both sides.
#[diagnostic::do_not_recommend]
unsafe impl PluginStatic for &str {
    type Access = AccessRepr;
    type View = Borrowed<str>;
    type Target = Borrowed<str>;
    const STATIC_NODE: &'static Node = &Node::Of { head: &Tag::Static.head(), parts: &[str::REF_NODE] };

    fn access(&'static self) -> AccessRepr {
        AccessRepr::to(self.as_bytes())
    }
    unsafe fn view(access: AccessRepr, _: &Origin) -> Borrowed<str> {
        // SAFETY: by `# Safety` of `PluginStatic::view`, `access` above gave the bytes of a `&'static str`, or `from_raw` those of a
        // text. The view is not used after the origin is gone.
        let text = unsafe { std::str::from_utf8_unchecked(access.elements.as_slice()) };
        Borrowed { at: NonNull::from(text), copied: false }
    }
    fn target(view: &Borrowed<str>) -> &Borrowed<str> {
        view
    }
}

// SAFETY: elements that are plain on both sides are read in place. Any others are copied.
#[diagnostic::do_not_recommend]
unsafe impl<T: PluginType> PluginStatic for &[T] {
    type Access = AccessRepr;
    type View = Borrowed<[T]>;
    type Target = Borrowed<[T]>;
    const STATIC_NODE: &'static Node = &Node::Of { head: &Tag::Static.head(), parts: &[copied(<[T]>::REF_NODE)] };

    fn access(&'static self) -> AccessRepr {
        AccessRepr::lend(self)
    }
    unsafe fn view(access: AccessRepr, origin: &Origin) -> Borrowed<[T]> {
        // SAFETY: by `# Safety` of `PluginStatic::view`, `access` came from such a static, so `lend` or `from_raw` made it. The view
        // is not used after the library is unmapped.
        if let Some(elements) = unsafe { access.in_place::<T>() } {
            return Borrowed { at: NonNull::from(elements), copied: false };
        }
        // SAFETY: by `# Safety` of `PluginStatic::view`, `lend` made the access in the library of `origin`, which is loaded, or
        // `from_raw` did. This is the only view of it, so the loan has not ended, and no element was lifted.
        Borrowed::copied(unsafe { access.copy(origin) })
    }
    fn target(view: &Borrowed<[T]>) -> &Borrowed<[T]> {
        view
    }
}

macro_rules! atomics {
    ($($bits:literal $atomic:ident $ty:ty),* $(,)?) => {$(
        // SAFETY: an atomic has the size and the bytes of its value, and both sides use the same memory.
        #[cfg(target_has_atomic = $bits)]
        #[diagnostic::do_not_recommend]
        unsafe impl PluginStatic for atomic::$atomic {
            type Access = AccessRepr;
            type View = Borrowed<Self>;
            type Target = Self;
            const STATIC_NODE: &'static Node = &Node::Of { head: &Tag::Atomic.head(), parts: &[<$ty as PluginType>::NODE] };

            fn access(&'static self) -> AccessRepr {
                AccessRepr::to(std::slice::from_ref(self))
            }
            unsafe fn view(access: AccessRepr, _: &Origin) -> Borrowed<Self> {
                // SAFETY: by `# Safety` of `PluginStatic::view`, `access` above gave the address of the static, which
                // is one atomic. The view is not used after the library is unmapped.
                Borrowed { at: NonNull::from(unsafe { &access.elements.as_slice::<Self>()[0] }), copied: false }
            }
            fn target(view: &Borrowed<Self>) -> &Self {
                view
            }
        }
    )*};
}

atomics! {
    "8" AtomicBool bool, "8" AtomicU8 u8, "8" AtomicI8 i8,
    "16" AtomicU16 u16, "16" AtomicI16 i16,
    "32" AtomicU32 u32, "32" AtomicI32 i32,
    "64" AtomicU64 u64, "64" AtomicI64 i64,
    "ptr" AtomicUsize usize, "ptr" AtomicIsize isize,
}
