//! The implementation of `PluginType` for an annotated type.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{GenericParam, Generics};

use super::{Body, Field, Fields, Form, Style, UserType, Variant};

/// As `quote!`, with variables that the author's expressions do not see. A constant of the author's would still be taken
/// for one in a pattern, so all begin with two underscores.
macro_rules! mixed {
    ($($tokens:tt)*) => { quote_spanned!(Span::mixed_site()=> $($tokens)*) };
}

/// The numbers of `plugin_core::descriptor::Tag` and of its forms and styles, as far as they are written here.
const TAG_STRUCT: u8 = 83;
const TAG_ENUM: u8 = 84;

impl Form {
    fn number(self) -> u8 {
        match self {
            Form::Fixed => 0,
            Form::C => 1,
            Form::Grows => 2,
        }
    }
}

impl Style {
    fn number(self) -> u8 {
        match self {
            Style::Unit => 0,
            Style::Tuple => 1,
            Style::Named => 2,
        }
    }
}

/// The nodes of a definition's body: runs of bytes, and the descriptors of fields between them.
#[derive(Default)]
struct Nodes {
    bytes: Vec<u8>,
    parts: Vec<TokenStream>,
}

impl Nodes {
    fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    fn count(&mut self, count: usize) {
        self.bytes.extend((count as u32).to_le_bytes());
    }

    fn name(&mut self, name: &str) {
        self.count(name.len());
        self.bytes.extend(name.as_bytes());
    }

