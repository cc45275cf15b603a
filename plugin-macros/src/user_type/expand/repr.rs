//! The `Repr`s of fields, and the conversions to and from them.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::format_ident;

use crate::user_type::field_types::Types;
use crate::user_type::model::Fields;
use crate::user_type::shape::{Parameters, Shape, variable};

/// The conversions of a type, and the declarations of its `Repr`.
pub(super) struct Conversions {
    pub(super) declarations: TokenStream,
    pub(super) repr: TokenStream,
    pub(super) plain: TokenStream,
    /// The body of `lower` or of `lend`, whichever the second argument names.
    pub(super) convert: fn(&Shape<'_>, &str) -> TokenStream,
    pub(super) lift: TokenStream,
}

/// A `#[repr(C)]` struct of the fields' `Repr`s.
pub(super) fn repr_struct(name: &Ident, fields: &Fields, parameters: &Parameters, types: &Types) -> TokenStream {
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
pub(super) fn copy(name: &Ident, Parameters { declared, used, clause, .. }: &Parameters) -> TokenStream {
    mixed! {
        #[automatically_derived]
        impl #declared ::plugin_core::__private::core::clone::Clone for #name #used #clause {
            fn clone(&self) -> Self { *self }
        }
        impl #declared ::plugin_core::__private::core::marker::Copy for #name #used #clause {}
    }
}

/// A value of [`repr_struct`]'s type: `convert` makes it from the fields' variables.
pub(super) fn repr_value(
    name: &Ident,
    fields: &Fields,
    parameters: &Parameters,
    types: &Types,
    convert: &str,
) -> TokenStream {
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

/// The box of a type that grows, with `fields` in it. `convert` says if the box is given away or lent.
pub(super) fn grown(fields: &TokenStream, number: &Literal, release: &TokenStream, convert: &str) -> TokenStream {
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

/// Lifts the fields of `from`, a value of [`repr_struct`]'s type, and binds each to its variable.
pub(super) fn lifted(from: &TokenStream, fields: &Fields, types: &Types, origin: &Ident) -> TokenStream {
    let lets = fields.fields.iter().enumerate().map(|(index, field)| {
        let (variable, name, lift) = (variable(index), format_ident!("f{index}"), types.of(field, "lift"));
        mixed!(let #variable = unsafe { #lift(#from.#name, #origin) };)
    });
    mixed!(#(#lets)*)
}

/// The struct of a variant's fields.
pub(super) fn variant_repr(number: usize) -> Ident {
    format_ident!("__PluginVariant{number}")
}
