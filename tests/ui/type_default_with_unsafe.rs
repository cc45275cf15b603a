#![forbid(unsafe_code)]

use std::num::NonZero;

use plugin_core::plugin_type;

#[plugin_type]
#[non_exhaustive]
struct Block {
    width: u32,
    #[plugin_type(default = unsafe { NonZero::new_unchecked(0) })]
    rows: NonZero<u8>,
}

#[plugin_type]
#[non_exhaustive]
struct InnerAttribute {
    width: u32,
    #[plugin_type(default = #![allow(unsafe_code)] unsafe { NonZero::new_unchecked(0) })]
    rows: NonZero<u8>,
}

#[plugin_type]
#[non_exhaustive]
struct FunctionOfTheExpansion {
    width: u32,
    #[plugin_type(default = { __plugin_release(std::ptr::null_mut(), 0, 0); 1 })]
    rows: u8,
}
