//! The place where a value is built.

use std::sync::Arc;

use serde::de::Error;

use crate::untyped::free::free;
use crate::untyped::layout::{Id, Layouts};
use crate::untyped::walk::{Depth, MAX_EMPTY, Path, TOO_DEEP, Trouble};

/// Where a value is to be built. Nothing is there before, and nothing if it is an error or if what was built is dropped.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(super) layouts: &'a Arc<Layouts>,
    pub(super) id: Id,
    pub(super) at: *mut u8,
    pub(super) depth: Depth,
    pub(super) path: &'a Path<'a>,
    pub(super) trouble: &'a Trouble,
}

/// A value that was built. A deserializer may still find something wrong when it is: what follows, for example. Then this
/// is dropped, and the value with it.
pub(crate) struct Built<'a> {
    layouts: &'a Layouts,
    id: Id,
    at: *mut u8,
}

impl Built<'_> {
    /// The value is its place's from now on.
    pub(crate) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Built<'_> {
    fn drop(&mut self) {
        // SAFETY: it is there, and nobody has been told of it.
        unsafe { free(self.layouts, self.id, self.at) }
    }
}

impl<'a> Target<'a> {
    /// # Safety
    ///
    /// At `at` is room for a `Repr` of the type.
    pub(crate) unsafe fn new(layouts: &'a Arc<Layouts>, id: Id, at: *mut u8, trouble: &'a Trouble) -> Self {
        Target { layouts, id, at, depth: Depth::TOP, path: &Path::Top, trouble }
    }

    /// A part of this value, whose place is within or behind this one.
    pub(super) fn part<'b>(&self, id: Id, at: *mut u8, path: &'b Path<'b>) -> Target<'b>
    where
        'a: 'b,
    {
        Target { id, at, path, ..*self }
    }

    pub(super) fn step<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.step().ok_or_else(|| E::custom(TOO_DEEP))?;
        Ok(Target { depth, ..self })
    }

    pub(super) fn level<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.level().ok_or_else(|| E::custom(TOO_DEEP))?;
        Ok(Target { depth, ..self })
    }

    /// Counts an element of a sequence, map or array if it has no data: formats in which it takes no bytes could give any
    /// number of them.
    pub(super) fn count_element<E: Error>(&self, element: Id) -> Result<(), E> {
        if self.layouts.get(element).is_empty && !self.trouble.count_empty() {
            return Err(E::custom(format_args!("more than {MAX_EMPTY} elements without data")));
        }
        Ok(())
    }

    pub(super) fn write<T: Copy>(&self, value: T) {
        debug_assert!(size_of::<T>() <= self.layouts.get(self.id).size);
        // SAFETY: there is room for a `Repr` of the type, by `new`'s promise, and all that is written is such a `Repr` or
        // its beginning.
        unsafe { self.at.cast::<T>().write(value) }
    }

    /// What was written here is all of the value.
    pub(super) fn built(self) -> Built<'a> {
        Built { layouts: self.layouts, id: self.id, at: self.at }
    }
}
