//! The type with `#[plugin_type]`, parsed and checked.

use proc_macro2::{Ident, TokenStream};
use quote::format_ident;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Expr, GenericArgument, GenericParam, Generics, LitStr, PathArguments, Type,
    Variant as SynVariant,
};

use super::attributes::{FieldOptions, TypeOptions, VariantOptions, repr_type, repr_words};
use super::bounds::template_bounds;
use crate::attributes::shared;
use crate::mistakes::Mistakes;
use crate::options::check_name;
use crate::sdk::Sdk;
use crate::tokens::has_macro;
use crate::types::{check, strip};

/// The form of values that cross (see `plugin_core::descriptor::form`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Fixed,
    C,
    Grows,
}

/// An annotated type as the expansion needs it.
pub(super) struct UserType {
    pub(super) ident: Ident,
    pub(super) name: Name,
    pub(super) generics: Generics,
    /// The attributes that the expansion repeats.
    pub(super) shared: Vec<TokenStream>,
    pub(super) form: Form,
    pub(super) body: Body,
}

pub(super) enum Body {
    Struct(Fields),
    Enum {
        /// The variants without the fallback.
        variants: Vec<Variant>,
        fallback: Option<Box<Variant>>,
        /// The type of explicit discriminants.
        discriminant: Ident,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Unit,
    Tuple,
    Named,
}

pub(super) struct Fields {
    pub(super) style: Style,
    pub(super) fields: Vec<Field>,
}

pub(super) struct Field {
    /// The name that the expansion gives to the field's type.
    pub(super) ty_name: Ident,
    /// The field's name, or its index.
    pub(super) member: syn::Member,
    pub(super) name: Name,
    /// The field's name or index as an identifier, at the field's place.
    pub(super) ident: Ident,
    pub(super) ty: Type,
    /// The field's value if the other side does not have the field.
    pub(super) default: Option<TokenStream>,
}

pub(super) struct Variant {
    pub(super) ident: Ident,
    pub(super) name: Name,
    /// The last discriminant that is written out, at this variant or before, and how many variants ago.
    pub(super) discriminant: (Option<Expr>, i128),
    pub(super) fields: Fields,
}

/// The name of a type, field or variant in descriptors and in messages.
pub(super) struct Name {
    pub(super) text: String,
    /// The option that gives the name, if the name is not the item's own.
    given: Option<LitStr>,
}

impl Name {
    /// `own` is the item's own name, and `of` says what the item is.
    fn new(own: String, given: Option<LitStr>, of: &str, mistakes: &mut Mistakes) -> Self {
        if let Some(given) = &given {
            check_name(given, of, mistakes);
        }
        Name { text: given.as_ref().map_or(own, LitStr::value), given }
    }
}

/// Reports each name that an earlier field or variant has too. The compiler itself reports those without an option.
fn check_different<'a>(names: impl Iterator<Item = &'a Name>, of: &str, mistakes: &mut Mistakes) {
    let mut before: Vec<&Name> = Vec::new();
    for name in names {
        let same = before.iter().find(|other| other.text == name.text);
        if let Some(given) = same.and_then(|other| name.given.as_ref().or(other.given.as_ref())) {
            mistakes.add(given, format!("two {of} have the name `{}`: give one of them another name", name.text));
        }
        before.push(name);
    }
}

impl UserType {
    /// Checks `item`, and takes out the attributes that only this macro understands.
    pub(super) fn new(
        options: TypeOptions,
        sdk: &Sdk,
        item: &mut DeriveInput,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
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
                            field.name.text
                        ),
                    );
                }
                Some(UserType::build(options, sdk, item, form, Body::Struct(fields), mistakes))
            }
            Data::Enum(data) => {
                let may_grow = Form::of(&item.attrs, mistakes) == Form::Grows;
                let (mut variants, mut fallback) = (Vec::new(), None::<Box<Variant>>);
                let mut discriminant = (None, 0);
                for variant in &mut data.variants {
                    let options = VariantOptions::take(&mut variant.attrs, mistakes);
                    let is_fallback = options.is_fallback;
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
                    let checked = Variant::new(options, variant, discriminant.clone(), &mut count, mistakes);
                    discriminant.1 += 1;
                    if !is_fallback {
                        variants.push(checked);
                        continue;
                    }
                    if fallback.is_some() {
                        mistakes.add(&checked.ident, "an enum has one fallback variant");
                    } else if !checked.fields.fields.is_empty() {
                        mistakes.add(
                            &checked.ident,
                            "the fallback variant has no fields: what an unknown variant holds, nobody here can read",
                        );
                    }
                    fallback = Some(Box::new(checked));
                }
                check_different(
                    variants.iter().chain(fallback.as_deref()).map(|variant| &variant.name),
                    "variants",
                    mistakes,
                );
                if let Some(fallback) = fallback.as_ref().filter(|_| !may_grow) {
                    mistakes.add(
                        &fallback.ident,
                        "a fallback variant stands for variants that are still to come: the enum must be \
                         `#[non_exhaustive]`",
                    );
                }
                if variants.is_empty() {
                    mistakes.add(&item.ident, "an enum without variants has no value that could cross");
                }
                let form = if fallback.is_some() { Form::Grows } else { Form::Fixed };
                let body = Body::Enum { variants, fallback, discriminant: repr_type(&item.attrs) };
                Some(UserType::build(options, sdk, item, form, body, mistakes))
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
        options: TypeOptions,
        sdk: &Sdk,
        DeriveInput { ident, generics, attrs, .. }: &DeriveInput,
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
        let name = Name::new(ident.unraw().to_string(), options.name, "a type", mistakes);
        let model = UserType { ident: ident.clone(), name, generics, shared: shared(attrs), form, body };
        if template_bounds(&model.generics, sdk).is_none() && model.is_recursive() {
            mistakes.add(
                ident,
                "a generic type that contains itself has no constant parameters, and no bounds on its parameters but \
                 those of the standard library: put the bounds on its functions",
            );
        }
        model
    }

    pub(super) fn all_fields(&self) -> impl Iterator<Item = &Field> {
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
    /// Reads the form of a type from its attributes.
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

/// Returns true if the type `name` of this module is a part of `ty`, perhaps as `Self`.
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

impl Fields {
    /// `count` is the number of fields before these.
    fn new(fields: &mut syn::Fields, count: &mut usize, may_default: bool, mistakes: &mut Mistakes) -> Self {
        let style = match fields {
            syn::Fields::Named(_) => Style::Named,
            syn::Fields::Unnamed(_) => Style::Tuple,
            syn::Fields::Unit => Style::Unit,
        };
        let mut checked = Vec::new();
        for (index, field) in fields.iter_mut().enumerate() {
            let options = FieldOptions::take(&mut field.attrs, mistakes);
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
            match &options.default {
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
            if let (None, Some(name)) = (&field.ident, &options.name) {
                mistakes.add(name, "a field of a tuple has no name: name all fields, as in `{ field: Type }`");
            }
            let name = Name::new(name, options.name, "a field", mistakes);
            checked.push(Field { ty_name, member, name, ident, ty: field.ty.clone(), default: options.default });
        }
        check_different(checked.iter().map(|field| &field.name), "fields", mistakes);
        Fields { style, fields: checked }
    }
}

impl Variant {
    fn new(
        options: VariantOptions,
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
            name: Name::new(variant.ident.unraw().to_string(), options.name, "a variant", mistakes),
            discriminant,
            fields: Fields::new(&mut variant.fields, count, false, mistakes),
        }
    }
}
