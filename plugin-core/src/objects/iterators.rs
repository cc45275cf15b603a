//! Iterators: `Box<dyn Iterator<Item = T>>`, also with `Send`.
//!
//! An iterator stays with its maker. The receiver's proxy pulls items in batches, because a call for each item would cost more than
//! most items do. The first batch has one item, and each next one has twice as many, up to a limit. So a receiver that wants few
//! items has the maker make few. Dropping the proxy drops the items that were pulled and not used, and then the iterator.
//!
//! A panic of the iterator is raised in the receiver at the item at which it happened. An iterator that goes on after its end, or
//! after a panic, does so through a proxy as well.

use std::ffi::c_void;
use std::mem::ManuallyDrop;

use super::homes;
use super::object::{Object, give, lend, vtable};
use super::remote::Remote;
use super::words::pointer_of;
use crate::abi::{BufferRepr, Context, FaultRepr, ObjectRepr, Outcome, Words};
use crate::describe::{Node, Tag};
use crate::fault::Fault;
use crate::fault::boundary::contain;
use crate::fault::raise;
use crate::memory::Arena;
use crate::origin::Origin;
use crate::types::PluginType;

/// The largest size of a batch in bytes.
const MAX_BATCH_BYTES: usize = 16 * 1024;
/// The largest number of items in a batch.
const MAX_BATCH: usize = 512;

/// Items of an iterator.
#[derive(Clone, Copy)]
#[repr(C)]
struct BatchRepr {
    /// The items, as a lowered `Vec`.
    items: BufferRepr,
    /// The fault of a panic after these items, or null.
    fault: *mut FaultRepr,
    /// The lower bound of the number of items that are left.
    lower: usize,
    /// The upper bound, if `has_upper` is 1.
    upper: usize,
    has_upper: u8,
    /// 1 if the iterator has said after these items that there are no more.
    has_ended: u8,
}

type Entry = unsafe extern "C" fn(Context, usize) -> Outcome<BatchRepr>;

/// Takes up to `count` items from the iterator. If `count` is 0, only the bounds are read.
///
/// # Safety
///
/// `context` is the address of the words of a `D`, which this library has made. The iterator is not used elsewhere at this time,
/// unless `count` is 0.
unsafe extern "C" fn pull<T: PluginType, D: Iterator<Item = T> + ?Sized>(
    context: Context,
    count: usize,
) -> Outcome<BatchRepr> {
    contain(|| {
        // SAFETY: by `# Safety`.
        let iterator = unsafe { pointer_of::<D>(*context.cast::<Words>()) };
        let (mut items, mut has_ended) = (Vec::with_capacity(count.min(MAX_BATCH)), false);
        let outcome = contain(|| {
            if count != 0 {
                // SAFETY: by `# Safety`, the iterator exists, and is not used elsewhere.
                let iterator = unsafe { &mut *iterator };
                while items.len() < count {
                    match iterator.next() {
                        Some(item) => items.push(item),
                        None => {
                            has_ended = true;
                            break;
                        }
                    }
                }
            }
            // SAFETY: by `# Safety`, the iterator exists.
            unsafe { &*iterator }.size_hint()
        });
        let (lower, upper) = match outcome.fault.is_null() {
            // SAFETY: without a fault, `contain` has written the value.
            true => unsafe { outcome.value.assume_init() },
            false => (0, None),
        };
        BatchRepr {
            items: items.lower(),
            fault: outcome.fault,
            lower,
            upper: upper.unwrap_or_default(),
            has_upper: u8::from(upper.is_some()),
            has_ended: u8::from(has_ended),
        }
    })
}

/// An iterator of another library.
struct Proxy<T> {
    remote: Remote,
    /// The items that were pulled and not used.
    pulled: std::vec::IntoIter<T>,
    /// The panic after these items.
    fault: Option<Fault>,
    /// Whether the iterator has ended after these items.
    has_ended: bool,
    /// The number of items to pull next.
    batch: usize,
}

/// The bounds of the number of items that are left.
type SizeHint = (usize, Option<usize>);

impl<T: PluginType> Proxy<T> {
    const MAX_BATCH: usize = {
        let fit = MAX_BATCH_BYTES / if size_of::<T::Repr>() == 0 { 1 } else { size_of::<T::Repr>() };
        if fit == 0 {
            1
        } else if fit < MAX_BATCH {
            fit
        } else {
            MAX_BATCH
        }
    };

    fn new(remote: Remote) -> Self {
        Proxy { remote, pulled: Vec::new().into_iter(), fault: None, has_ended: false, batch: 1 }
    }

    /// Pulls items, or only the bounds.
    fn pull(&self, count: usize) -> (Vec<T>, Option<Fault>, bool, SizeHint) {
        // SAFETY: the vtable is of an iterator with such items: its descriptor fits the one of the type of the proxy.
        let entry = unsafe { std::mem::transmute::<*const c_void, Entry>(self.remote.entry()) };
        // SAFETY: the iterator exists, because `remote` does, and its library is mapped. `next` has borrowed the proxy mutably, and so
        // the iterator is not used elsewhere. If not `next` calls this, `count` is 0.
        let outcome = unsafe { entry(self.remote.context(), count) };
        // SAFETY: the entry has made the outcome, which is used once. `remote` keeps the library.
        let batch = unsafe { outcome.into_result() }.unwrap_or_else(|fault| raise(fault.of_object()));
        // SAFETY: the entry has lowered such a `Vec`, and it is lifted once.
        let items = unsafe { Vec::<T>::lift(batch.items, &Origin::LEAVES) };
        // SAFETY: the entry has made the fault, which is taken once.
        let fault = (!batch.fault.is_null()).then(|| unsafe { FaultRepr::take(batch.fault) }.of_object());
        (items, fault, batch.has_ended != 0, (batch.lower, (batch.has_upper != 0).then_some(batch.upper)))
    }
}

