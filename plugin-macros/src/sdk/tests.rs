//! Tests of the path of plugin-core in exports. `user_type/tests.rs` has those for types.

use proc_macro2::TokenStream;

use crate::compiler::Dependency;
use crate::tests::{GOOD, reported, tokens};

/// The attribute in a crate with this dependency.
fn export_with(options: &str, item: TokenStream, dependency: &Dependency) -> TokenStream {
    crate::export::export(tokens(options), item, 0, dependency)
}

fn export(options: &str, item: TokenStream) -> TokenStream {
    export_with(options, item, &Dependency::Usual)
}

/// With another path, the expansion of each item differs in that path only.
#[test]
fn another_path_is_in_all_places() {
    for path in ["::my_sdk", "crate::a::sdk", "::framework::plugin_core"] {
        let check = tokens(&format!("#[allow(unused_imports)] use {path}::__private::is_there as _;")).to_string();
        for item in GOOD {
            for role in ["name = \"a\"", "init", "save", "restore", "shutdown"] {
                let usual = export(role, tokens(item));
                if !reported(usual.clone()).is_empty() {
                    continue;
                }
                let other = export(&format!("{role}, crate = \"{path}\""), tokens(item)).to_string();
                assert_eq!(other.matches(&check).count(), 1, "{item}");
                let expected = usual.to_string().replace(":: plugin_core", &tokens(path).to_string());
                assert_eq!(other.replace(&format!("{check} "), ""), expected, "{item}");
                assert!(path.contains("plugin_core") || !other.contains("plugin_core"), "{item}");
            }
        }
    }
}

/// The author's own `::plugin_core` is another crate, if the option gives another path.
#[test]
fn another_path_leaves_the_authors_words() {
    let item = tokens("fn f(a: ::plugin_core::Of<::plugin_core::A>) {}");
    let export = export("crate = \"my_sdk\"", item).to_string();
    let types = "type __plugin_f_0 = :: r#plugin_core :: Of < :: r#plugin_core :: A >";
    assert_eq!(export.matches(types).count(), 1, "{export}");
    assert_eq!(export.matches(":: plugin_core").count(), 2, "in the item itself: {export}");
}

/// The advice about the path is in the expansion only if the compiler's arguments have other names.
#[test]
fn advice_names_the_path() {
    let renamed = Dependency::Renamed("my_sdk".to_owned());
    for item in ["fn f() {}", "static S: u8 = 1;"] {
        let with = |options, dependency| export_with(options, tokens(item), dependency).to_string();
        assert!(!with("", &Dependency::Usual).contains("PluginCoreIsThere"), "{item}");
        assert!(with("", &renamed).contains(r#"write `#[plugin_export(crate = \"my_sdk\")]`"#), "{item}");
        assert!(with("", &Dependency::Unknown).contains("framework::plugin_core"), "{item}");
        for options in ["crate = \"plugin_core\"", "crate = \"my_sdk\""] {
            assert!(!with(options, &Dependency::Unknown).contains("PluginCoreIsThere"), "{options}: {item}");
        }
    }
}
