#![forbid(unsafe_code)]

//! A type's bound is a trait of the author's with the name of one of std's. The argument has an implementation of its own, so
//! the definition, which is made with std's trait, would not describe the type.

macro_rules! bound {
    ($function:ident, $name:ident, $of_std:path, $field:ty) => {
        mod $function {
            use plugin_core::{PluginType, plugin_export, plugin_type};

            pub trait $name {
                type Out: PluginType;
            }

            impl<T: $of_std> $name for T {
                type Out = u8;
            }

            #[plugin_type]
            pub struct Own {
                pub field: $field,
            }

            impl $name for Own {
                type Out = [u64; 64];
            }

            #[plugin_type]
            pub struct Generic<T: $name> {
                pub out: <T as $name>::Out,
            }

            #[plugin_export]
            fn $function() -> Generic<Own> {
                Generic { out: [0x41; 64] }
            }
        }
    };
}

bound!(clone, Clone, ::std::clone::Clone, u8);
bound!(copy, Copy, ::std::marker::Copy, u8);
bound!(debug, Debug, ::std::fmt::Debug, u8);
bound!(default, Default, ::std::default::Default, u8);
bound!(display, Display, ::std::fmt::Display, u8);
bound!(eq, Eq, ::std::cmp::Eq, u8);
bound!(hash, Hash, ::std::hash::Hash, u8);
bound!(ord, Ord, ::std::cmp::Ord, u8);
bound!(partial_eq, PartialEq, ::std::cmp::PartialEq, u8);
bound!(partial_ord, PartialOrd, ::std::cmp::PartialOrd, u8);
bound!(send, Send, ::std::marker::Send, Box<dyn std::error::Error>);
bound!(sync, Sync, ::std::marker::Sync, Box<dyn std::error::Error>);
