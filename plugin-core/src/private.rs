//! What the expansion of `#[plugin_export]` refers to. Not covered by semantic versioning: use none of it.

use std::ffi::c_void;
use std::fmt::Display;

pub use inventory;

pub use crate::descriptor::{Definition, DefinitionRef, Node, Tag, form, style};
use crate::fault::discard;
pub use crate::fault::{Context, Outcome, outcome};
pub use crate::record::{Field, Kind, Record};
use crate::state::{self, StateRepr};
pub use crate::statics::access;
pub use crate::table::{Export, Invoke};
pub use crate::types::grows::{Release, unbox};
pub use crate::types::parameter::Parameter;
use crate::types::{PluginMut, PluginRef, PluginType};
use crate::{Origin, PluginStatic};

/// What [`__control_threads`](crate::__control_threads) defines the library's functions by.
#[cfg(controllable)]
pub mod threads {
    pub use crate::runtime::threads::{
        key_create, key_delete, key_set, signal, signal_action, thread_atexit, thread_create,
    };
}

/// The `Repr` of an argument `T`.
pub type OwnRepr<T> = <T as PluginType>::Repr;
/// The `Repr` of an argument `&T`.
pub type RefRepr<T> = <T as PluginRef>::RefRepr;
/// The `Repr` of an argument `&mut T`.
pub type MutRepr<T> = <T as PluginMut>::MutRepr;
/// What an entry returns for `T`.
pub type Returned<T> = Outcome<<T as PluginType>::Repr>;
/// What a static's accessor returns.
pub type Accessed<T> = Outcome<<T as PluginStatic>::Access>;
/// What a hook returns.
pub type HookOutcome = Outcome<<Result<(), String> as PluginType>::Repr>;

/// The text of a variable that cargo sets, if it is cargo that builds.
pub const fn or_empty(variable: Option<&'static str>) -> &'static str {
    match variable {
        Some(text) => text,
        None => "",
    }
}

/// What calls a function's entry by address; of a static or a hook there is nothing.
pub const fn only(invoke: &[Invoke]) -> Option<Invoke> {
    match invoke {
        [invoke] => Some(*invoke),
        _ => None,
    }
}

/// Receives an argument by value.
///
/// # Safety
///
/// As for [`PluginType::lift`], and the argument is the host's.
#[inline(always)]
pub unsafe fn own<T: PluginType>(repr: T::Repr) -> T {
    // SAFETY: the caller's promise.
    unsafe { T::lift(repr, &Origin::HOST) }
}

/// Receives an argument behind `&`.
///
/// # Safety
///
/// As for [`PluginRef::hold`].
#[inline(always)]
pub unsafe fn by_ref<T: PluginRef + ?Sized>(repr: T::RefRepr) -> T::Held {
    // SAFETY: the caller's promise.
    unsafe { T::hold(repr) }
}

/// Receives an argument behind `&mut`.
///
/// # Safety
///
/// As for [`PluginMut::hold_mut`].
#[inline(always)]
pub unsafe fn by_mut<T: PluginMut + ?Sized>(repr: T::MutRepr) -> T::HeldMut {
    // SAFETY: the caller's promise.
    unsafe { T::hold_mut(repr) }
}

/// The `Repr` of an argument that is passed by address.
///
/// # Safety
///
/// `arguments` points at more than `index` addresses, and the one at `index` is of an `R`.
#[inline(always)]
pub unsafe fn nth<R: Copy>(arguments: *const *const c_void, index: usize) -> R {
    // SAFETY: the caller's promise.
    unsafe { (*arguments.add(index)).cast::<R>().read() }
}

/// Returns an outcome by address.
///
/// # Safety
///
/// `to` is an address to which an `Outcome<R>` may be written.
#[inline(always)]
pub unsafe fn give<R>(outcome: Outcome<R>, to: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { to.cast::<Outcome<R>>().write(outcome) }
}

/// What a descriptor has for the constant argument of a generic type.
pub const fn constant(value: i128) -> [u8; 17] {
    let mut head = [Tag::Constant as u8; 17];
    let bytes = value.to_le_bytes();
    let mut i = 0;
    while i < bytes.len() {
        head[i + 1] = bytes[i];
        i += 1;
    }
    head
}

/// Drops what a receiver has not taken of a box. What panics meanwhile, in the author's code, leaks.
pub fn drop_rest(f: impl FnOnce()) {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        discard(payload);
    }
}

