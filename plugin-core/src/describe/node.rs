//! A descriptor as a tree of constants.

/// A descriptor as constants.
#[derive(Debug)]
pub enum Node {
    /// These bytes, then these parts in order.
    Of {
        /// The tag, and the count if the tag has one.
        head: &'static [u8],
        /// The parts.
        parts: &'static [&'static Node],
    },
    /// A user type.
    Named {
        /// Its definition.
        definition: DefinitionRef,
        /// The arguments for its parameters.
        arguments: &'static [&'static Node],
    },
    /// In the definition of a generic type: the parameter with this index.
    Parameter(usize),
}

/// A reference to a definition. It is a pointer, because a recursive definition refers to itself, and the compiler
/// would evaluate everything behind a reference in a constant.
#[derive(Clone, Copy, Debug)]
pub struct DefinitionRef(*const Definition);

// SAFETY: `new` made the pointer from a shared reference, and nothing changes a `Definition`.
unsafe impl Sync for DefinitionRef {}
// SAFETY: `new` made the pointer from a shared reference, and nothing changes a `Definition`, so any thread may read
// it.
unsafe impl Send for DefinitionRef {}

impl DefinitionRef {
    /// Refers to `definition`.
    pub const fn new(definition: &'static Definition) -> Self {
        DefinitionRef(definition)
    }

    pub(super) const fn get(self) -> &'static Definition {
        // SAFETY: `new` made the pointer from a `&'static Definition`.
        unsafe { &*self.0 }
    }
}

/// The definition of a user type.
#[derive(Debug)]
pub struct Definition {
    /// A number that is different for each definition in a crate. It is not part of the bytes.
    pub number: u64,
    /// The definition's place. It begins with the crate's name and ends with the crate's metadata. Together these two
    /// are different for each crate in a program; otherwise the compiler refuses the program. Records contain only the
    /// first word of the place, the module. Descriptors do not contain the place at all.
    pub place: &'static str,
    /// The type's name.
    pub name: &'static str,
    /// True if `body` has [`Node::Parameter`]s for the arguments. Otherwise `body` contains the arguments themselves.
    pub generic: bool,
    /// A node with [`Tag::Struct`](super::tag::Tag::Struct) or [`Tag::Enum`](super::tag::Tag::Enum).
    pub body: &'static Node,
}
