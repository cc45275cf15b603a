//! Exported statics: how a host reads them, and writes those that may be written.
//!
//! A static crosses as what its accessor returns. One that never changes is read once, when it is looked up: in place
//! if it is plain, as a copy if not. An atomic is shared. A lock is operated by functions of the plugin's (see
//! [`locks`](crate::locks)), because its layout is its std's own affair.

use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic;

use crate::buffer::BufferRepr;
use crate::descriptor::{Node, Tag};
use crate::fault::{Outcome, contain};
use crate::origin::Origin;
use crate::types::{PluginRef, PluginType, lend_slice};

/// The type of a static that can be exported: every [`PluginType`], `&str`, `&[T]`, atomics, `RwLock<T>`, `Mutex<T>`.
///
/// # Safety
///
/// `view` gives access to the very static that `access` was called on, on any two sides whose `STATIC_NODE`s fit each
/// other.
///
/// There is no example: `#[plugin_export]` on a static calls `access`, and a host's `get` calls `view`.
#[diagnostic::on_unimplemented(
    message = "a static of type `{Self}` cannot be exported",
    label = "a static of this type does not cross",
    note = "what can be exported: `&'static str`, `&'static [T]`, any `T` that crosses, atomics, and `RwLock<T>` or \
            `Mutex<T>` of what crosses"
)]
pub unsafe trait PluginStatic: Sized {
    /// What the accessor returns.
    type Access: Copy;
    /// What the host holds.
    type View;
    /// What the host's handle derefs to.
    type Target;
    /// The descriptor.
    const STATIC_NODE: &'static Node;

    /// How to get at `self`.
    fn access(&'static self) -> Self::Access;

    /// Gets at it.
    ///
    /// # Safety
    ///
    /// `access` is from `origin`, from a static with the same descriptor, and is viewed once. The view is not used
    /// after the library is gone.
    unsafe fn view(access: Self::Access, origin: &Origin) -> Self::View;

    /// What the view shows.
    fn target(view: &Self::View) -> &Self::Target;
}

/// The accessor of a static, as its entry calls it.
#[inline]
pub fn access<T: PluginStatic>(item: &'static T) -> Outcome<T::Access> {
    contain(|| item.access())
}

/// A static of a plugin's, which [`Deref`]s to its value.
///
/// It is what `*host.get::<&str>(..)?` is: had that been a `&'static str`, it could outlive the library.
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
    /// Whether `at` is this side's own copy, in a box, rather than the plugin's static.
    copied: bool,
}

// SAFETY: gives out shared references only, and owns at most a `Box<T>`.
unsafe impl<T: ?Sized + Sync> Sync for Borrowed<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync + Send> Send for Borrowed<T> {}

impl<T: ?Sized> Borrowed<T> {
    fn copied(value: Box<T>) -> Self {
        Borrowed { at: NonNull::from(Box::leak(value)), copied: true }
    }
}

impl<T: ?Sized> Drop for Borrowed<T> {
    fn drop(&mut self) {
        if self.copied {
            // SAFETY: leaked by `copied`, and dropped once.
            drop(unsafe { Box::from_raw(self.at.as_ptr()) });
        }
    }
}

impl<T: ?Sized> Deref for Borrowed<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: our own copy, or in a static of the library that the handle around this keeps where it is.
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

// SAFETY: a plain value is read in place; any other is lent.
unsafe impl<T: PluginType> PluginStatic for T {
    type Access = BufferRepr;
    type View = Borrowed<T>;
    type Target = T;
    const STATIC_NODE: &'static Node = &Node::Of { head: &Tag::Static.head(), parts: &[T::NODE] };

    fn access(&'static self) -> BufferRepr {
        lend_slice(std::slice::from_ref(self))
    }
    unsafe fn view(access: BufferRepr, origin: &Origin) -> Borrowed<T> {
        if T::PLAIN {
            // SAFETY: the address of the static.
            Borrowed { at: NonNull::from(unsafe { &access.as_slice::<T>()[0] }), copied: false }
        } else {
            // SAFETY: one lent value, lifted once.
            Borrowed::copied(Box::new(unsafe { Vec::<T>::lift(access, origin) }.swap_remove(0)))
        }
    }
    fn target(view: &Borrowed<T>) -> &T {
        view
    }
}

// SAFETY: text by address and length.
unsafe impl PluginStatic for &str {
    type Access = BufferRepr;
    type View = Borrowed<str>;
    type Target = Borrowed<str>;
    const STATIC_NODE: &'static Node = &Node::Of { head: &Tag::Static.head(), parts: &[str::REF_NODE] };

    fn access(&'static self) -> BufferRepr {
        BufferRepr::lent(self.as_ptr(), self.len())
    }
    unsafe fn view(access: BufferRepr, _: &Origin) -> Borrowed<str> {
        // SAFETY: the bytes of a `&'static str`.
        let text = unsafe { std::str::from_utf8_unchecked(access.as_slice()) };
        Borrowed { at: NonNull::from(text), copied: false }
    }
    fn target(view: &Borrowed<str>) -> &Borrowed<str> {
        view
    }
}

// SAFETY: plain elements by address and length; others are lent one by one.
unsafe impl<T: PluginType> PluginStatic for &[T] {
    type Access = BufferRepr;
    type View = Borrowed<[T]>;
    type Target = Borrowed<[T]>;
    const STATIC_NODE: &'static Node = &Node::Of { head: &Tag::Static.head(), parts: &[<[T]>::REF_NODE] };

    fn access(&'static self) -> BufferRepr {
        lend_slice(self)
    }
    unsafe fn view(access: BufferRepr, origin: &Origin) -> Borrowed<[T]> {
        if T::PLAIN {
            // SAFETY: the elements of a `&'static [T]`.
            Borrowed { at: NonNull::from(unsafe { access.as_slice::<T>() }), copied: false }
        } else {
            // SAFETY: lent elements, lifted once.
            Borrowed::copied(unsafe { Vec::<T>::lift(access, origin) }.into_boxed_slice())
        }
    }
    fn target(view: &Borrowed<[T]>) -> &Borrowed<[T]> {
        view
    }
}

macro_rules! atomics {
    ($($bits:literal $atomic:ident $ty:ty),* $(,)?) => {$(
        // SAFETY: an atomic is laid out as what it holds; both sides use its very memory.
        #[cfg(target_has_atomic = $bits)]
        unsafe impl PluginStatic for atomic::$atomic {
            type Access = BufferRepr;
            type View = Borrowed<Self>;
            type Target = Self;
            const STATIC_NODE: &'static Node = &Node::Of { head: &Tag::Atomic.head(), parts: &[<$ty as PluginType>::NODE] };

            fn access(&'static self) -> BufferRepr {
                BufferRepr::lent(self, 1)
            }
            unsafe fn view(access: BufferRepr, _: &Origin) -> Borrowed<Self> {
                // SAFETY: the address of the static.
                Borrowed { at: NonNull::from(unsafe { &access.as_slice::<Self>()[0] }), copied: false }
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
