//! Items that a `macro_rules!` macro writes, with every part of them passed to it.

#![deny(warnings)]

use plugin_core::plugin_export;
use plugin_host::Host;

macro_rules! function {
    (
        $(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $ty:ty),*) -> $result:ty $body:block
        as $export:literal
    ) => {
        $(#[$attribute])*
        #[plugin_export(name = $export)]
        $visibility fn $name($($argument: $ty),*) -> $result $body
    };
}

function! {
    /// Documented.
    #[must_use]
    pub(crate) fn add(a: u32, b: &u32, c: &mut u32, text: &str) -> Vec<u32> { *c += 1; vec![a, *b, *c, text.len() as u32] }
    as "add numbers"
}

macro_rules! references {
    ($text:ty, $bytes:ty, $lifetime:lifetime) => {
        #[plugin_export]
        fn references(text: $text, bytes: $bytes, again: &$lifetime str) -> usize {
            text.len() + bytes.len() + again.len()
        }
    };
}

references!(&str, &mut [u8], '_);

macro_rules! statics {
    ($($name:ident: $ty:ty = $value:expr;)*) => {$(
        #[plugin_export]
        static $name: $ty = $value;
    )*};
}

statics! {
    TEXT: &'static str = "text";
    NUMBERS: &[u8] = &[1, 2];
    NUMBER: u64 = 1 + 1;
}

/// Names that come from inside the macro, and a whole item that is passed through two of them.
macro_rules! item {
    ($item:item) => {
        #[plugin_export]
        $item
    };
}

macro_rules! both {
    ($pattern:pat, $first:expr, $length:expr, $doc:expr) => {
        item! {
            #[doc = $doc]
            fn with_pattern($pattern: (u8, u8), helper: [u8; $length]) -> u8 {
                let a0 = helper.len() as u8;
                $first + a0
            }
        }
    };
}

both!((a, _), a, 2 + 1, concat!("In ", "pieces."));

fn main() {
    let host = Host::linked().unwrap();
    let mut three = 3;
    assert_eq!(add(1, &2, &mut 3, "text"), [1, 2, 4, 4]);
    type Add = fn(u32, &u32, &mut u32, &str) -> Vec<u32>;
    assert_eq!(host.get::<Add>("add numbers").unwrap()(1, &2, &mut three, "text"), [1, 2, 4, 4]);
    assert_eq!(three, 4);
    assert_eq!(host.get::<fn(&str, &mut [u8], &str) -> usize>("references").unwrap()("a", &mut [0; 2], "bcd"), 6);
    assert_eq!(*host.get::<&str>("TEXT").unwrap(), TEXT);
    assert_eq!(*host.get::<&[u8]>("NUMBERS").unwrap(), *NUMBERS);
    assert_eq!(*host.get::<u64>("NUMBER").unwrap(), NUMBER);
    assert_eq!(host.get::<fn((u8, u8), [u8; 3]) -> u8>("with_pattern").unwrap()((1, 2), [0; 3]), 4);
    let plugins = host.plugins();
    let docs = |name| plugins[0].exports().iter().find(|export| export.name == name).unwrap().docs.as_str();
    assert_eq!((docs("add numbers"), docs("with_pattern")), ("Documented.", "In pieces."));
}