/// Ends a lift that met the number of a variant which its descriptor does not have.
#[cold]
#[inline(never)]
pub fn unknown_variant(type_name: &str, number: u32) -> ! {
    panic!("a lowered `{type_name}` is variant {number}, which there is not: its sender is broken or lies")
}

/// Ends a lift that found fewer fields than its descriptor has without default.
#[cold]
#[inline(never)]
pub fn missing_field(type_name: &str, field: &str) -> ! {
    panic!("a lowered `{type_name}` has no field `{field}`, which it must: its sender is broken or lies")
}

/// What an init or shutdown hook may return.
#[diagnostic::on_unimplemented(
    message = "a hook cannot return `{Self}`",
    label = "a hook returns nothing, or `Result<(), E>` where `E: Display`"
)]
pub trait HookResult {
    /// The error as the host will show it.
    fn into_result(self) -> Result<(), String>;
}

#[diagnostic::do_not_recommend]
impl HookResult for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<E: Display> HookResult for Result<(), E> {
    fn into_result(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

/// The descriptor of every hook: `fn() -> Result<(), String>`.
pub const HOOK_NODE: &Node = &Node::Of { head: &Tag::Fn.head_with(0), parts: &[<Result<(), String>>::NODE] };

/// Runs a hook.
pub fn hook<R: HookResult>(f: impl FnOnce() -> R) -> HookOutcome {
    outcome(|| f().into_result())
}

/// What `#[plugin_export(save)]` returns.
pub type Saved = Outcome<StateRepr>;

/// Saves the state.
pub fn save<S: PluginType>(f: impl FnOnce() -> S) -> Saved {
    state::save(f)
}

/// Receives a state that was saved.
///
/// # Safety
///
/// The state at this address was saved as a type that fits `S`, and is received once, while its saver is still there.
pub unsafe fn restored<S: PluginType>(state: *const c_void) -> S {
    // SAFETY: the caller's promise.
    unsafe { state::lift(state) }
}

/// Writes an item's record and registers the item.
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    (
        $kind:ident $name:literal $entry:ident $(($($index:literal)*))? $($library:ident)?,
        docs: [$($docs:expr),*], arguments: [$($argument:literal),*], node: $node:expr
    ) => {
        // Within a block of its own: macro items are not hygienic, and the author's may have the same names.
        const _: () = {
            const RECORD: $crate::__private::Record = $crate::__private::Record {
                kind: $crate::__private::Kind::$kind,
                fields: &[
                    $crate::__private::Field::Bytes($crate::__private::or_empty(::core::option_env!("CARGO_PKG_NAME")).as_bytes()),
                    $crate::__private::Field::Bytes($crate::__private::or_empty(::core::option_env!("CARGO_PKG_VERSION")).as_bytes()),
                    $crate::__private::Field::Bytes(::core::module_path!().as_bytes()),
                    $crate::__private::Field::Number(::core::line!()),
                    $crate::__private::Field::Number(::core::column!()),
                    $crate::__private::Field::Bytes($name.as_bytes()),
                    $crate::__private::Field::Lines(&[$($docs),*]),
                    $crate::__private::Field::Lines(&[$($argument),*]),
                    $crate::__private::Field::Node($node),
                    $crate::__private::Field::Lines(&[$(::core::stringify!($library))?]),
                ],
            };

            #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__plugin"))]
            #[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".plugin"))]
            static BYTES: [::core::primitive::u8; RECORD.len()] = RECORD.encode();

            $crate::__private::inventory::submit! {
                // SAFETY: the attribute makes the entry and the record's descriptor from the same types.
                unsafe {
                    $crate::__private::Export::new(
                        &BYTES,
                        $entry as *const ::core::ffi::c_void,
                        $crate::__private::only(&[$({
                            unsafe extern "C" fn invoke(
                                __context: $crate::__private::Context,
                                __arguments: *const *const ::core::ffi::c_void,
                                __outcome: *mut ::core::ffi::c_void,
                            ) {
                                // SAFETY: the caller passes the entry's arguments and outcome by address.
                                unsafe {
                                    $crate::__private::give($entry(__context $(, $crate::__private::nth(__arguments, $index))*), __outcome)
                                }
                            }
                            invoke
                        })?]),
                    )
                }
            }
        };
    };
}
