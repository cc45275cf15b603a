//! The bounds on the parameters of a generic type.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::{GenericParam, Generics, Path, Token, Type, TypeParamBound, WherePredicate};

use crate::sdk::Sdk;

/// The standard library's traits that a parameter's stand-in has (see `plugin_core::__private::Parameter`), and their modules.
const KNOWN_BOUNDS: [(&str, &str); 14] = [
    ("Clone", "clone"),
    ("Copy", "marker"),
    ("Debug", "fmt"),
    ("Default", "default"),
    ("Display", "fmt"),
    ("Eq", "cmp"),
    ("Hash", "hash"),
    ("Ord", "cmp"),
    ("PartialEq", "cmp"),
    ("PartialOrd", "cmp"),
    ("Send", "marker"),
    ("Sized", "marker"),
    ("Sync", "marker"),
    ("Unpin", "marker"),
];

/// The parameters of a definition that describes the type for all its arguments, each with its bounds. Returns `None`
/// if nothing can stand in for a parameter: the parameter is a constant, or has a bound that the standard library does
/// not define.
///
/// A bound counts as the standard library's if it has the name. The expansion does not rely on that name: it repeats the
/// bounds with paths that lead to std. The definition is made with these bounds only, and the implementation asks each
/// argument for them.
pub(super) fn template_bounds<'a>(generics: &'a Generics, sdk: &Sdk) -> Option<Vec<(&'a Ident, Vec<TokenStream>)>> {
    // A bound without arguments: not `PartialEq<str>`.
    let known = |path: &Path| {
        let first = path.segments.first().map(|first| &first.ident)?;
        let of_std = path.segments.len() == 1 || ["std", "core", "plugin_core"].iter().any(|name| first == name);
        let of_sdk = of_std || sdk.contains(path);
        let last = path.segments.last().filter(|last| of_sdk && last.arguments.is_none())?;
        if last.ident == "PluginType" {
            return Some(quote!(::plugin_core::PluginType));
        }
        let (name, module) = KNOWN_BOUNDS.iter().find(|(name, _)| of_std && last.ident == name)?;
        let (name, module) = (format_ident!("{name}"), format_ident!("{module}"));
        // The path has the place of the author's bound, so the compiler shows an error there.
        Some(quote_spanned!(last.ident.span()=> ::plugin_core::__private::core::#module::#name))
    };
    let all_known = |bounds: &Punctuated<TypeParamBound, Token![+]>| {
        let bounds = bounds.iter().filter(|bound| !matches!(bound, TypeParamBound::Lifetime(_)));
        let bounds = bounds.map(|bound| match bound {
            TypeParamBound::Trait(bound) => known(&bound.path),
            _ => None,
        });
        bounds.collect::<Option<Vec<_>>>()
    };
    let mut all = Vec::new();
    for param in &generics.params {
        match param {
            GenericParam::Type(param) => all.push((&param.ident, all_known(&param.bounds)?)),
            GenericParam::Lifetime(_) => {}
            GenericParam::Const(_) => return None,
        }
    }
    for predicate in generics.where_clause.iter().flat_map(|clause| &clause.predicates) {
        let WherePredicate::Type(predicate) = predicate else { continue };
        let Type::Path(path) = &predicate.bounded_ty else { return None };
        let (_, bounds) = all.iter_mut().find(|(ident, _)| path.path.is_ident(*ident))?;
        bounds.extend(all_known(&predicate.bounds)?);
    }
    Some(all)
}
