#![allow(unused_variables)]

use plugin_core::plugin_export;

#[plugin_export(name = "", nane = "many")]
async unsafe fn many<T: Default>(
    a: impl Fn(),
    b: Vec<&str>,
    c: T,
    d: [u8; 0],
    e: &'static u8,
    f: Option<T>,
    g: u8,
) -> (String, &'static str)
where
    T: Copy,
{
    todo!()
}
