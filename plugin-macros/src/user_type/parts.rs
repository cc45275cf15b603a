//! The author's own words in the implementation for an annotated type: the types of its fields, and defaults.
//!
//! These words stand in one place only, because the compiler reads them anew at each place, and a macro among the words may
//! then mean something else. The place is never in an unsafe function, because there the author could call unsafe
//! functions.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::field_types::default_of;
use super::model::{Body, Field, Fields};
use super::shape::{Parameters, Shape, destructured, variable};
use crate::crossing::Passing;
use crate::tokens::ends;
use crate::types::advice;

impl Shape<'_> {
    /// The types, and the functions that make defaults: aliases, and a trait of this block's that the type implements.
    ///
    /// The trait has the body of a generic type's definition too. If the definition has stand-ins, `PROVEN` is a constant that
    /// has an error if the body for the real arguments is another one. The body also has the descriptor of each field, which
    /// refuses some types by itself, for example a `Vec` of elements without a size.
    pub(super) fn parts(&self) -> TokenStream {
        let Parameters { declared, used, clause, .. } = self.parameters;
        let (ident, types) = (&self.model.ident, self.types);
        let (associated, others): (Vec<&Field>, Vec<&Field>) =
            self.model.all_fields().partition(|field| types.is_associated(field));
        let aliases = others.into_iter().map(|Field { ty_name, ty, .. }| mixed!(type #ty_name = #ty;));
        let mut declarations: Vec<TokenStream> = Vec::new();
        let mut items: Vec<TokenStream> = Vec::new();
        for Field { ty_name, ty, .. } in associated {
            declarations.push(mixed!(type #ty_name;));
            items.push(mixed!(type #ty_name = #ty;));
        }
        for field in self.model.all_fields() {
            let Some(default) = &field.default else { continue };
            let (name, ty) = (default_of(field), types.unchecked(field));
            let ty_name = &field.ty_name;
            let of_any = if types.is_associated(field) { mixed!(Self::#ty_name) } else { mixed!(#ty_name) };
            declarations.push(mixed!(fn #name() -> #of_any;));
            items.push(mixed!(fn #name() -> #ty { #default }));
        }
        if !self.model.generics.params.is_empty() {
            let (body, ty) = (self.body(), mixed!(&'static ::plugin_core::__private::Node));
            declarations.push(mixed!(const BODY: #ty;));
            items.push(mixed!(const BODY: #ty = #body;));
            if self.template.is_some() {
                declarations.push(mixed!(
                    const PROVEN: ();
                ));
                items.push(mixed! {
                    const PROVEN: () = ::plugin_core::__private::assert_described(
                        <Self as ::plugin_core::PluginType>::NODE, <Self as __PluginParts>::BODY
                    );
                });
            } else {
                let definition = self.definition_of(mixed!(Self::BODY), false);
                let ty = mixed!(&'static ::plugin_core::__private::Definition);
                declarations.push(mixed!(const DEFINITION: #ty;));
                items.push(mixed!(const DEFINITION: #ty = &#definition;));
            }
        }
        let of_implementation = (!items.is_empty()).then(|| {
            mixed! {
                trait __PluginParts: ::plugin_core::__private::core::marker::Sized { #(#declarations)* }
                impl #declared __PluginParts for #ident #used #clause { #(#items)* }
            }
        });
        let (exact, checks) = (self.exact(), types.checked.then(|| self.checks()));
        mixed!(#(#aliases)* #of_implementation #exact #checks)
    }

    /// A function that is never called. The function compiles only if each name is of the field's very type: a tuple is not
    /// converted to another one, as a value alone could be.
    fn exact(&self) -> TokenStream {
        let Parameters { declared, clause, .. } = self.parameters;
        let (ident, whole) = (&self.model.ident, &self.types.whole);
        let exact = |fields: &Fields| {
            let each = fields.fields.iter().enumerate().map(|(index, field)| {
                let (variable, ty, (first, _)) = (variable(index), self.types.unchecked(field), ends(&field.ty));
                let shown = Ident::new(&variable.to_string(), variable.span().located_at(first));
                mixed!(let #variable = (#variable,); let _: (#ty,) = #shown;)
            });
            mixed!(#(#each)*)
        };
        let body = match &self.model.body {
            Body::Struct(fields) => {
                let (pattern, exact) = (destructured(&mixed!(#ident), fields), exact(fields));
                mixed!(let #pattern = __value; #exact)
            }
            Body::Enum { variants, fallback, .. } => {
                let arms = variants.iter().map(|variant| {
                    let name = &variant.ident;
                    let (pattern, exact) =
                        (destructured(&mixed!(#ident::#name), &variant.fields), exact(&variant.fields));
                    mixed!(#pattern => { #exact })
                });
                let fallback = fallback.iter().map(|fallback| &fallback.ident);
                mixed!(match __value { #(#arms)* #(#ident::#fallback {} => {})* })
            }
        };
        mixed!(fn __exact #declared (__value: #whole) #clause { #body })
    }

    /// A constant that has an error if a field's type does not cross, and an alias that depends on the constant.
    fn checks(&self) -> TokenStream {
        // A function for each field, with the field's name and place, because the compiler names the function in the error.
        let checks = self.model.all_fields().map(|field| {
            let (ty, name) = (self.types.unchecked(field), &field.ident);
            let required = match advice(&field.ty, Passing::Own) {
                Some(advice) => quote_spanned! {
                    name.span()=> ::plugin_core::__private::advice::#advice<::plugin_core::__private::Own>
                },
                None => quote_spanned!(name.span()=> ::plugin_core::PluginType),
            };
            let bound = quote_spanned!(name.span()=> const fn #name<T: #required>() {});
            let call = quote_spanned!(field.ty.span()=> #name::<#ty>());
            mixed!({ #bound #call })
        });
        mixed! {
            const __PLUGIN_CHECKED: ::plugin_core::__private::core::primitive::usize = { #(#checks;)* 1 };
            type __PluginChecked<T> =
                <<[&'static T; __PLUGIN_CHECKED] as ::plugin_core::__private::core::iter::IntoIterator>::Item as ::plugin_core::__private::core::ops::Deref>::Target;
        }
    }
}
