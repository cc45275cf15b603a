//! The place where a value is built.

use std::sync::Arc;

use serde::de::Error;

use crate::untyped::free::{NoMemory, Place, free};
use crate::untyped::layout::{Id, Layouts};
use crate::untyped::walk::{Depth, MAX_EMPTY, Path, TOO_DEEP, WalkState};

/// The place where a value is to be built. It has no value before. It also has none after an error, or after the
/// [`Built`] was dropped.
///
/// The functions of `de` rely on this: at `at`, there is room for a `Repr` of the type `id`, with its alignment.
/// [`new`](Self::new) demands it. A part's target is made only of the part's type and address, by `layout.rs`, or of an
/// address from [`Elements`](crate::untyped::free::Elements).
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(super) layouts: &'a Arc<Layouts>,
    pub(super) id: Id,
    pub(super) at: *mut u8,
    pub(super) depth: Depth,
    pub(super) path: &'a Path<'a>,
    pub(in crate::untyped) state: &'a WalkState,
}

/// A value that was built. It is dropped unless [`keep`](Self::keep) is called: a deserializer may report an error
/// after the value, for example because of the input that follows.
pub(crate) struct Built<'a> {
    layouts: &'a Layouts,
    id: Id,
    at: *mut u8,
}

/// Builds a value of this type in a place of its own. `build` builds the value in the target, and no other.
pub(crate) fn build_in_place<'a, E>(
    layouts: &'a Arc<Layouts>,
    id: Id,
    state: &WalkState,
    no_memory: impl FnOnce(NoMemory) -> E,
    build: impl for<'t> FnOnce(Target<'t>) -> Result<Built<'t>, E>,
) -> Result<Place<'a>, E> {
    let node = layouts.get(id);
    let mut place = Place::new(layouts, node.size, node.align).map_err(no_memory)?;
    // SAFETY: `place` was just made with the size and the alignment of this type.
    let built = build(unsafe { Target::new(layouts, id, place.at(), state) })?;
    assert!(built.at == place.at() && built.id == id, "the value was built in another place");
    built.keep();
    // SAFETY: `built` is a value of the type at the start of `place`, as was just checked, and `keep` has left it there. The host has
    // made its parts, and stays loaded.
    unsafe { place.mark_filled(id, 0) };
    Ok(place)
}

impl Built<'_> {
    /// Leaves the value in its place. The owner of the place must drop the value.
    pub(crate) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Built<'_> {
    fn drop(&mut self) {
        // SAFETY: `Target::built` was called after the whole value was written, and the host has made its parts. `keep` would
        // have forgotten `self`, so it still owns the value, which is dropped once.
        unsafe { free(self.layouts, self.id, self.at) }
    }
}

impl<'a> Target<'a> {
    /// Makes a target for a value of the type `id` at `at`.
    ///
    /// # Safety
    ///
    /// There is room for a `Repr` of the type at `at`, with its alignment, until the value is built.
    pub(crate) unsafe fn new(layouts: &'a Arc<Layouts>, id: Id, at: *mut u8, state: &'a WalkState) -> Self {
        Target { layouts, id, at, depth: Depth::TOP, path: &Path::Top, state }
    }

    /// Returns the target of a part of this value. `at` is in this value's place, or in a buffer or box that the value
    /// owns.
    pub(super) fn part<'b>(&self, id: Id, at: *mut u8, path: &'b Path<'b>) -> Target<'b>
    where
        'a: 'b,
    {
        Target { id, at, path, ..*self }
    }

    pub(super) fn step<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.step().ok_or_else(|| E::custom(self.state.because(TOO_DEEP)))?;
        Ok(Target { depth, ..self })
    }

    pub(super) fn level<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.level().ok_or_else(|| E::custom(self.state.because(TOO_DEEP)))?;
        Ok(Target { depth, ..self })
    }

    /// Counts an element of a sequence, map or array if it has no data. Some formats write no byte for such an element,
    /// so without a limit a short input could have any number of elements.
    pub(super) fn count_element<E: Error>(&self, element: Id) -> Result<(), E> {
        if self.layouts.get(element).is_empty && !self.state.count_empty() {
            return Err(E::custom(self.state.because(format_args!("more than {MAX_EMPTY} elements without data"))));
        }
        Ok(())
    }

    /// Writes the `Repr` of the value, or its beginning.
    pub(super) fn write<T: Copy>(&self, value: T) {
        debug_assert!(size_of::<T>() <= self.layouts.get(self.id).size);
        // SAFETY: `at` has room for a `Repr` of the type, by the rule of `Target`. Each caller of `write` passes the `Repr` of
        // this type, or the tag at its start. So `T` is not larger and not more aligned.
        unsafe { self.at.cast::<T>().write(value) }
    }

    /// Declares that the value in this place is complete.
    pub(super) fn built(self) -> Built<'a> {
        Built { layouts: self.layouts, id: self.id, at: self.at }
    }
}
