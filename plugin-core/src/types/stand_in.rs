//! Stand-ins for the parameters of a generic type. A definition with stand-ins describes the type once for all
//! arguments.

use std::cmp::Ordering;
use std::convert::Infallible;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;

use super::PluginType;
use crate::describe::Node;
use crate::memory::Arena;
use crate::origin::Origin;

/// A definition with stand-ins.
///
/// # Safety
///
/// [`Parameter`]s of this template stand for parameters in one definition only, and no field's type was written with
/// one. The attribute therefore makes each template in a block of its own, which contains no words of the author.
pub unsafe trait Template: 'static {}

/// The parameter with the index `I` in the template `D`.
///
/// The type has the standard library's common traits, because the definition may ask for these traits as bounds. The
/// implementation for the described type asks each real argument for the same traits, so the argument and its stand-in
/// have the same implementations of the author's traits, as far as the definition depends on them. The conversions
/// compare the definition with the real fields all the same, because the nightly feature `specialization` breaks that
/// rule.
///
/// The type has no values, but the type has a size, because the elements of a sequence must have one.
pub struct Parameter<D: Template, const I: usize> {
    never: Infallible,
    _size: u8,
    _template: PhantomData<fn() -> D>,
}

// SAFETY: the type has no values, so none can cross.
#[diagnostic::do_not_recommend]
unsafe impl<D: Template, const I: usize> PluginType for Parameter<D, I> {
    type Repr = u8;
    const NODE: &'static Node = &Node::Parameter(I);

    fn lower(self) -> u8 {
        match self.never {}
    }
    fn lend(&self, _: &mut Arena) -> u8 {
        match self.never {}
    }
    unsafe fn lift(_: u8, _: &Origin) -> Self {
        unreachable!("there is no such value, so none was lowered")
    }
    unsafe fn hold(_: &u8, _: &Origin, _: &mut Arena) -> ManuallyDrop<Self> {
        unreachable!("there is no such value, so none was lent")
    }
}

impl<D: Template, const I: usize> Copy for Parameter<D, I> {}

impl<D: Template, const I: usize> Clone for Parameter<D, I> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: Template, const I: usize> Default for Parameter<D, I> {
    fn default() -> Self {
        unreachable!("a stand-in is only described")
    }
}

impl<D: Template, const I: usize> Eq for Parameter<D, I> {}

impl<D: Template, const I: usize> PartialEq for Parameter<D, I> {
    fn eq(&self, _: &Self) -> bool {
        match self.never {}
    }
}

impl<D: Template, const I: usize> Ord for Parameter<D, I> {
    fn cmp(&self, _: &Self) -> Ordering {
        match self.never {}
    }
}

impl<D: Template, const I: usize> PartialOrd for Parameter<D, I> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<D: Template, const I: usize> Hash for Parameter<D, I> {
    fn hash<H: Hasher>(&self, _: &mut H) {
        match self.never {}
    }
}

impl<D: Template, const I: usize> fmt::Debug for Parameter<D, I> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.never {}
    }
}

impl<D: Template, const I: usize> fmt::Display for Parameter<D, I> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.never {}
    }
}
