//! Exports and types in a crate that is as strict as a crate can be: no prelude, no unsafe code, everything documented,
//! and no finding of a lint of rustc or clippy that is about more than style.

#![no_implicit_prelude]
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs)]
#![deny(future_incompatible, keyword_idents, let_underscore, nonstandard_style, rust_2018_idioms, unused)]
#![deny(elided_lifetimes_in_paths, explicit_outlives_requirements, meta_variable_misuse, missing_abi)]
#![deny(missing_copy_implementations, missing_debug_implementations, non_ascii_idents, redundant_lifetimes)]
#![deny(single_use_lifetimes, trivial_casts, trivial_numeric_casts, unit_bindings, unnameable_types, unreachable_pub)]
#![deny(unused_import_braces, unused_lifetimes, unused_macro_rules, unused_qualifications, unused_results)]
#![deny(variant_size_differences)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]

use ::std::string::String;
use ::std::vec::Vec;

use ::plugin_core::{plugin_export, plugin_type};

const RELAXED: ::std::sync::atomic::Ordering = ::std::sync::atomic::Ordering::Relaxed;

::plugin_core::use_host_allocator!();

/// Text.
#[plugin_export]
pub static TEXT: &str = "text";

/// A type with all options.
#[plugin_type(name = "another name", crate = "plugin_core")]
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// A field.
    #[plugin_type(name = "another name")]
    pub a: u8,
}

/// Returns its argument.
#[plugin_export(name = "another name", crate = "plugin_core")]
#[must_use]
pub const fn named(named: Named) -> Named {
    named
}

/// A number that changes.
#[plugin_export]
pub static COUNT: ::std::sync::atomic::AtomicU32 = ::std::sync::atomic::AtomicU32::new(1);

/// A list that changes.
#[plugin_export]
pub static LIST: ::std::sync::RwLock<Vec<u8>> = ::std::sync::RwLock::new(Vec::new());

/// The state for the next version.
#[plugin_export(save)]
#[must_use]
pub const fn save() -> Vec<u8> {
    Vec::new()
}

/// The state that this version got.
#[plugin_export(restore)]
pub fn restore(state: Vec<u8>) {
    ::core::mem::drop(state);
}

/// A type with nothing special.
#[plugin_type]
#[derive(Debug)]
pub struct Record {
    /// Text.
    pub text: String,
    /// Several texts.
    pub more: Vec<Self>,
}

/// A type that is plain.
#[plugin_type]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Plain(pub u8, pub u64);

/// A type that may grow.
#[plugin_type]
#[non_exhaustive]
#[derive(Debug)]
pub struct Growing<T> {
    /// The first field.
    pub one: T,
    /// The second field.
    #[plugin_type(default)]
    pub two: u8,
}

/// Several kinds of things.
#[plugin_type]
#[non_exhaustive]
#[derive(Debug)]
pub enum Kind<T: ::core::cmp::Ord, const N: usize> {
    /// With a name.
    Named {
        /// The name.
        name: T,
    },
    /// Without a name.
    Numbered([T; N]),
    /// Something else.
    Other,
    /// Something later.
    #[plugin_type(fallback)]
    Later,
}

/// Returns a number from each argument.
#[plugin_export]
#[must_use]
pub fn every_type(record: &Record, plain: Plain, growing: &Growing<u8>, kind: &Kind<u8, 2>) -> ::std::vec::Vec<u8> {
    ::std::vec![
        record.text.len().to_le_bytes()[0],
        plain.0,
        growing.one,
        match kind {
            Kind::Named { name } => *name,
            Kind::Numbered([first, _]) => *first,
            Kind::Other | Kind::Later => 0,
        }
    ]
}

/// Every way to pass an argument.
#[plugin_export(name = "every way")]
pub fn every_way(by_value: usize, by_ref: &str, by_mut: &mut [u8], (a, _): (u8, u8)) -> Vec<usize> {
    by_mut.fill(a);
    ::std::vec![by_value, by_ref.len()]
}

/// A deprecated function.
#[deprecated = "it is old"]
#[plugin_export]
pub const fn deprecated() {}

#[plugin_export(init)]
fn start() -> ::std::result::Result<(), String> {
    match COUNT.fetch_add(1, RELAXED) {
        1 => ::std::result::Result::Ok(()),
        n => ::std::result::Result::Err(::std::format!("{n}")),
    }
}

#[plugin_export(shutdown)]
fn stop() {
    _ = COUNT.fetch_add(1, RELAXED);
}

#[::core::prelude::v1::test]
fn strict_crates_export() {
    use ::std::assert_eq;

    type EveryWay = fn(usize, &str, &mut [u8], (u8, u8)) -> Vec<usize>;

    let host = ::plugin_host::Host::linked().unwrap();
    assert_eq!(*host.get::<&str>("TEXT").unwrap(), TEXT);
    let mut two = [0; 2];
    assert_eq!(host.get::<EveryWay>("every way").unwrap()(1, "ab", &mut two, (3, 4)), [1, 2]);
    assert_eq!(two, [3, 3]);
    host.get::<fn()>("deprecated").unwrap()();
    assert_eq!(host.get::<::std::sync::atomic::AtomicU32>("COUNT").unwrap().load(RELAXED), 2);
    ::std::mem::drop(host);
    assert_eq!(COUNT.load(RELAXED), 3);
}
