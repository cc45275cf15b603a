//! The function `PluginType::hold`, which makes a value that refers to the sender's memory.
//!
//! It holds one field after the other, each in a `ManuallyDrop`, and makes the value when it has all fields. If the `hold` of a
//! field unwinds, the fields before it are not dropped.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::format_ident;

use super::repr::variant_repr;
use crate::user_type::model::{Body, Field, Fields, Form, Variant};
use crate::user_type::shape::{Shape, destructured, variable};

impl Shape<'_> {
    /// The body of `hold`.
    pub(super) fn hold(&self) -> TokenStream {
        let lowered = &self.lowered;
        let value = match &self.model.body {
            Body::Struct(fields) if self.model.form == Form::Grows => self.hold_growing_struct(fields),
            Body::Struct(fields) => self.held(&mixed!(#lowered), &mixed!(Self), fields),
            Body::Enum { variants, fallback: Some(fallback), .. } => self.hold_growing_enum(variants, &fallback.ident),
            Body::Enum { variants, fallback: None, .. } => self.hold_fixed_enum(variants),
        };
        mixed!(::plugin_core::__private::core::mem::ManuallyDrop::new(#value))
    }

    /// An expression for the value `path { .. }`, with fields held from `from`, a reference to a struct of `repr_struct`.
    fn held(&self, from: &TokenStream, path: &TokenStream, fields: &Fields) -> TokenStream {
        let holds = fields.fields.iter().enumerate().map(|(index, field)| {
            let name = format_ident!("f{index}");
            self.held_field(field, &mixed!(&#from.#name))
        });
        self.put_together(holds, path, fields)
    }

    /// An expression that holds one field.
    fn held_field(&self, field: &Field, repr: &TokenStream) -> TokenStream {
        let (hold, origin) = (self.types.of(field, "hold"), &self.origin);
        mixed!(unsafe { #hold(#repr, #origin, __arena) })
    }

    /// An expression for the value `path { .. }`, with one expression for each held field.
    fn put_together(
        &self,
        holds: impl Iterator<Item = TokenStream>,
        path: &TokenStream,
        fields: &Fields,
    ) -> TokenStream {
        let variables: Vec<Ident> = (0..fields.fields.len()).map(variable).collect();
        let value = destructured(path, fields);
        mixed! {
            {
                #(let #variables = #holds;)*
                #(let #variables = ::plugin_core::__private::core::mem::ManuallyDrop::into_inner(#variables);)*
                #value
            }
        }
    }

    fn hold_growing_struct(&self, fields: &Fields) -> TokenStream {
        let (repr, used, lowered) = (&self.repr, &self.parameters.used, &self.lowered);
        let holds = fields.fields.iter().enumerate().map(|(index, field)| {
            let (name, number) = (format_ident!("f{index}"), Literal::u32_suffixed(index as u32));
            let held = self.held_field(field, &mixed!(&(*#lowered.fields::<#repr #used>()).#name));
            let default = self.held_default(field);
            mixed!(if #number < #lowered.number() { #held } else { #default })
        });
        self.put_together(holds, &mixed!(Self), fields)
    }

    /// An expression for a field that the sender's version of the type does not have.
    fn held_default(&self, field: &Field) -> TokenStream {
        let (type_name, name) = (&self.model.name.text, &field.name.text);
        match &field.default {
            Some(_) => {
                let default = self.types.default(field);
                // The author's expression is evaluated outside of `unsafe`.
                mixed! {
                    {
                        let __default = #default();
                        unsafe { ::plugin_core::__private::hold_default(__default, __arena) }
                    }
                }
            }
            None => mixed!(::plugin_core::__private::missing_field(#type_name, #name)),
        }
    }

    fn hold_fixed_enum(&self, variants: &[Variant]) -> TokenStream {
        let (lowered, name) = (&self.lowered, &self.model.name.text);
        let arms = variants.iter().enumerate().map(|(number, variant)| {
            let (index, ident) = (Literal::u32_suffixed(number as u32), &variant.ident);
            let (path, member) = (mixed!(Self::#ident), format_ident!("v{number}"));
            let held = self.held(&mixed!(__fields), &path, &variant.fields);
            if variant.fields.fields.is_empty() {
                return mixed!(#index => #held,);
            }
            mixed!(#index => { let __fields = unsafe { &#lowered.payload.assume_init_ref().#member }; #held })
        });
        mixed! {
            match #lowered.number {
                #(#arms)*
                __number => ::plugin_core::__private::unknown_variant(#name, __number),
            }
        }
    }

    fn hold_growing_enum(&self, variants: &[Variant], fallback: &Ident) -> TokenStream {
        let (lowered, used) = (&self.lowered, &self.parameters.used);
        let arms = variants.iter().enumerate().map(|(number, variant)| {
            let (index, ident) = (Literal::u32_suffixed(number as u32), &variant.ident);
            let structure = variant_repr(number);
            let held = self.held(&mixed!(__fields), &mixed!(Self::#ident), &variant.fields);
            if variant.fields.fields.is_empty() {
                return mixed!(#index => #held,);
            }
            mixed!(#index => { let __fields = unsafe { &*#lowered.fields::<#structure #used>() }; #held })
        });
        mixed! {
            match #lowered.number() {
                #(#arms)*
                _ => Self::#fallback {},
            }
        }
    }
}
