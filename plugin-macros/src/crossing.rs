//! A type of an export, and its way of crossing.

use syn::Type;

/// A way for a type to cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passing {
    /// As an argument or result.
    Own,
    /// Behind `&`.
    Ref,
    /// An object behind `&`, whose type is written in the signature itself. Only methods of interfaces tell it from [`Passing::Ref`].
    RefObject,
    /// Behind `&mut`.
    Mut,
    /// A closure or another object behind `&mut`.
    MutClosure,
    /// As a static.
    Static,
    /// As the result of a hook.
    Hook,
}

/// A type, and how it crosses.
pub(crate) struct Crossing {
    pub(crate) passing: Passing,
    /// The type itself, without the reference.
    pub(crate) ty: Type,
    /// True if the compiler can be asked about the type: this crate has found no mistake in the type so far.
    pub(crate) askable: bool,
}
