//! A trait with `#[plugin_interface]`, checked.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Attribute, LitStr, ReturnType, Type, TypeParamBound, Visibility};

use super::parse::{self, Item, Trait};
use crate::attributes::shared;
use crate::crossing::Passing;
use crate::mistakes::Mistakes;
use crate::options::check_name;
use crate::signature::{Argument, Input, Signature};
use crate::tokens::{find_self, words};
use crate::types::{check, is_unsized, strip};

/// The most arguments of a method beside `self`.
const MAX_ARGUMENTS: usize = 6;

/// The attributes that a trait and its methods may have. Another attribute may be a macro, which changes the trait after this macro
/// has read it.
const ATTRIBUTES: [&str; 15] = [
    "allow",
    "cfg_attr",
    "clippy",
    "cold",
    "deny",
    "deprecated",
    "diagnostic",
    "doc",
    "expect",
    "forbid",
    "inline",
    "must_use",
    "rustfmt",
    "warn",
    "cfg",
];

pub(super) struct Interface {
    pub(super) attributes: Vec<Attribute>,
    pub(super) shared: Vec<TokenStream>,
    pub(super) visibility: Visibility,
    pub(super) ident: Ident,
    /// The name in the descriptor.
    pub(super) name: LitStr,
    pub(super) supertraits: Vec<TypeParamBound>,
    pub(super) methods: Vec<Method>,
    /// The other items of the trait, which the interface does not contain.
    pub(super) skipped: Vec<TokenStream>,
}

/// The way of `self`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiver {
    Shared,
    Exclusive,
    Consumed,
}

pub(super) struct Method {
    pub(super) attributes: Vec<Attribute>,
    pub(super) ident: Ident,
    pub(super) receiver: Receiver,
    /// `self` as the author wrote it.
    pub(super) receiver_words: TokenStream,
    pub(super) arguments: Vec<MethodArgument>,
    pub(super) output: ReturnType,
    pub(super) returns: Type,
    pub(super) body: Option<TokenStream>,
}

pub(super) struct MethodArgument {
    pub(super) passing: Passing,
    /// The type without the reference.
    pub(super) ty: Type,
    pub(super) written: Argument,
}

impl Interface {
    /// Checks a trait.
    pub(super) fn new(of: Trait, name: Option<LitStr>, mistakes: &mut Mistakes) -> Self {
        let Trait { attributes, visibility, unsafety, ident, generics, supertraits, items } = of;
        check_attributes(&attributes, "an interface", mistakes);
        if let Some(token) = unsafety {
            mistakes
                .add(token, "an `unsafe` trait cannot be an interface: the objects of another library promise nothing");
        }
        if !generics.params.is_empty() {
            mistakes.add(
                &generics.params,
                "an interface has no parameters: a `dyn Trait` crosses as one type; write a trait for each type it is needed for",
            );
        }
        if let Some(clause) = &generics.where_clause {
            mistakes.add(clause, "an interface has no `where` clause");
        }
        for supertrait in &supertraits {
            if matches!(supertrait, TypeParamBound::Lifetime(_)) {
                mistakes.add(supertrait, "an interface has no lifetime: its objects borrow nothing; leave it out");
            } else if !is_auto(supertrait) {
                mistakes.add(
                    supertrait,
                    "an interface has no supertraits but `Send` and `Sync`: objects of another library have the methods of \
                     this trait alone; add the methods to this trait",
                );
            }
        }
        let name = name.unwrap_or_else(|| LitStr::new(&ident.unraw().to_string(), ident.span()));
        check_name(&name, "an interface", mistakes);
        let (mut methods, mut skipped) = (Vec::new(), Vec::new());
        for item in items {
            match item {
                Item::Method(method) if is_sized_only(&method) => skipped.push(method.whole),
                Item::Method(method) => methods.extend(Method::new(*method, mistakes)),
                Item::Other(words) => {
                    let message = match words.clone().into_iter().map(|word| word.to_string()).find(|word| word != "#")
                    {
                        Some(word) if word == "type" => {
                            "an interface has no associated types: a `dyn Trait` crosses as one type; name the type in the methods"
                        }
                        Some(word) if word == "const" => {
                            "an interface has no constants: write a method with `&self` that returns the value"
                        }
                        _ => "an interface has methods only, without macros",
                    };
                    mistakes.add(words, message);
                }
            }
        }
        let shared = shared(&attributes);
        let supertraits = supertraits.into_iter().collect();
        Interface { attributes, shared, visibility, ident, name, supertraits, methods, skipped }
    }
}

