//! The whole of `#[plugin_interface]`: parse, check, report, expand.

mod expand;
mod model;
mod parse;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;

use self::model::Interface;
use self::parse::Trait;
use crate::compiler::Dependency;
use crate::mistakes::{Mistakes, explained};
use crate::options::{keyword, parse_name, parse_options};
use crate::sdk::{Sdk, parse_crate};

/// The whole macro. `number` is different for each use of it in a crate, and `metadata` tells the crate from others. The crate has
/// plugin-core by the name in `dependency`.
pub(crate) fn interface(
    options: TokenStream,
    item: TokenStream,
    number: u64,
    metadata: &str,
    dependency: &Dependency,
) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let (mut name, mut path) = (None, None);
    parse_options(options, &mut mistakes, |input| {
        let next = input.lookahead1();
        if next.peek(keyword::name) {
            parse_name(input, &mut name)
        } else if next.peek(syn::Token![crate]) {
            parse_crate(input, &mut path)
        } else {
            Err(next.error())
        }
    });
    let sdk = Sdk::new(path, dependency);
    let parsed = match syn::parse2::<Trait>(sdk.marked(&item)) {
        Ok(parsed) => parsed,
        Err(error) => {
            let error = explained(error).to_compile_error();
            return quote!(#item #error);
        }
    };
    let interface = Interface::new(parsed, name, &mut mistakes);
    if mistakes.count() > 0 {
        let errors = mistakes.to_compile_errors();
        let stub = sdk.in_expansion(expand::stub(&interface));
        return quote!(#item #errors #stub);
    }
    sdk.in_expansion(expand::expand(&interface, &sdk, number, metadata))
}
