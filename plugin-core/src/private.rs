//! Items for the code that the attributes emit. They are not covered by semantic versioning, so other code must not use
//! them.

use std::ffi::c_void;
use std::fmt::Display;
use std::marker::PhantomData;

/// The crate `core` itself. In an author's crate, the name `core` may refer to another crate.
pub use ::core;
/// The crate `std` itself.
pub use ::std;

use crate::PluginStatic;
pub use crate::abi::Context;
use crate::abi::{Export, Outcome};
pub use crate::describe::record::{Kind, Source, Words};
pub use crate::describe::{Definition, DefinitionRef, Described, Node, Tag, assert_described, form, style};
use crate::entry::HasEntry;
pub use crate::entry::{ByMut, ByMutClosure, ByRef, ByValue, Exported, Function, Signature};
use crate::fault::Return;
pub use crate::fault::{drop_rest, outcome};
pub use crate::interface::{
    ByRefObject, Consumed, Exclusive, Method, MethodEntries, MethodNode, MethodSignature, Shared, call_method,
    consume_method,
};
pub use crate::objects::{
    AnyObject, Around, Closure, Interface, IsSend, IsSync, Object, Remote, SharedClosure, Unmarked, hold_box, lend_box,
    lend_mut, lift_box, lower_box, put_in_arena, view, view_mut,
};
pub use crate::runtime::registration::Registration;
use crate::runtime::state::{self, StateRepr};
pub use crate::statics::access;
pub use crate::types::growable::{Release, unbox};
pub use crate::types::held::default as hold_default;
pub use crate::types::stand_in::{Parameter, Template};
use crate::types::{PluginMut, PluginRef, PluginType};

/// The first bytes of a definition's body: the tag and the form, and for a struct its style.
pub mod body {
    use super::{Tag, form, style};

    macro_rules! structs {
        ($($name:ident: $form:ident $style:ident;)*) => {$(
            #[allow(missing_docs)]
            pub const $name: &[u8] = &[Tag::Struct as u8, form::$form, style::$style];
        )*};
    }

    structs! {
        STRUCT_UNIT: FIXED UNIT;
        STRUCT_TUPLE: FIXED TUPLE;
        STRUCT_NAMED: FIXED NAMED;
        C_UNIT: C UNIT;
        C_TUPLE: C TUPLE;
        C_NAMED: C NAMED;
        GROWING_UNIT: GROWS UNIT;
        GROWING_TUPLE: GROWS TUPLE;
        GROWING_NAMED: GROWS NAMED;
    }

    /// An interface.
    pub const INTERFACE: &[u8] = &[Tag::Struct as u8, form::INTERFACE, style::NAMED];
    /// An enum that may not grow.
    pub const ENUM: &[u8] = &[Tag::Enum as u8, form::FIXED];
    /// An enum that may grow.
    pub const GROWING_ENUM: &[u8] = &[Tag::Enum as u8, form::GROWS];
}

/// The sign that a path leads to this crate: an import from here finds the type.
pub mod is_there {
    #[allow(missing_docs)]
    pub type PluginCore = ((),);
}

/// The functions that [`__control_threads`](crate::__control_threads) refers to.
#[cfg(controllable)]
pub mod threads {
    pub use crate::runtime::process::ENVIRONMENT;
    pub use crate::runtime::threads::FUNCTIONS;
}

/// The return type of a static's accessor.
pub type Accessed<T> = Outcome<<T as PluginStatic>::Access>;
/// The return type of a hook.
pub type HookOutcome = Outcome<<Result<(), String> as PluginType>::Repr>;

/// Returns the bytes of a descriptor for the constant argument of a generic type.
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

/// Writes the styles of variants into the bytes of a descriptor: [`style::UNIT`] at each index in `unit`, and so on.
pub const fn with_styles<const LENGTH: usize>(
    mut bytes: [u8; LENGTH],
    unit: &[usize],
    tuple: &[usize],
    named: &[usize],
) -> [u8; LENGTH] {
    const fn put(bytes: &mut [u8], places: &[usize], style: u8) {
        let mut i = 0;
        while i < places.len() {
            bytes[places[i]] = style;
            i += 1;
        }
    }
    put(&mut bytes, unit, style::UNIT);
    put(&mut bytes, tuple, style::TUPLE);
    put(&mut bytes, named, style::NAMED);
    bytes
}

/// Ends a lift that met an unknown number of a variant.
#[cold]
#[inline(never)]
pub fn unknown_variant(type_name: &str, number: u32) -> ! {
    panic!("a lowered `{type_name}` is variant {number}, which there is not: its sender is broken or lies")
}

/// Ends a lift that found no value for a field without a default.
#[cold]
#[inline(never)]
pub fn missing_field(type_name: &str, field: &str) -> ! {
    panic!("a lowered `{type_name}` has no field `{field}`, which it must: its sender is broken or lies")
}

/// A function that nothing calls. It contains a call that may unwind. If this crate is built to unwind, the compiler
/// therefore refuses to link it with a crate that aborts on panics. So the build record's word about panics holds for
/// the whole library.
///
/// # Safety
///
/// The function may be called.
pub unsafe fn forbid_mixed_panic_strategies(function: unsafe extern "C-unwind" fn()) {
    // SAFETY: by `# Safety`, the function may be called.
    unsafe { function() }
}