/// Refuses attributes that may be macros.
fn check_attributes(attributes: &[Attribute], of: &str, mistakes: &mut Mistakes) {
    for attribute in attributes {
        let first = attribute.path().segments.first().map(|first| first.ident.to_string()).unwrap_or_default();
        let on_method = of != "an interface";
        if on_method && (first == "cfg" || first == "cfg_attr") {
            mistakes.add(
                attribute,
                "an interface has the same methods everywhere: put `#[cfg]` on the trait, or write the attribute without `cfg_attr`",
            );
        } else if !ATTRIBUTES.contains(&first.as_str()) {
            mistakes.add(
                attribute,
                format!("{of} has no such attribute: it may be a macro, which would change the trait; put it before `#[plugin_interface]`"),
            );
        }
    }
}

/// Returns true for `Send` and `Sync`. The names decide about the message alone: the descriptor says which auto traits
/// the compiler finds.
fn is_auto(bound: &TypeParamBound) -> bool {
    match bound {
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|last| last.ident == "Send" || last.ident == "Sync")
        }
        _ => false,
    }
}

/// Returns true if a provided method has `where Self: Sized`. A `dyn Trait` does not have such a method.
fn is_sized_only(method: &parse::Method) -> bool {
    let clause = method.signature.generics.where_clause.to_token_stream();
    method.body.is_some() && words(clause).windows(2).any(|pair| pair == ["Self", "Sized"])
}

impl Method {
    fn new(of: parse::Method, mistakes: &mut Mistakes) -> Option<Self> {
        let parse::Method { attributes, signature, body, .. } = of;
        let before = mistakes.count();
        check_attributes(&attributes, "a method of an interface", mistakes);
        check_signature(&signature, mistakes);
        let mut inputs = signature.inputs.into_iter();
        let receiver_words = match inputs.next() {
            Some(Input::Receiver(receiver)) => receiver,
            _ => {
                mistakes.add(
                    &signature.ident,
                    "an interface has no functions without `self`: a plugin exports such a function with `#[plugin_export]`, for example \
                     one that returns `Box<dyn Trait>`",
                );
                return None;
            }
        };
        let receiver = receiver(&receiver_words, mistakes)?;
        let arguments: Vec<Argument> = inputs
            .filter_map(|input| match input {
                Input::Typed(argument) => Some(*argument),
                Input::Receiver(_) => None,
            })
            .collect();
        if let Some(first_too_many) = arguments.get(MAX_ARGUMENTS) {
            mistakes.add(
                first_too_many,
                format!("a method of an interface takes at most {MAX_ARGUMENTS} arguments: put some together in a tuple, or in a struct with `#[plugin_type]`"),
            );
        }
        let arguments: Vec<MethodArgument> =
            arguments.into_iter().map(|written| MethodArgument::new(written, mistakes)).collect();
        let returns = match &signature.output {
            ReturnType::Default => syn::parse_quote!(()),
            ReturnType::Type(_, ty) => strip(ty).clone(),
        };
        const BORROWED: &str = "a method of an interface returns an owned value, such as `String` for `&str`: a borrowed one could outlive \
                                the object";
        check(&returns, Some(BORROWED), mistakes);
        check_self(&returns, mistakes);
        (mistakes.count() == before).then_some(Method {
            attributes,
            ident: signature.ident,
            receiver,
            receiver_words,
            arguments,
            output: signature.output,
            returns,
            body,
        })
    }
}

