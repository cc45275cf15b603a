//! The attribute macros of the plugin SDK. Use it through `plugin-core`, which documents them by example.

mod attributes;
mod compiler;
mod crossing;
mod export;
mod export_check;
mod interface;
mod item;
mod mistakes;
mod options;
mod sdk;
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
/// Hooks run on a thread that the host starts for them, one after the other, and each may take 30 seconds unless the
/// host says otherwise. A host can also run them on the thread that loads or releases the library. The hooks of the
/// crates that the plugin depends on come first, in the order of the package names. The plugin's own hooks follow.
/// Within a crate, the order is by module path, then by line. Shutdown hooks run in the opposite order. When an init
/// hook fails, the shutdown hooks run and the library is not attached.
///
/// # State
///
/// When a host replaces a plugin by another version, the new version begins without the old version's state, unless the
/// two hand it over: the host passes the result of the old version's `save` to the new version's `restore`, after the
/// new version's init hooks. A plugin may have one of each. `S` is any type that crosses. The new version's `S` must
/// fit the old version's: it is equal, or has grown as `#[plugin_type]` allows. Where the old version saves a state,
/// the new one must restore it; to drop it, take it and do nothing. If the old version saves no state, `restore` is not
/// called. Save a copy: if the upgrade fails after that, the old version goes on with its own state.
///
/// While a state is handed over, calls through `Live` handles wait, so that none changes what has been saved already.
/// Calls through other handles to the old version do not wait, nor do its own threads: their later changes are lost.
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
/// # The path of plugin-core
///
/// The attributes find plugin-core as the crate `plugin_core`. An author may give it another name in `Cargo.toml`, or have it by way
/// of another crate. Then each attribute needs the path, as the option `crate`:
///
/// ```toml
/// [dependencies]
/// my_sdk = { package = "plugin-core", version = "0.1" }
/// ```
///
/// ```
/// # extern crate plugin_core as my_sdk;
/// use my_sdk::{plugin_export, plugin_type};
///
/// my_sdk::use_host_allocator!();
///
/// #[plugin_type(crate = "my_sdk")]
/// struct Point {
///     x: f32,
///     #[plugin_type(name = "y")]
///     height: f32,
/// }
///
/// #[plugin_export(name = "mirror", crate = "my_sdk")]
/// fn mirrored(point: Point) -> Point {
///     Point { x: -point.x, ..point }
/// }
/// # fn main() {
/// #     let point = mirrored(Point { x: 1.0, height: 2.0 });
/// #     assert_eq!((point.x, point.height), (-1.0, 2.0));
/// # }
/// ```
///
/// The path begins with the name of a crate, such as `framework::plugin_core`, or with `crate`, such as `crate::sdk` for a `use` in
/// the author's own crate. If the option is missing, the compiler's error says what to write. Macros such as
/// `use_host_allocator!` and the attributes inside of a type need no option.
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
    export::export(options.into(), item.into(), number(), compiler::dependency()).into()
}

/// Lets the values of a struct or enum cross between a plugin and its host, like any other type: as arguments and results,
/// behind references, inside each other, in statics.
///
/// Put it on structs and enums of every shape whose fields cross, also generic and recursive ones. Both sides need the
/// same type; a crate that both depend on is the usual place. Two types are the same if their structure is equal: the
/// name, and the fields or variants in order, with their names, types and discriminants. The place of the definition
/// does not matter. [Another name](#names) than Rust's can be given.
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
/// The attribute says that the type is data: any code that knows the type may make a value with any fields. The type
/// has no `Drop`, because its values are taken apart on one side and made anew on the other.
///
/// # Cost
///
/// A struct costs what its fields do, an enum what those of its variant do. A `#[repr(C)]` struct all of whose fields
/// are plain (numbers, `bool`, `char`, arrays and `#[repr(C)]` structs of such) is plain itself: it costs nothing, and
/// slices of it cross as they are, in both directions. A type that may grow costs one more allocation for each value.
/// An enum has this cost only for a variant with fields.
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
/// If a value goes through a side and back, the fields and variants that the side does not know are lost. Nothing else
/// may change: not the order, names, types and discriminants of the fields and variants that exist, not a variant's
/// fields, and not the name of the fallback. `#[non_exhaustive]` alone changes nothing about an enum. Either side may
/// be the newer one, and the type may be inside of any other.
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
/// # Names
///
/// The names of a type, its fields and its variants are a part of the type. JSON and error messages show them, too. By default,
/// they are Rust's names. `#[plugin_type(name = "..")]` on a type, a field or a variant gives another one. So an author can rename
/// something in Rust, and plugins and hosts that were built before still have the same type:
///
/// ```
/// use plugin_core::{plugin_export, plugin_type};
///
/// /// Until version 1.3, this was `struct Label { colour: Colour }`.
/// #[plugin_type(name = "Label")]
/// pub struct Tag {
///     #[plugin_type(name = "colour")]
///     pub color: Color,
/// }
///
/// #[plugin_type(name = "Colour")]
/// #[non_exhaustive]
/// pub enum Color {
///     #[plugin_type(name = "Grey")]
///     Gray(u8),
///     #[plugin_type(name = "Unknown", fallback)]
///     Other,
/// }
///
/// /// In JSON, a host may pass `{ "colour": { "Grey": 7 } }`, as before.
/// #[plugin_export]
/// fn is_gray(tag: Tag) -> bool {
///     matches!(tag.color, Color::Gray(_))
/// }
/// # assert!(is_gray(Tag { color: Color::Gray(7) }));
/// # assert!(!is_gray(Tag { color: Color::Other }));
/// ```
///
/// A name may be any text without control characters, and is not empty. Two fields, or two variants, have different names. The
/// fields of a tuple have no names.
///
/// # Errors
///
/// The attribute reports each part that cannot cross, at its own place: unions, borrowed fields, fields whose types do
/// not cross, lifetimes, `#[cfg]` on a field or variant, packed types, enums without variants, and types with a `Drop`.
/// A generic type that contains itself has no constant parameters and no bounds on its parameters but those of the
/// standard library.
///
/// A bound that has the name of one of the standard library's traits, such as `Clone` or `Display`, counts as that trait: the
/// type is described with the standard library's trait, and crosses only with arguments that have the trait. A trait of
/// the author's may have such a name if each type with the standard library's trait has the author's trait too. Any other
/// trait is written with its path: `crate::Display`.
///
/// In an array's length and a variant's number, the attribute reads only arithmetic, calls and names: make anything
/// else a constant. The same holds for `#[plugin_export]`. A variant's number has no macro in it, because the number is
/// written twice.
///
/// Where plugin-core has another name or path, the type needs the option `crate`, as
/// [`#[plugin_export]`](macro@plugin_export#the-path-of-plugin-core) does.
///
/// # Soundness
///
/// The attributes write `unsafe` code into the author's crate. That code relies on one path: `::plugin_core`, or the path of the
/// option `crate`, is the plugin SDK. If that path leads to another crate (by `extern crate other as plugin_core`, a renamed
/// dependency, or a wrong option), then that other crate does the work, with all that follows. The other names of the author's crate
/// may mean anything.
#[proc_macro_attribute]
pub fn plugin_type(options: TokenStream, item: TokenStream) -> TokenStream {
    user_type::user_type(options.into(), item.into(), number(), compiler::metadata(), compiler::dependency()).into()
}

