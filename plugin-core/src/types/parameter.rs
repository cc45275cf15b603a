//! What stands for the parameters of a generic type in its definition.

use std::fmt;

use super::PluginType;
use crate::descriptor::Node;
use crate::origin::Origin;

/// The parameter with the index `I`. There are no values of it: it is only described.
///
/// It has the standard library's common traits, because the definition may ask for them as bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Parameter<const I: usize>(u8);

impl<const I: usize> fmt::Display for Parameter<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// SAFETY: a byte, which both sides have.
unsafe impl<const I: usize> PluginType for Parameter<I> {
    type Repr = u8;
    const NODE: &'static Node = &Node::Parameter(I);

    fn lower(self) -> u8 {
        self.0
    }
    fn lend(&self) -> u8 {
        self.0
    }
    unsafe fn lift(repr: u8, _: &Origin) -> Self {
        Parameter(repr)
    }
}
