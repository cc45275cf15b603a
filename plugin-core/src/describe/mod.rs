//! A type as data: the bytes by which two separately compiled sides compare what they mean.
//!
//! A descriptor is a prefix code. Every type is one [`Tag`], perhaps a count, and then the descriptors of the types it
//! is made of, so that `fn(&str) -> Option<u32>` is `Fn 1 Ref Str Option U32`. Two types are the same exactly when
//! their bytes are. Nothing else is ever compared: no `TypeId`, no hash, no compiler version.
//!
//! A descriptor says nothing of size, alignment or offsets, because it need not: each [`Repr`](crate::PluginType::Repr)
//! is a `#[repr(C)]` composition of the parts in order, so its layout follows from the structure.
//!
//! On the producing side a descriptor is a tree of [`Node`]s in constants, which generic code can build; on the
//! consuming side it is the flat bytes. [`Node::matches`] compares the two without building either.
//!
//! # Types with a name
//!
//! A type of the author's is written out where it is first met and numbered, from 0 in the order of appearance; after
//! that, also inside itself, it is its number. So recursive types are finite, and each descriptor says all there is to say
//! of the types in it. A generic type is written out once for each choice of its arguments, with these in place.
//!
//! ```text
//! named    = Named name count(u32) argument* body
//! again    = Again number(u32)
//! argument = type | Constant value(i128)
//! body     = Struct form(u8) style(u8) count(u32) field*
//!          | Enum form(u8) count(u32) variant* [name]      the name: of the fallback, if the form is GROWS
//! field    = name defaulted(u8) type
//! variant  = name discriminant(i128) style(u8) count(u32) field*
//! name     = length(u32) bytes
//! ```
//!
//! Numbers are little-endian. A field of a tuple is named by its index. For the forms see [`form`], for the styles
//! [`style`].
//!
//! It is public for `plugin-host`, which reads what this crate writes. Nobody else needs it, so there are no examples.

mod bytes;
mod flat;
mod node;
pub mod record;
mod tag;
mod walker;

pub use flat::Flat;
pub use node::{Definition, DefinitionRef, Node};
pub use tag::{Shape, Tag, form, style};
pub use walker::assert_described;
