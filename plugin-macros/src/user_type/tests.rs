//! Tests of the attribute's expansion and of its messages about mistakes. `tests/ui` has the places where the compiler
//! shows the mistakes.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

use crate::compiler::Dependency;
use crate::tests::{CHANGES, everywhere, reported, tokens};

/// The attribute in a crate that has plugin-core by its usual name.
fn user_type(options: TokenStream, item: TokenStream) -> TokenStream {
    super::user_type(options, item, 7, "metadata=a", &Dependency::Usual)
}

/// The items that the attribute adds, formatted.
fn expansion(item: TokenStream) -> String {
    let file: syn::File = syn::parse2(user_type(quote!(), item)).expect("the expansion is items");
    let added = syn::File { items: file.items[1..].to_vec(), ..file };
    prettyplease::unparse(&added)
}

fn mistakes(item: &str) -> Vec<String> {
    reported(user_type(quote!(), tokens(item)))
}

#[test]
fn expansion_of_a_struct() {
    let point = expansion(quote! {
        #[repr(C)]
        struct Point {
            x: f32,
            r#type: Vec<Self>,
        }
    });
    assert_eq!(point, include_str!("tests/struct.rs"));
}

#[test]
fn expansion_of_an_enum() {
    let shape = expansion(quote! {
        enum Shape<T> {
            Nothing,
            Circle(T, f32) = 1 + 1,
        }
    });
    assert_eq!(shape, include_str!("tests/enum.rs"));
}

/// The texts in an expansion.
fn texts(options: TokenStream, item: TokenStream) -> Vec<String> {
    fn of(tokens: TokenStream, texts: &mut Vec<String>) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => of(group.stream(), texts),
                TokenTree::Literal(literal) => match syn::Lit::new(literal) {
                    syn::Lit::Str(text) => texts.push(text.value()),
                    syn::Lit::ByteStr(bytes) => texts.push(String::from_utf8_lossy(&bytes.value()).into_owned()),
                    _ => {}
                },
                _ => {}
            }
        }
    }
    let mut texts = Vec::new();
    of(user_type(options, item), &mut texts);
    texts
}

