//! [`Remote`]: an object of another library.

use std::any::TypeId;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::homes;
use super::object::Object;
use super::share::Share;
use super::words::HOME;
use crate::abi::{ObjectRepr, ObjectVtable, SliceRepr, Words};

/// An object of another library, and all that a proxy contains. Dropping it drops the object, and then gives up the share of its
/// library.
pub struct Remote {
    words: Words,
    vtable: *const ObjectVtable,
    /// The place of the proxy on the list of proxies: see `homes`. 0 if it is not, and [`CONSUMED`].
    home: AtomicUsize,
    /// The proxy's number on the list.
    number: AtomicU64,
    /// Whether the maker describes the object as this library does.
    is_alike: bool,
    /// Given up after the drop of the object.
    share: ManuallyDrop<Share>,
}

/// A call has consumed the object.
const CONSUMED: usize = 1;

// SAFETY: a `Remote` is used as a part of a proxy only. The proxy is of the object's own type, so it may be sent if the object may
// be: a descriptor contains the auto traits.
unsafe impl Send for Remote {}
// SAFETY: as above, for sharing. A `Remote` itself changes only by the atomic.
unsafe impl Sync for Remote {}

impl Remote {
    /// Takes over an object.
    ///
    /// # Safety
    ///
    /// The object was lowered, and not lifted before.
    pub(super) unsafe fn new(ObjectRepr { words, vtable, share, .. }: ObjectRepr) -> Self {
        // SAFETY: by `# Safety`, the share came with the object, and is taken over once.
        let share = ManuallyDrop::new(unsafe { Share::adopt(share, vtable) });
        Remote { words, vtable, home: AtomicUsize::new(0), number: AtomicU64::new(0), is_alike: false, share }
    }

    /// Refers to an object that the sender keeps.
    ///
    /// # Safety
    ///
    /// The result is not used after the loan ends.
    pub(super) unsafe fn lent(ObjectRepr { words, vtable, share, .. }: ObjectRepr) -> ManuallyDrop<Self> {
        let share = ManuallyDrop::new(Share::none(share.keeper, vtable));
        ManuallyDrop::new(Remote {
            words,
            vtable,
            home: AtomicUsize::new(0),
            number: AtomicU64::new(0),
            is_alike: false,
            share,
        })
    }

    /// The object's functions.
    pub(super) fn vtable(&self) -> &ObjectVtable {
        // SAFETY: the vtable is a constant of the object's library, which is mapped: `self` has a share, or needs none, or the
        // object is lent and the sender waits.
        unsafe { &*self.vtable }
    }

    /// The entry of the object. Its context is [`context`](Self::context).
    #[inline(always)]
    pub(super) fn entry(&self) -> *const c_void {
        self.vtable().entry
    }

    /// The address of the object's words.
    #[inline(always)]
    pub(crate) fn context(&self) -> *const c_void {
        (&raw const self.words).cast()
    }

    /// The entry of an interface's method. Null if the maker does not know the method.
    #[inline(always)]
    pub(crate) fn method(&self, index: usize) -> *const c_void {
        let vtable = self.vtable();
        if index >= vtable.count {
            return std::ptr::null();
        }
        // SAFETY: the vtable says how many methods there are.
        unsafe { *vtable.methods.add(index) }
    }

    /// Returns true if the maker knows the method of its interface with this index.
    #[doc(hidden)]
    #[inline(always)]
    pub fn has(&self, index: usize) -> bool {
        index < self.vtable().count
    }

    /// Notes that the call which begins now consumes the object. The proxy is not on the list.
    pub(crate) fn consume(&self) {
        self.home.store(CONSUMED, Ordering::Relaxed);
    }

    /// Returns true if the object is in an `Arc`.
    pub(super) fn is_shared(&self) -> bool {
        self.vtable().share.is_some()
    }

