//! `std::cmp::Ordering`.

use std::cmp::Ordering;
use std::mem::ManuallyDrop;

use super::{PluginType, unknown_tag};
use crate::describe::{Node, Tag};
use crate::memory::Arena;
use crate::origin::Origin;

// SAFETY: each of the three values has a number of its own.
#[diagnostic::do_not_recommend]
unsafe impl PluginType for Ordering {
    type Repr = i8;
    const NODE: &'static Node = &Node::Of { head: &Tag::Ordering.head(), parts: &[] };

    #[inline]
    fn lower(self) -> i8 {
        self as i8
    }
    #[inline]
    fn lend(&self, _: &mut Arena) -> i8 {
        *self as i8
    }
    #[inline]
    unsafe fn lift(repr: i8, _: &Origin) -> Self {
        match repr {
            -1 => Ordering::Less,
            0 => Ordering::Equal,
            1 => Ordering::Greater,
            other => unknown_tag("Ordering", other as u8),
        }
    }
    #[inline]
    unsafe fn hold(repr: &i8, origin: &Origin, _: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: by `# Safety` of `PluginType::hold`, `repr` came from `lower` or `lend` above. The type owns nothing,
        // so each copy of its `Repr` may be lifted.
        ManuallyDrop::new(unsafe { Self::lift(*repr, origin) })
    }
}
