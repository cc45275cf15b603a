//! Other attributes on the item do what they always do, on either side of `#[plugin_export]`.

#![deny(warnings)]

use plugin_core::{plugin_export, plugin_type};
use plugin_host::Host;

#[cfg(any())]
#[plugin_export]
fn left_out_before(missing: Missing) {}

#[plugin_export]
#[cfg(any())]
fn left_out_after(missing: Missing) {}

#[plugin_export]
#[cfg(any())]
async fn left_out_with_mistakes(missing: Missing) {}

#[plugin_export]
#[cfg_attr(all(), cfg(any()))]
fn left_out_by_another(missing: Missing) {}

#[plugin_export]
#[cfg_attr(any(unix, not(unix)), allow(unused), inline, cfg_attr(all(), deprecated = "a, b", cfg(any())))]
fn left_out_deeper(missing: Missing) {}

#[plugin_export]
fn left_out_from_inside(missing: Missing) {
    #![cfg(any())]
}

#[plugin_export]
#[cfg_attr(all(), cfg(any()))]
static LEFT_OUT: Missing = Missing;

#[plugin_type]
#[cfg_attr(all(), cfg(any()))]
struct LeftOut(Missing);

#[plugin_type]
#[cfg_attr(any(), cfg(any()))]
#[cfg_attr(all(), derive(Clone), cfg_attr(all(), cfg(not(any()))))]
struct KeptByAnother(u8);

#[plugin_export]
fn takes_what_is_kept(kept: KeptByAnother) -> u8 {
    kept.clone().0
}

#[cfg(all())]
#[plugin_export]
fn kept_before() {}

#[plugin_export]
#[cfg_attr(any(), cfg(any()))]
#[cfg_attr(all(), cfg_attr(any(), cfg(any())), deprecated)]
fn kept_by_another() {}

#[plugin_export]
#[cfg(all())]
#[cfg_attr(all(), cfg(all()))]
fn kept_after() {}

/// One of two.
#[plugin_export]
#[cfg(unix)]
fn either() -> u8 {
    1
}

/// One of two.
#[plugin_export]
#[cfg(not(unix))]
fn either() -> u8 {
    1
}

#[doc = include_str!("attributes.md")]
#[plugin_export]
fn documented_by_file() {}

#[plugin_export]
#[doc = concat!("Version ", "1", ".")]
#[doc(alias = "not a line")]
/// And a second line,
/** and a third, */
#[doc = "which is `quoted`."]
fn documented_in_pieces() {
    //! From inside.
    #![allow(unused_variables)]
    let unused = 1;
}

#[plugin_export]
#[inline(never)]
#[must_use]
#[track_caller]
#[cfg(any(target_feature = "sse2", all()))]
#[cfg_attr(any(target_feature = "sse2", all()), cold)]
#[allow(clippy::needless_pass_by_value)]
fn with_hints(text: String) -> String {
    text
}

#[deprecated = "it is old"]
#[plugin_export]
fn deprecated_before() {}

#[plugin_export]
#[deprecated]
static DEPRECATED_AFTER: u8 = 1;

#[deprecated]
type Old = u32;

#[plugin_export]
#[allow(deprecated)]
fn takes_deprecated(old: Old, #[allow(unused)] ignored: u8) -> Old {
    old
}

/// Both names lead to it.
#[plugin_export]
#[plugin_export(name = "alias")]
fn twice() -> u8 {
    2
}

/// A hook at both ends.
#[plugin_export(init)]
#[plugin_export(shutdown)]
fn hook() {}

fn main() {
    let host = Host::linked().unwrap();
    let plugins = host.plugins();
    let exports = plugins[0].exports();
    let mut names: Vec<&str> = exports.iter().map(|export| export.name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "DEPRECATED_AFTER",
        "alias",
        "deprecated_before",
        "documented_by_file",
        "documented_in_pieces",
        "either",
        "kept_after",
        "kept_before",
        "kept_by_another",
        "takes_deprecated",
        "takes_what_is_kept",
        "twice",
        "with_hints",
    ];
    assert_eq!(names, expected);
    let docs = |name| exports.iter().find(|export| export.name == name).unwrap().docs.as_str();
    assert_eq!(docs("documented_by_file"), "From a file,\nof two lines.");
    assert_eq!(
        docs("documented_in_pieces"),
        "Version 1.\nAnd a second line,\nand a third, \nwhich is `quoted`.\nFrom inside."
    );
    assert_eq!(host.get::<fn() -> u8>("alias").unwrap()(), twice());
}
