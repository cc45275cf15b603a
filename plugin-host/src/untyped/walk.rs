//! A walk through a value: how deep it may go, and where it is.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Write};

/// How many levels of sequences, maps, structs and variants a value may have, as in `serde_json`.
pub(crate) const LEVELS: u8 = 128;
/// How many levels there may be if `Option`s and boxes count too. The stack must be enough for these.
const STEPS: u16 = 400;

/// How deep a walk may still go.
#[derive(Clone, Copy)]
pub(crate) struct Depth {
    levels: u8,
    steps: u16,
}

impl Depth {
    pub(crate) const TOP: Depth = Depth { levels: LEVELS, steps: STEPS };

    /// What is left inside an `Option` or a box.
    pub(crate) fn step(self) -> Option<Depth> {
        Some(Depth { steps: self.steps.checked_sub(1)?, ..self })
    }

    /// What is left inside anything else.
    pub(crate) fn level(self) -> Option<Depth> {
        Some(Depth { levels: self.levels.checked_sub(1)?, ..self.step()? })
    }
}

pub(crate) const TOO_DEEP: &str = "values are nested more than 128 levels deep";

/// Where in a value a walk is.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    Top,
    Field(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
    Key(&'a Path<'a>, &'a str),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not by recursion, though it could be.
        let (mut at, mut all) = (self, Vec::new());
        while let Path::Field(parent, _) | Path::Index(parent, _) | Path::Key(parent, _) = at {
            all.push(at);
            at = parent;
        }
        // Of a long one, its ends.
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

/// The troubles of a walk.
#[derive(Default)]
pub(crate) struct Trouble {
    /// Where the walk met the first error: the innermost place that was there.
    place: RefCell<Option<String>>,
    /// How many elements without data there were.
    empty: Cell<usize>,
}

impl Trouble {
    /// Counts an element without data, and returns whether there may be so many.
    pub(crate) fn count_empty(&self) -> bool {
        self.empty.set(self.empty.get() + 1);
        self.empty.get() <= MAX_EMPTY
    }

    /// Notes the place of a result that is an error, unless one further in was noted before.
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

    pub(crate) fn take(&self) -> String {
        self.place.borrow_mut().take().unwrap_or_default()
    }
}
