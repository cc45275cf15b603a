//! What `#[plugin_type]` was put on, parsed and checked.

/// As `quote!`, with variables that the author's expressions do not see. A constant of the author's would still be taken
/// for one in a pattern, so all begin with two underscores.
macro_rules! mixed {
    ($($tokens:tt)*) => { ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*) };
}

mod describe;
mod expand;
mod parts;
#[cfg(test)]
mod tests;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Expr, GenericArgument, GenericParam, Generics, Meta, Path, PathArguments, Token,
    Type, TypeParamBound, Variant as SynVariant, Visibility, WherePredicate,
};

use crate::attributes::shared;
use crate::mistakes::{Mistakes, explained};
use crate::tokens::has_macro;
use crate::types::{check, strip};

/// The standard library's traits that a parameter's stand-in has (see `plugin_core::__private::Parameter`), and their modules.
const KNOWN_BOUNDS: [(&str, &str); 14] = [
    ("Clone", "clone"),
    ("Copy", "marker"),
    ("Debug", "fmt"),
    ("Default", "default"),
    ("Display", "fmt"),
    ("Eq", "cmp"),
    ("Hash", "hash"),
    ("Ord", "cmp"),
    ("PartialEq", "cmp"),
    ("PartialOrd", "cmp"),
    ("Send", "marker"),
    ("Sized", "marker"),
    ("Sync", "marker"),
    ("Unpin", "marker"),
];

