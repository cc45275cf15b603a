//! The attribute macros of the plugin SDK. Use it through `plugin-core`, which documents them by example.

mod attributes;
mod compiler;
mod crossing;
mod export;
mod item;
mod mistakes;
mod model;
mod options;
mod signature;
#[cfg(test)]
mod tests;
mod tokens;
mod types;
mod user_type;

use std::sync::atomic::{AtomicU64, Ordering};

use proc_macro::TokenStream;

/// Makes a function or static of a plugin available to its host, or marks a hook.
///
/// | on | as | meaning |
/// | --- | --- | --- |
/// | `fn` | `#[plugin_export]` | the host looks it up by name and type, and calls it |
/// | `static` | `#[plugin_export]` | the host looks it up by name and type, and reads it; atomics and locks it also writes |
/// | `fn()` | `#[plugin_export(init)]` | runs when the library is attached; may return `Result<(), E>` with `E: Display` |
/// | `fn()` | `#[plugin_export(shutdown)]` | runs when the library is detached |
/// | `fn() -> S` | `#[plugin_export(save)]` | gives the state for the version that comes next |
/// | `fn(S)` | `#[plugin_export(restore)]` | takes the state of the version before; may return `Result<(), E>` too |
///
/// `#[plugin_export(name = "...")]` gives the export another name than the item's. Doc comments travel with the
/// export. The item itself stays what it was, for the plugin's own use and tests.
///
/// Hooks run on a thread that the host starts for them, one after the other, and each may take 30 seconds unless the host
/// says otherwise. A host can also have them run on the thread that loads or releases the library. The plugin's own come after
/// those of the crates it depends on, which go by package name; within a crate they go by module path, then by line.
/// Shutdown hooks run in the opposite order. When an init hook fails, the shutdown hooks run and the library is not attached.
///
/// # State
///
/// When a host replaces a plugin by another version of it, that begins anew, unless they hand over the state: what the old
/// one's `save` returns goes to the new one's `restore`, after the new one's init hooks. There may be one of each. `S` is
/// any type that crosses, and the new version's must fit the old one's: it is equal, or has grown as `#[plugin_type]`
/// allows. Where the old version saves a state, the new one must restore it; to drop it, take it and do nothing. Where it saves
/// none, `restore` is not called. Save a copy: if the upgrade fails after that, the old version goes on with what it has.
///
/// While a state is handed over, calls through `Live` handles wait, so that none changes what has been saved already.
/// Calls through other handles to the old version, and its own threads, do not: what they change from then on is lost.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use plugin_core::plugin_export;
///
/// static VISITS: AtomicU64 = AtomicU64::new(0);
///
/// #[plugin_export]
/// fn visit() -> u64 {
///     VISITS.fetch_add(1, Ordering::Relaxed) + 1
/// }
///
/// #[plugin_export(save)]
/// fn save() -> u64 {
///     VISITS.load(Ordering::Relaxed)
/// }
///
/// #[plugin_export(restore)]
/// fn restore(visits: u64) {
///     VISITS.store(visits, Ordering::Relaxed);
/// }
/// # restore(save() + visit());
/// # assert_eq!(visit(), 2);
/// ```
///
/// # Errors
///
/// The attribute reports every mistake of an item at once, each at its own place: generics, `async`, `unsafe`, functions of an
/// `impl` or a trait, `impl Trait`, more than six arguments (four if one is `&mut`), borrowed results, `static mut`, constants,
/// thread-locals, and types that do not cross. Each error says what to write instead.
///
/// Some types show by their names why they may not cross, such as `Rc` or `Mutex`. The name decides about the advice only, never
/// about whether a type crosses. Only `Cow<str>` and its like, without a lifetime, are always taken for std's.
///
/// Another attribute may change the item after this one has read it: the compiler refuses an item that is not a safe function, or
/// a static, of the same types any more.
///
/// # Example
///
/// ```
/// use plugin_core::plugin_export;
///
/// /// How many times the word stands in the text.
/// #[plugin_export(name = "count-word")]
/// fn count(text: &str, word: &str) -> u64 {
///     text.split_whitespace().filter(|w| *w == word).count() as u64
/// }
/// # assert_eq!(count("a b a", "a"), 2);
/// ```
#[proc_macro_attribute]
pub fn plugin_export(options: TokenStream, item: TokenStream) -> TokenStream {
    export::export(options.into(), item.into(), number()).into()
}

