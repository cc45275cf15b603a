//! What `#[plugin_export]` was put on, parsed and checked.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, FnArg, Item, ItemFn, LitStr, Meta, Pat, ReturnType, Signature, Token, Type};

/// More arguments than this have no function type that a host can ask for (see `plugin_core::Signature`).
const MOST_ARGUMENTS: usize = 6;
/// The same if one of them is `&mut`.
const MOST_ARGUMENTS_WITH_MUT: usize = 4;

mod keyword {
    syn::custom_keyword!(init);
    syn::custom_keyword!(shutdown);
    syn::custom_keyword!(name);
}

/// What an export is for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Role {
    #[default]
    Export,
    Init,
    Shutdown,
}

/// What stands in the parentheses of the attribute.
#[derive(Default)]
pub(crate) struct Options {
    role: Role,
    name: Option<LitStr>,
}

impl Parse for Options {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let mut options = Options::default();
        let mut hook: Option<Span> = None;
        while !input.is_empty() {
            let next = input.lookahead1();
            let span = input.span();
            if next.peek(keyword::init) || next.peek(keyword::shutdown) {
                options.role = if input.parse::<Option<keyword::init>>()?.is_some() {
                    Role::Init
                } else {
                    input.parse::<keyword::shutdown>()?;
                    Role::Shutdown
                };
                if hook.replace(span).is_some() {
                    return Err(Error::new(span, "a hook is either `init` or `shutdown`, once"));
                }
            } else if next.peek(keyword::name) {
                input.parse::<keyword::name>()?;
                input.parse::<Token![=]>()?;
                if options.name.replace(input.parse()?).is_some() {
                    return Err(Error::new(span, "`name` is given twice"));
                }
            } else {
                return Err(next.error());
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        match (hook, &options.name) {
            (Some(_), Some(name)) => Err(Error::new(name.span(), "a hook has no name to be looked up by")),
            _ => Ok(options),
        }
    }
}

/// How an argument is passed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    Own,
    Ref,
    Mut,
}

pub(crate) struct Argument {
    pub(crate) name: String,
    pub(crate) passing: Passing,
    /// The type itself, without the reference.
    pub(crate) ty: Type,
}

/// What the annotated item is.
pub(crate) enum Target {
    Function { arguments: Vec<Argument>, returns: Type },
    Static { ty: Type },
    Hook,
}

/// An annotated item as the expansion needs it.
pub(crate) struct Export {
    pub(crate) role: Role,
    pub(crate) target: Target,
    /// The item's own name.
    pub(crate) ident: Ident,
    /// The name it is looked up by.
    pub(crate) name: LitStr,
    pub(crate) docs: Vec<Expr>,
    pub(crate) cfgs: Vec<Attribute>,
    /// Whether the types cannot be checked, because they speak of parameters.
    pub(crate) generic: bool,
}

/// The mistakes found in one item, to be reported together.
#[derive(Default)]
pub(crate) struct Mistakes(Option<Error>);

impl Mistakes {
    pub(crate) fn add(&mut self, at: impl ToTokens, message: impl std::fmt::Display) {
        self.push(Error::new_spanned(at, message));
    }

    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            none => *none = Some(error),
        }
    }

    pub(crate) fn into_error(self) -> Option<Error> {
        self.0
    }
}

impl Export {
    /// Checks `item`; what it returns is whole only where there are no mistakes.
    pub(crate) fn new(options: Options, item: &Item, mistakes: &mut Mistakes) -> Option<Self> {
        let (attributes, ident, target) = match (options.role, item) {
            (Role::Export, Item::Fn(item)) => (&item.attrs, &item.sig.ident, function(item, mistakes)),
            (Role::Export, Item::Static(item)) => {
                if !matches!(item.mutability, syn::StaticMutability::None) {
                    mistakes.add(
                        &item.mutability,
                        "a `static mut` cannot be exported: nothing would order the two sides' accesses; \
                         export an atomic, a `Mutex` or a `RwLock`",
                    );
                }
                (&item.attrs, &item.ident, Target::Static { ty: static_type(&item.ty, mistakes) })
            }
            (Role::Export, other) => {
                mistakes.add(what_of(other), "only functions and statics can be exported");
                return None;
            }
            (_, Item::Fn(item)) => {
                check_signature(&item.sig, mistakes);
                if !item.sig.inputs.is_empty() {
                    mistakes.add(&item.sig.inputs, "a hook takes no arguments");
                }
                (&item.attrs, &item.sig.ident, Target::Hook)
            }
            (_, other) => {
                mistakes.add(what_of(other), "only a function can be a hook");
                return None;
            }
        };
        let name = options.name.unwrap_or_else(|| LitStr::new(&ident.unraw().to_string(), ident.span()));
        if name.value().is_empty() {
            mistakes.add(&name, "an export's name cannot be empty");
        } else if name.value().contains(char::is_control) {
            mistakes.add(&name, "an export's name cannot contain control characters");
        }
        Some(Export {
            role: options.role,
            target,
            ident: ident.clone(),
            name,
            docs: docs(attributes),
            generic: matches!(item, Item::Fn(item) if !item.sig.generics.params.is_empty()),
            cfgs: attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect(),
        })
    }
}

/// The tokens that say what an item is, `struct Config`, rather than all of it.
fn what_of(item: &Item) -> TokenStream {
    let mut tokens = item.to_token_stream().into_iter().peekable();
    // Past the attributes.
    while matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == '#') {
        tokens.nth(1);
    }
    tokens.take(2).collect()
}