/// Lets the objects of a trait cross between a plugin and its host: `Box<dyn Trait>`, `Arc<dyn Trait>`, `&dyn Trait` and
/// `&mut dyn Trait`, each also with `Send` and `Sync`.
///
/// **It is not finished.** It needs the feature `interfaces` of plugin-core, and any release may change it.
///
/// Put it on an ordinary trait in a crate that both sides depend on. An object stays with the library that made it. The other side
/// gets a value that is a `dyn Trait` too, and calls the object's methods. The library stays loaded while such a value exists. An
/// object that comes back to its library is the original again, at the same address.
///
/// ```
/// use plugin_core::{plugin_export, plugin_interface};
///
/// /// In a crate that both sides share.
/// #[plugin_interface]
/// pub trait Counter: Send {
///     fn add(&mut self, count: u64);
///     fn total(&self) -> u64;
///     fn finish(self: Box<Self>) -> String {
///         format!("{} in all", self.total())
///     }
/// }
///
/// // In the plugin:
/// struct Sum(u64);
///
/// impl Counter for Sum {
///     fn add(&mut self, count: u64) {
///         self.0 += count;
///     }
///     fn total(&self) -> u64 {
///         self.0
///     }
/// }
///
/// #[plugin_export]
/// fn counter() -> Box<dyn Counter> {
///     Box::new(Sum(0))
/// }
///
/// #[plugin_export]
/// fn add_twice(counter: &mut dyn Counter, count: u64) {
///     counter.add(count);
///     counter.add(count);
/// }
/// # let mut counter = counter();
/// # add_twice(&mut *counter, 2);
/// # assert_eq!(counter.finish(), "4 in all");
/// ```
///
/// A host asks for `fn() -> Box<dyn Counter>`. In a look-up, an object behind a reference needs a name, because the type then borrows
/// nothing: `type AnyCounter = dyn Counter;` and `fn(&mut AnyCounter, u64)`.
///
/// # Methods
///
/// A method takes `&self`, `&mut self` or `self: Box<Self>`, and at most six arguments. The arguments and the result are as those of
/// [`#[plugin_export]`](macro@plugin_export): types that cross, and references as whole arguments. A panic of a method is raised in
/// the caller. If the trait says that a method returns `Result<T, Fault>`, the caller gets the panic as a value.
///
/// A method with `&mut self` may be called through an `Arc` that has only one owner, by `Arc::get_mut`. If the library that made the
/// object has shares of it too, the call panics.
///
/// # Growth
///
/// A later version of a trait may have more methods, after all others and with default bodies. If the library that made an object
/// does not know such a method, the caller runs its own default body. A look-up refuses all other differences, and names them.
/// An object whose library has another version of the trait gets one more proxy when it is passed on to a third library.
///
/// # Errors
///
/// The attribute reports all parts of a trait that an interface cannot have, each at its own place: parameters, associated types and
/// constants, supertraits other than `Send` and `Sync`, generic, `async` and `unsafe` methods, functions without `self`, `Self` in
/// arguments and results, and attributes that may be macros. The interface leaves out a provided method with `where Self: Sized`,
/// which may have any signature.
///
/// The options `name = ".."` and `crate = ".."` are as those of [`#[plugin_type]`](macro@plugin_type).
#[proc_macro_attribute]
pub fn plugin_interface(options: TokenStream, item: TokenStream) -> TokenStream {
    interface::interface(options.into(), item.into(), number(), compiler::metadata(), compiler::dependency()).into()
}

/// A number that is different for each use of an attribute in a crate.
fn number() -> u64 {
    static USES: AtomicU64 = AtomicU64::new(0);
    USES.fetch_add(1, Ordering::Relaxed)
}
