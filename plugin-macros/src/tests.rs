//! Tests of the attribute's expansion and of its messages about mistakes. `tests/ui` has the places where the compiler
//! shows the mistakes.

mod expansions;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;

use crate::compiler::Dependency;
use crate::export;

/// The attribute, used for the first time in a crate.
fn export(options: TokenStream, item: TokenStream) -> TokenStream {
    export::export(options, item, 0, &Dependency::Usual)
}

/// The items that the attribute adds, formatted.
fn expansion(options: TokenStream, item: TokenStream) -> String {
    let file: syn::File = syn::parse2(export(options, item)).expect("the expansion is items");
    let added = syn::File { items: file.items[1..].to_vec(), ..file };
    let shown = prettyplease::unparse(&added);
    // The package is this crate, whose version changes.
    let package = shown.split('"').find(|text| text.contains(env!("CARGO_PKG_NAME"))).expect("the package");
    shown.replace(package, "(package)")
}

/// The mistakes that the attribute reports.
fn mistakes(options: TokenStream, item: TokenStream) -> Vec<String> {
    reported(export(options, item))
}

/// The mistakes that are reported in an expansion.
pub(crate) fn reported(expansion: TokenStream) -> Vec<String> {
    let tokens: Vec<TokenTree> = expansion.into_iter().collect();
    let messages = tokens.windows(3).filter_map(|tokens| match tokens {
        [TokenTree::Ident(ident), TokenTree::Punct(_), TokenTree::Group(message)] if ident == "compile_error" => {
            Some(syn::parse2::<syn::LitStr>(message.stream()).expect("a message").value())
        }
        _ => None,
    });
    messages.collect()
}

pub(crate) fn tokens(source: &str) -> TokenStream {
    source.parse().unwrap_or_else(|error| panic!("{source}: {error}"))
}

#[test]
fn mistakes_in_options_are_reported_at_once() {
    let relative = |first: &str| {
        format!(
            "the path of plugin-core begins with the name of a crate, or with `crate`: `{first}` has another meaning in each module"
        )
    };
    const NO_PATH: &str =
        "expected the path of plugin-core, such as `crate = \"my_sdk\"` or `crate = \"framework::plugin_core\"`";
    let cases: [(&str, &[&str]); 26] = [
        ("", &[]),
        ("init,", &[]),
        ("name = \"a b\",", &[]),
        ("innit", &["expected one of: `init`, `shutdown`, `save`, `restore`, `name`, `crate`"]),
        ("Name = \"a\"", &["expected one of: `init`, `shutdown`, `save`, `restore`, `name`, `crate`"]),
        ("name", &["expected `=`"]),
        ("name = ", &["unexpected end of input, expected string literal"]),
        ("name = b\"a\"", &["expected string literal"]),
        ("name = \"a\" \"b\"", &["expected `,`"]),
        ("name = \"a\", name = \"b\"", &["`name` is given twice"]),
        ("init, shutdown", &["a hook is one of `init`, `shutdown`, `save` and `restore`, once"]),
        ("init(first)", &["expected `,`"]),
        ("shutdown, name = \"a\"", &["a hook has no name to be looked up by"]),
        ("crate = \"my_sdk\", init", &[]),
        ("crate = \"::my_sdk\"", &[]),
        ("crate = \"crate::sdk\"", &[]),
        ("crate", &["expected `=`"]),
        ("crate = my_sdk", &["expected string literal"]),
        ("crate = \"\"", &[NO_PATH]),
        ("crate = \"my-sdk\"", &[NO_PATH]),
        ("crate = \"my_sdk<u8>\"", &[NO_PATH]),
        ("crate = \"a\", crate = \"b\"", &["`crate` is given twice"]),
        ("crate = \"self\"", &[&relative("self")]),
        ("crate = \"super::sdk\"", &[&relative("super")]),
        ("crate = \"Self::sdk\"", &[&relative("Self")]),
        (
            "innit, name = 1, shutdown, shutdown",
            &[
                "expected one of: `init`, `shutdown`, `save`, `restore`, `name`, `crate`",
                "expected string literal",
                "a hook is one of `init`, `shutdown`, `save` and `restore`, once",
            ],
        ),
    ];
    for (options, expected) in cases {
        assert_eq!(
            mistakes(
                tokens(options),
                quote!(
                    fn f() {}
                )
            ),
            expected,
            "{options}"
        );
    }
}

