//! Another macro may change an item after the attribute has read the item: the changed item crosses.

#![deny(warnings)]
#![forbid(unsafe_code)]

use plugin_core::{PluginType, plugin_export, plugin_type};
use plugin_host::Host;
use tricks::{instead, turns};

/// The attribute reads `#[repr(C)]`, and fields in another order.
#[plugin_type]
#[instead(
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    pub struct Reordered { of: u8, is: bool }
)]
#[repr(C)]
pub struct Reordered {
    is: bool,
    of: u8,
}

/// The compiler orders the fields as it likes.
#[plugin_type]
#[instead(
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct Reprless { a: u8, b: u32, c: u8 }
)]
#[repr(C)]
pub struct Reprless {
    a: u8,
    b: u32,
    c: u8,
}

/// A type that no macro changes.
#[plugin_type]
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Kept {
    a: u8,
    b: u32,
    c: u8,
}

#[plugin_type]
#[instead(#[derive(Debug, PartialEq)] pub enum Choice { B, A(String) })]
pub enum Choice {
    A(String),
    B,
}

/// The macro makes the same of its words each time.
#[plugin_type]
pub struct Steady<T> {
    list: turns!(Vec<T>),
    array: [turns!(T); turns!(2)],
    next: Option<Box<turns!(Self)>>,
}

#[plugin_export]
fn reorder(all: &mut [Reordered]) {
    for one in all {
        *one = Reordered { is: one.of == 2, of: one.of + u8::from(one.is) };
    }
}

#[plugin_export]
fn echo(reprless: Reprless, choice: Choice, steady: Steady<u8>) -> (Reprless, Choice, Steady<u8>) {
    (reprless, choice, steady)
}

#[plugin_export]
#[instead(#[inline] const fn rewritten(a: u8) -> u8 { a * 2 })]
fn rewritten(a: u8) -> u8 {
    a
}

#[plugin_export]
fn steady(n: turns!(u8), text: &turns!(str)) -> turns!(Vec<u8>) {
    text.bytes().chain([n]).collect()
}

#[plugin_export]
static STEADY: turns!(u8) = 3;

/// The author's words are read where they stand and in one other place, so that a third meaning does not matter.
#[plugin_type]
pub struct Later {
    of: turns!(u64; u64; String; String; String; String; String; String; String),
}

#[plugin_export]
fn later(later: Later, n: turns!(u8; u8; String; String; String; String)) -> turns!(u64; u64; [u8; 400]; [u8; 400]) {
    later.of + u64::from(n)
}

fn main() {
    const { assert!(!Reordered::PLAIN && !Reprless::PLAIN && Kept::PLAIN) };
    let host = Host::linked().unwrap();
    let mut all = [Reordered { of: 2, is: true }, Reordered { of: 3, is: false }];
    host.get::<fn(&mut [Reordered])>("reorder").unwrap()(&mut all);
    assert_eq!(all, [Reordered { of: 3, is: true }, Reordered { of: 3, is: false }]);

    type Echo = fn(Reprless, Choice, Steady<u8>) -> (Reprless, Choice, Steady<u8>);
    let echo = host.get::<Echo>("echo").unwrap();
    let reprless = Reprless { a: 1, b: 2, c: 3 };
    let last = Steady { list: vec![], array: [4, 5], next: None };
    let steady = Steady { list: vec![1], array: [2, 3], next: Some(Box::new(last)) };
    let (same, choice, steady) = echo(reprless, Choice::A("a".to_owned()), steady);
    assert_eq!((same, choice), (reprless, Choice::A("a".to_owned())));
    let last = steady.next.unwrap();
    assert_eq!((steady.list, steady.array, last.list.len(), last.array), (vec![1], [2, 3], 0, [4, 5]));
    assert_eq!(echo(reprless, Choice::B, *last).1, Choice::B);

    assert_eq!(host.get::<fn(u8) -> u8>("rewritten").unwrap()(2), 4);
    assert_eq!(host.get::<fn(u8, &str) -> Vec<u8>>("steady").unwrap()(1, "a"), [b'a', 1]);
    assert_eq!(*host.get::<u8>("STEADY").unwrap(), 3);
    assert_eq!(host.get::<fn(Later, u8) -> u64>("later").unwrap()(Later { of: 40 }, 2), 42);
    let plugins = host.plugins();
    let later = plugins[0].exports().iter().find(|export| export.name == "later").unwrap();
    assert_eq!(later.to_string(), "fn later(later: Later, n: u8) -> u64");
    assert_eq!(later.signature.definitions(), ["struct Later { of: u64 }"]);
    let kept = Kept { a: 1, b: 2, c: 3 };
    assert_eq!((kept.a, kept.b, kept.c), (1, 2, 3));
}
