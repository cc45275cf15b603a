//! The mistakes in an annotated item.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::Error;

/// The mistakes found in one item, to be reported together.
#[derive(Default)]
pub(crate) struct Mistakes(Vec<Error>);

impl Mistakes {
    pub(crate) fn add(&mut self, at: impl ToTokens, message: impl std::fmt::Display) {
        self.0.push(Error::new_spanned(at, message));
    }

    pub(crate) fn push(&mut self, error: Error) {
        self.0.push(error);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn to_compile_errors(&self) -> TokenStream {
        self.0.iter().map(Error::to_compile_error).collect()
    }
}

/// The parser's error, in the words of the item's author.
pub(crate) fn explained(error: Error) -> Error {
    // An array's length or a variant's number. Only syn's parser of all expressions reads more, and every build would
    // wait for that parser to be compiled.
    let is_of_parser = error.to_string().starts_with("unsupported expression");
    if is_of_parser {
        return Error::new(error.span(), "an expression that is not read here: make it a constant, and write its name");
    }
    error
}
