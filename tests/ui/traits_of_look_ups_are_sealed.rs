use std::sync::Arc;

use plugin_core::host::descriptor::{Node, Tag};
use plugin_core::host::{AnyEntry, Site};
use plugin_core::{Fault, plugin_type};
use plugin_host::{FunctionType, Lookup};

struct Mine;

unsafe impl Lookup for Mine {
    type Handle = ();
    const NODE: &'static Node = &Node::Of { head: &Tag::Fn.head_with(0), parts: &[] };

    unsafe fn bind(_: Arc<Site>) -> Result<(), Fault> {
        Ok(())
    }
}

#[plugin_type]
pub struct Crossing(u8);

extern "C" fn entry() {}

unsafe impl FunctionType for Crossing {
    type Target = u8;
    const PROXY: AnyEntry = entry;

    fn target<H>(_: &H) -> &u8 {
        &0
    }
}

fn main() {}
