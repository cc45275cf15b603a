//! `uuid::Uuid`.

use std::mem::ManuallyDrop;

use ::uuid::Uuid;

use super::PluginType;
use super::primitive::ArrayRepr;
use crate::describe::{Node, Tag};
use crate::memory::Arena;
use crate::origin::Origin;

// SAFETY: a `Uuid` crosses as its bytes. Its crate promises the layout of `[u8; 16]`, so it is plain.
#[diagnostic::do_not_recommend]
unsafe impl PluginType for Uuid {
    type Repr = ArrayRepr<u8, 16>;
    const NODE: &'static Node = &Node::Of { head: &Tag::Uuid.head(), parts: &[] };
    const PLAIN: bool = true;

    #[inline]
    fn lower(self) -> Self::Repr {
        self.into_bytes().lower()
    }
    #[inline]
    fn lend(&self, _: &mut Arena) -> Self::Repr {
        self.into_bytes().lower()
    }
    #[inline]
    unsafe fn lift(repr: Self::Repr, origin: &Origin) -> Self {
        // SAFETY: by `# Safety` of `PluginType::lift`, `repr` came from `lower` or `lend` above, which make the `Repr`
        // of an array of bytes.
        Uuid::from_bytes(unsafe { PluginType::lift(repr, origin) })
    }
    #[inline]
    unsafe fn hold(repr: &Self::Repr, origin: &Origin, _: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: by `# Safety` of `PluginType::hold`, `repr` came from `lower` or `lend` above. The type owns nothing,
        // so each copy of its `Repr` may be lifted.
        ManuallyDrop::new(unsafe { Self::lift(*repr, origin) })
    }
}
