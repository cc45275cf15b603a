//! The attributes of a type, its fields and its variants that this macro reads.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::quote_spanned;
use syn::parse::{Lookahead1, ParseStream};
use syn::{Attribute, Error, LitStr, Meta, Path, Token};

use crate::mistakes::Mistakes;
use crate::options::{keyword, parse_name, parse_options};
use crate::sdk::parse_crate;

/// The words in `#[repr(..)]`.
pub(super) fn repr_words(attributes: &[Attribute]) -> Vec<Ident> {
    let lists = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("repr") => Some(list.tokens.clone()),
        _ => None,
    });
    let words = lists.flatten().filter_map(|token| match token {
        TokenTree::Ident(word) => Some(word),
        _ => None,
    });
    words.collect()
}

/// The type of an enum's discriminants.
pub(super) fn repr_type(attributes: &[Attribute]) -> Ident {
    let integer = |word: &Ident| {
        let word = word.to_string();
        word.starts_with(['u', 'i']) && word[1..].chars().all(|c| c.is_ascii_digit()) || word.ends_with("size")
    };
    let word = repr_words(attributes).into_iter().find(integer);
    word.unwrap_or_else(|| Ident::new("isize", Span::call_site()))
}

/// The options of a type's attribute.
#[derive(Default)]
pub(super) struct TypeOptions {
    pub(super) name: Option<LitStr>,
    /// The path of plugin-core.
    pub(super) sdk: Option<Path>,
}

impl TypeOptions {
    pub(super) fn new(tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        let mut options = TypeOptions::default();
        parse_options(tokens, mistakes, |input| {
            let next = input.lookahead1();
            if next.peek(keyword::name) {
                parse_name(input, &mut options.name)
            } else if next.peek(Token![crate]) {
                parse_crate(input, &mut options.sdk)
            } else if input.peek(keyword::default) || input.peek(keyword::fallback) {
                Err(input.error("`default` stands on a field, and `fallback` on a variant"))
            } else {
                Err(next.error())
            }
        });
        options
    }
}

/// The options of a field.
#[derive(Default)]
pub(super) struct FieldOptions {
    pub(super) name: Option<LitStr>,
    /// The field's value if the other side does not have the field.
    pub(super) default: Option<TokenStream>,
}

impl FieldOptions {
    /// Takes `#[plugin_type(name = "..", default = value)]` from a field.
    pub(super) fn take(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) -> Self {
        let FieldOptions { mut name, mut default } = FieldOptions::default();
        take_options(attributes, mistakes, &mut name, |input, next| {
            if !next.peek(keyword::default) {
                return Err(next.error());
            }
            let word = input.parse::<keyword::default>()?;
            let value = if input.peek(Token![=]) {
                input.parse::<Token![=]>()?;
                value(input)?
            } else {
                quote_spanned!(word.span=> ::plugin_core::__private::core::default::Default::default())
            };
            match default.replace(value) {
                None => Ok(()),
                Some(_) => Err(Error::new(word.span, "the default is given twice")),
            }
        });
        FieldOptions { name, default }
    }
}

/// Takes a default value, of any syntax. It ends at the end or before `, name =`: an expression may have commas, but no comma before
/// these two.
fn value(input: ParseStream) -> syn::Result<TokenStream> {
    let is_next_option = || input.peek(Token![,]) && input.peek2(keyword::name) && input.peek3(Token![=]);
    let mut value = TokenStream::new();
    while !input.is_empty() && !is_next_option() {
        value.extend([input.parse::<TokenTree>()?]);
    }
    if value.is_empty() { Err(input.error("expected a value")) } else { Ok(value) }
}

/// The options of a variant.
#[derive(Default)]
pub(super) struct VariantOptions {
    pub(super) name: Option<LitStr>,
    pub(super) is_fallback: bool,
}

impl VariantOptions {
    /// Takes `#[plugin_type(name = "..", fallback)]` from a variant.
    pub(super) fn take(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) -> Self {
        let VariantOptions { mut name, mut is_fallback } = VariantOptions::default();
        take_options(attributes, mistakes, &mut name, |input, next| {
            if !next.peek(keyword::fallback) {
                return Err(next.error());
            }
            input.parse::<keyword::fallback>()?;
            is_fallback = true;
            Ok(())
        });
        VariantOptions { name, is_fallback }
    }
}

/// Takes the options of a field or variant: `name` into `name`, and each other one with `parse_other`, which gets what comes next.
fn take_options(
    attributes: &mut Vec<Attribute>,
    mistakes: &mut Mistakes,
    name: &mut Option<LitStr>,
    mut parse_other: impl FnMut(ParseStream, Lookahead1) -> syn::Result<()>,
) {
    for tokens in take_own(attributes, mistakes) {
        parse_options(tokens, mistakes, |input| {
            let next = input.lookahead1();
            if next.peek(keyword::name) { parse_name(input, name) } else { parse_other(input, next) }
        });
    }
}

/// Takes this macro's own attributes from a field or variant, and returns the tokens in the parentheses of each.
fn take_own(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) -> Vec<TokenStream> {
    let is_own =
        |attribute: &Attribute| attribute.path().segments.last().is_some_and(|last| last.ident == "plugin_type");
    let (own, others): (Vec<_>, _) = std::mem::take(attributes).into_iter().partition(is_own);
    *attributes = others;
    let tokens = own.iter().filter_map(|attribute| match attribute.parse_args() {
        Ok(tokens) => Some(tokens),
        Err(error) => {
            mistakes.push(error);
            None
        }
    });
    tokens.collect()
}
