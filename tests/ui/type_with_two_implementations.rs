#![forbid(unsafe_code)]

//! As `type_with_an_argument_that_std_does_not_know.rs`, for those of std's traits that each type which crosses has.

use plugin_core::{PluginType, plugin_type};

mod sized {
    use super::*;

    pub trait Sized {
        type Out: PluginType;
    }

    impl<T: ::std::marker::Sized> Sized for T {
        type Out = u8;
    }

    #[plugin_type]
    pub struct Own {
        pub field: u8,
    }

    impl Sized for Own {
        type Out = [u64; 64];
    }

    #[plugin_type]
    pub struct Generic<T: Sized> {
        pub out: <T as Sized>::Out,
    }
}

mod unpin {
    use super::*;

    pub trait Unpin {
        type Out: PluginType;
    }

    impl<T: ::std::marker::Unpin> Unpin for T {
        type Out = u8;
    }

    #[plugin_type]
    pub struct Own {
        pub field: u8,
    }

    impl Unpin for Own {
        type Out = [u64; 64];
    }

    #[plugin_type]
    pub struct Generic<T: Unpin> {
        pub out: <T as Unpin>::Out,
    }
}