    fn bytes_so_far(&mut self) {
        if !self.bytes.is_empty() {
            let bytes = Literal::byte_string(&std::mem::take(&mut self.bytes));
            self.parts.push(mixed!(&::plugin_core::__private::Node::Of { head: #bytes, parts: &[] }));
        }
    }

    fn node(&mut self, node: TokenStream) {
        self.bytes_so_far();
        self.parts.push(node);
    }

    fn fields(&mut self, fields: &Fields, types: &Types) {
        self.byte(fields.style.number());
        self.count(fields.fields.len());
        for field in &fields.fields {
            self.name(&field.name);
            self.byte(field.default.is_some().into());
            self.node(types.of(field, "NODE"));
        }
    }

    fn finish(mut self) -> TokenStream {
        self.bytes_so_far();
        let parts = self.parts;
        mixed!(&::plugin_core::__private::Node::Of { head: &[], parts: &[#(#parts),*] })
    }
}

/// How fields' types are referred to.
struct Types {
    /// Whether each is checked once, and elsewhere said in a way in which the compiler does not repeat itself. It can be
    /// where there are no parameters.
    checked: bool,
}

impl Types {
    /// Something of the trait's for a field's type.
    fn of(&self, field: &Field, item: &str) -> TokenStream {
        let (ty, item) = (self.checked(field), Ident::new(item, Span::call_site()));
        mixed!(<#ty as ::plugin_core::PluginType>::#item)
    }

    fn checked(&self, field: &Field) -> TokenStream {
        let ty = &field.ty;
        if self.checked { mixed!(__PluginChecked<#ty>) } else { mixed!(#ty) }
    }
}

/// Everything about the generic parameters that the parts of the expansion need.
struct Parameters {
    /// `<T: Bound + PluginType, const N: usize>`
    declared: TokenStream,
    /// `<T, N>`
    used: TokenStream,
    /// `::<T, N>`
    turbofish: TokenStream,
    clause: TokenStream,
    /// A field's type that mentions the type parameters, if there are any.
    phantom: Option<TokenStream>,
}

impl Parameters {
    fn new(generics: &Generics) -> Self {
        let mut generics = generics.clone();
        for param in generics.type_params_mut() {
            param.bounds.push(syn::parse_quote!(::plugin_core::PluginType));
        }
        let (declared, used, clause) = generics.split_for_impl();
        let turbofish = used.as_turbofish();
        let types: Vec<&Ident> = generics.type_params().map(|param| &param.ident).collect();
        let phantom = (!types.is_empty()).then(|| mixed!(::core::marker::PhantomData<fn() -> (#(#types,)*)>));
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
fn variable(index: usize) -> Ident {
    format_ident!("__plugin_f{index}", span = Span::mixed_site())
}

/// `path { field: variable, .. }`, as a pattern or as an expression.
fn destructured(path: &TokenStream, fields: &Fields) -> TokenStream {
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
        impl #declared ::core::clone::Clone for #name #used #clause {
            fn clone(&self) -> Self { *self }
        }
        impl #declared ::core::marker::Copy for #name #used #clause {}
    }
}

/// A value of [`repr_struct`]'s, made of the fields' variables by `convert`.
fn repr_value(name: &Ident, fields: &Fields, parameters: &Parameters, types: &Types, convert: &str) -> TokenStream {
    let names = (0..fields.fields.len()).map(|index| format_ident!("f{index}"));
    let variables = (0..fields.fields.len()).map(variable);
    let converts = fields.fields.iter().map(|field| types.of(field, convert));
    let phantom = parameters.phantom.iter().map(|_| mixed!(parameters: ::core::marker::PhantomData));
    let turbofish = &parameters.turbofish;
    mixed!(#name #turbofish { #(#names: #converts(#variables),)* #(#phantom),* })
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

struct Shape<'a> {
    model: &'a UserType,
    parameters: &'a Parameters,
    types: &'a Types,
    repr: Ident,
    origin: Ident,
    lowered: Ident,
}

pub(super) fn expand(model: &UserType, key: [u64; 2]) -> TokenStream {
    let parameters = Parameters::new(&model.generics);
    let types = Types { checked: model.generics.params.is_empty() && model.all_fields().next().is_some() };
    let shape = Shape {
        model,
        parameters: &parameters,
        types: &types,
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
    let (lower, lend) = (convert(&shape, "lower"), convert(&shape, "lend"));
    let Parameters { declared, used, clause, .. } = &parameters;
    let UserType { ident, shared, .. } = model;
    let (origin, lowered) = (&shape.origin, &shape.lowered);
    let (definition, node) = shape.definition(key);
    let checked = types.checked.then(|| {
        // Each by a function that is called like the field and stands where it does: the compiler names it.
        let checks = model.all_fields().map(|field| {
            let (ty, name) = (&field.ty, &field.ident);
            let bound = quote_spanned!(name.span()=> const fn #name<T: ::plugin_core::PluginType>() {});
            let call = quote_spanned!(ty.span()=> #name::<#ty>());
            mixed!({ #bound #call })
        });
        mixed! {
            const __PLUGIN_CHECKED: ::core::primitive::usize = { #(#checks;)* 1 };
            type __PluginChecked<T> =
                <<[&'static T; __PLUGIN_CHECKED] as ::core::iter::IntoIterator>::Item as ::core::ops::Deref>::Target;
        }
    });
    mixed! {
        #(#shared)*
        #[doc(hidden)]
        #[allow(non_snake_case, deprecated)]
        const _: () = {
            #checked
            #declarations
            #definition
            // Conflicts if the type has a `Drop`: its values are taken apart on one side and made on the other, and it would
            // run on both.
            #[allow(drop_bounds)]
            trait ATypeThatCrossesHasNoDrop {}
            #[allow(drop_bounds)]
            impl<__T: ::core::ops::Drop> ATypeThatCrossesHasNoDrop for __T {}
            impl #declared ATypeThatCrossesHasNoDrop for #ident #used #clause {}
            #[automatically_derived]
            unsafe impl #declared ::plugin_core::PluginType for #ident #used #clause {
                type Repr = #repr;
                const NODE: &'static ::plugin_core::__private::Node = #node;
                const PLAIN: ::core::primitive::bool = #plain;
                #[inline]
                fn lower(self) -> <Self as ::plugin_core::PluginType>::Repr { #lower }
                #[inline]
                fn lend(&self) -> <Self as ::plugin_core::PluginType>::Repr { #lend }
                // A default is the author's, and safe.
                #[inline]
                #[deny(unsafe_op_in_unsafe_fn)]
                unsafe fn lift(
                    #lowered: <Self as ::plugin_core::PluginType>::Repr, #origin: &::plugin_core::Origin
                ) -> Self { #lift }
            }
        };
    }
}

/// An implementation for a type that has mistakes, which says nothing more.
pub(super) fn stub(UserType { ident, generics, shared, .. }: &UserType) -> TokenStream {
    let mut generics = generics.clone();
    // What has a lifetime is not `'static`, and the trait asks for that.
    generics.make_where_clause().predicates.push(syn::parse_quote!(Self: 'static));
    let Parameters { declared, used, clause, .. } = Parameters::new(&generics);
    mixed! {
        #(#shared)*
        const _: () = {
            unsafe impl #declared ::plugin_core::PluginType for #ident #used #clause {
                type Repr = ::core::primitive::u8;
                const NODE: &'static ::plugin_core::__private::Node = <() as ::plugin_core::PluginType>::NODE;
                fn lower(self) -> ::core::primitive::u8 { 0 }
                fn lend(&self) -> ::core::primitive::u8 { 0 }
                unsafe fn lift(_: ::core::primitive::u8, _: &::plugin_core::Origin) -> Self { ::core::unreachable!() }
            }
        };
    }
}

impl Shape<'_> {
    /// The definition, and the node that refers to it.
    fn definition(&self, key: [u64; 2]) -> (TokenStream, TokenStream) {
        let UserType { ident, generics, .. } = self.model;
        let Parameters { declared, used, clause, .. } = self.parameters;
        let (name, body) = (ident.unraw().to_string(), self.body());
        let [high, low] = key;
        let arguments = generics.params.iter().map(|param| match param {
            GenericParam::Const(param) => {
                let ident = &param.ident;
                mixed! {
                    &::plugin_core::__private::Node::Of {
                        head: &::plugin_core::__private::constant(#ident as ::core::primitive::i128),
                        parts: &[],
                    }
                }
            }
            GenericParam::Type(param) => {
                let ident = &param.ident;
                mixed!(<#ident as ::plugin_core::PluginType>::NODE)
            }
            GenericParam::Lifetime(_) => mixed!(),
        });
        let node = |definition: TokenStream| {
            mixed! {
                &::plugin_core::__private::Node::Named {
                    definition: ::plugin_core::__private::DefinitionRef::new(#definition),
                    arguments: &[#(#arguments),*],
                }
            }
        };
        let definition = |generic: bool, body: TokenStream| {
            mixed! {
                ::plugin_core::__private::Definition {
                    key: [#high, #low],
                    place: ::core::concat!(
                        ::core::module_path!(), ::core::file!(), ':', ::core::line!(), ':', ::core::column!()
                    ),
                    name: #name,
                    generic: #generic,
                    body: #body,
                }
            }
        };
        if generics.params.is_empty() {
            let definition = definition(false, body);
            let item = mixed!(static __PLUGIN_DEFINITION: ::plugin_core::__private::Definition = #definition;);
            return (item, node(mixed!(&__PLUGIN_DEFINITION)));
        }
        let phantom = self.parameters.phantom.iter();
        let of_body = mixed! {
            struct __PluginBody #declared (#(#phantom)*) #clause;
            impl #declared __PluginBody #used #clause {
                const BODY: &'static ::plugin_core::__private::Node = #body;
            }
        };
        if self.model.is_template() {
            let indices = (0..generics.params.len()).map(Literal::usize_unsuffixed);
            let stand_ins = mixed!(#(::plugin_core::__private::Parameter<#indices>),*);
            let definition = definition(true, mixed!(<__PluginBody<#stand_ins>>::BODY));
            let item = mixed!(static __PLUGIN_DEFINITION: ::plugin_core::__private::Definition = #definition;);
            (mixed!(#of_body #item), node(mixed!(&__PLUGIN_DEFINITION)))
        } else {
            let definition = definition(false, mixed!(Self::BODY));
            let item = mixed! {
                impl #declared __PluginBody #used #clause {
                    const DEFINITION: &'static ::plugin_core::__private::Definition = &#definition;
                }
            };
            (mixed!(#of_body #item), node(mixed!(<__PluginBody #used>::DEFINITION)))
        }
    }

    /// What the definition says, as its module in `plugin_core::descriptor` has it.
    fn body(&self) -> TokenStream {
        let mut nodes = Nodes::default();
        match &self.model.body {
            Body::Struct(fields) => {
                nodes.byte(TAG_STRUCT);
                nodes.byte(self.model.form.number());
                nodes.fields(fields, self.types);
            }
            Body::Enum { variants, fallback, discriminant } => {
                nodes.byte(TAG_ENUM);
                nodes.byte(self.model.form.number());
                nodes.count(variants.len());
                for variant in variants {
                    nodes.name(&variant.ident.unraw().to_string());
                    let (last, since) = &variant.discriminant;
                    match last {
                        None => nodes.bytes.extend(since.to_le_bytes()),
                        Some(value) => {
                            let since = Literal::i128_unsuffixed(*since);
                            nodes.node(mixed! {
                                &::plugin_core::__private::Node::Of {
                                    head: &({
                                        const __PLUGIN_VALUE: ::core::primitive::#discriminant = #value;
                                        __PLUGIN_VALUE as ::core::primitive::i128 + #since
                                    }).to_le_bytes(),
                                    parts: &[],
                                }
                            });
                        }
                    }
                    nodes.fields(&variant.fields, self.types);
                }
                if let Some(fallback) = fallback {
                    nodes.name(&fallback.unraw().to_string());
                }
            }
        }
        nodes.finish()
    }

    fn fixed_struct(&self, fields: &Fields) -> Conversions {
        let origin = &self.origin;
        if fields.fields.is_empty() {
            let value = destructured(&mixed!(Self), fields);
            return Conversions {
                declarations: mixed!(),
                repr: mixed!(::core::primitive::u8),
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
            let plain = fields.fields.iter().map(|field| self.types.of(field, "PLAIN"));
            mixed! {
                #(#plain &&)*
                ::core::mem::size_of::<Self>() == ::core::mem::size_of::<#repr #used>() &&
                ::core::mem::align_of::<Self>() == ::core::mem::align_of::<#repr #used>()
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
                    ::core::mem::drop(unsafe { #lift(__fields.#name, &::plugin_core::Origin::HOST) });
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
            let default = field
                .default
                .clone()
                .unwrap_or_else(|| mixed!(::plugin_core::__private::missing_field(#type_name, #field_name)));
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
                    __at: *mut ::core::primitive::u8,
                    _: ::core::primitive::u32,
                    __taken: ::core::primitive::u32,
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
                mixed! {
                    let #pattern = self;
                    ::plugin_core::repr::GrowsRepr::new(#value, #count, __plugin_release #turbofish)
                }
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
            (true, _) => mixed!(payload: ::core::mem::MaybeUninit<__PluginPayload #used>,),
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
                pub struct #repr #declared #clause { number: ::core::primitive::u32, #member }
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
                        (false, _, Some(_)) => mixed!(parameters: ::core::marker::PhantomData),
                        (true, true, _) => mixed!(payload: ::core::mem::MaybeUninit::uninit()),
                        (true, false, _) => {
                            let member = format_ident!("v{number}");
                            let name = variant_repr(number);
                            let value = repr_value(&name, &variant.fields, shape.parameters, shape.types, convert);
                            mixed!(payload: ::core::mem::MaybeUninit::new(__PluginPayload { #member: #value }))
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
                    ::core::mem::drop(unsafe { #lift(__fields.#name, &::plugin_core::Origin::HOST) });
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
                    __at: *mut ::core::primitive::u8,
                    __number: ::core::primitive::u32,
                    __taken: ::core::primitive::u32,
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
                    mixed!(#pattern => ::plugin_core::repr::GrowsRepr::new(#value, #index, #release),)
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
