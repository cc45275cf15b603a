//! The item that `#[plugin_export]` was put on, parsed.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Token, Type, token};

use crate::signature::Signature;
use crate::tokens::mentions;

/// An item as far as it matters here. Bodies and initial values are not parsed. So they cost no time, and may be
/// written in any Rust that the compiler knows.
pub(crate) enum Item {
    Function {
        attributes: Vec<Attribute>,
        signature: Box<Signature>,
    },
    Static {
        attributes: Vec<Attribute>,
        mutability: Option<Token![mut]>,
        ident: Ident,
        ty: Box<Type>,
    },
    /// A function without a body or a static without a value: an item of a trait or an `extern` block.
    Declaration(Ident),
    /// A constant. `of_thread` is true if `thread_local!` has made it from a static.
    Constant {
        ident: Ident,
        of_thread: bool,
    },
    /// Anything else, by its first words.
    Other(TokenStream),
}

impl Parse for Item {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let mut attributes = input.call(Attribute::parse_outer)?;
        input.parse::<syn::Visibility>()?;
        let item = if input.peek(Token![static]) {
            input.parse::<Token![static]>()?;
            let (mutability, ident) = (input.parse()?, input.parse()?);
            input.parse::<Token![:]>()?;
            let ty = input.parse()?;
            if input.peek(Token![=]) {
                Item::Static { attributes, mutability, ident, ty }
            } else {
                Item::Declaration(ident)
            }
        } else if is_function(input) {
            let signature: Box<Signature> = input.parse()?;
            if input.peek(token::Brace) {
                let body;
                syn::braced!(body in input);
                attributes.extend(body.call(Attribute::parse_inner)?);
                body.parse::<TokenStream>()?;
                Item::Function { attributes, signature }
            } else {
                Item::Declaration(signature.ident)
            }
        } else if input.peek(Token![const]) {
            input.parse::<Token![const]>()?;
            let ident = input.call(Ident::parse_any)?;
            let ty = input.cursor().token_stream();
            Item::Constant { ident, of_thread: mentions(ty, &[Ident::new("LocalKey", Span::call_site())]) }
        } else {
            Item::Other(input.cursor().token_stream().into_iter().take(2).collect())
        };
        input.parse::<TokenStream>()?;
        Ok(item)
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
