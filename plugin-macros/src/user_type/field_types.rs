//! The names of the fields' types in the expansion.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote_spanned};

use super::model::{Field, UserType};
use crate::tokens::{ends, has_macro, mentions};

/// The names of the fields' types in the expansion.
pub(super) struct Types {
    /// The author's type.
    pub(super) whole: TokenStream,
    /// The names that mean something only in an implementation for the type: the parameters, and `Self`.
    own: Vec<Ident>,
    /// True if each type is checked once, and named so that the compiler does not repeat an error elsewhere. The check is a
    /// constant, so the type has no parameters.
    pub(super) checked: bool,
}

impl Types {
    pub(super) fn new(model: &UserType, whole: TokenStream) -> Self {
        let mut own: Vec<Ident> = model.generics.type_params().map(|param| param.ident.clone()).collect();
        own.extend(model.generics.const_params().map(|param| param.ident.clone()));
        let checked = own.is_empty() && model.all_fields().next().is_some();
        own.push(Ident::new("Self", Span::call_site()));
        Types { whole, own, checked }
    }

    /// Something of the trait's for a field's type.
    pub(super) fn of(&self, field: &Field, item: &str) -> TokenStream {
        let (ty, (first, last)) = (self.checked(field), ends(&field.ty));
        let item = Ident::new(item, last);
        let mut path = quote_spanned!(first=> <);
        path.extend(mixed!(#ty as ::plugin_core::PluginType>::#item));
        path
    }

    fn checked(&self, field: &Field) -> TokenStream {
        let ty = self.unchecked(field);
        if self.checked { mixed!(__PluginChecked<#ty>) } else { ty }
    }

    /// The name of a field's type, at the author's place, so that the compiler shows an error there.
    pub(super) fn unchecked(&self, field: &Field) -> TokenStream {
        let (whole, (first, last)) = (&self.whole, ends(&field.ty));
        if self.is_associated(field) {
            let name = Ident::new(&field.ty_name.to_string(), last);
            let mut path = quote_spanned!(first=> <);
            path.extend(mixed!(#whole as __PluginParts>::#name));
            return path;
        }
        let name = Ident::new(&field.ty_name.to_string(), first);
        let mut path = mixed!(#name);
        path.extend(quote_spanned!(last=> <>));
        path
    }

    /// Returns true if a field's type is named by an associated type of `__PluginParts`, because the type may depend on the
    /// implementation. An alias names any other type, which costs the compiler less.
    pub(super) fn is_associated(&self, field: &Field) -> bool {
        mentions(&field.ty, &self.own) || has_macro(&field.ty)
    }

    /// The function that makes a field's default.
    pub(super) fn default(&self, field: &Field) -> TokenStream {
        let (whole, name) = (&self.whole, default_of(field));
        mixed!(<#whole as __PluginParts>::#name)
    }
}

pub(super) fn default_of(field: &Field) -> Ident {
    format_ident!("__default_of{}", field.ty_name)
}
