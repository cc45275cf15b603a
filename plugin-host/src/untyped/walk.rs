//! The depth, the path and the form of a walk through a value.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Write};

/// The most levels of sequences, maps, structs and variants that a value may have: the same limit as in `serde_json`.
pub(crate) const MAX_LEVELS: u8 = 128;
/// The most levels of a value if `Option`s and boxes count too. The stack must have room for so many.
const MAX_STEPS: u16 = 400;

/// The number of levels that a walk may still go down.
#[derive(Clone, Copy)]
pub(crate) struct Depth {
    levels: u8,
    steps: u16,
}

impl Depth {
    pub(crate) const TOP: Depth = Depth { levels: MAX_LEVELS, steps: MAX_STEPS };

    /// Returns the depth that is left inside an `Option` or a box; `None` if the limit is reached.
    pub(crate) fn step(self) -> Option<Depth> {
        Some(Depth { steps: self.steps.checked_sub(1)?, ..self })
    }

    /// Returns the depth that is left inside any other type; `None` if a limit is reached.
    pub(crate) fn level(self) -> Option<Depth> {
        Some(Depth { levels: self.levels.checked_sub(1)?, ..self.step()? })
    }
}

/// The form in which a walk reads or writes values.
#[derive(Clone, Copy, PartialEq, Default)]
pub(crate) enum Form {
    /// The form that serde's own implementations and derives have, for any format.
    #[default]
    Serde,
    /// The form of messages (`wire.rs`), for postcard alone. It has all that a `Repr` says, also where serde's form leaves a part
    /// out or needs a format that describes itself.
    Wire,
}

/// The facts about a walk that a leaf may need.
#[derive(Clone, Copy)]
pub(crate) struct Here {
    /// The depth that is left inside the leaf.
    pub(crate) depth: Depth,
    pub(crate) form: Form,
}

pub(crate) const TOO_DEEP: &str = "values are nested more than 128 levels deep";

/// Returns the error that a lowered value of the type `what` has a number that no sender writes.
pub(crate) fn unknown_tag<E: serde::ser::Error>(what: &str, number: impl fmt::Display) -> E {
    E::custom(format_args!("a lowered {what} has the tag {number}, which means nothing"))
}

/// The path from a value to the part that a walk is at.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    Top,
    Field(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
    Key(&'a Path<'a>, &'a str),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Collects the parts in a loop, because a path may be long.
        let (mut at, mut all) = (self, Vec::new());
        while let Path::Field(parent, _) | Path::Index(parent, _) | Path::Key(parent, _) = at {
            all.push(at);
            at = parent;
        }
        // Only the two ends of a long path are shown.
        const ENDS: usize = 8;
        all.reverse();
        let left_out = if all.len() > 2 * ENDS + 1 { ENDS..all.len() - ENDS } else { 0..0 };
        all.iter().enumerate().try_for_each(|(place, part)| match part {
            _ if left_out.contains(&place) => f.write_str(if place == ENDS { ".." } else { "" }),
            Path::Top => Ok(()),
            Path::Field(_, name) => write!(f, ".{name}"),
            Path::Index(_, index) => write!(f, "[{index}]"),
            Path::Key(_, key) => write!(f, "[{key:?}]"),
        })
    }
}

/// The number of elements without data that all sequences, maps and arrays of one walk may have together.
pub(crate) const MAX_EMPTY: usize = 1 << 16;

/// The form of a walk, the place of its first error, and a count that is limited.
#[derive(Default)]
pub(crate) struct WalkState {
    form: Form,
    /// Whether values that may grow must have all fields of their type.
    is_reply: bool,
    /// The path to the first error that the walk met: the innermost path that is known.
    place: RefCell<Option<String>>,
    /// The reason of the first error, if the walk itself has found it.
    reason: RefCell<Option<String>>,
    /// The number of elements without data so far.
    empty: Cell<usize>,
}

impl WalkState {
    /// Begins a walk that reads or writes this form.
    pub(crate) fn of(form: Form) -> Self {
        WalkState { form, ..WalkState::default() }
    }

    /// Begins a walk that reads or writes a reply. A plugin's values have all fields of the types in its descriptor, and its host may rely on
    /// this: the host's types need not have defaults for fields that the plugin has. So a reply that leaves fields out is damaged.
    pub(crate) fn of_reply() -> Self {
        WalkState { is_reply: true, ..WalkState::of(Form::Wire) }
    }

    pub(crate) fn is_reply(&self) -> bool {
        self.is_reply
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// Counts an element without data. Returns false if there are too many.
    pub(crate) fn count_empty(&self) -> bool {
        self.empty.set(self.empty.get() + 1);
        self.empty.get() <= MAX_EMPTY
    }

    /// Notes the path if `result` is an error. The first call counts: it is the innermost one.
    pub(crate) fn note<T, E>(&self, result: Result<T, E>, path: &Path<'_>) -> Result<T, E> {
        if result.is_err() {
            self.place.borrow_mut().get_or_insert_with(|| {
                let mut text = String::new();
                // Writing to a `String` does not fail.
                let _ = write!(text, "{path}");
                text
            });
        }
        result
    }

    /// Notes the reason for an error, and returns it. Postcard's errors have no text of their own.
    pub(crate) fn because(&self, reason: impl fmt::Display) -> String {
        self.reason.borrow_mut().get_or_insert_with(|| reason.to_string()).clone()
    }

    /// Returns the reason of an error: the one that was noted, or else the text of the error.
    pub(crate) fn reason_of(&self, error: &impl fmt::Display) -> String {
        self.reason.borrow_mut().take().unwrap_or_else(|| error.to_string())
    }

    /// Takes the path of the first error, as text.
    pub(crate) fn take(&self) -> String {
        self.place.borrow_mut().take().unwrap_or_default()
    }

    /// Takes the path of the first error, as the words that tell the place. They are empty if the error is at the value itself.
    #[cfg(feature = "loopback")]
    pub(crate) fn take_place(&self) -> String {
        let path = self.take();
        if path.is_empty() { path } else { format!(" at `{path}`") }
    }
}
