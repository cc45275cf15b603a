//! The data behind the context of a proxy: it turns a call by address into a request, and the reply into an outcome.
//!
//! `plugin-core/src/call/proxy.rs` tells how a call gets here. Every backend outside of this process uses this file. Such a
//! backend differs from another only in its [`Carrier`].

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use plugin_core::host::table::Invoke;
use plugin_core::host::{Context, FaultRepr, ProxyHead, discard};
use plugin_core::repr::{BufferRepr, SliceRepr};
use plugin_core::{Cause, Fault};

use crate::untyped::carrier::{Carrier, Recipient};
use crate::untyped::de::target::{Target, build_in_place};
use crate::untyped::free::{Place, free, free_elements};
use crate::untyped::layout::{Id, Kind, Layouts};
use crate::untyped::prepared::{Argument, Passing};
use crate::untyped::ser::Value;
use crate::untyped::walk::{Form, WalkState};
use crate::untyped::wire::{self, Message};

/// A function that runs elsewhere.
#[repr(C)]
pub(crate) struct Proxy {
    /// The first field, because [`invoke`] and a proxy of plugin-core find it at the address of the context.
    head: ProxyHead,
    export: &'static str,
    layouts: Arc<Layouts>,
    arguments: Vec<Argument>,
    result: Id,
    carrier: Arc<dyn Carrier>,
}

impl Proxy {
    /// Makes the proxy of an export with these arguments and this result.
    pub(super) fn new(
        export: &'static str,
        (layouts, arguments, result): (Arc<Layouts>, Vec<Argument>, Id),
        carrier: Arc<dyn Carrier>,
    ) -> Arc<Self> {
        Arc::new(Proxy { head: ProxyHead { invoke }, export, layouts, arguments, result, carrier })
    }

    /// The context of calls. It is valid for as long as the proxy exists.
    pub(super) fn context(self: &Arc<Self>) -> Context {
        Arc::as_ptr(self).cast()
    }

    /// The by-address form of the function.
    pub(super) fn invoke(&self) -> Invoke {
        self.head.invoke
    }

    /// Makes a call.
    ///
    /// # Safety
    ///
    /// As for [`invoke`], of which this is the proxy. The outcome is written only if the function returned.
    unsafe fn call(&self, arguments: *const *const c_void, outcome: *mut u8) -> Result<(), Fault> {
        // SAFETY: this function demands the same of the arguments.
        let request = unsafe { self.request(arguments)? };
        let reply = self.carrier.ask(Recipient::Export(self.export), request)?;
        let mut message = Message::new(&reply);
        let kind = message.kind()?;
        if let wire::Kind::FaultAlone = kind {
            return Err(message.fault()?);
        }
        // SAFETY: there is an address for each argument, as this function demands.
        let changed = unsafe { self.changed(arguments, &mut message)? };
        let outcome = match kind {
            // SAFETY: `outcome` has room for the outcome, as this function demands.
            wire::Kind::Returned => unsafe { self.returned(message, outcome).map(Ok)? },
            wire::Kind::Fault | wire::Kind::FaultAlone => Err(message.fault()?),
        };
        // The whole reply is read. From here on, nothing fails.
        for (index, place) in changed {
            // SAFETY: the argument has this address, as this function demands. `changed` has built its value.
            unsafe { self.put_back(&self.arguments[index], (*arguments.add(index)).cast(), place) }
        }
        outcome
    }

    /// Reads the result of a call that returned, the last part of a reply.
    ///
    /// # Safety
    ///
    /// There is room for the outcome.
    unsafe fn returned(&self, mut message: Message<'_>, outcome: *mut u8) -> Result<(), Fault> {
        let node = self.layouts.get(self.result);
        let at = outcome.wrapping_add(size_of::<*mut FaultRepr>().next_multiple_of(node.align));
        let state = WalkState::of_reply();
        // SAFETY: `outcome` has room for an outcome with this result, as this function demands. An `Outcome` is a pointer and
        // then the value, with the padding of C.
        let target = unsafe { Target::new(&self.layouts, self.result, at, &state) };
        let built = message.value(target)?;
        message.end().map_err(|error| wire::damaged(&error))?;
        built.keep();
        let tag = match node.kind {
            // SAFETY: there is the `Repr` of an `Option` or a `Result` now, which begins with its tag.
            Kind::Option(..) | Kind::Result(..) => unsafe { at.read() },
            _ => 0,
        };
        // SAFETY: an `Outcome` begins with a pointer. Without a fault, the tag of the value is in its place.
        unsafe { outcome.cast::<usize>().write(tag.into()) };
        Ok(())
    }

    /// Reads the values that the arguments behind `&mut` have after the call, each with the number of its argument.
    ///
    /// # Safety
    ///
    /// `arguments` has the address of each argument's `Repr`.
    unsafe fn changed(
        &self,
        arguments: *const *const c_void,
        message: &mut Message<'_>,
    ) -> Result<Vec<(usize, Place<'_>)>, Fault> {
        let mut changed = Vec::new();
        for (index, argument) in self.arguments.iter().enumerate().filter(|(_, argument)| argument.is_changed()) {
            let (state, no_memory) = (WalkState::of_reply(), |error| wire::damaged(&error));
            let place =
                build_in_place(&self.layouts, argument.built, &state, no_memory, |target| message.value(target))?;
            if argument.passing == Passing::SliceMut {
                // SAFETY: the `Repr` of a `&mut [T]` is a `SliceRepr`. The value in `place` is a sequence, which is a buffer.
                let [(_, before), (_, after)] = unsafe {
                    let at: *const SliceRepr = (*arguments.add(index)).cast();
                    [(*at).raw_parts(), (*place.at().cast::<BufferRepr>()).raw_parts()]
                };
                if before != after {
                    return Err(wire::damaged(&format!("argument {} has {after} elements, not {before}", index + 1)));
                }
            }
            changed.push((index, place));
        }
        Ok(changed)
    }

