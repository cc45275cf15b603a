//! The parts of an annotated type that all parts of the expansion refer to.

use proc_macro2::{Ident, Span, TokenStream};
use quote::format_ident;
use syn::{Generics, TypeParamBound};

use super::field_types::Types;
use super::model::{Fields, UserType};

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
    pub(super) phantom: Option<TokenStream>,
}

impl Parameters {
    /// The parameters of a type. `std_bounds` are those that the definition was made with, if it was made once for all
    /// arguments.
    pub(super) fn new(generics: &Generics, std_bounds: &[(&Ident, Vec<TokenStream>)]) -> Self {
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

pub(super) struct Shape<'a> {
    pub(super) model: &'a UserType,
    pub(super) parameters: &'a Parameters,
    pub(super) types: &'a Types,
    /// The parameters and their bounds, if one definition describes the type for all arguments.
    pub(super) template: Option<&'a [(&'a Ident, Vec<TokenStream>)]>,
    /// Different for each annotated type of a crate.
    pub(super) number: u64,
    /// A text that tells the crate from others of its name.
    pub(super) metadata: &'a str,
    pub(super) repr: Ident,
    pub(super) origin: Ident,
    pub(super) lowered: Ident,
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
