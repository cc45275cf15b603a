//! Exports in modules and inside functions, of the same names in different places.

#![deny(warnings)]

use plugin_core::plugin_export;
use plugin_host::Host;

mod outer {
    pub(crate) mod inner {
        use plugin_core::plugin_export;

        #[plugin_export(name = "inner::depth")]
        pub(crate) fn depth() -> u8 {
            2
        }
    }

    #[plugin_core::plugin_export(name = "outer::depth")]
    pub(crate) fn depth() -> u8 {
        1
    }
}

#[plugin_export]
fn depth() -> u8 {
    #[plugin_export]
    static IN_A_FUNCTION: u8 = 3;

    /// Not seen from outside.
    #[plugin_export(name = "depth::depth")]
    fn depth() -> u8 {
        IN_A_FUNCTION
    }

    depth()
}

#[allow(dead_code)]
fn generic<T>(_: T) {
    let _closure = || {
        #[plugin_export]
        fn in_a_closure() -> u8 {
            4
        }
    };
}

const _: () = {
    #[plugin_export]
    fn in_a_constant() -> u8 {
        5
    }
};

trait Exports {
    fn register();
}

impl Exports for u8 {
    fn register() {
        #[plugin_export]
        fn in_a_method() -> u8 {
            6
        }
    }
}

fn main() {
    u8::register();
    let host = Host::linked().unwrap();
    let call = |name| host.get::<fn() -> u8>(name).unwrap()();
    assert_eq!(
        ["depth", "outer::depth", "inner::depth", "depth::depth", "in_a_closure", "in_a_constant", "in_a_method"]
            .map(call),
        [depth(), outer::depth(), outer::inner::depth(), 3, 4, 5, 6]
    );
    assert_eq!(*host.get::<u8>("IN_A_FUNCTION").unwrap(), 3);
    let plugins = host.plugins();
    let inner = plugins[0].exports().iter().find(|export| export.name == "inner::depth").unwrap();
    assert!(inner.module.ends_with("::outer::inner"), "{}", inner.module);
}