/// Stands for the constant beside an item, where the item's bare name does not lead to it: in an `impl` or a trait.
pub struct NotFree;

/// Stands for an item that is not there. Its name is the compiler's message.
pub struct RemovedByAnotherMacro;

/// The places whose items can be exported.
#[diagnostic::on_unimplemented(
    message = "a function of an `impl` or a trait cannot be exported",
    label = "outside of the `impl` or trait, write and export a function that calls this one"
)]
pub trait OutsideOfAnImpl {
    /// The value of the constant beside an item.
    const FREE: Self;
}

#[diagnostic::do_not_recommend]
impl OutsideOfAnImpl for bool {
    const FREE: bool = true;
}

/// The way of a type that crosses by value, for the traits of [`advice`].
pub enum Own {}
/// The way behind `&`.
pub enum Ref {}
/// The way behind `&mut`.
pub enum Mut {}
/// The way of a static.
pub enum Static {}

/// Makes traits that every type has which crosses. If the spelling of a type suggests why the type may not cross, the
/// attributes ask for its descriptor through such a trait. Then the compiler's error contains the remedy. A user type
/// with such a name crosses as any other type does.
macro_rules! advice {
    ($($(#[$docs:meta])* $name:ident: $label:tt, $note:tt;)*) => {$(
        $(#[$docs])*
        #[diagnostic::on_unimplemented(
            message = "`{Self}` cannot cross between a plugin and its host",
            label = $label,
            note = $note
        )]
        pub trait $name<Passing> {
            /// The type's descriptor.
            const NODE: &'static Node;
        }

        #[diagnostic::do_not_recommend]
        impl<T: PluginType> $name<Own> for T {
            const NODE: &'static Node = T::NODE;
        }

        #[diagnostic::do_not_recommend]
        impl<T: PluginRef + ?Sized> $name<Ref> for T {
            const NODE: &'static Node = T::REF_NODE;
        }

        #[diagnostic::do_not_recommend]
        impl<T: PluginMut + ?Sized> $name<Mut> for T {
            const NODE: &'static Node = T::MUT_NODE;
        }

        #[diagnostic::do_not_recommend]
        impl<T: PluginStatic> $name<Static> for T {
            const NODE: &'static Node = T::STATIC_NODE;
        }
    )*};
}

/// The remedies for types that do not cross.
pub mod advice {
    use super::{Mut, Node, Own, PluginMut, PluginRef, PluginStatic, PluginType, Ref, Static};

    advice! {
        /// For closures and pointers to functions.
        NotFunction: "a pointer to a function, or such a closure, does not cross",
            "what crosses: `&dyn Fn(A) -> R` and `&mut dyn FnMut(A) -> R` as whole arguments; `Box<dyn Fn(A) -> R>`, also of \
             `FnMut` and `FnOnce`, and `Arc<dyn Fn(A) -> R>`; also with `Send`, and `Fn` with `Send + Sync`; closures of up to three \
             arguments, or two if one is a reference, of types that cross";
        /// For trait objects.
        NotObject: "a trait object does not cross",
            "write `#[plugin_interface]`, of the feature `interfaces` of plugin-core, on a trait of yours, and `Box<dyn Trait>`, \
             `Arc<dyn Trait>`, `&dyn Trait` and `&mut dyn Trait` cross; an iterator crosses as `Box<dyn Iterator<Item = T>>`, also with `Send` if `T` has it, of items that cross; wait for \
             a future, and return its result";
        /// For pointers.
        NotPointer: "a pointer, or a text that ends with a zero, does not cross",
            "nothing says how much is behind a pointer, and for how long: write `&T`, `&mut T`, `&[T]`, `&mut [T]` or `&str`, \
             or pass the address as a `usize` for the other side to compare";
        /// For types with a lock, or whose value is made later.
        NotLock: "a lock, or a value that is made at its first use, does not cross",
            "to pass the value in a lock, pass a copy of the value; to share the value, export a static: \
             `static NAME: Mutex<T>`, `RwLock<T>` or an atomic";
        /// For statics whose value is made later.
        NotLazy: "a static whose value is made at its first use cannot be exported",
            "write `static NAME: Mutex<Option<T>> = Mutex::new(None)` or a `RwLock`, and fill it in a function with \
             `#[plugin_export(init)]`; or export a function that returns the value";
        /// For cells.
        NotCell: "a cell does not cross",
            "a cell changes behind `&`, for one thread only: pass the value in the cell; to share a value that changes, export a \
             static: `static NAME: Mutex<T>`, `RwLock<T>` or an atomic";
        /// For counted references.
        NotShared: "a counted reference does not cross",
            "what is shared belongs to one library: pass `T` itself for `Rc<T>` or `Arc<T>`, and `String` or `Arc<str>` for a \
             text";
        /// For `Cow`.
        NotBorrowed: "this type does not cross",
            "a `Cow` crosses as `Cow<'static, str>` only: write `String` for a text, and `Vec<T>` for elements";
        /// For types of other crates that cross with a feature.
        NotForeign: "this type does not cross without a feature of plugin-core",
            "plugin-core's features `uuid`, `serde_json` and `bytes` let `uuid::Uuid`, `serde_json::Value` and `bytes::Bytes` \
             cross: add the feature of that name to plugin-core in Cargo.toml, on both sides; convert another type to text, or \
             write `#[plugin_type]` on a type of yours with such a name";
        /// For errors.
        NotError: "an error of std's or of another crate does not cross",
            "return `Result<T, String>`, with `error.to_string()`, or `Result<T, Box<dyn Error + Send + Sync>>`, to which `?` \
             converts errors; write `#[plugin_type]` on an error type, or another type in this `Result`, that is yours";
    }
}

