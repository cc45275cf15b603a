//! Types as data. Two sides that were compiled separately compare these bytes to find out whether they mean the same
//! type.
//!
//! A descriptor is a prefix code. Every type is one [`Tag`], for some tags a count, and then the descriptors of its
//! parts. So `fn(&str) -> Option<u32>` is `Fn 1 Ref Str Option U32`. Two types are the same if and only if their bytes
//! are the same. Nothing else is compared: no `TypeId`, no hash, no compiler version.
//!
//! A descriptor contains no size, alignment or offset. Each [`Repr`](crate::PluginType::Repr) is a `#[repr(C)]`
//! composition of the parts in order, so its layout follows from the descriptor.
//!
//! The side that asks for a type has the descriptor as a tree of [`Node`]s in constants, which generic code can build.
//! The side that offers a type has the bytes. [`Node::matches`] compares a tree with bytes, and builds neither.
//!
//! # Types with a name
//!
//! A user type is written out where it first appears, and gets the next number, from 0 on. After that, also inside its
//! own definition, only the number is written. So a recursive type has a finite descriptor, and each descriptor is
//! complete. A generic type is written out once for each choice of its arguments, with the arguments in their places.
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
//! The body of a trait with `#[plugin_interface]` is a struct with [`form::INTERFACE`], whose fields are the methods. The type of a
//! method is its function, behind the reference or in the box that `self` is. `dyn Trait` is such a type behind [`Tag::DynTrait`], with
//! the auto traits that the compiler finds around it.
//!
//! Numbers are little-endian. A field of a tuple is named by its index. For the forms see [`form`], for the styles
//! [`style`].
//!
//! The module `host` shows these items to `plugin-host`, which reads the bytes that this crate writes.

mod bytes;
mod described;
mod flat;
mod node;
pub mod record;
mod tag;
mod walker;

pub use described::Described;
pub use flat::Flat;
pub use node::{Definition, DefinitionRef, Node};
pub use tag::{Class, Shape, Tag, form, style};
pub use walker::assert_described;
