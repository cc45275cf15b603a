//! The implementation of `PluginType` for an annotated type.

mod enums;
mod hold;
mod repr;
mod structs;

use proc_macro2::{Ident, Span, TokenStream};
use quote::format_ident;

use self::repr::Conversions;
use super::bounds::template_bounds;
use super::field_types::Types;
use super::model::{Body, Form, UserType};
use super::shape::{Parameters, Shape};
use crate::sdk::Sdk;

pub(super) fn expand(model: &UserType, sdk: &Sdk, number: u64, metadata: &str) -> TokenStream {
    let std_bounds = template_bounds(&model.generics, sdk);
    let parameters = Parameters::new(&model.generics, std_bounds.as_deref().unwrap_or_default());
    let (ident, used) = (&model.ident, &parameters.used);
    let types = Types::new(model, mixed!(#ident #used));
    let shape = Shape {
        model,
        parameters: &parameters,
        types: &types,
        template: std_bounds.as_deref().filter(|parameters| !parameters.is_empty()),
        number,
        metadata,
        repr: format_ident!("__PluginRepr"),
        origin: Ident::new("__origin", Span::mixed_site()),
        lowered: Ident::new("__lowered", Span::mixed_site()),
    };
    let Conversions { declarations, repr, plain, convert, lift } = match &model.body {
        Body::Struct(fields) if model.form == Form::Grows => shape.growing_struct(fields),
        Body::Struct(fields) => shape.fixed_struct(fields),
        Body::Enum { variants, fallback: Some(fallback), .. } => shape.growing_enum(variants, &fallback.ident),
        Body::Enum { variants, fallback: None, .. } => shape.fixed_enum(variants),
    };
    let (lower, lend, hold) = (convert(&shape, "lower"), convert(&shape, "lend"), shape.hold());
    let Parameters { declared, used, clause, .. } = &parameters;
    let UserType { ident, shared, .. } = model;
    let (origin, lowered) = (&shape.origin, &shape.lowered);
    let (parts, (definition, node)) = (shape.parts(), shape.definition());
    // Each conversion has the proof. The descriptor itself cannot have the proof, because the proof reads the
    // descriptor.
    let proof = shape.template.map(|_| mixed!(let () = <Self as __PluginParts>::PROVEN;));
    let plain = if proof.is_some() && model.form == Form::C { mixed!({ #proof #plain }) } else { plain };
    let items = mixed! {
        #parts
        #declarations
        #definition
        // Conflicts if the type has a `Drop`. The type's values are taken apart on one side and made anew on the
        // other, so `drop` would run on both sides.
        #[allow(drop_bounds)]
        trait ATypeThatCrossesHasNoDrop {}
        #[allow(drop_bounds)]
        impl<__T: ::plugin_core::__private::core::ops::Drop> ATypeThatCrossesHasNoDrop for __T {}
        impl #declared ATypeThatCrossesHasNoDrop for #ident #used #clause {}
        #[automatically_derived]
        unsafe impl #declared ::plugin_core::PluginType for #ident #used #clause {
            type Repr = #repr;
            const NODE: &'static ::plugin_core::__private::Node = #node;
            const PLAIN: ::plugin_core::__private::core::primitive::bool = #plain;
            #[inline]
            fn lower(self) -> <Self as ::plugin_core::PluginType>::Repr { #proof #lower }
            #[inline]
            fn lend(&self, __arena: &mut ::plugin_core::Arena) -> <Self as ::plugin_core::PluginType>::Repr { #proof #lend }
            #[inline]
            unsafe fn lift(
                #lowered: <Self as ::plugin_core::PluginType>::Repr, #origin: &::plugin_core::Origin
            ) -> Self { #proof #lift }
            #[inline]
            unsafe fn hold(
                #lowered: &<Self as ::plugin_core::PluginType>::Repr,
                #origin: &::plugin_core::Origin,
                __arena: &mut ::plugin_core::Arena,
            ) -> ::plugin_core::__private::core::mem::ManuallyDrop<Self> { #proof #hold }
        }
    };
    let items = sdk.guarded("plugin_type", items);
    mixed! {
        #(#shared)*
        #[doc(hidden)]
        #[allow(non_snake_case, deprecated, clippy::multiple_bound_locations)]
        const _: () = { #items };
    }
}

/// An implementation for a type that has mistakes. It causes no further errors.
pub(super) fn stub(UserType { ident, generics, shared, .. }: &UserType) -> TokenStream {
    let mut generics = generics.clone();
    // The trait requires `'static`, and a type with a lifetime is not.
    generics.make_where_clause().predicates.push(syn::parse_quote!(Self: 'static));
    let Parameters { declared, used, clause, .. } = Parameters::new(&generics, &[]);
    mixed! {
        #(#shared)*
        const _: () = {
            unsafe impl #declared ::plugin_core::PluginType for #ident #used #clause {
                type Repr = ::plugin_core::__private::core::primitive::u8;
                const NODE: &'static ::plugin_core::__private::Node = <() as ::plugin_core::PluginType>::NODE;
                fn lower(self) -> ::plugin_core::__private::core::primitive::u8 { 0 }
                fn lend(&self, _: &mut ::plugin_core::Arena) -> ::plugin_core::__private::core::primitive::u8 { 0 }
                unsafe fn lift(_: ::plugin_core::__private::core::primitive::u8, _: &::plugin_core::Origin) -> Self { ::plugin_core::__private::core::unreachable!() }
                unsafe fn hold(
                    _: &::plugin_core::__private::core::primitive::u8, _: &::plugin_core::Origin, _: &mut ::plugin_core::Arena
                ) -> ::plugin_core::__private::core::mem::ManuallyDrop<Self> { ::plugin_core::__private::core::unreachable!() }
            }
        };
    }
}
