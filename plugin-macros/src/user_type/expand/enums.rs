//! The code that lowers, lends and lifts an enum.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::format_ident;

use super::repr::{Conversions, copy, grown, lifted, repr_struct, repr_value, variant_repr};
use crate::user_type::model::{Body, Variant};
use crate::user_type::shape::{Parameters, Shape, destructured};

impl Shape<'_> {
    pub(super) fn fixed_enum(&self, variants: &[Variant]) -> Conversions {
        let Shape { repr, lowered, .. } = self;
        let Parameters { declared, used, clause, .. } = self.parameters;
        let structures = self.variant_structs(variants);
        let has_payload = with_fields(variants).next().is_some();
        let payload = has_payload.then(|| {
            let members = with_fields(variants).map(|(number, _)| {
                let (member, structure) = (format_ident!("v{number}"), variant_repr(number));
                mixed!(#member: #structure #used)
            });
            let payload = format_ident!("__PluginPayload");
            let copy = copy(&payload, self.parameters);
            mixed! {
                #[repr(C)]
                pub union #payload #declared #clause { #(#members),* }
                #copy
            }
        });
        // A type parameter that only a phantom mentions still has to be mentioned.
        let member = match (has_payload, &self.parameters.phantom) {
            (true, _) => mixed!(payload: ::plugin_core::__private::core::mem::MaybeUninit<__PluginPayload #used>,),
            (false, Some(phantom)) => mixed!(parameters: #phantom,),
            (false, None) => mixed!(),
        };
        let arms = variants.iter().enumerate().map(|(number, variant)| {
            let (index, ident) = (Literal::u32_suffixed(number as u32), &variant.ident);
            let value = destructured(&mixed!(Self::#ident), &variant.fields);
            if variant.fields.fields.is_empty() {
                return mixed!(#index => #value,);
            }
            let member = format_ident!("v{number}");
            let fields = Ident::new("__fields", Span::mixed_site());
            let lifts = lifted(&mixed!(#fields), &variant.fields, self.types, &self.origin);
            mixed!(#index => { let #fields = unsafe { #lowered.payload.assume_init().#member }; #lifts #value })
        });
        let name = &self.model.name.text;
        let (origin, copy) = (&self.origin, copy(repr, self.parameters));
        Conversions {
            declarations: mixed! {
                #(#structures)*
                #payload
                #[repr(C)]
                pub struct #repr #declared #clause { number: ::plugin_core::__private::core::primitive::u32, #member }
                #copy
            },
            repr: mixed!(#repr #used),
            plain: mixed!(false),
            convert: |shape, convert| {
                let Body::Enum { variants, .. } = &shape.model.body else { return mixed!() };
                let has_payload = with_fields(variants).next().is_some();
                let repr = &shape.repr;
                let arms = variants.iter().enumerate().map(|(number, variant)| {
                    let (index, ident) = (Literal::u32_suffixed(number as u32), &variant.ident);
                    let pattern = destructured(&mixed!(Self::#ident), &variant.fields);
                    let rest = match (has_payload, variant.fields.fields.is_empty(), &shape.parameters.phantom) {
                        (false, _, None) => mixed!(),
                        (false, _, Some(_)) => mixed!(parameters: ::plugin_core::__private::core::marker::PhantomData),
                        (true, true, _) => mixed!(payload: ::plugin_core::__private::core::mem::MaybeUninit::uninit()),
                        (true, false, _) => {
                            let member = format_ident!("v{number}");
                            let name = variant_repr(number);
                            let value = repr_value(&name, &variant.fields, shape.parameters, shape.types, convert);
                            mixed!(payload: ::plugin_core::__private::core::mem::MaybeUninit::new(__PluginPayload { #member: #value }))
                        }
                    };
                    mixed!(#pattern => #repr { number: #index, #rest },)
                });
                mixed!(match self { #(#arms)* })
            },
            lift: mixed! {
                let _ = #origin;
                match #lowered.number {
                    #(#arms)*
                    __number => ::plugin_core::__private::unknown_variant(#name, __number),
                }
            },
        }
    }

    /// The structs of the variants' fields.
    fn variant_structs(&self, variants: &[Variant]) -> Vec<TokenStream> {
        let structs = with_fields(variants)
            .map(|(number, variant)| repr_struct(&variant_repr(number), &variant.fields, self.parameters, self.types));
        structs.collect()
    }

    pub(super) fn growing_enum(&self, variants: &[Variant], fallback: &Ident) -> Conversions {
        let Shape { lowered, origin, .. } = self;
        let Parameters { declared, used, clause, .. } = self.parameters;
        let structures = self.variant_structs(variants);
        let releases = with_fields(variants).map(|(number, variant)| {
            let (index, structure) = (Literal::u32_suffixed(number as u32), variant_repr(number));
            let drops = variant.fields.fields.iter().enumerate().map(|(index, field)| {
                let (name, lift) = (format_ident!("f{index}"), self.types.of(field, "lift"));
                mixed! {
                    ::plugin_core::__private::core::mem::drop(unsafe { #lift(__fields.#name, &::plugin_core::Origin::HOST) });
                }
            });
            mixed! {
                #index => {
                    let __fields = unsafe { ::plugin_core::__private::unbox::<#structure #used>(__at) };
                    if __taken == 0 { ::plugin_core::__private::drop_rest(|| { #(#drops)* }); }
                }
            }
        });
        let arms = variants.iter().enumerate().map(|(number, variant)| {
            let (index, ident) = (Literal::u32_suffixed(number as u32), &variant.ident);
            let value = destructured(&mixed!(Self::#ident), &variant.fields);
            if variant.fields.fields.is_empty() {
                return mixed!(#index => { unsafe { #lowered.release(0) } #value });
            }
            let (structure, fields) = (variant_repr(number), Ident::new("__fields", Span::mixed_site()));
            let lifts = lifted(&mixed!(#fields), &variant.fields, self.types, origin);
            let count = Literal::u32_suffixed(variant.fields.fields.len() as u32);
            mixed! {
                #index => {
                    let #fields = unsafe { #lowered.fields::<#structure #used>().read() };
                    #lifts
                    unsafe { #lowered.release(#count) }
                    #value
                }
            }
        });
        Conversions {
            declarations: mixed! {
                #(#structures)*
                unsafe extern "C" fn __plugin_release #declared (
                    __at: *mut ::plugin_core::__private::core::primitive::u8,
                    __number: ::plugin_core::__private::core::primitive::u32,
                    __taken: ::plugin_core::__private::core::primitive::u32,
                ) #clause {
                    let _ = (__at, __taken);
                    match __number {
                        #(#releases)*
                        _ => {}
                    }
                }
            },
            repr: mixed!(::plugin_core::repr::GrowsRepr),
            plain: mixed!(false),
            convert: |shape, convert| {
                let Body::Enum { variants, fallback: Some(fallback), .. } = &shape.model.body else { return mixed!() };
                let fallback = &fallback.ident;
                let release = {
                    let turbofish = &shape.parameters.turbofish;
                    mixed!(__plugin_release #turbofish)
                };
                let arms = variants.iter().enumerate().map(|(number, variant)| {
                    let (index, ident) = (Literal::u32_suffixed(number as u32), &variant.ident);
                    let pattern = destructured(&mixed!(Self::#ident), &variant.fields);
                    if variant.fields.fields.is_empty() {
                        return mixed!(#pattern => ::plugin_core::repr::GrowsRepr::empty(#index, #release),);
                    }
                    let name = variant_repr(number);
                    let value = repr_value(&name, &variant.fields, shape.parameters, shape.types, convert);
                    let grown = grown(&value, &index, &release, convert);
                    mixed!(#pattern => #grown,)
                });
                mixed! {
                    match self {
                        #(#arms)*
                        Self::#fallback { .. } => ::plugin_core::repr::GrowsRepr::empty(
                            ::plugin_core::repr::GrowsRepr::FALLBACK, #release
                        ),
                    }
                }
            },
            lift: mixed! {
                let _ = #origin;
                match #lowered.number() {
                    #(#arms)*
                    _ => { unsafe { #lowered.release(0) } Self::#fallback {} }
                }
            },
        }
    }
}

/// The variants that have fields, with their numbers.
fn with_fields(variants: &[Variant]) -> impl Iterator<Item = (usize, &Variant)> {
    variants.iter().enumerate().filter(|(_, variant)| !variant.fields.fields.is_empty())
}
