//! The attribute macro of the plugin SDK. Use it through `plugin-core`, which documents it by example.

mod export;
mod model;
#[cfg(test)]
mod tests;
mod types;
mod user_type;

use std::hash::{DefaultHasher, Hash, Hasher};
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
///
/// `#[plugin_export(name = "...")]` gives the export another name than the item's. Doc comments travel with the
/// export. The item itself stays what it was, for the plugin's own use and tests.
///
/// Hooks run on the thread that loads or releases the library. The plugin's own come after those of the crates it
/// depends on, which go by package name; within a crate they go by module path, then by line. Shutdown hooks run in the
/// opposite order. When an init hook fails, the shutdown hooks run and the library is not attached.
///
/// # Errors
///
/// What cannot be exported is reported at the place where it stands, every mistake of an item at once: generics,
/// `async`, `unsafe`, methods, `impl Trait`, more than six arguments (four if one is `&mut`), borrowed results,
/// `static mut`, and types that do not cross.
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
    let expansion = export::export(options.into(), item.into());
    // What must be in the library's own object files, and in no program's.
    let control = is_cdylib().then(|| quote::quote!(::plugin_core::__control_threads! {}));
    quote::quote!(#expansion #control).into()
}

/// Whether the crate is being compiled as a library for a host to load. Only the compiler's arguments tell.
fn is_cdylib() -> bool {
    let mut arguments = std::env::args_os();
    let mut types = std::iter::from_fn(|| {
        let argument = arguments.find_map(|argument| {
            let argument = argument.to_str()?.to_owned();
            argument.strip_prefix("--crate-type").map(|value| value.strip_prefix('=').map(str::to_owned))
        })?;
        argument.or_else(|| arguments.next()?.into_string().ok())
    });
    types.any(|types| types.split(',').any(|ty| ty == "cdylib"))
}

/// Lets the values of a struct or enum cross between a plugin and its host.
#[proc_macro_attribute]
pub fn plugin_type(options: TokenStream, item: TokenStream) -> TokenStream {
    user_type::user_type(options.into(), item.into(), unique_key()).into()
}

/// Different for each use of the attribute in a program: what the compiler was told of the crate, which names it and its
/// version apart from all others, and how many uses came before in it.
fn unique_key() -> [u64; 2] {
    static USES: AtomicU64 = AtomicU64::new(0);
    let mut hasher = DefaultHasher::new();
    std::env::args_os().for_each(|argument| argument.hash(&mut hasher));
    [hasher.finish(), USES.fetch_add(1, Ordering::Relaxed)]
}
