//! What the expansion of `#[plugin_export]` refers to. Not covered by semantic versioning: use none of it.

use std::ffi::c_void;
use std::fmt::Display;

/// The crate `core` itself. In an author's crate, the name may lead to another crate.
pub use ::core;
pub use inventory;

pub use crate::descriptor::{Definition, DefinitionRef, Node, Tag, assert_described, form, style};
pub use crate::fault::{Context, Outcome, drop_rest, outcome};
pub use crate::record::{Field, Kind, Record};
use crate::state::{self, StateRepr};
pub use crate::statics::access;
pub use crate::table::{Export, Invoke};
pub use crate::types::grows::{Release, unbox};
pub use crate::types::held::default as hold_default;
pub use crate::types::parameter::{Parameter, Template};
use crate::types::{PluginMut, PluginRef, PluginType};
use crate::{Origin, PluginStatic};

/// The functions that [`__control_threads`](crate::__control_threads) refers to.
#[cfg(controllable)]
pub mod threads {
    pub use crate::runtime::process::ENVIRONMENT;
    pub use crate::runtime::threads::FUNCTIONS;
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
/// As for [`PluginRef::hold_ref`].
#[inline(always)]
pub unsafe fn by_ref<T: PluginRef + ?Sized>(repr: T::RefRepr) -> T::Held {
    // SAFETY: the caller's promise.
    unsafe { T::hold_ref(repr) }
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

/// An item that was promised to be exported rightly: see [`Promised::new`].
#[derive(Clone, Copy)]
pub struct Promised {
    /// The kind of the item.
    pub kind: Kind,
    /// The item's descriptor.
    pub node: &'static Node,
    entry: *const c_void,
    invoke: Option<Invoke>,
}

impl Promised {
    /// An item of this kind, with this descriptor and entry.
    ///
    /// # Safety
    ///
    /// A host may call `entry` as it calls items of this kind. The arguments and the result of `entry` have the `Repr`s that
    /// `node` says, and `invoke` calls it.
    pub const unsafe fn new(kind: Kind, node: &'static Node, entry: *const c_void, invoke: Option<Invoke>) -> Self {
        Promised { kind, node, entry, invoke }
    }

    /// The item's registration.
    ///
    /// # Safety
    ///
    /// `record` has the kind and the descriptor of this item.
    pub const unsafe fn export(self, record: &'static [u8]) -> Export {
        // SAFETY: the promise of `new`, and the caller's.
        unsafe { Export::new(record, self.entry, self.invoke) }
    }
}

/// Writes an item's record and registers the item, a [`Promised`]. It has the word `unsafe` itself: a word of the caller's would
/// have the caller's rights, whatever this name leads to in the caller's crate.
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($item:ident $name:literal $($library:ident)?, docs: [$($docs:expr),*], arguments: [$($argument:literal),*]) => {
        // Within a block of its own: macro items are not hygienic, and the author's may have the same names.
        const _: () = {
            const ITEM: $crate::__private::Promised = $item;
            const RECORD: $crate::__private::Record = $crate::__private::Record {
                kind: ITEM.kind,
                fields: &[
                    $crate::__private::Field::Bytes($crate::__private::or_empty($crate::__private::core::option_env!("CARGO_PKG_NAME")).as_bytes()),
                    $crate::__private::Field::Bytes($crate::__private::or_empty($crate::__private::core::option_env!("CARGO_PKG_VERSION")).as_bytes()),
                    $crate::__private::Field::Bytes($crate::__private::core::module_path!().as_bytes()),
                    $crate::__private::Field::Number($crate::__private::core::line!()),
                    $crate::__private::Field::Number($crate::__private::core::column!()),
                    $crate::__private::Field::Bytes($name.as_bytes()),
                    $crate::__private::Field::Lines(&[$($docs),*]),
                    $crate::__private::Field::Lines(&[$($argument),*]),
                    $crate::__private::Field::Node(ITEM.node),
                    $crate::__private::Field::Lines(&[$($crate::__private::core::stringify!($library))?]),
                    // The crate's own, which may differ from that of `plugin-core`.
                    $crate::__private::Field::Number($crate::__private::core::cfg!(panic = "abort") as $crate::__private::core::primitive::u32),
                    $crate::__private::Field::Modules(ITEM.node),
                ],
            };

            #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__plugin"))]
            #[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".plugin"))]
            static BYTES: [$crate::__private::core::primitive::u8; RECORD.len()] = RECORD.encode();

            $crate::__private::inventory::submit! {
                // SAFETY: the record is made of this item's kind and descriptor.
                unsafe { ITEM.export(&BYTES) }
            }
        };
    };
}