/// Lets the values of a struct or enum cross between a plugin and its host, like any other type: as arguments and results,
/// behind references, inside each other, in statics.
///
/// Put it on structs and enums of every shape whose fields cross, also generic and recursive ones. Both sides need the same
/// type; a crate that both depend on is the usual place. What counts is the type's structure, not where it is defined: its
/// name, and its fields or variants in order, with their names, types and discriminants.
///
/// ```
/// use std::collections::HashMap;
///
/// use plugin_core::{plugin_export, plugin_type};
///
/// #[plugin_type]
/// pub struct Node<T> {
///     pub value: T,
///     pub children: Vec<Node<T>>,
/// }
///
/// #[plugin_type]
/// pub enum Command {
///     Quit,
///     Open { path: String, line: Option<u32> },
///     Set(HashMap<String, String>),
/// }
///
/// #[plugin_export]
/// fn sum(node: &Node<u64>) -> u64 {
///     node.value + node.children.iter().map(sum).sum::<u64>()
/// }
/// # let node = Node { value: 1, children: vec![Node { value: 2, children: Vec::new() }] };
/// # assert_eq!(sum(&node), 3);
/// ```
///
/// The attribute says that the type is data: whoever has it may make a value with any fields. It has no `Drop`: its
/// values are taken apart on one side and made anew on the other.
///
/// # Cost
///
/// A struct costs what its fields do, an enum what those of its variant do. A `#[repr(C)]` struct all of whose fields are
/// plain (numbers, `bool`, `char`, arrays and `#[repr(C)]` structs of such) is plain itself: it costs nothing, and slices of
/// it cross as they are, in both directions. What may grow costs one allocation more; of an enum, only for a variant with
/// fields.
///
/// # Changing a type
///
/// The two sides' types must match exactly, or the look-up fails and says where they differ. There are two exceptions, for
/// types that say so from their first version on, by `#[non_exhaustive]`:
///
/// | declared | may gain | a side that lacks it |
/// | --- | --- | --- |
/// | `#[non_exhaustive] struct` | fields at its end, each with `#[plugin_type(default)]` or `#[plugin_type(default = value)]` | leaves it out; the other side sees the default |
/// | `#[non_exhaustive] enum` that has a variant without fields with `#[plugin_type(fallback)]` | variants after those it has; the fallback may stand anywhere | sees the fallback |
///
/// What a side does not know is lost where a value goes through it and back. Nothing else may change: not the order, the
/// names, the types and the discriminants of what is there, not a variant's fields, not the name of the fallback.
/// `#[non_exhaustive]` alone makes an enum no different. It is no matter which side is the newer one, or what the type is
/// inside of.
///
/// ```
/// use plugin_core::plugin_type;
///
/// #[plugin_type]
/// #[non_exhaustive]
/// pub struct Options {
///     pub name: String,
///     /// Since version 2.
///     #[plugin_type(default = 3)]
///     pub retries: u32,
/// }
///
/// #[plugin_type]
/// #[non_exhaustive]
/// pub enum Event {
///     Opened(String),
///     Closed,
///     /// Since version 2.
///     Moved { from: String, to: String },
///     /// Something of a later version.
///     #[plugin_type(fallback)]
///     Unknown,
/// }
/// ```
///
/// # Errors
///
/// What cannot cross is reported at the place where it stands: unions, borrowed fields, fields whose types do not cross,
/// lifetimes, `#[cfg]` on a field or variant, packed types, enums without variants, and types with a `Drop`. A generic type
/// that contains itself has no constant parameters and no bounds on its parameters but those of the standard library.
///
/// A bound that has the name of one of the standard library's traits, such as `Clone` or `Display`, counts as that trait: the
/// type is described with the standard library's trait, and crosses only with arguments that have the trait. A trait of
/// the author's may have such a name if each type with the standard library's trait has the author's trait too. Any other
/// trait is written with its path: `crate::Display`.
///
/// In an array's length and a variant's number, what is more than arithmetic, calls and names is not read: make it a constant.
/// That holds for `#[plugin_export]` too. A variant's number has no macro in it, because the number is written twice.
///
/// # Soundness
///
/// The attributes write `unsafe` code into the author's crate. That code relies on one name of the crate: `::plugin_core` is the
/// plugin SDK. A crate that gives the name to another crate (`extern crate other as plugin_core`, or a renamed dependency) has
/// that other crate do the work, with all that follows. The other names of the crate may mean anything.
#[proc_macro_attribute]
pub fn plugin_type(options: TokenStream, item: TokenStream) -> TokenStream {
    user_type::user_type(options.into(), item.into(), number(), compiler::metadata()).into()
}

/// A number that is different for each use of an attribute in a crate.
fn number() -> u64 {
    static USES: AtomicU64 = AtomicU64::new(0);
    USES.fetch_add(1, Ordering::Relaxed)
}
