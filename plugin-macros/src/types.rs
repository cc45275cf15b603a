//! What is wrong with a type whatever the names in it stand for. All else about types is the compiler's to find.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Error, Expr, GenericArgument, Lit, PathArguments, Type};

use crate::model::Mistakes;

/// The type inside parentheses and invisible groups.
pub(crate) fn strip(ty: &Type) -> &Type {
    match ty {
        Type::Paren(inner) => strip(&inner.elem),
        Type::Group(inner) => strip(&inner.elem),
        other => other,
    }
}

/// Reports each part of a type that never crosses. References and lifetimes other than `'static` are among them if there is something to say
/// `on_reference`, but not those in function pointers and trait objects, which are of a call.
pub(crate) fn check(ty: &Type, on_reference: Option<&str>, mistakes: &mut Mistakes) {
    match strip(ty) {
        Type::Reference(reference) => match on_reference {
            Some(message) => mistakes.add(ty, message),
            None => check(&reference.elem, None, mistakes),
        },
        Type::ImplTrait(_) => {
            mistakes.add(ty, "`impl Trait` does not cross: name the type, so that a host can ask for it")
        }
        Type::Never(_) => mistakes.add(ty, "`!` does not cross: an exported function must be able to return"),
        Type::Array(array) => {
            if is_zero(&array.len) {
                mistakes.add(&array.len, "an array of no elements does not cross: C has none");
            }
            check(&array.elem, on_reference, mistakes);
        }
        Type::Slice(slice) => check(&slice.elem, on_reference, mistakes),
        Type::Tuple(tuple) => tuple.elems.iter().for_each(|part| check(part, on_reference, mistakes)),
        Type::Path(path) => {
            for segment in &path.path.segments {
                let PathArguments::AngleBracketed(arguments) = &segment.arguments else { continue };
                for argument in &arguments.args {
                    match argument {
                        GenericArgument::Type(part) => check(part, on_reference, mistakes),
                        GenericArgument::Lifetime(lifetime) if on_reference.is_some() && lifetime.ident != "static" => {
                            mistakes.add(lifetime, "a type with a lifetime does not cross")
                        }
                        _ => {}
                    }
                }
            }
        }
        _ => {}
    }
}

/// The places of a type's first and last token.
pub(crate) fn ends(ty: &Type) -> (Span, Span) {
    let mut tokens = ty.to_token_stream().into_iter();
    let first = tokens.next().map_or_else(Span::call_site, |token| token.span());
    (first, tokens.last().map_or(first, |token| token.span()))
}

/// An error of the parser's, in terms of who wrote the item.
pub(crate) fn explained(error: Error) -> Error {
    // As an array's length or a variant's number; without it, every build waits for a parser of all expressions.
    let is_of_parser = error.to_string().starts_with("unsupported expression");
    if is_of_parser {
        return Error::new(error.span(), "an expression that is not read here: make it a constant, and write its name");
    }
    error
}

/// Whether the type is one that the compiler refuses by itself wherever a value of it is passed.
pub(crate) fn is_unsized(ty: &Type) -> bool {
    matches!(strip(ty), Type::Slice(_) | Type::TraitObject(_))
}

fn is_zero(length: &Expr) -> bool {
    match length {
        Expr::Lit(literal) => matches!(&literal.lit, Lit::Int(int) if int.base10_digits() == "0"),
        Expr::Group(group) => is_zero(&group.expr),
        _ => false,
    }
}

/// Reports `Self`, wherever it stands in a type of an export's.
pub(crate) fn check_self(tokens: impl ToTokens, mistakes: &mut Mistakes) {
    for token in tokens.to_token_stream() {
        match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                mistakes.add(ident, "`Self` means nothing in an exported function: name the type");
            }
            TokenTree::Group(group) => check_self(group.stream(), mistakes),
            _ => {}
        }
    }
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

/// `tokens` with `name` in the place of `Self`.
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

/// Whether one of these names stands anywhere in `tokens`.
pub(crate) fn mentions(tokens: impl ToTokens, names: &[Ident]) -> bool {
    tokens.to_token_stream().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => names.contains(&ident),
        TokenTree::Group(group) => mentions(group.stream(), names),
        _ => false,
    })
}
