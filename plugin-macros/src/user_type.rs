//! The whole macro: parse, check, report, expand.

/// Works like `quote!`, with variables that the author's expressions do not see. In a pattern, a variable with the name
/// of one of the author's constants would still be that constant. So all variables begin with two underscores.
macro_rules! mixed {
    ($($tokens:tt)*) => { ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*) };
}

mod attributes;
mod bounds;
mod describe;
mod expand;
mod field_types;
mod model;
mod parts;
mod shape;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, DeriveInput, Token, Visibility};

use self::attributes::TypeOptions;
use self::model::UserType;
use crate::compiler::Dependency;
use crate::mistakes::{Mistakes, explained};
use crate::sdk::Sdk;

/// The whole macro. `number` is different for each use of it in a crate, and `metadata` tells the crate from others. The crate has
/// plugin-core by the name in `dependency`.
pub(crate) fn user_type(
    options: TokenStream,
    item: TokenStream,
    number: u64,
    metadata: &str,
    dependency: &Dependency,
) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let mut options = TypeOptions::new(options, &mut mistakes);
    let sdk = Sdk::new(options.sdk.take(), dependency);
    if !is_type(&item) {
        mistakes.add(&item, "only a struct or an enum can be a type that crosses");
        let errors = mistakes.to_compile_errors();
        return quote!(#item #errors);
    }
    let mut item = match syn::parse2::<DeriveInput>(sdk.marked(&item)) {
        Ok(item) => item,
        Err(error) => {
            let error = explained(error).to_compile_error();
            return quote!(#item #error);
        }
    };
    let model = UserType::new(options, &sdk, &mut item, &mut mistakes);
    let errors = mistakes.to_compile_errors();
    match model {
        Some(model) if mistakes.count() == 0 => {
            let expansion = sdk.in_expansion(expand::expand(&model, &sdk, number, metadata));
            quote!(#item #expansion)
        }
        // Without an implementation, each use of the type would be one more error. So the stub implements the trait and
        // does nothing.
        Some(model) => {
            let stub = sdk.in_expansion(expand::stub(&model));
            quote!(#item #errors #stub)
        }
        None => quote!(#item #errors),
    }
}

/// Returns true if `item` defines a type.
fn is_type(item: &TokenStream) -> bool {
    let begins_type = |input: ParseStream| {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        let is = input.peek(Token![struct]) || input.peek(Token![enum]) || input.peek(Token![union]);
        input.parse::<TokenStream>()?;
        Ok(is)
    };
    begins_type.parse2(item.clone()).unwrap_or(true)
}
