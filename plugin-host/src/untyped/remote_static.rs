//! A static of data that runs elsewhere: its value is fetched once, and then lies here.
//!
//! No code in this process can change such a static, and no code of the plugin's may. So the bytes of one reply serve every
//! access. The accessor of this file stands where that of a plugin would, and gives its elements in one of two ways:
//!
//! | the elements | an access | its arena |
//! | --- | --- | --- |
//! | own no memory: numbers, arrays, text | the address of elements that exist as long as the [`RemoteStatic`] | null |
//! | own memory | elements that are built anew, which the caller lifts | the list that the elements are in |

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use plugin_core::host::{Context, FaultRepr, Outcome, discard};
use plugin_core::repr::{AccessRepr, BufferRepr, SliceRepr};
use plugin_core::{Cause, Fault};

use crate::untyped::carrier::{Carrier, Recipient};
use crate::untyped::de::target::{Built, Target};
use crate::untyped::free::{Elements, NoMemory};
use crate::untyped::layout::{Id, Kind, Layouts};
use crate::untyped::prepared::Access;
use crate::untyped::walk::WalkState;
use crate::untyped::wire::{self, Message};

/// A static of data that runs elsewhere.
pub(crate) struct RemoteStatic {
    export: &'static str,
    layouts: Arc<Layouts>,
    access: Access,
    value: Id,
    carrier: Arc<dyn Carrier>,
    /// The reply with the value.
    reply: OnceLock<Vec<u8>>,
    /// The elements that own no memory.
    kept: OnceLock<List>,
}

/// Elements in a buffer that the host has made. Their memory is freed with the list, and the elements are not dropped.
struct List {
    buffer: BufferRepr,
    size: usize,
    align: usize,
}

// SAFETY: a `List` owns its buffer, and no code changes the elements there.
unsafe impl Send for List {}
// SAFETY: a shared `List` only tells where its elements are, and no code changes them there.
unsafe impl Sync for List {}

impl List {
    fn elements(&self) -> SliceRepr {
        let (first, len) = self.buffer.raw_parts();
        SliceRepr::from_raw_parts(first, len)
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: the host has made the buffer, of elements with this size and alignment. `self` owns the buffer.
        unsafe { self.buffer.free_raw(self.size, self.align) }
    }
}

impl RemoteStatic {
    /// Makes the near side of a static with this value, unless it is an atomic or a lock, which both sides would change.
    pub(crate) fn new(
        export: &'static str,
        (layouts, access, value): (Arc<Layouts>, Access, Id),
        carrier: Arc<dyn Carrier>,
    ) -> Option<Arc<Self>> {
        let (reply, kept) = Default::default();
        let is_data = matches!(access, Access::Value | Access::Elements);
        is_data.then(|| Arc::new(RemoteStatic { export, layouts, access, value, carrier, reply, kept }))
    }

    /// The static behind the context of an access.
    ///
    /// # Safety
    ///
    /// The context is the address of a `RemoteStatic`, which exists during `'a`.
    pub(super) unsafe fn behind<'a>(context: Context) -> &'a Self {
        // SAFETY: this is the address of a `RemoteStatic` that exists during `'a`, as this function demands.
        unsafe { &*context.cast() }
    }

    /// The context of accesses. It is valid for as long as the static exists.
    pub(crate) fn context(self: &Arc<Self>) -> Context {
        Arc::as_ptr(self).cast()
    }

