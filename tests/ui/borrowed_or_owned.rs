use std::borrow::Cow;

use plugin_core::{plugin_export, plugin_type};

#[plugin_export]
fn trim(text: Cow<str>) -> String {
    text.trim().to_owned()
}

#[plugin_export]
fn escape(text: &str) -> Cow<str> {
    text.into()
}

#[plugin_export]
fn escape_further(text: &str) -> Cow<'_, str> {
    text.into()
}

#[plugin_export]
fn bytes(bytes: Cow<'static, [u8]>) -> usize {
    bytes.len()
}

#[plugin_export]
fn by_ref(text: &Cow<'_, str>) -> usize {
    text.len()
}

#[plugin_type]
struct Page {
    title: Cow<str>,
    body: Cow<'static, [u8]>,
}
