//! The kinds of arguments, as macros: owned, `&` and `&mut`.
//!
//! `fn(A)`, `fn(&A)` and `fn(&mut A)` are different types for every `A`, so a macro makes the code for each combination of kinds.

macro_rules! argument_type {
    (own $T:ident) => {
        $T
    };
    (ref $T:ident) => {
        &$T
    };
    (mut $T:ident) => {
        &mut $T
    };
}

macro_rules! argument_repr {
    (own $T:ident) => {
        <$T as PluginType>::Repr
    };
    (ref $T:ident) => {
        <$T as PluginRef>::RefRepr
    };
    (mut $T:ident) => {
        <$T as PluginMut>::MutRepr
    };
}

macro_rules! argument_node {
    (own $T:ident) => {
        <$T as PluginType>::NODE
    };
    (ref $T:ident) => {
        <$T as PluginRef>::REF_NODE
    };
    (mut $T:ident) => {
        <$T as PluginMut>::MUT_NODE
    };
}

/// Replaces an argument by its `Repr`. The data behind the `Repr` lives until the end of the block.
macro_rules! lower_argument {
    (own $arg:ident $T:ident $origin:tt) => {
        let $arg = $arg.lower();
    };
    (ref $arg:ident $T:ident $origin:tt) => {
        let mut slot = Default::default();
        let $arg = $arg.lend_ref(&mut slot);
    };
    (mut $arg:ident $T:ident $origin:tt) => {
        // SAFETY: the loan is a variable of the call, so it is dropped, and not forgotten. The caller has a share of the
        // called library, and gives the share up later.
        let mut loan = unsafe { $arg.lend_mut($origin) };
        let $arg = $T::mut_repr(&mut loan);
    };
}

/// Calls a macro for every combination of the three kinds of arguments, for each number of arguments up to the number
/// of names.
macro_rules! all_kinds {
    ($each:ident [$($done:tt)*]) => { $each!($($done)*); };
    ($each:ident [$($done:tt)*] ($T:ident $arg:ident) $($rest:tt)*) => {
        $each!($($done)*);
        all_kinds!($each [$($done)* (own $T $arg)] $($rest)*);
        all_kinds!($each [$($done)* (ref $T $arg)] $($rest)*);
        all_kinds!($each [$($done)* (mut $T $arg)] $($rest)*);
    };
}

pub(crate) use {all_kinds, argument_node, argument_repr, argument_type, lower_argument};
