//! What `#[plugin_type]` was put on, parsed and checked.

mod expand;
#[cfg(test)]
mod tests;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Expr, GenericArgument, GenericParam, Generics, Meta, Path, PathArguments, Token,
    Type, TypeParamBound, Variant as SynVariant, Visibility, WherePredicate,
};

use crate::model::Mistakes;
use crate::types::{check, explained, strip};

/// The bounds that the parameter of a definition meets (see `plugin_core::__private::Parameter`).
const KNOWN_BOUNDS: [&str; 15] = [
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "Display",
    "Eq",
    "Hash",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "PluginType",
    "Send",
    "Sized",
    "Sync",
    "Unpin",
];

/// The whole macro. `key` is different for each use of it.
pub(crate) fn user_type(options: TokenStream, item: TokenStream, key: [u64; 2]) -> TokenStream {
    let mut mistakes = Mistakes::default();
    if !options.is_empty() {
        mistakes.add(
            &options,
            "`#[plugin_type]` on a type takes no options; `default` and `fallback` stand on what is in it",
        );
    }
    if !is_type(&item) {
        mistakes.add(&item, "only a struct or an enum can be a type that crosses");
        let errors = mistakes.to_compile_errors();
        return quote!(#item #errors);
    }
    let mut item = match syn::parse2::<DeriveInput>(item.clone()) {
        Ok(item) => item,
        Err(error) => {
            let error = explained(error).to_compile_error();
            return quote!(#item #error);
        }
    };
    let model = UserType::new(&mut item, &mut mistakes);
    let errors = mistakes.to_compile_errors();
    match model {
        Some(model) if mistakes.count() == 0 => {
            let expansion = expand::expand(&model, key);
            quote!(#item #expansion)
        }
        // Without the implementation each use of the type would be one more error: it is there, and does nothing.
        Some(model) => {
            let stub = expand::stub(&model);
            quote!(#item #errors #stub)
        }
        None => quote!(#item #errors),
    }
}

/// Whether a type is defined here.
fn is_type(item: &TokenStream) -> bool {
    let begins_type = |input: ParseStream| {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        let is = input.peek(Token![struct]) || input.peek(Token![enum]) || input.peek(Token![union]);
        input.parse::<TokenStream>()?;
        Ok(is)
    };
    begins_type.parse2(item.clone()).unwrap_or(true)
}

/// How values cross: see `plugin_core::descriptor::form`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Fixed,
    C,
    Grows,
}

/// An annotated type as the expansion needs it.
pub(crate) struct UserType {
    ident: Ident,
    generics: Generics,
    /// Attributes that hold for what is made of the item too.
    shared: Vec<Attribute>,
    form: Form,
    body: Body,
}

enum Body {
    Struct(Fields),
    Enum {
        /// Without the fallback.
        variants: Vec<Variant>,
        fallback: Option<Ident>,
        /// The type of explicit discriminants.
        discriminant: Ident,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Unit,
    Tuple,
    Named,
}

struct Fields {
    style: Style,
    fields: Vec<Field>,
}

struct Field {
    /// Its name, or its index.
    member: syn::Member,
    name: String,
    /// What stands for it as a name of Rust's, at its place.
    ident: Ident,
    ty: Type,
    /// What it is where the other side does not have it.
    default: Option<TokenStream>,
}

struct Variant {
    ident: Ident,
    /// The last one that is written out, at this variant or before it, and how many variants ago.
    discriminant: (Option<Expr>, i128),
    fields: Fields,
}

impl UserType {
    /// Checks `item` and takes out of it what only this macro understands.
    fn new(item: &mut DeriveInput, mistakes: &mut Mistakes) -> Option<Self> {
        let of = Context { ident: &item.ident, generics: &item.generics };
        match &mut item.data {
            Data::Struct(data) => {
                let form = Form::of(&item.attrs, mistakes);
                let fields = Fields::new(&mut data.fields, &of, true, mistakes);
                let grows = form == Form::Grows || fields.fields.iter().any(|field| field.default.is_some());
                let form = if grows { Form::Grows } else { form };
                Some(UserType::build(&item.ident, &item.generics, &item.attrs, form, Body::Struct(fields), mistakes))
            }
            Data::Enum(data) => {
                let may_grow = Form::of(&item.attrs, mistakes) == Form::Grows;
                let (mut variants, mut fallback) = (Vec::new(), None::<Ident>);
                let mut discriminant = (None, 0);
                for variant in &mut data.variants {
                    let is_fallback = take_fallback(&mut variant.attrs, mistakes);
                    if let Some((_, value)) = &variant.discriminant {
                        discriminant = (Some(value.clone()), 0);
                    }
                    let checked = Variant::new(variant, discriminant.clone(), &of, mistakes);
                    discriminant.1 += 1;
                    if !is_fallback {
                        variants.push(checked);
                    } else if fallback.replace(checked.ident.clone()).is_some() {
                        mistakes.add(&checked.ident, "an enum has one fallback variant");
                    } else if !checked.fields.fields.is_empty() {
                        mistakes.add(
                            &checked.ident,
                            "the fallback variant has no fields: what an unknown variant holds, nobody here can read",
                        );
                    }
                }
                if let Some(fallback) = fallback.as_ref().filter(|_| !may_grow) {
                    mistakes.add(
                        fallback,
                        "a fallback variant stands for variants that are still to come: the enum must be \
                         `#[non_exhaustive]`",
                    );
                }
                if variants.is_empty() {
                    mistakes.add(&item.ident, "an enum without variants has no value that could cross");
                }
                let form = if fallback.is_some() { Form::Grows } else { Form::Fixed };
                let body = Body::Enum { variants, fallback, discriminant: repr_type(&item.attrs) };
                Some(UserType::build(&item.ident, &item.generics, &item.attrs, form, body, mistakes))
            }
            Data::Union(data) => {
                mistakes.add(
                    data.union_token,
                    "a union does not cross: nothing in it says which of its fields is there; make it an enum",
                );
                None
            }
        }
    }

    fn build(
        ident: &Ident,
        generics: &Generics,
        attributes: &[Attribute],
        form: Form,
        body: Body,
        mistakes: &mut Mistakes,
    ) -> Self {
        for lifetime in generics.lifetimes() {
            mistakes.add(lifetime, "a type with a lifetime does not cross: own what it refers to, `String` for `&str`");
        }
        let mut generics = generics.clone();
        for param in &mut generics.params {
            match param {
                GenericParam::Type(param) => param.default = None,
                GenericParam::Const(param) => param.default = None,
                GenericParam::Lifetime(_) => {}
            }
        }
        let shared = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned();
        let shared = shared.collect();
        let model = UserType { ident: ident.clone(), generics, shared, form, body };
        if !model.is_template() && model.is_recursive() {
            mistakes.add(
                ident,
                "a generic type that contains itself has no constant parameters, and no bounds on its parameters but \
                 those of the standard library: put the bounds on its functions",
            );
        }
        model
    }

    /// Whether one definition describes the type for all its arguments. It does not where the parameters cannot be stood
    /// in for: they are constants, or have bounds that only the author knows types for.
    fn is_template(&self) -> bool {
        // By the standard library's own name for it, and of nothing in particular: not `PartialEq<str>`.
        let known = |path: &Path| {
            let first = path.segments.first().map(|first| &first.ident);
            let of_std = path.segments.len() == 1
                || first.is_some_and(|first| ["std", "core", "plugin_core"].iter().any(|name| first == name));
            let last = path.segments.last().filter(|last| last.arguments.is_none());
            of_std && last.is_some_and(|last| KNOWN_BOUNDS.iter().any(|known| last.ident == known))
        };
        let all_known = |bounds: &Punctuated<TypeParamBound, Token![+]>| {
            bounds.iter().all(|bound| match bound {
                TypeParamBound::Trait(bound) => known(&bound.path),
                TypeParamBound::Lifetime(_) => true,
                _ => false,
            })
        };
        self.generics.params.iter().all(|param| match param {
            GenericParam::Type(param) => all_known(&param.bounds),
            GenericParam::Lifetime(_) => true,
            GenericParam::Const(_) => false,
        }) && self.generics.where_clause.iter().flat_map(|clause| &clause.predicates).all(|predicate| {
            let WherePredicate::Type(predicate) = predicate else { return true };
            let is_parameter = self
                .generics
                .type_params()
                .any(|param| matches!(&predicate.bounded_ty, Type::Path(path) if path.path.is_ident(&param.ident)));
            is_parameter && all_known(&predicate.bounds)
        })
    }

    fn all_fields(&self) -> impl Iterator<Item = &Field> {
        let (one, several) = match &self.body {
            Body::Struct(fields) => (Some(fields), None),
            Body::Enum { variants, .. } => (None, Some(variants.iter().map(|variant| &variant.fields))),
        };
        one.into_iter().chain(several.into_iter().flatten()).flat_map(|fields| &fields.fields)
    }

    fn is_recursive(&self) -> bool {
        self.all_fields().any(|field| contains(&field.ty, &self.ident))
    }
}

impl Form {
    /// What the attributes of a type say of it.
    fn of(attributes: &[Attribute], mistakes: &mut Mistakes) -> Form {
        let mut form = Form::Fixed;
        for word in repr_words(attributes) {
            // A transparent struct is laid out as a C one of its one field.
            if (word == "C" || word == "transparent") && form == Form::Fixed {
                form = Form::C;
            } else if word == "packed" {
                mistakes.add(word, "a packed type does not cross: its fields may not be where they can be referred to");
            }
        }
        let may_grow = attributes.iter().any(|attribute| attribute.path().is_ident("non_exhaustive"));
        if may_grow { Form::Grows } else { form }
    }
}

/// Whether the type `name`, of this module, is a part of `ty`.
fn contains(ty: &Type, name: &Ident) -> bool {
    match strip(ty) {
        Type::Path(path) => {
            let own = path.path.segments.len() == 1 && path.path.segments.iter().all(|only| only.ident == *name);
            own || path.path.segments.iter().any(|segment| {
                let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return false };
                arguments.args.iter().any(|argument| match argument {
                    GenericArgument::Type(part) => contains(part, name),
                    _ => false,
                })
            })
        }
        Type::Tuple(tuple) => tuple.elems.iter().any(|part| contains(part, name)),
        Type::Array(array) => contains(&array.elem, name),
        Type::Slice(slice) => contains(&slice.elem, name),
        _ => false,
    }
}

/// The words in `#[repr(..)]`.
fn repr_words(attributes: &[Attribute]) -> Vec<Ident> {
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
fn repr_type(attributes: &[Attribute]) -> Ident {
    let integer = |word: &Ident| {
        let word = word.to_string();
        word.starts_with(['u', 'i']) && word[1..].chars().all(|c| c.is_ascii_digit()) || word.ends_with("size")
    };
    let word = repr_words(attributes).into_iter().find(integer);
    word.unwrap_or_else(|| Ident::new("isize", Span::call_site()))
}

/// The type that a field belongs to.
struct Context<'a> {
    ident: &'a Ident,
    generics: &'a Generics,
}

impl Context<'_> {
    /// `ty` with the type itself in the place of `Self`, so that it means the same elsewhere.
    fn without_self(&self, ty: &Type) -> Type {
        let (ident, (_, arguments, _)) = (self.ident, self.generics.split_for_impl());
        let whole: Vec<TokenTree> = quote!(#ident #arguments).into_iter().collect();
        fn replace(tokens: TokenStream, whole: &[TokenTree]) -> TokenStream {
            let replaced = tokens.into_iter().flat_map(|token| match token {
                TokenTree::Ident(ident) if ident == "Self" => whole.to_vec(),
                TokenTree::Group(group) => {
                    let mut inner = proc_macro2::Group::new(group.delimiter(), replace(group.stream(), whole));
                    inner.set_span(group.span());
                    vec![inner.into()]
                }
                other => vec![other],
            });
            replaced.collect()
        }
        syn::parse2(replace(ty.to_token_stream(), &whole)).unwrap_or_else(|_| ty.clone())
    }
}

impl Fields {
    fn new(fields: &mut syn::Fields, of: &Context<'_>, may_default: bool, mistakes: &mut Mistakes) -> Self {
        let style = match fields {
            syn::Fields::Named(_) => Style::Named,
            syn::Fields::Unnamed(_) => Style::Tuple,
            syn::Fields::Unit => Style::Unit,
        };
        let mut checked = Vec::new();
        for (index, field) in fields.iter_mut().enumerate() {
            let default = take_default(&mut field.attrs, mistakes);
            let member = match &field.ident {
                Some(ident) => syn::Member::Named(ident.clone()),
                None => syn::Member::Unnamed(index.into()),
            };
            let name = field.ident.as_ref().map_or_else(|| index.to_string(), |ident| ident.unraw().to_string());
            if let Some(attribute) = field.attrs.iter().find(|attribute| attribute.path().is_ident("cfg")) {
                mistakes.add(attribute, format!("the field `{name}` is there or not: the two sides could not know of each other; put `#[cfg]` on the type"));
            }
            let span = field.ident.as_ref().map_or_else(|| field.ty.span(), Ident::span);
            let ident = Ident::new(&format!("field_{name}"), span);
            let on_reference = format!(
                "the field `{name}` is borrowed, and only what is owned crosses: `String` for `&str`, `Vec<T>` for `&[T]`"
            );
            let ty = of.without_self(&field.ty);
            check(&ty, Some(&on_reference), mistakes);
            match &default {
                Some(_) if !may_default => mistakes.add(
                    &field.ty,
                    format!("the field `{name}` of a variant cannot have a default: only a struct grows by fields"),
                ),
                None if checked.last().is_some_and(|last: &Field| last.default.is_some()) => mistakes.add(
                    &field.ty,
                    format!("the field `{name}` comes after one with a default, so it must have one too: a type grows at its end"),
                ),
                _ => {}
            }
            checked.push(Field { member, name, ident, ty, default });
        }
        Fields { style, fields: checked }
    }
}

impl Variant {
    fn new(
        variant: &mut SynVariant,
        discriminant: (Option<Expr>, i128),
        of: &Context<'_>,
        mistakes: &mut Mistakes,
    ) -> Self {
        if let Some(attribute) = variant.attrs.iter().find(|attribute| attribute.path().is_ident("cfg")) {
            mistakes.add(attribute, format!("the variant `{}` is there or not: the two sides could not know of each other; put `#[cfg]` on the type", variant.ident));
        }
        Variant {
            ident: variant.ident.clone(),
            discriminant,
            fields: Fields::new(&mut variant.fields, of, false, mistakes),
        }
    }
}

/// Takes the attributes of this macro's from a field or variant, and hands on what is in each.
fn take_own(attributes: &mut Vec<Attribute>) -> Vec<Attribute> {
    let is_own =
        |attribute: &Attribute| attribute.path().segments.last().is_some_and(|last| last.ident == "plugin_type");
    let (own, others) = std::mem::take(attributes).into_iter().partition(is_own);
    *attributes = others;
    own
}

/// Takes `#[plugin_type(default)]` or `#[plugin_type(default = value)]` from a field.
fn take_default(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) -> Option<TokenStream> {
    let mut default = None;
    for attribute in take_own(attributes) {
        let parse = |input: ParseStream| {
            let word: Ident = input.call(Ident::parse_any)?;
            if word != "default" {
                return Err(syn::Error::new(word.span(), "expected `default`, or `default = value`"));
            }
            if input.is_empty() {
                return Ok(quote!(::core::default::Default::default()));
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
fn take_fallback(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) -> bool {
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
