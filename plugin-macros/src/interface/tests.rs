//! Tests of the attribute's expansion and of its messages about mistakes.

use proc_macro2::TokenStream;
use quote::quote;

use crate::compiler::Dependency;
use crate::tests::{reported, tokens};

/// The attribute in a crate that has plugin-core by its usual name.
fn interface(item: TokenStream) -> TokenStream {
    super::interface(quote!(), item, 7, "metadata=a", &Dependency::Usual)
}

fn mistakes(item: &str) -> Vec<String> {
    reported(interface(tokens(item)))
}

#[test]
fn expansion_of_a_trait() {
    let file: syn::File = syn::parse2(interface(quote! {
        /// Writes texts in a code.
        pub trait Codec: Send {
            /// The codec's name.
            fn name(&self) -> String;
            fn encode(&mut self, text: &str, times: u32) -> Vec<u8>;
            #[must_use]
            fn finish(self: Box<Self>, mut to: Vec<String>) -> Vec<String> {
                to.push(self.name());
                to
            }
        }
    }))
    .expect("the expansion is items");
    let shown = prettyplease::unparse(&file);
    if std::env::var_os("PLUGIN_TEST_OVERWRITE").is_some() {
        std::fs::write("src/interface/tests/trait.rs", &shown).unwrap();
    }
    assert_eq!(shown, include_str!("tests/trait.rs"));
}

#[test]
fn every_mistake_is_reported_at_once() {
    let reported = mistakes(
        "unsafe trait Bad<T>: Clone + Send + 'static where T: Copy {
            type Item;
            const LIMIT: u32;
            fn generic<U>(&self, value: U);
            fn impl_argument(&self, value: impl Fn()) -> Self;
            fn nested(&self, texts: &[&str], option: Option<&u8>) -> &str;
            async fn later(&self);
            unsafe fn risky(&self);
            fn new() -> Self;
            fn by_value(self);
            fn sized(&self) where Self: Sized;
            fn skipped<V>(&self, value: V) where Self: Sized {}
            #[other] fn changed(&self);
        }",
    );
    let begins = [
        "an `unsafe` trait",
        "an interface has no parameters",
        "an interface has no `where`",
        "an interface has no supertraits but",
        "an interface has no lifetime",
        "an interface has no associated types",
        "an interface has no constants",
        "a method of an interface is not generic",
        "`impl Fn` does not cross",
        "a method of an interface has no `Self`",
        "a reference crosses only as a whole argument",
        "a reference crosses only as a whole argument",
        "a method of an interface returns an owned value",
        "an `async` method",
        "an `unsafe` method",
        "an interface has no functions without `self`",
        "a method of an interface takes `&self`",
        "a method of an interface has no `where`",
        "a method of an interface has no such attribute",
    ];
    assert_eq!(reported.len(), begins.len(), "{reported:#?}");
    for (message, begin) in reported.iter().zip(begins) {
        assert!(message.starts_with(begin), "{message}\n{begin}");
    }
}

#[test]
fn other_items_are_refused() {
    assert_eq!(mistakes("struct Codec;"), ["only a trait can be an interface"]);
    assert_eq!(mistakes("trait Empty {}"), [""; 0]);
}
