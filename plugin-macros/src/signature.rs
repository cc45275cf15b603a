//! A function's signature. syn's own parser of signatures needs its parser of all expressions, and every plugin's build
//! would wait for that.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Abi, Attribute, Generics, Lifetime, ReturnType, Token, Type, parenthesized};

/// The parts of a signature that matter here. The compiler has parsed the function before, so the syntax is right.
pub(crate) struct Signature {
    pub(crate) asyncness: Option<Token![async]>,
    pub(crate) unsafety: Option<Token![unsafe]>,
    pub(crate) abi: Option<Abi>,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) inputs: Punctuated<Input, Token![,]>,
    pub(crate) variadic: Option<Token![...]>,
    pub(crate) output: ReturnType,
}

/// A part of a signature between two commas.
pub(crate) enum Input {
    /// `self`, however it is taken.
    Receiver(TokenStream),
    Typed(Box<Argument>),
}

/// An argument with a pattern and a type.
pub(crate) struct Argument {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) pattern: TokenStream,
    pub(crate) ty: Type,
}

impl Signature {
    /// Returns true if the function is not a method.
    pub(crate) fn is_free(&self) -> bool {
        self.inputs.iter().all(|input| matches!(input, Input::Typed(_)))
    }
}

impl Parse for Signature {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        input.parse::<Option<Token![const]>>()?;
        let (asyncness, unsafety, abi) = (input.parse()?, input.parse()?, input.parse()?);
        input.parse::<Token![fn]>()?;
        let (ident, mut generics) = (input.parse()?, input.parse::<Generics>()?);
        let between;
        parenthesized!(between in input);
        let (mut inputs, mut variadic) = (Punctuated::new(), None);
        while !between.is_empty() {
            let attributes = between.call(Attribute::parse_outer)?;
            if let Some(receiver) = receiver(&between)? {
                inputs.push_value(Input::Receiver(receiver));
            } else {
                let pattern = if between.peek(Token![...]) { TokenStream::new() } else { pattern(&between)? };
                variadic = between.parse()?;
                if variadic.is_none() {
                    inputs.push_value(Input::Typed(Box::new(Argument { attributes, pattern, ty: between.parse()? })));
                }
            }
            if between.is_empty() {
                break;
            }
            let comma = between.parse()?;
            if variadic.is_none() {
                inputs.push_punct(comma);
            }
        }
        let output = input.parse()?;
        generics.where_clause = input.parse()?;
        Ok(Signature { asyncness, unsafety, abi, ident, generics, inputs, variadic, output })
    }
}

/// Takes `self`, if it comes next.
fn receiver(input: ParseStream) -> syn::Result<Option<TokenStream>> {
    fn taken(input: ParseStream) -> syn::Result<TokenStream> {
        let reference = input.parse::<Option<Token![&]>>()?;
        let lifetime = input.parse::<Option<Lifetime>>()?;
        let mutability = input.parse::<Option<Token![mut]>>()?;
        Ok(quote!(#reference #lifetime #mutability))
    }
    let ahead = input.fork();
    taken(&ahead)?;
    if !ahead.peek(Token![self]) {
        return Ok(None);
    }
    let (taken, this) = (taken(input)?, input.parse::<Token![self]>()?);
    let colon = input.parse::<Option<Token![:]>>()?;
    let ty = colon.map(|_| input.parse::<Type>()).transpose()?;
    Ok(Some(quote!(#taken #this #colon #ty)))
}

/// Takes a pattern and the colon after it.
fn pattern(input: ParseStream) -> syn::Result<TokenStream> {
    let mut pattern = TokenStream::new();
    loop {
        if let Some(path) = input.parse::<Option<Token![::]>>()? {
            path.to_tokens(&mut pattern);
        } else if input.parse::<Option<Token![:]>>()?.is_some() {
            return Ok(pattern);
        } else {
            input.parse::<TokenTree>()?.to_tokens(&mut pattern);
        }
    }
}

impl Argument {
    /// The argument's name, if it has one.
    pub(crate) fn name(&self) -> Option<Ident> {
        fn named(pattern: TokenStream) -> Option<Ident> {
            let is_word = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word == "mut" || word == "ref");
            let mut tokens = pattern.into_iter().skip_while(is_word);
            match (tokens.next()?, tokens.next()) {
                (TokenTree::Ident(name), None) => Some(name),
                (TokenTree::Ident(name), Some(TokenTree::Punct(at))) if at.as_char() == '@' => Some(name),
                // From a macro.
                (TokenTree::Group(group), None) if group.delimiter() == Delimiter::None => named(group.stream()),
                _ => None,
            }
        }
        named(self.pattern.clone())
    }
}

impl ToTokens for Argument {
    fn to_tokens(&self, to: &mut TokenStream) {
        let Argument { attributes, pattern, ty } = self;
        to.extend(quote!(#(#attributes)* #pattern: #ty));
    }
}

impl ToTokens for Input {
    fn to_tokens(&self, to: &mut TokenStream) {
        match self {
            Input::Receiver(receiver) => receiver.to_tokens(to),
            Input::Typed(argument) => argument.to_tokens(to),
        }
    }
}