/// Different names never share a constant: two exports with one constant are a compile error.
#[test]
fn different_names_have_different_constants() {
    let constant = |name: &str| {
        let file: syn::File = syn::parse2(export(
            quote!(name = #name),
            quote!(
                fn f() {}
            ),
        ))
        .expect("items");
        let Some(syn::Item::Const(constant)) = file.items.into_iter().nth(1) else { panic!("no constant") };
        constant.ident.to_string()
    };
    let names =
        ["a", "A", "a_b", "a b", "a__b", "a_20_b", "a-b", "ä", "a\u{308}", "é b", " ", "_", "0", "named_a_20_b"];
    let mut constants: Vec<String> = names.into_iter().map(constant).collect();
    assert!(constants.iter().all(|constant| constant.is_ascii()));
    constants.sort();
    constants.dedup();
    assert_eq!(constants.len(), names.len());
}

/// Only the compiler parses bodies and values: syntax that this crate's parser does not know is not a mistake.
#[test]
fn bodies_are_not_parsed() {
    assert_eq!(mistakes(quote!(), quote!(fn f() { later { Rust } has <- this ! })), [""; 0]);
    assert_eq!(mistakes(quote!(), quote!(static S: u8 = later { Rust } has <- this;)), [""; 0]);
}

/// Every mistake of an item is reported at once; `tests/ui` has the places.
#[test]
fn all_mistakes_of_an_item_are_reported_at_once() {
    let item = quote! {
        async unsafe fn f<T>(self, a: impl Fn(), b: Vec<&str>, c: T, d: u8, e: u8, f: &'static u8) -> (&str, [u8; 0])
        where
            T: Copy
        {
        }
    };
    assert_eq!(mistakes(quote!(name = "", nome = "f"), item).len(), 13);
}

/// Good items and options.
pub(crate) const GOOD: [&str; 7] = [
    "fn f() {}",
    "#[cfg(unix)] #[doc = \"d\"] pub(crate) const extern \"C\" fn f(mut a: u8, (b, _): (u8, i8),) -> Vec<[u8; 3]> { a }",
    "fn r#fn(a: &str, b: &mut [Option<String>]) where {}",
    "fn f(mut a @ (_ | _): ::std::vec::Vec<A<-1>>, S::<u8> { a: _, .. }: S<u8>, &b: &'_ fn(u8) -> u8) {}",
    "pub static S: &str = \"\";",
    "static S: Mutex<Vec<u8>> = Mutex::new(Vec::new());",
    "#[doc = include_str!(\"x\")] fn f(_: std::string::String) -> self::Alias {}",
];

/// Items that cannot be exported, under any name.
const BAD: [&str; 40] = [
    "",
    ";",
    "fn",
    "fn f",
    "fn f()",
    "fn f();",
    "fn f(a) {}",
    "fn f(a: ) {}",
    "fn f<>(self) {}",
    "fn f(&mut self) {}",
    "fn f(self: Box<Self>, b: u8) {}",
    "fn f<'a>() {}",
    "fn f<const N: usize>() -> [u8; N] {}",
    "fn f() where u8: Copy {}",
    "fn f(a: u8, ...) {}",
    "unsafe extern \"C\" fn f(a: u8, mut b: ...) {}",
    "safe fn f();",
    "gen fn f() {}",
    "default fn f() {}",
    "fn f() -> ! {}",
    "fn f() -> &str {}",
    "fn f() -> (((&str))) {}",
    "fn f() -> impl Sized {}",
    "fn f() -> Result<Vec<Box<Cow<'static, str>>>, Self::Error> {}",
    "fn f() -> [u8; 0x0_0usize] {}",
    "const fn f(a: [[u8; 0]; 1]) {}",
    "static",
    "static S",
    "static S: u8;",
    "static S = 1;",
    "static mut S: u8 = 1;",
    "static S: [&str; 2] = [];",
    "static || {}",
    "const C: fn() = f;",
    "impl S { fn f() {} }",
    "macro_rules! m { () => {} }",
    "let x = 1;",
    "#[a] #[b]",
    "#![a] fn f() {}",
    "extern \"C\" { fn f(); }",
];

/// Options that are wrong for any item.
const BAD_OPTIONS: [&str; 17] = [
    ",",
    "=",
    "_",
    "()",
    "\"a\"",
    "init = 1",
    "init init",
    "init, init",
    "name",
    "name()",
    "name = name",
    "name = \"\", name = \"\"",
    "name = c\"a\"",
    "r#name = \"a\"",
    "crate::a",
    "init, name = \"a\"",
    "a::b::c(d = \"e\") => #![f]",
];

#[test]
fn wrong_items_and_options_are_reported() {
    for item in BAD {
        for options in ["", "name = \"a\""] {
            assert!(!mistakes(tokens(options), tokens(item)).is_empty(), "#[plugin_export({options})] {item}");
        }
    }
    // All but the first take arguments or are statics.
    for item in &GOOD[1..] {
        assert!(!mistakes(quote!(init), tokens(item)).is_empty(), "#[plugin_export(init)] {item}");
    }
    for options in BAD_OPTIONS {
        for item in GOOD.into_iter().chain(BAD) {
            assert!(!mistakes(tokens(options), tokens(item)).is_empty(), "#[plugin_export({options})] {item}");
        }
    }
    for item in GOOD {
        assert_eq!(mistakes(quote!(), tokens(item)), [""; 0], "{item}");
    }
}

pub(crate) type Change = dyn Fn(&mut Vec<TokenTree>, usize);

/// Changes that a careless author or another macro may make to tokens.
pub(crate) const CHANGES: [&Change; 5] = [
    &|tokens, at| drop(tokens.remove(at)),
    &|tokens, at| tokens.truncate(at),
    &|tokens, at| tokens.insert(at, tokens[at].clone()),
    &|tokens, at| tokens[at] = Group::new(Delimiter::None, tokens[at].clone().into()).into(),
    &|tokens, at| tokens[at] = TokenTree::Ident(quote::format_ident!("_")),
];

/// Does `change` to the tokens at every place, within groups too.
pub(crate) fn everywhere(tokens: &TokenStream, change: &Change) -> Vec<TokenStream> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut changed = Vec::new();
    for at in 0..tokens.len() {
        let mut here = tokens.clone();
        change(&mut here, at);
        changed.push(here.into_iter().collect());
        if let TokenTree::Group(group) = &tokens[at] {
            for inside in everywhere(&group.stream(), change) {
                let mut here = tokens.clone();
                here[at] = Group::new(group.delimiter(), inside).into();
                changed.push(here.into_iter().collect());
            }
        }
    }
    changed
}

/// The attribute returns tokens for any item.
#[test]
fn no_tokens_make_it_panic() {
    for change in CHANGES {
        for item in GOOD.into_iter().chain(BAD) {
            for changed in everywhere(&tokens(item), change) {
                drop(export(quote!(), changed.clone()));
                drop(export(quote!(init), changed));
            }
        }
        for options in BAD_OPTIONS {
            for changed in everywhere(&tokens(options), change) {
                drop(export(
                    changed,
                    quote!(
                        fn f() {}
                    ),
                ));
            }
        }
    }
}
