//! The layouts and the way of access of an export, computed once from its descriptor.

use std::sync::Arc;

use plugin_core::host::descriptor::{Class, Tag};

use crate::schema::{Schema, Type};
use crate::untyped::layout::{Id, Layouts};

/// The facts that calls without types need about an export.
pub(crate) enum Prepared {
    /// A type that this SDK does not know.
    Unknown,
    /// The signature has a type without a layout: not all of the signature is data.
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
    /// The type of the value that the host builds: `T` for `T` and `&T`, `String` for `&str`, `Vec<T>` for `&[T]`.
    pub(super) built: Id,
}

impl Argument {
    /// Returns true if the callee may change the argument for its caller.
    pub(super) fn is_changed(&self) -> bool {
        matches!(self.passing, Passing::Mut | Passing::SliceMut)
    }
}

/// How an argument is passed. The callee takes an argument with [`Own`](Self::Own). The host drops all other arguments
/// after the call.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Passing {
    /// By value.
    Own,
    /// By address, for the callee to hold.
    Ref,
    /// By address. The callee may replace the value there.
    Mut,
    /// As text or elements, for the callee to hold.
    Slice,
    /// As elements. The callee may replace the elements.
    SliceMut,
}

/// How a static is read.
pub(crate) enum Access {
    /// The accessor returns the address of the value.
    Value,
    /// The accessor returns the address of the elements and their number. The host reads them through a buffer.
    Elements,
    /// The accessor returns the address of an atomic. The tag is that of the value in the atomic.
    Atomic(Tag),
    /// The accessor returns the functions that operate a lock.
    Lock,
}

impl Prepared {
    pub(crate) fn new(descriptor: &[u8]) -> Self {
        let Some(schema) = Schema::decode(descriptor) else { return Prepared::Unknown };
        Self::of(&schema).unwrap_or(Prepared::NotData)
    }

    fn of(schema: &Schema) -> Option<Self> {
        // The owned type that the host builds for a `&str`, a `&[T]` and other references of that kind.
        let owned_form = |ty: &Type| match ty.tag.class() {
            Class::Unsized(owner) => Some(ty.with_tag(owner)),
            _ => None,
        };
        let root = &schema.root;
        match (root.tag, schema.parts(root)) {
            (Tag::Fn, [arguments @ .., result]) => {
                let arguments = arguments.iter().map(|argument| match (argument.tag, schema.parts(argument)) {
                    (Tag::Ref, [inner]) => match owned_form(inner) {
                        Some(built) => (Passing::Slice, built),
                        None => (Passing::Ref, *inner),
                    },
                    (Tag::Mut, [inner]) => match owned_form(inner) {
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
                    Tag::Static if inner.tag == Tag::Ref => {
                        (Access::Elements, owned_form(schema.parts(inner).first()?)?)
                    }
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

/// Returns true if this target has an atomic of the type with this tag.
fn is_atomic(tag: Tag) -> bool {
    use Tag::*;
    matches!(tag, Bool | U8 | I8 | U16 | I16 | U32 | I32 | Usize | Isize)
        || (cfg!(target_has_atomic = "64") && matches!(tag, U64 | I64))
}
