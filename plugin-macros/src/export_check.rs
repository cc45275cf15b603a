//! The item with `#[plugin_export]`, checked.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Abi, Expr, GenericParam, LitStr, ReturnType, Type, TypeParamBound};

use crate::attributes::{docs, enables_features, shared};
use crate::crossing::{Crossing, Passing};
use crate::item::Item;
use crate::mistakes::Mistakes;
use crate::options::{Options, Role, check_name};
use crate::signature::{Argument, Input, Signature};
use crate::tokens::{find_self, mentions};
use crate::types::{check, is_unsized, strip};

/// The most arguments of an exported function: more have no function type (see `plugin_core::FunctionType`).
const MAX_ARGUMENTS: usize = 6;
/// The most arguments if one of them is `&mut`.
const MAX_ARGUMENTS_WITH_MUT: usize = 4;

/// The kind of an annotated item, with its types.
pub(crate) enum Target {
    Function {
        arguments: Vec<Crossing>,
        names: Vec<String>,
        returns: Crossing,
    },
    Static(Crossing),
    /// The result of an init or shutdown hook.
    Hook(Crossing),
    /// The state that is saved.
    Save(Crossing),
    /// The state that is restored, and the hook's result.
    Restore(Box<[Crossing; 2]>),
}

impl Target {
    pub(crate) fn crossings(&self) -> Vec<&Crossing> {
        match self {
            Target::Function { arguments, returns, .. } => arguments.iter().chain([returns]).collect(),
            Target::Static(ty) | Target::Hook(ty) | Target::Save(ty) => vec![ty],
            Target::Restore(crossings) => crossings.iter().collect(),
        }
    }
}

/// An annotated item as the expansion needs it.
pub(crate) struct Export {
    pub(crate) role: Role,
    pub(crate) target: Target,
    /// The item's own name.
    pub(crate) ident: Ident,
    /// The calling convention of a function, if it is not Rust's.
    pub(crate) abi: Option<Abi>,
    /// The name by which a host looks the export up.
    pub(crate) name: LitStr,
    pub(crate) docs: Vec<Expr>,
    /// The attributes that the expansion repeats.
    pub(crate) shared: Vec<TokenStream>,
}

impl Export {
    /// Checks `item`. Unless it reports a mistake, the returned export is complete.
    pub(crate) fn new(options: Options, item: Item, mistakes: &mut Mistakes) -> Option<Self> {
        let hook = options.role != Role::Export;
        let (attributes, ident, abi, target) = match item {
            Item::Function { attributes, signature } => {
                if let Some(attribute) = attributes.iter().find(|attribute| enables_features(&attribute.meta)) {
                    mistakes.add(
                        attribute,
                        "a function with `#[target_feature]` cannot be exported: a host calls exports whatever the \
                         processor can do; export one that asks, and then calls it",
                    );
                }
                let target = match options.role {
                    Role::Export => function(&signature, mistakes),
                    Role::Init | Role::Shutdown => self::hook(&signature, mistakes),
                    Role::Save => save(&signature, mistakes),
                    Role::Restore => restore(&signature, mistakes)?,
                };
                (attributes, signature.ident, signature.abi, target)
            }
            Item::Static { ident, .. } if hook => {
                mistakes.add(ident, "only a function can be a hook");
                return None;
            }
            Item::Static { attributes, mutability, ident, ty } => {
                if mutability.is_some() {
                    mistakes.add(
                        mutability,
                        "a `static mut` cannot be exported: nothing would order the two sides' accesses; export an \
                         atomic, a `Mutex` or a `RwLock`",
                    );
                }
                let target = Target::Static(static_type(&ty, mistakes));
                (attributes, ident, None, target)
            }
            Item::Declaration(ident) => {
                mistakes.add(ident, "only what is defined here can be exported");
                return None;
            }
            Item::Constant { ident, of_thread } => {
                let message = if of_thread {
                    format!(
                        "a thread-local cannot be exported, because each thread has its own: export functions that read and \
                         write `{ident}`, or a static that all threads share, such as a `Mutex`"
                    )
                } else if hook {
                    "only a function can be a hook".to_owned()
                } else {
                    format!(
                        "a constant cannot be exported, because it has no place in memory: write `static {ident}`, outside of \
                         an `impl`"
                    )
                };
                mistakes.add(ident, message);
                return None;
            }
            Item::Other(words) => {
                let can =
                    if hook { "only a function can be a hook" } else { "only functions and statics can be exported" };
                mistakes.add(words, can);
                return None;
            }
        };
        let name = options.name.unwrap_or_else(|| LitStr::new(&ident.unraw().to_string(), ident.span()));
        check_name(&name, "an export", mistakes);
        let (docs, shared) = (docs(&attributes), shared(&attributes));
        Some(Export { role: options.role, target, ident, abi, name, docs, shared })
    }
}

