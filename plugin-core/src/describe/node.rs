//! A descriptor as a tree of constants.

/// A descriptor as constants.
#[derive(Debug)]
pub enum Node {
    /// These bytes, then these parts in order.
    Of {
        /// The tag, and what else stands before the parts.
        head: &'static [u8],
        /// What follows.
        parts: &'static [&'static Node],
    },
    /// A type of the author's.
    Named {
        /// Its definition.
        definition: DefinitionRef,
        /// What its parameters are.
        arguments: &'static [&'static Node],
    },
    /// In the definition of a generic type: the parameter with this index.
    Parameter(usize),
}

/// Refers to a definition. It holds a pointer, because a recursive definition leads back to itself, and the compiler
/// evaluates what a reference in a constant leads to.
#[derive(Clone, Copy, Debug)]
pub struct DefinitionRef(*const Definition);

// SAFETY: made of a shared reference to what may be shared.
unsafe impl Sync for DefinitionRef {}
// SAFETY: as above.
unsafe impl Send for DefinitionRef {}

impl DefinitionRef {
    /// Refers to `definition`.
    pub const fn new(definition: &'static Definition) -> Self {
        DefinitionRef(definition)
    }

    pub(super) const fn get(self) -> &'static Definition {
        // SAFETY: made of a `&'static`.
        unsafe { &*self.0 }
    }
}

/// What a type of the author's is.
#[derive(Debug)]
pub struct Definition {
    /// A number that is different for each definition in a crate. It is not written.
    pub number: u64,
    /// The definition's place, which begins with the crate's name and ends with the crate's metadata: together these are
    /// different for each crate in a program, or else the compiler refuses the program. Only the place's first word, the
    /// module, is written, and not in the descriptor, which says nothing of where a type is from.
    pub place: &'static str,
    /// The type's name.
    pub name: &'static str,
    /// Whether `body` has [`Node::Parameter`]s for the arguments; else they are in their places already.
    pub generic: bool,
    /// [`Tag::Struct`] or [`Tag::Enum`] and what belongs to it.
    pub body: &'static Node,
}