fn docs(attributes: &[Attribute]) -> Vec<Expr> {
    let of = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => Some(meta.value.clone()),
        _ => None,
    };
    attributes.iter().filter_map(of).collect()
}

/// What no exported function may be.
fn check_signature(signature: &Signature, mistakes: &mut Mistakes) {
    if let Some(token) = &signature.asyncness {
        mistakes
            .add(token, "an `async` function cannot be exported: export one that blocks, or one that starts the work");
    }
    if !matches!(signature.safety, syn::Safety::Default) {
        mistakes
            .add(&signature.safety, "an `unsafe` function cannot be exported: a host calls exports as safe functions");
    }
    if let Some(variadic) = &signature.variadic {
        mistakes.add(variadic, "a variadic function cannot be exported");
    }
    if !signature.generics.params.is_empty() {
        let generics = &signature.generics;
        let only_lifetimes = generics.params.iter().all(|param| matches!(param, syn::GenericParam::Lifetime(_)));
        mistakes.add(
            &generics.params,
            if only_lifetimes {
                "an exported function has no lifetime parameters: write `&T`, and return owned values"
            } else {
                "a generic function cannot be exported: a host looks up one function with one type; export a function \
                 for each type it is needed for"
            },
        );
    }
    if let Some(clause) = &signature.generics.where_clause {
        mistakes.add(clause, "an exported function has no `where` clause: it is not generic");
    }
}

fn function(item: &ItemFn, mistakes: &mut Mistakes) -> Target {
    let signature = &item.sig;
    check_signature(signature, mistakes);
    let mut arguments = Vec::new();
    for input in &signature.inputs {
        match input {
            FnArg::Receiver(receiver) => {
                mistakes.add(
                    receiver,
                    "a method cannot be exported: export a function that takes the value as an argument",
                );
            }
            FnArg::Typed(typed) => {
                let name = match &*typed.pat {
                    Pat::Ident(pattern) => pattern.ident.unraw().to_string(),
                    _ => "_".to_owned(),
                };
                let (passing, ty) = match strip(&typed.ty) {
                    Type::Reference(reference) => {
                        let passing = if reference.mutability.is_some() { Passing::Mut } else { Passing::Ref };
                        (passing, strip(&reference.elem))
                    }
                    ty => (Passing::Own, ty),
                };
                check_type(ty, "a reference crosses only as a whole argument: `&T` or `&mut T`", mistakes);
                arguments.push(Argument { name, passing, ty: ty.clone() });
            }
        }
    }
    let with_mut = arguments.iter().any(|argument| argument.passing == Passing::Mut);
    let most = if with_mut { MOST_ARGUMENTS_WITH_MUT } else { MOST_ARGUMENTS };
    if let Some(first_too_many) = signature.inputs.iter().nth(most) {
        let with = if with_mut { " where one is `&mut`" } else { "" };
        mistakes.add(
            first_too_many,
            format!("an exported function takes at most {most} arguments{with}: put some together in a tuple"),
        );
    }
    let returns = match &signature.output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, ty) => {
            match strip(ty) {
                Type::Never(never) => mistakes.add(never, "an exported function must be able to return"),
                ty => check_type(
                    ty,
                    "an exported function returns an owned value, such as `String` for `&str`: a borrowed one could \
                     outlive the library",
                    mistakes,
                ),
            }
            strip(ty).clone()
        }
    };
    Target::Function { arguments, returns }
}

/// The type inside parentheses and invisible groups.
fn strip(ty: &Type) -> &Type {
    match ty {
        Type::Paren(inner) => strip(&inner.elem),
        Type::Group(inner) => strip(&inner.elem),
        other => other,
    }
}

/// Finds in a type what never crosses, whatever the names in it stand for.
fn check_type(ty: &Type, on_reference: &str, mistakes: &mut Mistakes) {
    let mut pending: Vec<TokenTree> = ty.to_token_stream().into_iter().collect();
    pending.reverse();
    while let Some(token) = pending.pop() {
        let message = match &token {
            TokenTree::Group(group) => {
                let mut inner: Vec<TokenTree> = group.stream().into_iter().collect();
                inner.reverse();
                pending.extend(inner);
                continue;
            }
            TokenTree::Punct(punct) if punct.as_char() == '&' => on_reference,
            TokenTree::Punct(punct) if punct.as_char() == '\'' => "a type with a lifetime does not cross",
            TokenTree::Ident(ident) if ident == "impl" => {
                "`impl Trait` does not cross: name the type, so that a host can ask for it"
            }
            _ => continue,
        };
        mistakes.add(&token, message);
        return;
    }
}

/// The type of an exported static, with the lifetime that it may leave out.
fn static_type(ty: &Type, mistakes: &mut Mistakes) -> Type {
    const NESTED: &str = "in an exported static, a reference is the whole type: `&'static str` or `&'static [T]`";
    match strip(ty) {
        Type::Reference(reference) => {
            if let Some(token) = &reference.mutability {
                mistakes.add(token, "a static with a `&mut` cannot be exported; export a `Mutex` or a `RwLock`");
            }
            check_type(&reference.elem, NESTED, mistakes);
            let mut reference = reference.clone();
            reference.lifetime = Some(syn::Lifetime::new("'static", reference.and_token.span()));
            Type::Reference(reference)
        }
        ty => {
            check_type(ty, NESTED, mistakes);
            ty.clone()
        }
    }
}