    /// Puts a value in the place of the value behind a `&mut`.
    ///
    /// # Safety
    ///
    /// `at` is the address of the argument's `Repr`. `place` has a value of its type, with as many elements if it is a slice.
    unsafe fn put_back(&self, argument: &Argument, at: *const u8, mut place: Place<'_>) {
        let layouts = &*self.layouts;
        let node = layouts.get(argument.built);
        // The value moves out of the place, below.
        place.mark_empty();
        if let (Passing::SliceMut, Kind::Sequence(element)) = (argument.passing, &node.kind) {
            let node = layouts.get(*element);
            // SAFETY: the `Repr` of a `&mut [T]` is a `SliceRepr`, of elements that the callee may replace. The buffer in `place`
            // has as many. So the old ones are dropped once, and the new ones move there, and leave the buffer empty.
            unsafe {
                let (to, len) = at.cast::<SliceRepr>().read().raw_parts();
                let buffer = place.at().cast::<BufferRepr>().read();
                free_elements(layouts, *element, to, len);
                to.copy_from_nonoverlapping(buffer.raw_parts().0, len * node.size);
                buffer.free_raw(node.size, node.align);
            }
        } else {
            // SAFETY: the `Repr` of a `&mut T` is the address of a `Repr`, which the callee may replace. The old value is dropped
            // once, and the new one moves there.
            unsafe {
                let to = at.cast::<*mut u8>().read();
                free(layouts, argument.built, to);
                to.copy_from_nonoverlapping(place.at(), node.size);
            }
        }
    }

    /// Writes the arguments to a request, and takes those that are passed by value.
    ///
    /// # Safety
    ///
    /// `arguments` has the address of each argument's `Repr`. Those that are passed by value are not used afterwards.
    unsafe fn request(&self, arguments: *const *const c_void) -> Result<Vec<u8>, Fault> {
        let mut request = Ok(Vec::new());
        for (index, argument) in self.arguments.iter().enumerate() {
            let (layouts, built) = (&*self.layouts, argument.built);
            // SAFETY: there is an address for each argument, as this function demands.
            let at: *const u8 = unsafe { (*arguments.add(index)).cast() };
            let elements: BufferRepr;
            let value: *const u8 = match argument.passing {
                Passing::Own => at,
                // SAFETY: the `Repr` of a `&T` is the address of a `Repr` of `T`.
                Passing::Ref | Passing::Mut => unsafe { at.cast::<*const u8>().read() },
                Passing::Slice | Passing::SliceMut => {
                    // SAFETY: the `Repr` of a `&str` or a `&[T]` is a `SliceRepr`.
                    elements = BufferRepr::of_slice(unsafe { at.cast::<SliceRepr>().read() });
                    (&raw const elements).cast()
                }
            };
            let state = WalkState::of(Form::Wire);
            request = request.and_then(|request| {
                // SAFETY: there is a value of the type at `value`: the argument, the value that it refers to, or a buffer of
                // the elements. Nothing changes it during the call.
                let value = unsafe { Value::new(layouts, built, value, &state) };
                wire::write(&value, request).map_err(|error| {
                    let (number, place, reason) = (index + 1, state.take_place(), state.reason_of(&error));
                    Fault::of(Cause::Refused, format!("argument {number}{place} cannot be sent: {reason}"))
                })
            });
            if argument.passing == Passing::Own {
                // SAFETY: the argument is passed by value, so it is this function's to drop. It is dropped once, and not used
                // afterwards. The caller has made its parts.
                unsafe { free(layouts, built, at.cast_mut()) }
            }
        }
        request
    }
}

/// The [`Invoke`] of every [`Proxy`].
///
/// # Safety
///
/// The context is that of a [`Proxy`], which exists during the call. The arguments and the outcome are as [`Invoke`] says,
/// for the descriptor of the proxy's export.
unsafe extern "C" fn invoke(_: *const c_void, context: Context, arguments: *const *const c_void, outcome: *mut c_void) {
    // SAFETY: the context is that of a `Proxy`, which exists during the call.
    let proxy = unsafe { &*context.cast::<Proxy>() };
    // SAFETY: the arguments and the outcome are as this function demands.
    let called = catch_unwind(AssertUnwindSafe(|| unsafe { proxy.call(arguments, outcome.cast()) }));
    let fault = match called {
        Ok(Ok(())) => return,
        Ok(Err(fault)) => fault,
        Err(payload) => {
            discard(payload);
            Fault::of(Cause::Disconnected, "the host panicked during the call".to_owned())
        }
    };
    // SAFETY: `outcome` has room for an outcome, which begins with the address of a fault.
    unsafe { outcome.cast::<*mut FaultRepr>().write(FaultRepr::new(fault)) }
}
