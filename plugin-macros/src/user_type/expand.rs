//! The implementation of `PluginType` for an annotated type.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::format_ident;
use syn::ext::IdentExt;
use syn::{Generics, TypeParamBound};

use super::parts::Types;
use super::{Body, Field, Fields, Form, UserType, Variant};

mod hold;

/// Everything about the generic parameters that the parts of the expansion need.
pub(super) struct Parameters {
    /// `<T: Bound + PluginType, const N: usize>`
    pub(super) declared: TokenStream,
    /// `<T, N>`
    pub(super) used: TokenStream,
    /// `::<T, N>`
    pub(super) turbofish: TokenStream,
    pub(super) clause: TokenStream,
    /// A field's type that mentions the type parameters, if there are any.
    phantom: Option<TokenStream>,
}

impl Parameters {
    /// The parameters of a type. `std_bounds` are those that the definition was made with, if it was made once for all
    /// arguments.
    fn new(generics: &Generics, std_bounds: &[(&Ident, Vec<TokenStream>)]) -> Self {
        let mut generics = generics.clone();
        for param in generics.type_params_mut() {
            param.bounds.push(syn::parse_quote!(::plugin_core::PluginType));
            let bounds = std_bounds.iter().filter(|(ident, _)| **ident == param.ident).flat_map(|(_, bounds)| bounds);
            param.bounds.extend(bounds.map(|bound| -> TypeParamBound { syn::parse_quote!(#bound) }));
        }
        let (declared, used, clause) = generics.split_for_impl();
        let turbofish = used.as_turbofish();
        let types: Vec<&Ident> = generics.type_params().map(|param| &param.ident).collect();
        let phantom = (!types.is_empty())
            .then(|| mixed!(::plugin_core::__private::core::marker::PhantomData<fn() -> (#(#types,)*)>));
        Parameters {
            declared: mixed!(#declared),
            used: mixed!(#used),
            turbofish: mixed!(#turbofish),
            clause: mixed!(#clause),
            phantom,
        }
    }
}

/// The variable that holds a field's value.
pub(super) fn variable(index: usize) -> Ident {
    format_ident!("__plugin_f{index}", span = Span::mixed_site())
}

/// `path { field: variable, .. }`, as a pattern or as an expression.
pub(super) fn destructured(path: &TokenStream, fields: &Fields) -> TokenStream {
    let members = fields.fields.iter().map(|field| &field.member);
    let variables = (0..fields.fields.len()).map(variable);
    mixed!(#path { #(#members: #variables),* })
}

/// A `#[repr(C)]` struct of the fields' `Repr`s.
fn repr_struct(name: &Ident, fields: &Fields, parameters: &Parameters, types: &Types) -> TokenStream {
    let (Parameters { declared, clause, phantom, .. }, copy) = (parameters, copy(name, parameters));
    let names = (0..fields.fields.len()).map(|index| format_ident!("f{index}"));
    let reprs = fields.fields.iter().map(|field| types.of(field, "Repr"));
    let phantom = phantom.iter();
    mixed! {
        #[repr(C)]
        pub struct #name #declared #clause {
            #(#names: #reprs,)*
            #(parameters: #phantom,)*
        }
        #copy
    }
}

/// Makes a `Repr` `Copy`, without the bounds that a derive would add.
fn copy(name: &Ident, Parameters { declared, used, clause, .. }: &Parameters) -> TokenStream {
    mixed! {
        #[automatically_derived]
        impl #declared ::plugin_core::__private::core::clone::Clone for #name #used #clause {
            fn clone(&self) -> Self { *self }
        }
        impl #declared ::plugin_core::__private::core::marker::Copy for #name #used #clause {}
    }
}

/// A value of [`repr_struct`]'s, made of the fields' variables by `convert`.
fn repr_value(name: &Ident, fields: &Fields, parameters: &Parameters, types: &Types, convert: &str) -> TokenStream {
    let names = (0..fields.fields.len()).map(|index| format_ident!("f{index}"));
    let converts = fields.fields.iter().enumerate().map(|(index, field)| {
        let (function, variable) = (types.of(field, convert), variable(index));
        let arena = (convert == "lend").then(|| mixed!(__arena));
        mixed!(#function(#variable, #arena))
    });
    let phantom =
        parameters.phantom.iter().map(|_| mixed!(parameters: ::plugin_core::__private::core::marker::PhantomData));
    let turbofish = &parameters.turbofish;
    mixed!(#name #turbofish { #(#names: #converts,)* #(#phantom),* })
}

/// The box of a type that grows, with `fields` in it: the receiver's, or one that is lent.
fn grown(fields: &TokenStream, number: &Literal, release: &TokenStream, convert: &str) -> TokenStream {
    match convert {
        "lend" => mixed! {
            {
                let __fields = #fields;
                ::plugin_core::repr::GrowsRepr::lent(__fields, #number, __arena)
            }
        },
        _ => mixed!(::plugin_core::repr::GrowsRepr::new(#fields, #number, #release)),
    }
}

/// Binds the fields' variables to what is lifted from `from`, a value of [`repr_struct`]'s.
fn lifted(from: &TokenStream, fields: &Fields, types: &Types, origin: &Ident) -> TokenStream {
    let lets = fields.fields.iter().enumerate().map(|(index, field)| {
        let (variable, name, lift) = (variable(index), format_ident!("f{index}"), types.of(field, "lift"));
        mixed!(let #variable = unsafe { #lift(#from.#name, #origin) };)
    });
    mixed!(#(#lets)*)
}

/// What the three conversions and the declarations of the `Repr` are.
struct Conversions {
    declarations: TokenStream,
    repr: TokenStream,
    plain: TokenStream,
    /// What `lower` and `lend` do with `self`; the one or the other is named in the place of `convert`.
    convert: fn(&Shape<'_>, &str) -> TokenStream,
    lift: TokenStream,
}

pub(super) struct Shape<'a> {
    pub(super) model: &'a UserType,
    pub(super) parameters: &'a Parameters,
    pub(super) types: &'a Types,
    /// The parameters and their bounds, if one definition describes the type for all arguments.
    pub(super) template: Option<&'a [(&'a Ident, Vec<TokenStream>)]>,
    /// Different for each annotated type of a crate.
    pub(super) number: u64,
    /// What tells the crate from others of its name.
    pub(super) metadata: &'a str,
    repr: Ident,
    origin: Ident,
    lowered: Ident,
}

pub(super) fn expand(model: &UserType, number: u64, metadata: &str) -> TokenStream {
    let std_bounds = model.template_bounds();
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
        Body::Enum { variants, fallback: Some(fallback), .. } => shape.growing_enum(variants, fallback),
        Body::Enum { variants, fallback: None, .. } => shape.fixed_enum(variants),
    };
    let (lower, lend, hold) = (convert(&shape, "lower"), convert(&shape, "lend"), shape.hold());
    let Parameters { declared, used, clause, .. } = &parameters;
    let UserType { ident, shared, .. } = model;
    let (origin, lowered) = (&shape.origin, &shape.lowered);
    let (parts, (definition, node)) = (shape.parts(), shape.definition());
    // In each way by which a value crosses. The descriptor itself cannot have the proof, because the proof reads the descriptor.
    let proof = shape.template.map(|_| mixed!(let () = <Self as __PluginParts>::PROVEN;));
    let plain = if proof.is_some() && model.form == Form::C { mixed!({ #proof #plain }) } else { plain };
    mixed! {
        #(#shared)*
        #[doc(hidden)]
        #[allow(non_snake_case, deprecated, clippy::multiple_bound_locations)]
        const _: () = {
            #parts
            #declarations
            #definition
            // Conflicts if the type has a `Drop`: its values are taken apart on one side and made on the other, and it would
            // run on both.
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
    }
}

/// An implementation for a type that has mistakes, which says nothing more.
pub(super) fn stub(UserType { ident, generics, shared, .. }: &UserType) -> TokenStream {
    let mut generics = generics.clone();
    // What has a lifetime is not `'static`, and the trait asks for that.
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

impl Shape<'_> {
    fn fixed_struct(&self, fields: &Fields) -> Conversions {
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

    fn growing_struct(&self, fields: &Fields) -> Conversions {
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
        let type_name = self.model.ident.unraw().to_string();
        let lifts = fields.fields.iter().enumerate().map(|(index, field)| {
            let (variable, name, lift, number) = (
                variable(index),
                format_ident!("f{index}"),
                self.types.of(field, "lift"),
                Literal::u32_suffixed(index as u32),
            );
            let field_name = &field.name;
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

    fn fixed_enum(&self, variants: &[Variant]) -> Conversions {
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
        let name = self.model.ident.unraw().to_string();
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

    fn growing_enum(&self, variants: &[Variant], fallback: &Ident) -> Conversions {
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

/// The struct of a variant's fields.
fn variant_repr(number: usize) -> Ident {
    format_ident!("__PluginVariant{number}")
}