/// The whole macro. `number` is different for each use of it in a crate, and `metadata` tells the crate from others.
pub(crate) fn user_type(options: TokenStream, item: TokenStream, number: u64, metadata: &str) -> TokenStream {
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
            let expansion = expand::expand(&model, number, metadata);
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
    /// The attributes that the expansion repeats.
    shared: Vec<TokenStream>,
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
    /// The name that the expansion gives to its type.
    ty_name: Ident,
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
        let mut count = 0;
        match &mut item.data {
            Data::Struct(data) => {
                let form = Form::of(&item.attrs, mistakes);
                let fields = Fields::new(&mut data.fields, &mut count, true, mistakes);
                if let Some(field) = fields.fields.iter().find(|field| field.default.is_some() && form != Form::Grows) {
                    mistakes.add(
                        &field.ty,
                        format!(
                            "the field `{}` has a default, which only a struct that may grow needs: write `#[non_exhaustive]` on \
                             the struct, from its first version on",
                            field.name
                        ),
                    );
                }
                Some(UserType::build(&item.ident, &item.generics, &item.attrs, form, Body::Struct(fields), mistakes))
            }
            Data::Enum(data) => {
                let may_grow = Form::of(&item.attrs, mistakes) == Form::Grows;
                let (mut variants, mut fallback) = (Vec::new(), None::<Ident>);
                let mut discriminant = (None, 0);
                for variant in &mut data.variants {
                    let is_fallback = take_fallback(&mut variant.attrs, mistakes);
                    if let Some((_, value)) = &variant.discriminant {
                        if has_macro(value) {
                            mistakes.add(
                                value,
                                "a variant's number stands in the enum and in its descriptor, and a macro may mean two \
                                 things there: make the number a constant, and write its name",
                            );
                        }
                        discriminant = (Some(value.clone()), 0);
                    }
                    let checked = Variant::new(variant, discriminant.clone(), &mut count, mistakes);
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
        let model = UserType { ident: ident.clone(), generics, shared: shared(attributes), form, body };
        if model.template_bounds().is_none() && model.is_recursive() {
            mistakes.add(
                ident,
                "a generic type that contains itself has no constant parameters, and no bounds on its parameters but \
                 those of the standard library: put the bounds on its functions",
            );
        }
        model
    }

    /// The parameters of a definition that describes the type for all its arguments, each with its bounds. There is no such
    /// definition if nothing can stand in for a parameter: the parameter is a constant, or it has a bound of which std knows
    /// nothing.
    ///
    /// A bound counts as the standard library's if it has the name. The expansion does not rely on that name: it repeats the
    /// bounds with paths that lead to std. The definition is made with these bounds only, and the implementation asks each
    /// argument for them.
    fn template_bounds(&self) -> Option<Vec<(&Ident, Vec<TokenStream>)>> {
        // Of nothing in particular: not `PartialEq<str>`.
        let known = |path: &Path| {
            let first = path.segments.first().map(|first| &first.ident)?;
            let of_std = path.segments.len() == 1 || ["std", "core", "plugin_core"].iter().any(|name| first == name);
            let last = path.segments.last().filter(|last| of_std && last.arguments.is_none())?;
            let known = KNOWN_BOUNDS.iter().find(|(name, _)| last.ident == name);
            let path = known.map(|(name, module)| {
                let (name, module) = (format_ident!("{name}"), format_ident!("{module}"));
                // Where the author's is, so that the compiler shows an error there.
                quote_spanned!(last.ident.span()=> ::plugin_core::__private::core::#module::#name)
            });
            path.or_else(|| (last.ident == "PluginType").then(|| quote!(::plugin_core::PluginType)))
        };
        let all_known = |bounds: &Punctuated<TypeParamBound, Token![+]>| {
            let bounds = bounds.iter().filter(|bound| !matches!(bound, TypeParamBound::Lifetime(_)));
            let bounds = bounds.map(|bound| match bound {
                TypeParamBound::Trait(bound) => known(&bound.path),
                _ => None,
            });
            bounds.collect::<Option<Vec<_>>>()
        };
        let mut all = Vec::new();
        for param in &self.generics.params {
            match param {
                GenericParam::Type(param) => all.push((&param.ident, all_known(&param.bounds)?)),
                GenericParam::Lifetime(_) => {}
                GenericParam::Const(_) => return None,
            }
        }
        for predicate in self.generics.where_clause.iter().flat_map(|clause| &clause.predicates) {
            let WherePredicate::Type(predicate) = predicate else { continue };
            let Type::Path(path) = &predicate.bounded_ty else { return None };
            let (_, bounds) = all.iter_mut().find(|(ident, _)| path.path.is_ident(*ident))?;
            bounds.extend(all_known(&predicate.bounds)?);
        }
        Some(all)
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

/// Whether the type `name`, of this module, is a part of `ty`, perhaps as `Self`.
fn contains(ty: &Type, name: &Ident) -> bool {
    match strip(ty) {
        Type::Path(path) => {
            let own = path.path.segments.len() == 1
                && path.path.segments.iter().all(|only| only.ident == *name || only.ident == "Self");
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

impl Fields {
    /// `count` is of the fields before these.
    fn new(fields: &mut syn::Fields, count: &mut usize, may_default: bool, mistakes: &mut Mistakes) -> Self {
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
            check(&field.ty, Some(&on_reference), mistakes);
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
            let ty_name = format_ident!("__Field{count}");
            *count += 1;
            checked.push(Field { ty_name, member, name, ident, ty: field.ty.clone(), default });
        }
        Fields { style, fields: checked }
    }
}

impl Variant {
    fn new(
        variant: &mut SynVariant,
        discriminant: (Option<Expr>, i128),
        count: &mut usize,
        mistakes: &mut Mistakes,
    ) -> Self {
        if let Some(attribute) = variant.attrs.iter().find(|attribute| attribute.path().is_ident("cfg")) {
            mistakes.add(attribute, format!("the variant `{}` is there or not: the two sides could not know of each other; put `#[cfg]` on the type", variant.ident));
        }
        Variant {
            ident: variant.ident.clone(),
            discriminant,
            fields: Fields::new(&mut variant.fields, count, false, mistakes),
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
                return Ok(quote_spanned!(word.span()=> ::plugin_core::__private::core::default::Default::default()));
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
