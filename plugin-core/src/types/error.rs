//! `Box<dyn Error>`: the messages of the error and its causes.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::mem::ManuallyDrop;

use super::PluginType;
use super::sequence::lend_all;
use crate::abi::BufferRepr;
use crate::describe::{Node, Tag};
use crate::memory::Arena;
use crate::origin::Origin;

/// The largest number of messages that cross. A chain of causes may be endless.
const MAX_CAUSES: usize = 64;

/// An error that crossed.
struct Crossed {
    message: String,
    source: Option<Box<Crossed>>,
}

impl fmt::Display for Crossed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Shows the whole chain, for a `main` that returns the error.
impl fmt::Debug for Crossed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut cause = &self.source;
        while let Some(error) = cause {
            write!(f, "\n  caused by: {}", error.message)?;
            cause = &error.source;
        }
        Ok(())
    }
}

impl Error for Crossed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|error| error as _)
    }
}

/// Returns the messages of `error` and its causes, the outermost first.
fn messages(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut messages = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next.filter(|_| messages.len() < MAX_CAUSES) {
        let mut message = String::new();
        // If `Display` fails, the message is the text that it has written. `to_string` would panic.
        let _ = write!(message, "{error}");
        messages.push(message);
        next = error.source();
    }
    messages
}

/// Makes the error with these messages. A host without types may send more than [`messages`] makes, and a chain without an end could
/// not be dropped.
fn error(mut messages: Vec<String>) -> Crossed {
    messages.truncate(MAX_CAUSES);
    let chain = messages.into_iter().rev().fold(None, |source, message| Some(Box::new(Crossed { message, source })));
    chain.map_or_else(|| Crossed { message: "an error that says nothing".to_owned(), source: None }, |error| *error)
}

/// Copies a text into the arena, and lends the copy.
fn lend_copy(text: &str, arena: &mut Arena) -> BufferRepr {
    let copy = arena.alloc::<u8>(text.len());
    // SAFETY: the arena gave room for `text.len()` bytes. They are new, so they do not overlap with the text.
    unsafe { copy.as_ptr().copy_from_nonoverlapping(text.as_ptr(), text.len()) };
    BufferRepr::lent(copy.as_ptr(), text.len())
}

macro_rules! error {
    ($(($($auto:tt)*);)*) => {$(
        // SAFETY: an error crosses as a `Vec<String>` of its messages. Two errors count as equal if their messages are
        // equal. The author's `Display` may panic; then nothing was lowered yet, and the error is dropped.
        #[diagnostic::do_not_recommend]
        unsafe impl PluginType for Box<dyn Error $($auto)*> {
            type Repr = BufferRepr;
            const NODE: &'static Node = &Node::Of { head: &Tag::Error.head(), parts: &[] };

            fn lower(self) -> BufferRepr {
                let messages = messages(&*self);
                // The author's `drop` may panic, too. So it runs before the messages are lowered.
                drop(self);
                messages.lower()
            }
            /// Puts the texts of the error into the arena.
            fn lend(&self, arena: &mut Arena) -> BufferRepr {
                let messages = messages(&**self);
                lend_all(false, messages.iter(), arena, |message, arena| lend_copy(message, arena))
            }
            unsafe fn lift(repr: BufferRepr, origin: &Origin) -> Self {
                // SAFETY: `lower` and `lend` make the `Repr` of a `Vec<String>`. By `# Safety` of `PluginType::lift`,
                // it is lifted once, or lent.
                Box::new(error(unsafe { Vec::lift(repr, origin) }))
            }
            unsafe fn hold(repr: &BufferRepr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
                // SAFETY: by `# Safety` of `PluginType::hold`, `repr` came from `lend` or `lower`, which make the
                // `Repr` of a `Vec<String>`. The messages are only cloned, in the next line, and never dropped.
                let messages = unsafe { Vec::<String>::hold(repr, origin, arena) };
                let error: Self = Box::new(error((*messages).clone()));
                // SAFETY: `own` asks that no `&Box` changes the box itself, which is a pointer. The caller uses the
                // result behind `&` only and while `arena` exists (`# Safety` of `PluginType::hold`).
                unsafe { arena.own(error) }
            }
        }
    )*};
}

error! {
    (+ Send + Sync);
    (+ Send);
    ();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Endless;

    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("and again")?;
            Err(fmt::Error)
        }
    }

    impl Error for Endless {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&Endless)
        }
    }

    fn through<T: PluginType>(value: T) -> T {
        // SAFETY: lowered just here, and lifted once.
        unsafe { T::lift(value.lower(), &Origin::HOST) }
    }

    #[test]
    fn an_endless_chain_ends() {
        let error = through::<Box<dyn Error>>(Box::new(Endless));
        assert_eq!(messages(&*error), vec!["and again"; MAX_CAUSES]);
        let last = (1..MAX_CAUSES).fold(&*error, |error, _| error.source().expect("there are more"));
        assert!(last.source().is_none());
    }

    #[test]
    fn no_messages_are_an_error_too() {
        // SAFETY: an error lowers to the `Repr` of a `Vec<String>`, as this is, and it is lifted once.
        let error = unsafe { <Box<dyn Error>>::lift(Vec::<String>::new().lower(), &Origin::HOST) };
        assert_eq!(error.to_string(), "an error that says nothing");
        assert!(error.source().is_none());
    }

    #[test]
    fn debug_is_for_people() {
        let error = error(vec!["no config".to_owned(), "cannot open".to_owned(), "no such file".to_owned()]);
        assert_eq!(format!("{error:?}"), "no config\n  caused by: cannot open\n  caused by: no such file");
    }
}
