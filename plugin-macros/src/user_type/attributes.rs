//! The attributes of a type, its fields and its variants that this macro reads.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::quote_spanned;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Meta, Token};

use crate::mistakes::Mistakes;

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

/// Takes this macro's own attributes from a field or variant, and returns them.
fn take_own(attributes: &mut Vec<Attribute>) -> Vec<Attribute> {
    let is_own =
        |attribute: &Attribute| attribute.path().segments.last().is_some_and(|last| last.ident == "plugin_type");
    let (own, others) = std::mem::take(attributes).into_iter().partition(is_own);
    *attributes = others;
    own
}

/// Takes `#[plugin_type(default)]` or `#[plugin_type(default = value)]` from a field.
pub(super) fn take_default(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) -> Option<TokenStream> {
    let mut default = None;
    for attribute in take_own(attributes) {
        let parse = |input: ParseStream| {
            let word: Ident = input.call(Ident::parse_any)?;
            if word != "default" {
                return Err(syn::Error::new(word.span(), "expected `default`, or `default = value`"));
            }
            if input.is_empty() {
                return Ok(quote_spanned!(word.span()=> ::plugin_core::__private::core::default::Default::default()));
            }
            input.parse::<Token![=]>()?;
            if input.is_empty() { Err(input.error("expected a value")) } else { input.parse() }
        };
        match attribute.meta.require_list().and_then(|list| parse.parse2(list.tokens.clone())) {
            Ok(value) if default.is_none() => default = Some(value),
            Ok(_) => mistakes.add(attribute, "the default is given twice"),
            Err(error) => mistakes.push(error),
        }
    }
    default
}

/// Takes `#[plugin_type(fallback)]` from a variant.
pub(super) fn take_fallback(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) -> bool {
    let mut is_fallback = false;
    for attribute in take_own(attributes) {
        match attribute.parse_args_with(Ident::parse_any) {
            Ok(word) if word == "fallback" => is_fallback = true,
            Ok(word) => mistakes.add(word, "expected `fallback`"),
            Err(error) => mistakes.push(error),
        }
    }
    is_fallback
}
