//! An export as calls without types need it, worked out once from its descriptor.

use std::sync::Arc;

use plugin_core::descriptor::Tag;

use crate::schema::{Schema, Type};
use crate::untyped::layout::{Id, Layouts};

/// What is worked out once of an export.
pub(crate) enum Prepared {
    /// A type that this SDK does not know.
    Unknown,
    /// A type that is no data.
    NotData,
    Function {
        layouts: Arc<Layouts>,
        arguments: Vec<Argument>,
        result: Id,
    },
    Static {
        layouts: Arc<Layouts>,
        access: Access,
        value: Id,
    },
}

/// An argument of a function.
pub(crate) struct Argument {
    pub(super) passing: Passing,
    /// Of what is built for it: `T` for a `&T` too, a `String` for a `&str`, a `Vec<T>` for a `&[T]`.
    pub(super) built: Id,
}

/// How an argument is passed. Only the first is given away: the others are the host's to drop after the call.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Passing {
    /// Itself.
    Own,
    /// By address, for the callee to hold.
    Ref,
    /// By address. The callee leaves another value there.
    Mut,
    /// As text or elements, for the callee to hold.
    Slice,
    /// As elements. The callee leaves others there.
    SliceMut,
}

/// How a static is read.
pub(crate) enum Access {
    /// The accessor returns where the value is.
    Value,
    /// The accessor returns where the elements are, of which a buffer is what is read.
    Elements,
    /// The accessor returns where an atomic is, of the type with this tag.
    Atomic(Tag),
    /// The accessor returns what operates a lock.
    Lock,
}

impl Prepared {
    pub(super) fn new(descriptor: &[u8]) -> Self {
        let Some(schema) = Schema::decode(descriptor) else { return Prepared::Unknown };
        Self::of(&schema).unwrap_or(Prepared::NotData)
    }

    fn of(schema: &Schema) -> Option<Self> {
        // What is built of `&str` and the like.
        let behind = |ty: &Type| match ty.tag {
            Tag::Str => Some(ty.with_tag(Tag::String)),
            Tag::Path => Some(ty.with_tag(Tag::PathBuf)),
            Tag::OsStr => Some(ty.with_tag(Tag::OsString)),
            Tag::Slice => Some(ty.with_tag(Tag::Vec)),
            _ => None,
        };
        let root = &schema.root;
        match (root.tag, schema.parts(root)) {
            (Tag::Fn, [arguments @ .., result]) => {
                let arguments = arguments.iter().map(|argument| match (argument.tag, schema.parts(argument)) {
                    (Tag::Ref, [inner]) => match behind(inner) {
                        Some(built) => (Passing::Slice, built),
                        None => (Passing::Ref, *inner),
                    },
                    (Tag::Mut, [inner]) => match behind(inner) {
                        Some(built) => (Passing::SliceMut, built),
                        None => (Passing::Mut, *inner),
                    },
                    _ => (Passing::Own, *argument),
                });
                let (passings, types): (Vec<Passing>, Vec<Type>) = arguments.unzip();
                let types: Vec<&Type> = types.iter().chain([result]).collect();
                let (layouts, mut built) = Layouts::new(schema, &types)?;
                let result = built.pop()?;
                let arguments = passings.into_iter().zip(built).map(|(passing, built)| Argument { passing, built });
                Some(Prepared::Function { layouts: Arc::new(layouts), arguments: arguments.collect(), result })
            }
            (tag, [inner]) => {
                let (access, ty) = match tag {
                    Tag::Static if inner.tag == Tag::Ref => (Access::Elements, behind(schema.parts(inner).first()?)?),
                    Tag::Static => (Access::Value, *inner),
                    Tag::Atomic if is_atomic(inner.tag) => (Access::Atomic(inner.tag), *inner),
                    Tag::RwLock | Tag::Mutex => (Access::Lock, *inner),
                    _ => return None,
                };
                let (layouts, ids) = Layouts::new(schema, &[&ty])?;
                Some(Prepared::Static { layouts: Arc::new(layouts), access, value: *ids.first()? })
            }
            _ => None,
        }
    }
}

/// Whether there is an atomic of that type.
fn is_atomic(tag: Tag) -> bool {
    use Tag::*;
    matches!(tag, Bool | U8 | I8 | U16 | I16 | U32 | I32 | Usize | Isize)
        || (cfg!(target_has_atomic = "64") && matches!(tag, U64 | I64))
}
