#![allow(unsafe_op_in_unsafe_fn)]

use std::num::NonZero;

use plugin_core::plugin_type;

#[plugin_type]
#[non_exhaustive]
struct Settings {
    width: u32,
    #[plugin_type(default = String::from_utf8_unchecked(vec![255]))]
    title: String,
    #[plugin_type(default = {
        #[allow(unsafe_op_in_unsafe_fn)]
        let never = NonZero::<u8>::new_unchecked(0);
        never
    })]
    rows: NonZero<u8>,
}
