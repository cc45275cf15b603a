//! The attributes of an annotated item that matter to the expansion.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, Meta};

pub(crate) fn docs(attributes: &[Attribute]) -> Vec<Expr> {
    let of = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => Some(meta.value.clone()),
        _ => None,
    };
    attributes.iter().filter_map(of).collect()
}

/// The attributes of an item that the expansion repeats: `cfg`, because it may leave the item out, and `allow`. An
/// attribute within `cfg_attr` is repeated within a `cfg_attr`.
pub(crate) fn shared(attributes: &[Attribute]) -> Vec<TokenStream> {
    fn kept(attribute: TokenStream) -> Option<TokenStream> {
        let mut tokens = attribute.clone().into_iter();
        let TokenTree::Ident(name) = tokens.next()? else { return None };
        if name == "cfg" || name == "allow" {
            return Some(attribute);
        }
        let Some(TokenTree::Group(group)) = tokens.next().filter(|_| name == "cfg_attr") else { return None };
        let of_group: Vec<TokenTree> = group.stream().into_iter().collect();
        let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ',');
        let mut parts = of_group.split(is_comma).map(|part| part.iter().cloned().collect::<TokenStream>());
        let (predicate, kept) = (parts.next()?, parts.filter_map(kept).collect::<Vec<_>>());
        (!kept.is_empty()).then(|| quote!(cfg_attr(#predicate, #(#kept),*)))
    }
    let kept = attributes.iter().filter_map(|attribute| kept(attribute.meta.to_token_stream()));
    kept.map(|attribute| quote!(#[#attribute])).collect()
}

/// Returns true if an attribute is `#[target_feature(..)]`, perhaps inside of a `cfg_attr`. `cfg(target_feature =
/// "..")` is something else.
pub(crate) fn enables_features(attribute: impl ToTokens) -> bool {
    let mut named = false;
    attribute.to_token_stream().into_iter().any(|token| match token {
        TokenTree::Group(group) => std::mem::take(&mut named) || enables_features(group.stream()),
        TokenTree::Ident(ident) => {
            named = ident == "target_feature";
            false
        }
        _ => {
            named = false;
            false
        }
    })
}