/// Reports the properties that no method of an interface may have.
fn check_signature(signature: &Signature, mistakes: &mut Mistakes) {
    if let Some(token) = &signature.asyncness {
        mistakes.add(
            token,
            "an `async` method cannot be a part of an interface: write one that blocks, or one that takes a callback",
        );
    }
    if let Some(token) = &signature.unsafety {
        mistakes
            .add(token, "an `unsafe` method cannot be a part of an interface: the other side calls it as a safe one");
    }
    if let Some(abi) = &signature.abi {
        mistakes.add(abi, "a method of an interface has no ABI of its own: leave out the `extern`");
    }
    if !signature.generics.params.is_empty() {
        mistakes.add(
            &signature.generics.params,
            "a method of an interface is not generic: a `dyn Trait` has one function for each method; write a method for each type, or \
             take a `&dyn` of another interface",
        );
    }
    if let Some(clause) = &signature.generics.where_clause {
        mistakes.add(
            clause,
            "a method of an interface has no `where` clause; one that is provided may have `where Self: Sized`, and is then no part of \
             the interface",
        );
    }
}

fn receiver(words: &TokenStream, mistakes: &mut Mistakes) -> Option<Receiver> {
    let text: String = words.clone().into_iter().map(|token| token.to_string()).collect();
    let text = text.strip_prefix("mut").unwrap_or(&text);
    match text {
        "&self" => Some(Receiver::Shared),
        "&mutself" => Some(Receiver::Exclusive),
        _ if text.starts_with("self:") && text.ends_with("Box<Self>") => Some(Receiver::Consumed),
        _ => {
            mistakes.add(words, "a method of an interface takes `&self`, `&mut self` or `self: Box<Self>`");
            None
        }
    }
}

fn check_self(ty: &Type, mistakes: &mut Mistakes) {
    if let Some(first) = find_self(ty) {
        mistakes.add(
            first,
            "a method of an interface has no `Self` in its arguments and its result: the type of an object is known to its own library \
             only; write `Box<dyn Trait>`",
        );
    }
}

impl MethodArgument {
    fn new(written: Argument, mistakes: &mut Mistakes) -> Self {
        const NESTED: &str = "a reference crosses only as a whole argument: `&T` or `&mut T`";
        if let Some(attribute) = written.attributes.first() {
            mistakes.add(attribute, "an argument of a method of an interface has no attributes");
        }
        check_self(&written.ty, mistakes);
        let ty = strip(&written.ty);
        let Type::Reference(reference) = ty else {
            check(ty, Some(NESTED), mistakes);
            if is_unsized(ty) || matches!(ty, Type::Path(path) if path.path.is_ident("str")) {
                mistakes.add(ty, "such a type crosses only behind `&`");
            }
            return MethodArgument { passing: Passing::Own, ty: ty.clone(), written };
        };
        if let Some(lifetime) = &reference.lifetime {
            mistakes.add(lifetime, "an argument is borrowed for the call only: write `&T`");
        }
        let inner = strip(&reference.elem);
        check(inner, Some(NESTED), mistakes);
        if let Type::TraitObject(object) = inner {
            for bound in &object.bounds {
                if let TypeParamBound::Lifetime(lifetime) = bound {
                    mistakes.add(lifetime, "an object is borrowed for the call only: leave out the lifetime");
                }
            }
        }
        let is_object = matches!(inner, Type::TraitObject(_));
        let passing = match (reference.mutability.is_some(), is_object) {
            (false, false) => Passing::Ref,
            (false, true) => Passing::RefObject,
            (true, false) => Passing::Mut,
            (true, true) => Passing::MutClosure,
        };
        MethodArgument { passing, ty: inner.clone(), written }
    }
}
