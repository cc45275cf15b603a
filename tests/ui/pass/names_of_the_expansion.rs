//! The author's items may be named like anything that the expansion defines or refers to.

#![deny(warnings)]
#![allow(non_upper_case_globals, non_camel_case_types, nonstandard_style)]

use plugin_core::plugin_export;
use plugin_host::Host;

mod entries {
    use plugin_core::plugin_export;

    #[plugin_export]
    fn entry() -> u32 {
        1
    }

    #[plugin_export]
    fn __plugin_entry() -> u32 {
        2
    }

    #[plugin_export]
    fn __plugin___plugin_entry() -> u32 {
        3
    }

    #[plugin_export]
    fn __ctor() -> u32 {
        4
    }

    #[plugin_export]
    fn by_ref(own: &str, outcome: &mut [u8]) -> usize {
        own.len() + outcome.len()
    }
}

mod statics {
    use plugin_core::plugin_export;

    #[plugin_export]
    pub(super) static RECORD: u32 = 5;

    #[plugin_export]
    static BYTES: &[u8] = b"bytes";

    #[plugin_export]
    static NODE: [u8; 2] = [6, 7];

    #[plugin_export]
    static __INVENTORY: bool = true;
}

/// Lengths of arrays, which the expansion repeats inside its own blocks.
mod lengths {
    use plugin_core::plugin_export;

    const RECORD: usize = 1;
    const BYTES: usize = 2;
    const NODE: usize = 3;
    const LINE: usize = 4;
    const DOCS: usize = 5;
    const __plugin_node: usize = 6;

    #[plugin_export]
    fn lengths(
        a: [u8; RECORD],
        b: [u8; BYTES],
        c: &[[u8; NODE]],
        d: [u8; LINE],
        e: [u8; DOCS],
        f: [u8; __plugin_node],
    ) -> [u8; RECORD + BYTES] {
        [a.len() as u8, b.len() as u8, (c.len() + d.len() + e.len() + f.len()) as u8]
    }
}

/// An argument's name shadows nothing that the shim uses, and is not shadowed.
mod arguments {
    use plugin_core::plugin_export;

    pub(super) static a0: u32 = 100;

    #[plugin_export]
    fn arguments(a1: u32, f: u32, repr: &u32, origin: &str) -> u32 {
        a1 * 1000 + f * 100 + *repr * 10 + origin.len() as u32
    }
}

/// Modules and macros that absolute paths must not lead to.
mod modules {
    mod core {}
    mod std {}
    mod alloc {}
    mod plugin_core {}

    #[allow(unused_macros)]
    #[rustfmt::skip]
    mod macros {
        macro_rules! __register { ($($any:tt)*) => { compile_error!("the author's own"); } }
        macro_rules! line { () => { "not a number" } }
        macro_rules! module_path { () => { 1 } }
        macro_rules! concat { ($($any:tt)*) => { 1 } }

        /// Documented.
        #[::plugin_core::plugin_export]
        fn among_macros() -> u32 {
            1
        }
    }

    #[::plugin_core::plugin_export]
    fn among_modules(text: &str) -> usize {
        text.len()
    }
}

/// Types that shadow the prelude's, or are named as the expansion's.
mod types {
    type String = u8;
    type Option = u16;
    type Result = u32;
    type Box = u64;
    type Vec = i8;
    #[allow(non_camel_case_types)]
    type bool = u8;
    type Node = i16;
    #[allow(dead_code)]
    struct Tag;
    #[allow(dead_code)]
    struct u8_;
    #[allow(dead_code)]
    trait PluginType {}
    #[allow(dead_code)]
    trait Iterator {}

    #[plugin_core::plugin_export]
    fn shadowed(a: String, b: Option, c: Result, d: Box, e: &[Vec]) -> (Node, String) {
        (a as Node + b as Node + c as Node + d as Node, e.len() as String)
    }

    #[plugin_core::plugin_export(init)]
    fn start() -> ::core::result::Result<(), ::std::string::String> {
        Ok(())
    }
}

/// A function has a module, a type or a macro of its own name beside it, and an argument of that type.
mod namesakes {
    pub mod config {
        pub type Config = u32;
    }

    #[plugin_core::plugin_export]
    fn config(config: config::Config) -> config::Config {
        config + 1
    }

    pub struct namesake {}

    #[plugin_core::plugin_export]
    fn namesake(of: u32) -> u32 {
        _ = namesake {};
        of + 2
    }

    macro_rules! doubled {
        ($of:expr) => {
            $of * 2
        };
    }

    #[plugin_core::plugin_export]
    fn doubled(of: u32) -> u32 {
        doubled!(of)
    }
}

/// A static beside its own shim, and two items of one name in different modules.
#[plugin_export(name = "second entry")]
fn entry() -> u32 {
    10
}

fn main() {
    let host = Host::linked().unwrap();
    let number = |name| host.get::<fn() -> u32>(name).unwrap()();
    assert_eq!(
        ["entry", "__plugin_entry", "__plugin___plugin_entry", "__ctor", "second entry", "among_macros"].map(number),
        [1, 2, 3, 4, 10, 1]
    );
    let namesake = |name| host.get::<fn(u32) -> u32>(name).unwrap()(5);
    assert_eq!(["config", "namesake", "doubled"].map(namesake), [6, 7, 10]);
    assert_eq!(host.get::<fn(&str, &mut [u8]) -> usize>("by_ref").unwrap()("abc", &mut [0; 2]), 5);

    assert_eq!(*host.get::<u32>("RECORD").unwrap(), statics::RECORD);
    assert_eq!(*host.get::<&[u8]>("BYTES").unwrap(), *b"bytes");
    assert_eq!(*host.get::<[u8; 2]>("NODE").unwrap(), [6, 7]);
    assert!(*host.get::<bool>("__INVENTORY").unwrap());

    type Lengths = fn([u8; 1], [u8; 2], &[[u8; 3]], [u8; 4], [u8; 5], [u8; 6]) -> [u8; 3];
    assert_eq!(host.get::<Lengths>("lengths").unwrap()([0], [0; 2], &[], [0; 4], [0; 5], [0; 6]), [1, 2, 15]);

    let arguments = host.get::<fn(u32, u32, &u32, &str) -> u32>("arguments").unwrap();
    assert_eq!(arguments(1, 2, &3, "four"), 1234);
    assert_eq!(arguments::a0, 100);

    assert_eq!(host.get::<fn(&str) -> usize>("among_modules").unwrap()("abc"), 3);
    let shadowed = host.get::<fn(u8, u16, u32, u64, &[i8]) -> (i16, u8)>("shadowed").unwrap();
    assert_eq!(shadowed(1, 2, 3, 4, &[5]), (10, 1));
}