impl<T: PluginType> Iterator for Proxy<T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if let Some(item) = self.pulled.next() {
            return Some(item);
        }
        self.next_batch()
    }

    fn size_hint(&self) -> SizeHint {
        let pulled = self.pulled.len();
        if self.has_ended || self.fault.is_some() {
            return (pulled, Some(pulled));
        }
        let (items, fault, _, (lower, upper)) = self.pull(0);
        drop(items);
        if let Some(fault) = fault {
            raise(fault);
        }
        (lower.saturating_add(pulled), upper.and_then(|upper| upper.checked_add(pulled)))
    }
}

impl<T: PluginType> Proxy<T> {
    #[inline(never)]
    fn next_batch(&mut self) -> Option<T> {
        if let Some(fault) = self.fault.take() {
            raise(fault);
        }
        if std::mem::take(&mut self.has_ended) {
            self.batch = 1;
            return None;
        }
        let (items, fault, has_ended, _) = self.pull(self.batch);
        self.batch = (self.batch * 2).min(Self::MAX_BATCH);
        (self.pulled, self.fault, self.has_ended) = (items.into_iter(), fault, has_ended);
        let first = self.pulled.next();
        if first.is_none() { self.at_the_end() } else { first }
    }

    fn at_the_end(&mut self) -> Option<T> {
        if let Some(fault) = self.fault.take() {
            raise(fault);
        }
        self.has_ended = false;
        self.batch = 1;
        None
    }
}

macro_rules! iterators {
    ($([$($bound:tt)*] $D:ty: $node:expr;)*) => {$(
        // SAFETY: the entry pulls items of the type that the descriptor contains.
        #[diagnostic::do_not_recommend]
        unsafe impl<T: PluginType $($bound)*> Object for $D {
            const NODE: &'static Node = $node;
            const ENTRY: *const c_void = pull::<T, Self> as *const c_void;
        }

        // SAFETY: the receiver gets an iterator with the items of the sender's. It may be sent if the sender's may be, as the
        // descriptor says.
        #[diagnostic::do_not_recommend]
        unsafe impl<T: PluginType $($bound)*> PluginType for Box<$D> {
            type Repr = ObjectRepr;
            const NODE: &'static Node = &Node::Of { head: &Tag::BoxDyn.head(), parts: &[<$D as Object>::NODE] };
            const DEEP: bool = false;

            fn lower(self) -> ObjectRepr {
                let iterator = Box::into_raw(self);
                if let Some(number) = homes::find(iterator) {
                    // SAFETY: the iterator is a proxy, as `find` says. A proxy of an iterator with such items is a `Proxy<T>`.
                    let proxy = unsafe { Box::from_raw(iterator.cast::<Proxy<T>>()) };
                    let is_as_new = proxy.pulled.len() == 0 && proxy.fault.is_none() && !proxy.has_ended;
                    if is_as_new && proxy.remote.is_number(number) {
                        proxy.remote.leave_home();
                        return proxy.remote.into_repr();
                    }
                    // The items that were pulled are here, so the receiver gets an iterator of this library.
                    std::mem::forget(proxy);
                }
                give(iterator, const { &vtable::<$D>() })
            }
            fn lend(&self, _: &mut Arena) -> ObjectRepr {
                lend(&raw const **self, const { &vtable::<$D>() })
            }
            unsafe fn lift(repr: ObjectRepr, _: &Origin) -> Self {
                // Statics and keys of maps would copy a loan. They refuse such types: see `Node::has_boxed_objects`.
                assert_eq!(repr.is_lent, 0, "an iterator cannot be copied");
                // SAFETY: by `# Safety` of `PluginType::lift`, the iterator was lowered, and is lifted once.
                let remote = unsafe { Remote::new(repr) };
                if remote.is_own::<Self>() {
                    // SAFETY: `lower` in this library has made the words of such a box, as `is_own` says, and they are taken once.
                    return unsafe { Box::from_raw(pointer_of(remote.into_words())) };
                }
                let remote = remote.compare::<$D>();
                let is_alike = remote.is_alike();
                let proxy: Self = Box::new(Proxy::<T>::new(remote));
                if is_alike {
                    let at = &raw const *proxy;
                    // SAFETY: this is the new proxy.
                    unsafe { &*at.cast::<Proxy<T>>() }.remote.enter_home(at);
                }
                proxy
            }
            unsafe fn hold(repr: &ObjectRepr, _: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
                // SAFETY: by `# Safety` of `PluginType::hold`, the iterator and its vtable exist for longer than the result, which is
                // never dropped.
                let remote = ManuallyDrop::into_inner(unsafe { Remote::lent(*repr) });
                let at = arena.alloc::<Proxy<T>>(1).as_ptr();
                // SAFETY: the arena has given room for the proxy. The box is used behind `&` only, and never dropped. The proxy has no
                // items then, so its memory is all in the arena.
                unsafe {
                    at.write(Proxy::new(remote));
                    ManuallyDrop::new(Box::from_raw(at as *mut $D))
                }
            }
        }
    )*};
}

iterators! {
    [] dyn Iterator<Item = T>: &Node::Of { head: &Tag::DynIterator.head(), parts: &[T::NODE] };
    // The proxy has items of its own, so these are sent with it.
    [+ Send] dyn Iterator<Item = T> + Send: &Node::Of {
        head: &Tag::WithSend.head(),
        parts: &[&Node::Of { head: &Tag::DynIterator.head(), parts: &[T::NODE] }],
    };
}
