//! Signatures of every kind that can be exported.

#![deny(warnings)]

use plugin_core::plugin_export;
use plugin_host::Host;

#[plugin_export]
pub fn public() -> u8 {
    1
}

#[plugin_export]
pub(crate) const fn constant(n: u8) -> u8 {
    n + 1
}

#[plugin_export]
extern "C" fn c_abi(n: u32) -> u32 {
    n + 1
}

#[plugin_export]
const extern "system" fn system_abi(n: u32) -> u32 {
    n + 1
}

#[plugin_export]
#[rustfmt::skip]
fn patterns((a, _): (u8, u8), [b, .., c]: [u8; 3], mut d: Vec<u8>, _: (), ref e: u8, all @ (f, ..): (u8, u8),) -> Vec<u8> {
    d.extend([a, b, c, *e, f, all.1]);
    d
}

#[plugin_export]
fn mutable_pattern([first, ..]: &mut [u8; 2], &(a, b): &(u8, u8)) {
    *first = a + b;
}

#[plugin_export]
#[rustfmt::skip]
#[allow(unused_parens)]
fn parentheses(text: (&(str)), bytes: &mut ([u8]), n: ((u8))) -> (String) {
    bytes[0] = n;
    text.to_owned()
}

#[plugin_export]
fn elided(text: &'_ str) -> () {
    _ = text;
}

#[plugin_export]
#[rustfmt::skip]
fn nothing_generic<>() where {}

#[plugin_export]
pub static PUBLIC: &'static str = "public";

const SIZE: usize = 2;

mod aliases {
    pub(crate) type Text = str;
    pub(crate) type Pair<T> = (T, T);
}

trait Has {
    type Item;
}

impl Has for u8 {
    type Item = u16;
}

#[plugin_export]
fn other_spellings(
    a: &aliases::Text,
    b: self::aliases::Pair<crate::aliases::Pair<u8>>,
    c: <u8 as Has>::Item,
    d: [u8; SIZE * 2],
    e: ::std::option::Option<u8>,
) -> usize {
    a.len() + usize::from(b.0.0) + usize::from(c) + d.len() + usize::from(e.unwrap_or(0))
}

#[plugin_export(init)]
fn borrowed_error() -> Result<(), &'static str> {
    Ok(())
}

#[plugin_export(init)]
fn other_error() -> std::result::Result<(), std::borrow::Cow<'static, str>> {
    Ok(())
}

#[plugin_export(shutdown)]
fn boxed_error() -> Result<(), Box<dyn std::error::Error>> {
    Ok(())
}

fn main() {
    let host = Host::linked().unwrap();
    assert_eq!(host.get::<fn() -> u8>("public").unwrap()(), public());
    const TWO: u8 = constant(1);
    assert_eq!(host.get::<fn(u8) -> u8>("constant").unwrap()(1), TWO);
    for name in ["c_abi", "system_abi"] {
        assert_eq!(host.get::<fn(u32) -> u32>(name).unwrap()(1), c_abi(1));
    }
    let patterns = host.get::<fn((u8, u8), [u8; 3], Vec<u8>, (), u8, (u8, u8)) -> Vec<u8>>("patterns").unwrap();
    assert_eq!(patterns((1, 2), [3, 4, 5], vec![6], (), 7, (8, 9)), [6, 1, 3, 5, 7, 8, 9]);
    let mut two = [0, 0];
    host.get::<fn(&mut [u8; 2], &(u8, u8))>("mutable_pattern").unwrap()(&mut two, &(1, 2));
    assert_eq!(two, [3, 0]);
    assert_eq!(host.get::<fn(&str, &mut [u8], u8) -> String>("parentheses").unwrap()("a", &mut two, 4), "a");
    assert_eq!(two, [4, 0]);
    host.get::<fn(&str)>("elided").unwrap()("");
    host.get::<fn()>("nothing_generic").unwrap()();
    assert_eq!(*host.get::<&str>("PUBLIC").unwrap(), PUBLIC);
    type Others = fn(&str, ((u8, u8), (u8, u8)), u16, [u8; 4], Option<u8>) -> usize;
    assert_eq!(host.get::<Others>("other_spellings").unwrap()("a", ((2, 0), (0, 0)), 3, [0; 4], Some(5)), 15);
}
