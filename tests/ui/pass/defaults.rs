#![forbid(unsafe_op_in_unsafe_fn)]

//! Defaults that leave their place: a default is a function's body.

use plugin_core::{Origin, PluginType, plugin_type};

mod old {
    use super::*;

    #[plugin_type]
    #[non_exhaustive]
    pub struct Config<T> {
        pub name: T,
    }
}

#[plugin_type]
#[non_exhaustive]
struct Config<T> {
    name: T,
    #[plugin_type(default = return 7)]
    returned: u8,
    #[plugin_type(default = #![allow(clippy::all)] let text = String::from("text"); text)]
    statements: String,
    #[plugin_type(default = loop { break 3 })]
    broken_out_of: u64,
    #[plugin_type(default = None?)]
    asked: Option<T>,
    #[plugin_type(default)]
    std: Vec<T>,
}

fn main() {
    let old = old::Config { name: String::from("old") }.lower();
    // SAFETY: the value is of the type's first version, and is lifted once.
    let new = unsafe { Config::<String>::lift(old, &Origin::HOST) };
    assert_eq!((new.name.as_str(), new.returned, new.statements.as_str()), ("old", 7, "text"));
    assert_eq!((new.broken_out_of, new.asked, new.std), (3, None, Vec::new()));
}