    /// Finds out whether the maker describes the object as this library does a `D`. If the two only fit each other, because a type in
    /// them may grow, then the next receiver may fit this library and not the maker. So such a proxy is not passed on as what it was
    /// made of.
    pub(super) fn compare<D: Object + ?Sized>(mut self) -> Self {
        unsafe extern "C" fn compare<D: Object + ?Sized>(is_alike: *mut c_void, descriptor: SliceRepr) {
            // SAFETY: `describe` passes the address of the variable below, and bytes that live during the call.
            unsafe { *is_alike.cast::<bool>() = D::NODE.matches(descriptor.as_slice()) }
        }
        self.is_alike = true;
        if const { D::NODE.may_grow() } {
            let mut is_alike = false;
            // SAFETY: `compare` takes this address as its context.
            unsafe { (self.vtable().describe)((&raw mut is_alike).cast(), compare::<D>) }
            self.is_alike = is_alike;
        }
        self
    }

    /// Returns true if the proxy may be passed on as what it was made of.
    pub(super) fn is_alike(&self) -> bool {
        self.is_alike
    }

    /// Puts the proxy on the list.
    pub(super) fn enter_home<D: ?Sized>(&self, proxy: *const D) {
        let (home, number) = homes::enter(proxy);
        self.number.store(number, Ordering::Relaxed);
        self.home.store(home, Ordering::Relaxed);
    }

    /// Returns true if this is the proxy with that number on the list.
    pub(super) fn is_number(&self, number: u64) -> bool {
        self.number.load(Ordering::Relaxed) == number
    }

    /// Takes the proxy off the list, before it moves.
    pub(super) fn leave_home(&self) {
        let home = self.home.swap(0, Ordering::Relaxed);
        if home != 0 {
            homes::leave(home, self.number.load(Ordering::Relaxed));
        }
    }

    /// Notes that the call which begins now consumes the object, if calls do. The proxy is not on the list any more.
    pub(super) fn begin_only_call(&self) {
        if self.vtable().is_once != 0 {
            self.home.store(CONSUMED, Ordering::Relaxed);
        }
    }

    /// Gives the object and its share to the next receiver. The proxy is not on the list any more.
    pub(super) fn into_repr(self) -> ObjectRepr {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped, and not used after this function. So the share is taken once.
        let share = unsafe { ManuallyDrop::take(&mut this.share) }.into_repr();
        ObjectRepr { words: this.words, vtable: this.vtable, share, is_lent: 0 }
    }

    /// Returns the words of an object that is this library's own, which has a new owner now.
    pub(super) fn into_words(self) -> Words {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped, and not used after this function. So the share is dropped once.
        unsafe { ManuallyDrop::drop(&mut this.share) };
        this.words
    }

    /// Makes another share of the object in an `Arc`, for the next receiver.
    ///
    /// # Safety
    ///
    /// The object is in an `Arc`.
    pub(super) unsafe fn another(&self) -> ObjectRepr {
        let share = self.vtable().share.expect("the object is in an `Arc`");
        // SAFETY: this is the vtable of the words, and the `Arc` exists, because `self` has a share of it or a loan.
        unsafe { share(self.words) };
        ObjectRepr { words: self.words, vtable: self.vtable, share: self.share.another(), is_lent: 0 }
    }

    /// Returns true if this library has made the object, as a `T`.
    pub(super) fn is_own<T: 'static>(&self) -> bool {
        let vtable = self.vtable();
        if vtable.home != (&raw const HOME).cast() {
            return false;
        }
        // SAFETY: the address of this library's own static shows that this library has made the vtable. It writes such a function.
        let id = unsafe { std::mem::transmute::<*const c_void, fn() -> TypeId>(vtable.id) };
        id() == TypeId::of::<T>()
    }

    /// Lends the object.
    pub(super) fn lend(&self) -> ObjectRepr {
        ObjectRepr { words: self.words, vtable: self.vtable, share: self.share.lend(), is_lent: 1 }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if *self.home.get_mut() != CONSUMED {
            self.leave_home();
            // SAFETY: this is the vtable of the words. `self` owns the object, or one share of its `Arc`, and this is the drop.
            // A `Remote` of a lent object is never dropped.
            unsafe { (self.vtable().drop)(self.words) };
        }
        // SAFETY: this is the drop. The object's code does not run any more.
        unsafe { ManuallyDrop::drop(&mut self.share) }
    }
}
