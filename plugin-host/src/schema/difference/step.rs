//! A step from a type to one of its parts, in the path to a difference.

use plugin_core::host::descriptor::{Class, Tag};

/// One step into a type.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    /// Into the definition of a named type, by its index in the host's schema.
    Named(usize),
    Field(&'a str),
    Variant(&'a str),
    /// Into an element of a tuple.
    Element(usize),
    /// Into a value in a container, with the text for the path.
    Container(&'static str),
    /// An argument of a generic type.
    Argument(usize),
}

/// Returns the step to a part of a type; `None` if the path does not show this step.
pub(super) fn step(tag: Tag, part: usize) -> Option<Step<'static>> {
    let inside = match (tag.class(), part) {
        (Class::Tuple, _) => return Some(Step::Element(part)),
        (Class::Sequence | Class::Array | Class::Unsized(_), _) => "[..]",
        (Class::Option, _) => "<Some>",
        (Class::Result, 0) => "<Ok>",
        (Class::Result, _) => "<Err>",
        (Class::Map, 0) => "<key>",
        (Class::Map, _) => "<value>",
        (Class::Leaf | Class::Text | Class::Box | Class::NonZero | Class::Struct(..) | Class::Other(_), _) => {
            return None;
        }
    };
    Some(Step::Container(inside))
}