/// A return type of init and shutdown hooks.
#[diagnostic::on_unimplemented(
    message = "a hook cannot return `{Self}`",
    label = "a hook returns nothing, or `Result<(), E>` where `E: Display`"
)]
pub trait HookResult {
    /// Converts the result. The host shows the text of an error.
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

/// Returns the descriptor of what a method of an interface returns.
pub const fn result_node<R: Return>() -> &'static Node {
    <R::Value as PluginType>::NODE
}

/// The descriptor of every hook: `fn() -> Result<(), String>`.
pub const HOOK_NODE: &Node = &Node::Of { head: &Tag::Fn.head_with(0), parts: &[<Result<(), String>>::NODE] };

/// Runs a hook.
pub fn hook<R: HookResult>(f: impl FnOnce() -> R) -> HookOutcome {
    outcome(|| f().into_result())
}

/// The return type of a function with `#[plugin_export(save)]`.
pub type Saved = Outcome<StateRepr>;

/// Saves the state.
pub fn save<S: PluginType>(f: impl FnOnce() -> S) -> Saved {
    state::save(f)
}

/// Returns the descriptor of a state, which has no closures.
pub const fn of_state(state: &'static Node) -> &'static Node {
    assert!(
        !state.has_objects(),
        "a state cannot contain an object, such as a closure, because its code goes away with the version that saves the state: \
         save the data from which the next version makes it"
    );
    state
}

/// Receives a state that was saved.
///
/// # Safety
///
/// The state at this address was saved as a type that fits `S`. It is received once, while the saver's library is still
/// mapped.
pub unsafe fn restored<S: PluginType>(state: *const c_void) -> S {
    // SAFETY: the conditions of `state::lift` are those of this function (`# Safety`).
    unsafe { state::lift(state) }
}

/// The record and the registration of an exported function.
pub struct OfFunction<F>(PhantomData<F>);

impl<F: Exported> OfFunction<F> {
    /// Returns the number of bytes in the function's record.
    pub const fn record_len() -> usize {
        F::EXPORTED.source.record_len(F::Signature::DESCRIBED)
    }

    /// Returns the function's record.
    pub const fn record<const N: usize>() -> [u8; N] {
        F::EXPORTED.source.record(Kind::Export, F::Signature::DESCRIBED)
    }
}

impl<F: Exported<Signature: HasEntry<F>>> OfFunction<F> {
    /// Makes the registration of the function.
    ///
    /// # Safety
    ///
    /// `record` is the function's record.
    pub const unsafe fn registration(record: &'static [u8]) -> Registration {
        // SAFETY: the entry and `INVOKE` fit the descriptor, as `HasEntry` says. By this function's `# Safety`, the record has that
        // descriptor.
        Registration::new(unsafe { Export::new(record, F::Signature::ENTRY, Some(F::Signature::INVOKE)) })
    }
}

/// An item with an unsafe promise about its entry, and with the facts in its record: see [`Promised::new`].
pub struct Promised {
    kind: Kind,
    described: &'static Described,
    entry: *const c_void,
    source: &'static Source,
}

impl Promised {
    /// Makes an item of this kind, with this descriptor and entry.
    ///
    /// # Safety
    ///
    /// A host may call `entry` as it calls items of this kind. The arguments and the result of `entry` have the `Repr`s
    /// that follow from the descriptor.
    pub const unsafe fn new(
        kind: Kind,
        described: &'static Described,
        entry: *const c_void,
        source: &'static Source,
    ) -> Self {
        Promised { kind, described, entry, source }
    }

    /// Returns the number of bytes in the item's record.
    pub const fn record_len(&self) -> usize {
        self.source.record_len(self.described)
    }

    /// Returns the item's record.
    pub const fn record<const N: usize>(&self) -> [u8; N] {
        self.source.record(self.kind, self.described)
    }

    /// Makes the registration of the item.
    ///
    /// # Safety
    ///
    /// `record` is the item's record.
    pub const unsafe fn registration(&self, record: &'static [u8]) -> Registration {
        // SAFETY: the entry fits the descriptor: the `# Safety` of `Promised::new` says so. By this function's `# Safety`, the
        // record has that descriptor.
        Registration::new(unsafe { Export::new(record, self.entry, None) })
    }
}

/// Passes items on, if a path leads to this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! __if_there {
    ($($items:tt)*) => { $($items)* };
}