/// A name of an option is in the descriptor and in the messages of the expansion. Rust's own name is in neither.
#[test]
fn given_names_take_the_place_of_rusts() {
    let of_struct = texts(
        quote!(name = "given type"),
        quote! {
            #[non_exhaustive]
            struct OwnType {
                #[plugin_type(name = "given_a")]
                own_a: u8,
                #[plugin_type(default = f::<A, B>(1, 2), name = "given_b")]
                own_b: u8,
                #[plugin_type(name = "given_c", default)]
                #[serde(default)]
                own_c: u8,
            }
        },
    );
    let of_enum = texts(
        quote!(name = "given type"),
        quote! {
            #[non_exhaustive]
            enum OwnType {
                #[plugin_type(name = "given_a")]
                OwnA { #[plugin_type(name = "given_b")] own_b: u8 },
                #[plugin_type(fallback, name = "given_c")]
                OwnC,
            }
        },
    );
    for texts in [of_struct, of_enum] {
        for name in ["given type", "given_a", "given_b", "given_c"] {
            assert!(texts.iter().any(|text| text.contains(name)), "{name}: {texts:?}");
        }
        assert!(!texts.iter().any(|text| text.to_lowercase().contains("own")), "{texts:?}");
    }
    let of_fixed_enum = texts(
        quote!(name = "given"),
        quote!(
            enum Own {
                A,
            }
        ),
    );
    assert!(of_fixed_enum.iter().any(|text| text == "given"), "{of_fixed_enum:?}");
    assert!(!of_fixed_enum.iter().any(|text| text == "Own"), "{of_fixed_enum:?}");
}

/// The attributes that only this macro understands are not left in the item, because the compiler would refuse them.
#[test]
fn own_attributes_are_taken() {
    let item = quote! {
        #[non_exhaustive]
        struct Config {
            /// Its name.
            name: String,
            #[plugin_type(default = 3)]
            #[serde(default)]
            retries: u32,
        }
    };
    let all: syn::File = syn::parse2(user_type(quote!(), item)).expect("the expansion is items");
    let syn::Item::Struct(config) = &all.items[0] else { panic!("the item comes first") };
    let attributes: Vec<usize> = config.fields.iter().map(|field| field.attrs.len()).collect();
    assert_eq!(attributes, [1, 1]);
}

/// Types that cross.
const GOOD: [&str; 17] = [
    "struct S;",
    "struct S();",
    "struct S {}",
    "pub struct S(pub u8, pub(crate) Vec<Self>);",
    "#[repr(C, align(8))] struct S { r#fn: u8 }",
    "#[non_exhaustive] struct S { a: u8, #[plugin_type(default)] b: u8, #[plugin_core::plugin_type(default = 1 + 2)] c: u8 }",
    "struct S<T: Clone + PluginType = u8, const N: usize = 3> where [T; N]: Sized { a: [T; N] }",
    "enum E { A }",
    "#[repr(u8)] enum E { A = 3, B { a: u8 }, C(Box<E>) }",
    "enum E { A = 1, B = Self::A as isize + 1 }",
    "enum E { A = !0, B = (X != Y) as isize, C = f(!X) }",
    "#[non_exhaustive] enum E { A, B }",
    "#[non_exhaustive] enum E<T> { A(T), #[plugin_type(fallback)] B, C }",
    "enum E { A(std::borrow::Cow<'static, str>) }",
    "struct S { #[plugin_type(name = \"b\")] a: u8, #[plugin_type(name = \"a\",)] b: u8 }",
    "#[non_exhaustive] struct S(#[plugin_type(default = 3,)] u8, #[plugin_type(default = f::<A, B>())] u8);",
    "#[non_exhaustive] enum E { #[plugin_type(name = \"a b\")] A { a: u8 }, #[plugin_type(name = \"A\", fallback)] B }",
];

/// Types that do not cross, with any meaning of the names in them.
const BAD: [&str; 43] = [
    "",
    "struct",
    "struct S",
    "struct S { a }",
    "struct S { a: &u8 }",
    "struct S(&'static str);",
    "struct S(Vec<(u8, &'static str)>);",
    "struct S<'a>(Cow<'a, str>);",
    "struct S(impl Copy);",
    "struct S([u8; 0]);",
    "#[repr(packed)] struct S(u8);",
    "#[repr(C, packed(2))] struct S(u8);",
    "struct S { #[cfg(unix)] a: u8 }",
    "struct S { #[plugin_type] a: u8 }",
    "struct S { #[plugin_type(fallback)] a: u8 }",
    "struct S { #[plugin_type(default)] a: u8 }",
    "#[non_exhaustive] struct S { #[plugin_type(default)] a: u8, b: u8 }",
    "#[non_exhaustive] struct S { #[plugin_type(default =)] a: u8 }",
    "struct S<T: Mine>(Box<S<T>>);",
    "struct S<const N: usize>(Vec<Self>);",
    "union U { a: u8 }",
    "enum E {}",
    "enum E { A(&'static str) }",
    "enum E { A = turns!(1; 2) }",
    "enum E { A = 1 + f(a::turns! { 1; 2 }), B }",
    "enum E { A = { #[turns] const X: isize = 1; X } }",
    "enum E { A, #[cfg(unix)] B }",
    "enum E { A, #[plugin_type(fallback)] B }",
    "#[non_exhaustive] enum E { #[plugin_type(fallback)] B }",
    "#[non_exhaustive] enum E { A, #[plugin_type(fallback)] B { a: u8 } }",
    "#[non_exhaustive] enum E { A, #[plugin_type(fallback)] B, #[plugin_type(fallback)] C }",
    "struct S { #[plugin_type(name)] a: u8 }",
    "struct S { #[plugin_type(name = \"\")] a: u8 }",
    "struct S { #[plugin_type(name = \"a\\0\")] a: u8 }",
    "struct S { #[plugin_type(name = \"a\", name = \"b\")] a: u8 }",
    "struct S { #[plugin_type(name = \"a\")] #[plugin_type(name = \"b\")] a: u8 }",
    "struct S { a: u8, #[plugin_type(name = \"a\")] b: u8 }",
    "struct S(#[plugin_type(name = \"a\")] u8);",
    "#[non_exhaustive] struct S { #[plugin_type(default = 1, name = \"a\", default = 2)] a: u8 }",
    "enum E { A, #[plugin_type(name = \"A\")] B }",
    "enum E { A { #[plugin_type(name = \"b\")] a: u8, b: u8 } }",
    "#[non_exhaustive] enum E { #[plugin_type(name = \"B\")] A, #[plugin_type(fallback)] B }",
    "fn f() {}",
];

#[test]
fn wrong_types_and_options_are_reported() {
    for item in GOOD {
        assert_eq!(mistakes(item), [""; 0], "{item}");
    }
    for item in BAD {
        assert!(!mistakes(item).is_empty(), "{item}");
    }
    let options = [
        "name",
        "name = a",
        "name = \"\"",
        "name = \"a\\0\"",
        "name = \"a\", name = \"a\"",
        "default",
        "nome = \"a\"",
        "crate",
        "crate = \"super::a\"",
        "crate = \"a\", crate = \"a\"",
    ];
    for options in options {
        assert_eq!(reported(user_type(tokens(options), tokens(GOOD[0]))).len(), 1, "{options}");
    }
}

/// The attribute returns tokens for any item.
#[test]
fn no_tokens_make_it_panic() {
    for change in CHANGES {
        for item in GOOD.into_iter().chain(BAD) {
            for changed in everywhere(&tokens(item), change) {
                drop(user_type(quote!(), changed));
            }
        }
    }
}

/// With another path, the expansion of each type differs in that path only.
#[test]
fn another_path_is_in_all_places() {
    const BOUND: &str = "struct S<T: my_sdk::PluginType + Clone>(Option<Box<S<T>>>, Vec<T>);";
    let with = |item| (user_type(quote!(), tokens(item)), user_type(quote!(crate = "my_sdk"), tokens(item)));
    let check = quote!(
        #[allow(unused_imports)]
        use ::my_sdk::__private::is_there as _;
    )
    .to_string();
    for item in GOOD {
        let (usual, other) = with(item);
        let expected = usual.to_string().replace(":: plugin_core", ":: my_sdk");
        assert_eq!(other.to_string().replacen(&format!("{check} "), "", 1), expected, "{item}");
    }
    let (usual, other) = with(BOUND);
    assert_eq!(reported(usual).len(), 1, "the bound's crate is not known");
    assert_eq!(reported(other), [""; 0]);
}