    /// Builds the value in the place of the target, which has its type.
    pub(super) fn fetch<'a>(&self, target: Target<'a>) -> Result<Built<'a>, Fault> {
        let read = |reply: &[u8]| {
            let mut message = Message::returned(reply)?;
            let built = message.value(target)?;
            message.end().map_err(|error| wire::damaged(&error))?;
            Ok(built)
        };
        if let Some(reply) = self.reply.get() {
            return read(reply);
        }
        let reply = self.carrier.ask(Recipient::Export(self.export), Vec::new())?;
        let built = read(&reply)?;
        // Another thread may have kept its own reply meanwhile, which is as good.
        _ = self.reply.set(reply);
        Ok(built)
    }

    /// Builds the elements anew: of a borrowed static what it borrows, and otherwise the one value. Returns whether they own
    /// memory.
    fn list(&self) -> Result<(List, bool), Fault> {
        let (node, state) = (self.layouts.get(self.value), WalkState::of_reply());
        let mut one = Elements::new(&self.layouts, self.value);
        let no_memory = |error: NoMemory| Fault::of(Cause::Refused, error.to_string());
        one.grow(1).map_err(no_memory)?;
        let at = one.next().map_err(no_memory)?;
        // SAFETY: `next` has made room for a value of the list's type.
        let target = unsafe { Target::new(&self.layouts, self.value, at, &state) };
        self.fetch(target)?.keep();
        // SAFETY: `fetch` has built the value at `at`, and `keep` has left it there.
        unsafe { one.mark_added() };
        let list = List { buffer: one.into_buffer(), size: node.size, align: node.align };
        let (size, align, owns) = match (&self.access, &node.kind) {
            (Access::Elements, Kind::Text) => (1, 1, false),
            (Access::Elements, Kind::Sequence(element)) => {
                let element = self.layouts.get(*element);
                (element.size, element.align, element.owns)
            }
            _ => return Ok((list, node.owns)),
        };
        // SAFETY: the one value in the list is a text or a sequence, so its `Repr` is a buffer. The buffer moves out here, and `list`
        // frees only the memory around it.
        let buffer = unsafe { list.buffer.raw_parts().0.cast::<BufferRepr>().read() };
        Ok((List { buffer, size, align }, owns))
    }

    fn access(&self) -> Result<AccessRepr, Fault> {
        let list = match self.kept.get() {
            Some(kept) => kept,
            None => match self.list()? {
                (list, false) => self.kept.get_or_init(|| list),
                (list, true) => {
                    let elements = list.elements();
                    let arena = Box::into_raw(Box::new(list)).cast();
                    // SAFETY: the elements are whole, and the caller's to lift. Until `end` is called with this arena, the list
                    // keeps their memory.
                    return Ok(unsafe { AccessRepr::from_raw(elements, arena, end) });
                }
            },
        };
        // SAFETY: the elements own no memory, so a caller may read them as often as it likes. `self` keeps them, and the site's
        // origin keeps `self`.
        Ok(unsafe { AccessRepr::from_raw(list.elements(), std::ptr::null_mut(), end) })
    }

    /// The accessor of the static.
    ///
    /// # Safety
    ///
    /// The context is that of a `RemoteStatic`, which exists during the call.
    pub(crate) unsafe extern "C" fn accessor(context: Context) -> Outcome<AccessRepr> {
        // SAFETY: the context is that of a `RemoteStatic`, which exists during the call, as this function demands.
        let remote = unsafe { RemoteStatic::behind(context) };
        let accessed = catch_unwind(AssertUnwindSafe(|| remote.access())).unwrap_or_else(|payload| {
            discard(payload);
            Err(Fault::of(Cause::Disconnected, "the host panicked during the access".to_owned()))
        });
        let mut outcome = Outcome { fault: std::ptr::null_mut(), value: std::mem::MaybeUninit::uninit() };
        match accessed {
            Ok(access) => _ = outcome.value.write(access),
            Err(fault) => outcome.fault = FaultRepr::new(fault),
        }
        outcome
    }
}

/// Ends an access.
///
/// # Safety
///
/// `arena` is null, or that of an access whose elements were lifted. It is not used afterwards.
unsafe extern "C" fn end(arena: *mut c_void) {
    if !arena.is_null() {
        // SAFETY: `access` has made the box, and this function demands that it is not used afterwards.
        drop(unsafe { Box::from_raw(arena.cast::<List>()) });
    }
}
