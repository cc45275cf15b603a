//! A step from a type to one of its parts, in the path to a difference.

use plugin_core::descriptor::Tag;

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
    let inside = match (tag, part) {
        (Tag::Tuple, _) => return Some(Step::Element(part)),
        (Tag::Vec | Tag::Slice | Tag::BoxSlice | Tag::Array | Tag::VecDeque | Tag::HashSet | Tag::BTreeSet, _) => {
            "[..]"
        }
        (Tag::Option, _) => "<Some>",
        (Tag::Result, 0) => "<Ok>",
        (Tag::Result, _) => "<Err>",
        (Tag::HashMap | Tag::BTreeMap, 0) => "<key>",
        (Tag::HashMap | Tag::BTreeMap, _) => "<value>",
        _ => return None,
    };
    Some(Step::Container(inside))
}
