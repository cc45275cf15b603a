//! The code that lowers, lends and lifts a struct.

use proc_macro2::Literal;
use quote::format_ident;

use super::repr::{Conversions, grown, lifted, repr_struct, repr_value};
use crate::user_type::model::{Body, Fields, Form};
use crate::user_type::shape::{Parameters, Shape, destructured, variable};

impl Shape<'_> {
    pub(super) fn fixed_struct(&self, fields: &Fields) -> Conversions {
        let origin = &self.origin;
        if fields.fields.is_empty() {
            let value = destructured(&mixed!(Self), fields);
            return Conversions {
                declarations: mixed!(),
                repr: mixed!(::plugin_core::__private::core::primitive::u8),
                plain: mixed!(false),
                convert: |_, _| mixed!(0),
                // Referred to, because the argument would be unused.
                lift: mixed!(let _ = #origin; #value),
            };
        }
        let (repr, used, lowered) = (&self.repr, &self.parameters.used, &self.lowered);
        let (lifts, value) =
            (lifted(&mixed!(#lowered), fields, self.types, origin), destructured(&mixed!(Self), fields));
        let plain = (self.model.form == Form::C).then(|| {
            let plain = fields.fields.iter().enumerate().map(|(index, field)| {
                let (plain, member, name) = (self.types.of(field, "PLAIN"), &field.member, format_ident!("f{index}"));
                mixed! {
                    #plain && ::plugin_core::__private::core::mem::offset_of!(Self, #member) == ::plugin_core::__private::core::mem::offset_of!(#repr #used, #name)
                }
            });
            mixed! {
                #(#plain &&)*
                ::plugin_core::__private::core::mem::size_of::<Self>() == ::plugin_core::__private::core::mem::size_of::<#repr #used>() &&
                ::plugin_core::__private::core::mem::align_of::<Self>() == ::plugin_core::__private::core::mem::align_of::<#repr #used>()
            }
        });
        Conversions {
            declarations: repr_struct(repr, fields, self.parameters, self.types),
            repr: mixed!(#repr #used),
            plain: plain.unwrap_or_else(|| mixed!(false)),
            convert: |shape, convert| {
                let Body::Struct(fields) = &shape.model.body else { return mixed!() };
                let pattern = destructured(&mixed!(Self), fields);
                let value = repr_value(&shape.repr, fields, shape.parameters, shape.types, convert);
                mixed!(let #pattern = self; #value)
            },
            lift: mixed!(#lifts #value),
        }
    }

    pub(super) fn growing_struct(&self, fields: &Fields) -> Conversions {
        let Shape { repr, origin, lowered, .. } = self;
        let Parameters { declared, used, clause, .. } = self.parameters;
        let structure = repr_struct(repr, fields, self.parameters, self.types);
        let count = Literal::u32_suffixed(fields.fields.len() as u32);
        let releases = fields.fields.iter().enumerate().map(|(index, field)| {
            let (name, lift, index) =
                (format_ident!("f{index}"), self.types.of(field, "lift"), Literal::u32_suffixed(index as u32));
            mixed! {
                if __taken <= #index {
                    ::plugin_core::__private::core::mem::drop(unsafe { #lift(__fields.#name, &::plugin_core::Origin::HOST) });
                }
            }
        });
        let type_name = &self.model.name.text;
        let lifts = fields.fields.iter().enumerate().map(|(index, field)| {
            let (variable, name, lift, number) = (
                variable(index),
                format_ident!("f{index}"),
                self.types.of(field, "lift"),
                Literal::u32_suffixed(index as u32),
            );
            let field_name = &field.name.text;
            let default = match &field.default {
                Some(_) => {
                    let default = self.types.default(field);
                    mixed!(#default())
                }
                None => mixed!(::plugin_core::__private::missing_field(#type_name, #field_name)),
            };
            mixed! {
                let #variable = if #number < #lowered.number() {
                    unsafe {
                        #lift((&raw const (*#lowered.fields::<#repr #used>()).#name).read(), #origin)
                    }
                } else {
                    #default
                };
            }
        });
        let value = destructured(&mixed!(Self), fields);
        Conversions {
            declarations: mixed! {
                #structure
                unsafe extern "C" fn __plugin_release #declared (
                    __at: *mut ::plugin_core::__private::core::primitive::u8,
                    _: ::plugin_core::__private::core::primitive::u32,
                    __taken: ::plugin_core::__private::core::primitive::u32,
                ) #clause {
                    let __fields = unsafe { ::plugin_core::__private::unbox::<#repr #used>(__at) };
                    let _ = (__fields, __taken);
                    ::plugin_core::__private::drop_rest(|| { #(#releases)* });
                }
            },
            repr: mixed!(::plugin_core::repr::GrowsRepr),
            plain: mixed!(false),
            convert: |shape, convert| {
                let Body::Struct(fields) = &shape.model.body else { return mixed!() };
                let pattern = destructured(&mixed!(Self), fields);
                let value = repr_value(&shape.repr, fields, shape.parameters, shape.types, convert);
                let count = Literal::u32_suffixed(fields.fields.len() as u32);
                let turbofish = &shape.parameters.turbofish;
                let grown = grown(&value, &count, &mixed!(__plugin_release #turbofish), convert);
                mixed!(let #pattern = self; #grown)
            },
            lift: mixed! {
                #(#lifts)*
                let _ = #origin;
                unsafe { #lowered.release(#count) }
                #value
            },
        }
    }
}