/// Reports the properties that no exported function may have.
fn check_signature(signature: &Signature, mistakes: &mut Mistakes) {
    check_free(signature, mistakes);
    if let Some(token) = &signature.asyncness {
        mistakes
            .add(token, "an `async` function cannot be exported: export one that blocks, or one that starts the work");
    }
    if let Some(token) = &signature.unsafety {
        mistakes.add(token, "an `unsafe` function cannot be exported: a host calls exports as safe functions");
    }
    if let Some(variadic) = &signature.variadic {
        mistakes.add(variadic, "a variadic function cannot be exported");
    }
    if !signature.generics.params.is_empty() {
        let generics = &signature.generics;
        let only_lifetimes = generics.params.iter().all(|param| matches!(param, GenericParam::Lifetime(_)));
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
    if let Some(clause) = signature.generics.where_clause.as_ref().filter(|clause| !clause.predicates.is_empty()) {
        mistakes.add(clause, "an exported function has no `where` clause: it is not generic");
    }
}

/// Reports a function whose signature shows that it stands in an `impl` or a trait. A function whose place alone shows
/// that is not reported here.
fn check_free(signature: &Signature, mistakes: &mut Mistakes) {
    let name = &signature.ident;
    if let Some(Input::Receiver(receiver)) = signature.inputs.first() {
        let words: Vec<String> = receiver.clone().into_iter().map(|token| token.to_string()).collect();
        let by = match words.first().map(String::as_str) {
            Some("&") if words.iter().any(|word| word == "mut") => "&mut ",
            Some("&") => "&",
            _ => "",
        };
        let more = if signature.inputs.len() > 1 { ", .." } else { "" };
        mistakes.add(
            receiver,
            format!(
                "a method cannot be exported: outside of the `impl`, write and export a function `fn {name}(this: \
                 {by}Type{more})` that calls it"
            ),
        );
        return;
    }
    if let Some(first) = find_self(&signature.inputs).or_else(|| find_self(&signature.output)) {
        mistakes.add(
            first,
            format!(
                "a function of an `impl` or a trait cannot be exported: outside of it, write and export a function `fn {name}` \
                 that calls this one, and name the type that is `Self` here"
            ),
        );
    }
}

/// Checks a type of a function's, apart from a reference that it may be behind.
fn crossing(
    passing: Passing,
    ty: &Type,
    of: &Signature,
    on_reference: Option<&str>,
    mistakes: &mut Mistakes,
) -> Crossing {
    let before = mistakes.count();
    check(ty, on_reference, mistakes);
    let is_mut_object = passing == Passing::Mut && matches!(strip(ty), Type::TraitObject(_));
    if passing == Passing::Own && matches!(strip(ty), Type::Path(path) if path.path.is_ident("str")) {
        mistakes.add(ty, "`str` crosses only behind `&`: pass a `&str`, return a `String`");
    }
    let parameter = |param: &GenericParam| match param {
        GenericParam::Type(param) => Some(param.ident.clone()),
        GenericParam::Const(param) => Some(param.ident.clone()),
        GenericParam::Lifetime(_) => None,
    };
    let mut unknown: Vec<Ident> = of.generics.params.iter().filter_map(parameter).collect();
    // The compiler refuses `_` by itself. `Self` is reported once.
    unknown.extend(["_", "Self"].map(|word| Ident::new(word, Span::call_site())));
    let askable = mistakes.count() == before
        && of.is_free()
        && !is_mut_object
        && !mentions(ty, &unknown)
        && !(passing == Passing::Own && is_unsized(ty));
    Crossing { passing, ty: strip(ty).clone(), askable }
}

fn returned(passing: Passing, signature: &Signature, mistakes: &mut Mistakes) -> Crossing {
    const BORROWED: &str = "an exported function returns an owned value, such as `String` for `&str`: a borrowed one \
                            could outlive the library";
    let ty = match &signature.output {
        ReturnType::Default => &syn::parse_quote!(()),
        ReturnType::Type(_, ty) => &**ty,
    };
    // The expansion makes a hook's error into text, so the error may be borrowed.
    let on_reference = (passing != Passing::Hook).then_some(BORROWED);
    crossing(passing, ty, signature, on_reference, mistakes)
}

fn hook(signature: &Signature, mistakes: &mut Mistakes) -> Target {
    check_signature(signature, mistakes);
    if !signature.inputs.is_empty() && signature.is_free() {
        mistakes.add(&signature.inputs, "a hook takes no arguments");
    }
    Target::Hook(returned(Passing::Hook, signature, mistakes))
}

fn save(signature: &Signature, mistakes: &mut Mistakes) -> Target {
    check_signature(signature, mistakes);
    if !signature.inputs.is_empty() && signature.is_free() {
        mistakes.add(&signature.inputs, "what saves the state takes no arguments: it returns the state");
    }
    if matches!(signature.output, ReturnType::Default) {
        mistakes.add(&signature.ident, "what saves the state returns it");
    }
    Target::Save(returned(Passing::Own, signature, mistakes))
}

/// Checks a `restore` hook. Returns `None` if the hook takes no state.
fn restore(signature: &Signature, mistakes: &mut Mistakes) -> Option<Target> {
    const ONE: &str = "what restores the state takes it as its one argument";
    check_signature(signature, mistakes);
    let inputs = &signature.inputs;
    let state = match inputs.first() {
        Some(Input::Typed(argument)) => argument,
        Some(Input::Receiver(_)) => return None,
        None => {
            mistakes.add(&signature.ident, ONE);
            return None;
        }
    };
    if inputs.len() > 1 {
        mistakes.add(inputs, ONE);
    }
    let before = mistakes.count();
    let mut crossing = argument(state, signature, mistakes);
    if crossing.passing != Passing::Own && mistakes.count() == before {
        mistakes.add(&state.ty, "the state is handed over: take it as an owned value");
        crossing.askable = false;
    }
    Some(Target::Restore(Box::new([crossing, returned(Passing::Hook, signature, mistakes)])))
}

fn function(signature: &Signature, mistakes: &mut Mistakes) -> Target {
    check_signature(signature, mistakes);
    let mut arguments = Vec::new();
    let mut names = Vec::new();
    for input in &signature.inputs {
        if let Input::Typed(typed) = input {
            names.push(typed.name().map_or_else(|| "_".to_owned(), |name| name.unraw().to_string()));
            arguments.push(argument(typed, signature, mistakes));
        }
    }
    let with_mut = arguments.iter().any(|argument| matches!(argument.passing, Passing::Mut | Passing::MutClosure));
    let most = if with_mut { MAX_ARGUMENTS_WITH_MUT } else { MAX_ARGUMENTS };
    if let Some(first_too_many) = signature.inputs.iter().nth(most) {
        let with = if with_mut { " where one is `&mut`" } else { "" };
        mistakes.add(
            first_too_many,
            format!("an exported function takes at most {most} arguments{with}: put some together in a tuple, or in a struct with `#[plugin_type]`"),
        );
    }
    Target::Function { arguments, names, returns: returned(Passing::Own, signature, mistakes) }
}

fn argument(typed: &Argument, of: &Signature, mistakes: &mut Mistakes) -> Crossing {
    const NESTED: &str = "a reference crosses only as a whole argument: `&T` or `&mut T`";
    if let Some(attribute) = typed.attributes.iter().find(|attribute| attribute.path().is_ident("cfg")) {
        mistakes.add(attribute, "an exported function has the same arguments everywhere: put `#[cfg]` on the function");
    }
    let Type::Reference(reference) = strip(&typed.ty) else {
        return crossing(Passing::Own, &typed.ty, of, Some(NESTED), mistakes);
    };
    // A value that the host lends ends with the call, so a plugin must not see it as `&'static`. A lifetime that is a
    // parameter is reported as a parameter.
    if let Some(lifetime) = reference.lifetime.as_ref().filter(|lifetime| lifetime.ident == "static") {
        mistakes.add(lifetime, "an argument is borrowed for the call only: write `&T`");
    }
    let mut passing = if reference.mutability.is_some() { Passing::Mut } else { Passing::Ref };
    if let (Passing::Mut, Type::TraitObject(object)) = (passing, strip(&reference.elem)) {
        if object.bounds.iter().any(|bound| matches!(bound, TypeParamBound::Lifetime(_))) {
            mistakes.add(object, "an object is borrowed for the call only: leave out the lifetime");
        } else if of.abi.is_some() {
            mistakes
                .add(object, "a function with an ABI of its own takes no object behind `&mut`: leave out the `extern`");
        } else {
            passing = Passing::MutClosure;
        }
    }
    crossing(passing, &reference.elem, of, Some(NESTED), mistakes)
}

/// The type of an exported static, with the lifetime that it may leave out.
fn static_type(ty: &Type, mistakes: &mut Mistakes) -> Crossing {
    const NESTED: &str = "in an exported static, a reference is the whole type: `&'static str` or `&'static [T]`";
    let before = mistakes.count();
    if let Some(first) = find_self(ty) {
        mistakes.add(first, "`Self` means nothing in an exported static: name the type");
    }
    let ty = match strip(ty) {
        Type::Reference(reference) => {
            if let Some(token) = &reference.mutability {
                mistakes.add(token, "a static with a `&mut` cannot be exported; export a `Mutex` or a `RwLock`");
            }
            check(&reference.elem, Some(NESTED), mistakes);
            let mut reference = reference.clone();
            reference.lifetime = Some(syn::Lifetime::new("'static", reference.and_token.span()));
            Type::Reference(reference)
        }
        ty => {
            check(ty, Some(NESTED), mistakes);
            ty.clone()
        }
    };
    Crossing { passing: Passing::Static, ty, askable: mistakes.count() == before }
}
