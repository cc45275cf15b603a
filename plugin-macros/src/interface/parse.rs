//! A trait as far as it matters here. Bodies are not parsed, so they may be written in any Rust that the compiler knows.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Generics, Token, TypeParamBound, Visibility, braced, token};

use crate::signature::Signature;

/// The trait.
pub(super) struct Trait {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) unsafety: Option<Token![unsafe]>,
    pub(super) ident: Ident,
    pub(super) generics: Generics,
    pub(super) supertraits: Punctuated<TypeParamBound, Token![+]>,
    pub(super) items: Vec<Item>,
}

/// An item of the trait.
pub(super) enum Item {
    Method(Box<Method>),
    /// An associated type, a constant or a macro, by its words.
    Other(TokenStream),
}

pub(super) struct Method {
    pub(super) attributes: Vec<Attribute>,
    pub(super) signature: Signature,
    /// The block of a method that is provided.
    pub(super) body: Option<TokenStream>,
    /// All words of the method.
    pub(super) whole: TokenStream,
}

impl Parse for Trait {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let unsafety = input.parse()?;
        if !input.peek(Token![trait]) {
            let words: TokenStream = input.cursor().token_stream().into_iter().take(2).collect();
            input.parse::<TokenStream>()?;
            return Err(Error::new_spanned(words, "only a trait can be an interface"));
        }
        input.parse::<Token![trait]>()?;
        let (ident, mut generics) = (input.parse()?, input.parse::<Generics>()?);
        let mut supertraits = Punctuated::new();
        if input.parse::<Option<Token![:]>>()?.is_some() {
            while !input.peek(token::Brace) && !input.peek(Token![where]) {
                supertraits.push_value(input.parse()?);
                if !input.peek(Token![+]) {
                    break;
                }
                supertraits.push_punct(input.parse()?);
            }
        }
        generics.where_clause = input.parse()?;
        let inside;
        braced!(inside in input);
        let mut items = Vec::new();
        while !inside.is_empty() {
            items.push(inside.parse()?);
        }
        Ok(Trait { attributes, visibility, unsafety, ident, generics, supertraits, items })
    }
}

impl Parse for Item {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let ahead = input.fork();
        ahead.call(Attribute::parse_outer)?;
        ahead.parse::<Visibility>()?;
        if !is_function(&ahead) {
            return Ok(Item::Other(rest_of_item(input)?));
        }
        let begin = input.cursor();
        let attributes = input.call(Attribute::parse_outer)?;
        let _: Visibility = input.parse()?;
        let signature = input.parse()?;
        let body = if input.peek(token::Brace) {
            Some(TokenStream::from(input.parse::<TokenTree>()?))
        } else {
            input.parse::<Token![;]>()?;
            None
        };
        let left = input.cursor().token_stream().into_iter().count();
        let all: Vec<TokenTree> = begin.token_stream().into_iter().collect();
        let whole = all[..all.len() - left].iter().cloned().collect();
        Ok(Item::Method(Box::new(Method { attributes, signature, body, whole })))
    }
}

/// Returns true if a function begins here: qualifiers, then `fn`.
fn is_function(input: ParseStream) -> bool {
    let is_qualifier = |token: &TokenTree| match token {
        TokenTree::Ident(ident) => ["const", "async", "unsafe", "extern"].iter().any(|qualifier| ident == qualifier),
        TokenTree::Literal(_) => true,
        _ => false,
    };
    let mut tokens = input.cursor().token_stream().into_iter().skip_while(is_qualifier);
    matches!(tokens.next(), Some(TokenTree::Ident(ident)) if ident == "fn")
}

/// Takes the words up to a semicolon, or a block at the end of a macro.
fn rest_of_item(input: ParseStream) -> syn::Result<TokenStream> {
    let mut words = TokenStream::new();
    let mut is_macro = false;
    while !input.is_empty() {
        let token: TokenTree = input.parse()?;
        let is_mark = |mark: char| matches!(&token, TokenTree::Punct(punct) if punct.as_char() == mark);
        let (ends, is_block) = (is_mark(';'), matches!(&token, TokenTree::Group(_)));
        let begins_macro = is_mark('!');
        words.extend([token]);
        if ends || (is_macro && is_block && !input.peek(Token![;])) {
            break;
        }
        is_macro = begins_macro;
    }
    Ok(words)
}
