//! Searches in tokens that this crate does not parse.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Type;

/// The words in `tokens`, and `*` for a pointer.
pub(crate) fn words(tokens: TokenStream) -> Vec<String> {
    let mut words = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) => words.push(ident.to_string()),
            TokenTree::Group(group) => words.extend(self::words(group.stream())),
            TokenTree::Punct(punct) if punct.as_char() == '*' => {
                let is_pointer =
                    |next: &TokenTree| matches!(next, TokenTree::Ident(of) if of == "const" || of == "mut");
                words.extend(tokens.peek().filter(|next| is_pointer(next)).map(|_| "*".to_owned()));
            }
            _ => {}
        }
    }
    words
}

/// The places of a type's first and last token.
pub(crate) fn ends(ty: &Type) -> (Span, Span) {
    let mut tokens = ty.to_token_stream().into_iter();
    let first = tokens.next().map_or_else(Span::call_site, |token| token.span());
    (first, tokens.last().map_or(first, |token| token.span()))
}

/// The first `Self` in a type of an export.
pub(crate) fn find_self(tokens: impl ToTokens) -> Option<Ident> {
    tokens.to_token_stream().into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) => (ident == "Self").then_some(ident),
        TokenTree::Group(group) => find_self(group.stream()),
        _ => None,
    })
}

/// Returns true if a macro may be used in `tokens`: `name!`, or an attribute.
pub(crate) fn has_macro(tokens: impl ToTokens) -> bool {
    // `!` is an operator behind these words, and at the beginning.
    const BEFORE_NOT: [&str; 6] = ["break", "if", "in", "match", "return", "while"];
    let mut may_be_name = false;
    let mut tokens = tokens.to_token_stream().into_iter().peekable();
    while let Some(token) = tokens.next() {
        let found = match &token {
            TokenTree::Punct(punct) if punct.as_char() == '!' => {
                may_be_name && !matches!(tokens.peek(), None | Some(TokenTree::Punct(_)))
            }
            TokenTree::Punct(punct) => punct.as_char() == '#',
            TokenTree::Group(group) => has_macro(group.stream()),
            _ => false,
        };
        if found {
            return true;
        }
        may_be_name = match &token {
            TokenTree::Ident(ident) => !BEFORE_NOT.iter().any(|word| ident == word),
            TokenTree::Group(group) => group.delimiter() == Delimiter::None,
            _ => false,
        };
    }
    false
}

/// Returns `tokens` with `name` in the place of `Self`.
pub(crate) fn without_self(tokens: impl ToTokens, name: &Ident) -> TokenStream {
    let replaced = tokens.to_token_stream().into_iter().map(|token| match token {
        TokenTree::Ident(ident) if ident == "Self" => Ident::new(&name.to_string(), ident.span()).into(),
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), without_self(group.stream(), name));
            inner.set_span(group.span());
            inner.into()
        }
        other => other,
    });
    replaced.collect()
}

/// Returns true if one of these names stands anywhere in `tokens`.
pub(crate) fn mentions(tokens: impl ToTokens, names: &[Ident]) -> bool {
    tokens.to_token_stream().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => names.contains(&ident),
        TokenTree::Group(group) => mentions(group.stream(), names),
        _ => false,
    })
}
