//! The path of plugin-core in the author's crate.

#[cfg(test)]
mod tests;

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::ParseStream;
use syn::spanned::Spanned;
use syn::{Error, LitStr, Path, Token};

use crate::compiler::Dependency;

/// The path of plugin-core in the author's crate: `::plugin_core`, or the path of the option `crate = ".."`.
///
/// Each expansion is made with `::plugin_core`, and then gets the other path in the place of each `::plugin_core`. The author's own
/// words may be `::plugin_core` too, and then mean another crate. They are marked before: in a mark, the name is a raw identifier,
/// which is the same name for the compiler, and is not replaced.
pub(crate) struct Sdk<'a> {
    path: Option<Path>,
    dependency: &'a Dependency,
}

impl<'a> Sdk<'a> {
    /// `path` is the option's.
    pub(crate) fn new(path: Option<Path>, dependency: &'a Dependency) -> Self {
        Sdk { path, dependency }
    }

    /// Returns true if the option or the compiler's arguments tell where plugin-core is.
    pub(crate) fn is_told(&self) -> bool {
        self.path.is_some() || *self.dependency == Dependency::Usual
    }

    /// Marks each `::plugin_core` of the author's.
    pub(crate) fn marked(&self, item: &TokenStream) -> TokenStream {
        let mark = |span| {
            let name = Ident::new_raw("plugin_core", span);
            quote_spanned!(span=> ::#name)
        };
        if self.path.is_some() { replaced(item.clone(), &mark) } else { item.clone() }
    }

    /// An expansion that was made with `::plugin_core`, with the crate's own path.
    pub(crate) fn in_expansion(&self, expansion: TokenStream) -> TokenStream {
        let Some(path) = &self.path else { return expansion };
        let at = |span| {
            path.to_token_stream().into_iter().map(move |mut token| {
                token.set_span(span);
                token
            })
        };
        replaced(expansion, &|span| at(span).collect())
    }

    /// Returns true if `path` is this path and one more name.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        self.path.as_ref().is_some_and(|own| {
            let are_same = own.segments.iter().zip(&path.segments).all(|(own, other)| own.ident == other.ident);
            are_same && path.segments.len() == own.segments.len() + 1
        })
    }

    /// The items of an expansion, in a block. If no path leads to plugin-core, the compiler says how to write the path. `attribute` is
    /// the macro's name.
    ///
    /// Only the compiler knows all crates and their names. Its arguments tell the names that the author gave in `Cargo.toml`, but
    /// not those of `extern crate`. So the advice is an error only if `::plugin_core` leads to nothing: otherwise the glob import
    /// hides the type `PluginCore`, which does not have the trait, behind a type that has it. An imported macro passes the items
    /// on. If the import fails, the compiler leaves the items out. Their errors would keep the compiler from the advice.
    pub(crate) fn guarded(&self, attribute: &str, items: TokenStream) -> TokenStream {
        if let Some(path) = &self.path {
            // The path gets the place where the author wrote it, so the compiler shows an error there.
            let at_path =
                quote_spanned!(path.span()=> #[allow(unused_imports)] use ::plugin_core::__private::is_there as _;);
            return quote!(#at_path #items);
        }
        let (message, label) = match self.dependency {
            Dependency::Usual => return items,
            Dependency::Renamed(name) => (
                format!("`#[{attribute}]` looks for the crate `plugin_core`, and this crate has it as `{name}`"),
                format!("write `#[{attribute}(crate = \"{name}\")]`, beside any other options"),
            ),
            Dependency::Unknown => (
                format!("`#[{attribute}]` looks for the crate `plugin_core`, and this crate does not depend on it"),
                format!(
                    "add plugin-core to the dependencies in `Cargo.toml`; or write the path at which another dependency has it, \
                     such as `#[{attribute}(crate = \"framework::plugin_core\")]`, beside any other options"
                ),
            ),
        };
        quote! {
            const _: () = {
                #[diagnostic::on_unimplemented(message = #message, label = #label)]
                trait PluginCoreIsThere {
                    const CHECKED: () = ();
                }
                #[diagnostic::do_not_recommend]
                impl PluginCoreIsThere for ((),) {}
                type PluginCore = ();
                const _: () = {
                    use ::plugin_core::__private::is_there::*;
                    let () = <PluginCore as PluginCoreIsThere>::CHECKED;
                };
            };
            use ::plugin_core::__if_there as __plugin_if_there;
            __plugin_if_there! { #items }
        }
    }
}

/// Parses the option `crate = ".."` into `path`.
pub(crate) fn parse_crate(input: ParseStream, path: &mut Option<Path>) -> syn::Result<()> {
    let word = input.parse::<Token![crate]>()?;
    input.parse::<Token![=]>()?;
    let text: LitStr = input.parse()?;
    let Ok(mut parsed) = text.parse_with(Path::parse_mod_style) else {
        let message =
            "expected the path of plugin-core, such as `crate = \"my_sdk\"` or `crate = \"framework::plugin_core\"`";
        return Err(Error::new(text.span(), message));
    };
    let first = parsed.segments.first().map(|first| first.ident.to_string()).unwrap_or_default();
    if ["self", "Self", "super"].contains(&first.as_str()) {
        let message = format!(
            "the path of plugin-core begins with the name of a crate, or with `crate`: `{first}` has another meaning in each module"
        );
        return Err(Error::new(text.span(), message));
    }
    // Without the colons, a module or a parameter of the author's could have the name.
    if first != "crate" && parsed.leading_colon.is_none() {
        parsed.leading_colon = Some(Token![::](text.span()));
    }
    match path.replace(parsed) {
        None => Ok(()),
        Some(_) => Err(Error::new(word.span, "`crate` is given twice")),
    }
}

/// Returns `tokens` with `other` in the place of each `::plugin_core`. `other` gets the place of the name.
fn replaced(tokens: TokenStream, other: &dyn Fn(Span) -> TokenStream) -> TokenStream {
    let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':');
    let ends_with_colons = |all: &[TokenTree]| matches!(all, [.., a, b] if is_colon(a) && is_colon(b));
    let mut all: Vec<TokenTree> = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Ident(name) if name == "plugin_core" && ends_with_colons(&all) => {
                all.truncate(all.len() - 2);
                all.extend(other(name.span()));
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), replaced(group.stream(), other));
                inner.set_span(group.span());
                all.push(inner.into());
            }
            token => all.push(token),
        }
    }
    all.into_iter().collect()
}
