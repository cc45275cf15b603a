//! A fault as a value, and a fault on its way to the host.

use std::fmt;

use crate::abi::FaultRepr;
use crate::origin::Origin;
use crate::types::PluginType;

/// The reason why a call into a plugin did not return, such as a panic of the plugin.
///
/// A look-up of `fn(..) -> Result<R, Fault>` gives a function that returns the fault as a value. With `fn(..) -> R`,
/// the fault is raised again as a panic in the caller.
///
/// # Example
///
/// ```
/// use plugin_core::Fault;
///
/// /// Returns the line that an editor may show for a plugin that failed.
/// fn status_line(fault: &Fault) -> String {
///     let place = fault.location.as_ref().map_or_else(String::new, |at| format!(" ({at})"));
///     format!("{}{place}", fault.message)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The kind of the event that ended the call.
    pub cause: Cause,
    /// The message of the panic, or the details of another event.
    pub message: String,
    /// The place of the panic in the plugin's source, if the place is known.
    pub location: Option<Location>,
    /// The backtrace of the panic, if the host asked for backtraces.
    pub backtrace: Option<String>,
    /// The plugin and the export that were called, such as `greeter::greet`. It is the plugin alone if no call was
    /// made, `(object)` if a closure or an iterator of another library was called, and `<dyn Codec>::name` for a method of an interface.
    pub export: Option<String>,
}

/// The kind of an event that ended a call. For an example see [`Fault`].
///
/// A plugin in this process has only the first two. The others are for a plugin that runs elsewhere. The function did not run
/// if the cause is [`Refused`](Cause::Refused). With any other cause, the function may have run, completely or in part.
// The numbers cross, so they do not change. A new cause gets a new number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u32)]
pub enum Cause {
    /// The plugin panicked. It goes on working.
    Panicked = 1,
    /// No call was made. The host reports a failure of the plugin, for example of its shutdown hook.
    Reported = 2,
    /// The plugin's process crashed, for example by a signal.
    Crashed = 3,
    /// The call took longer than it may take.
    TimedOut = 4,
    /// The plugin's process used more memory than it may use.
    OutOfMemory = 5,
    /// A policy ended the plugin's process, for example because of a forbidden system call.
    Killed = 6,
    /// The reply of the plugin did not arrive complete, for example because the connection was lost.
    Disconnected = 7,
    /// The call was not made, for example because an argument cannot be sent.
    Refused = 8,
    /// An event that only a later version of the SDK knows.
    Unknown = 0,
}

impl Cause {
    /// Returns the number of the cause, which crosses. This function is for `plugin-host`.
    #[doc(hidden)]
    pub fn number(self) -> u32 {
        self as u32
    }

    /// Returns the cause with this number. This function is for `plugin-host`.
    #[doc(hidden)]
    pub fn from_number(number: u32) -> Self {
        use Cause::*;
        let known = [Panicked, Reported, Crashed, TimedOut, OutOfMemory, Killed, Disconnected, Refused];
        known.into_iter().find(|cause| cause.number() == number).unwrap_or(Unknown)
    }

    /// The words after the name of an export.
    fn verb(self) -> &'static str {
        match self {
            Cause::Panicked => " panicked",
            Cause::Reported => "",
            Cause::Crashed => " crashed",
            Cause::TimedOut => " timed out",
            Cause::OutOfMemory => " ran out of memory",
            Cause::Killed => " was killed by a policy",
            Cause::Disconnected => " did not reply",
            Cause::Refused => " was not called",
            Cause::Unknown => " failed",
        }
    }
}

/// A place in a plugin's source. It displays as `src/lib.rs:12:5`. For an example see [`Fault`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Location {
    /// The file, as it was passed to the plugin's compiler.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl Location {
    /// Makes a place from its parts. This function is for `plugin-host`.
    #[cfg(feature = "host")]
    #[doc(hidden)]
    pub fn new(file: String, line: u32, column: u32) -> Self {
        Location { file, line, column }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = self.cause.verb();
        match &self.export {
            Some(object) if object == Fault::OBJECT => write!(f, "closure or iterator of another library{verb}")?,
            Some(method) if method.starts_with("<dyn ") => write!(f, "`{method}` of another library{verb}")?,
            Some(export) if export.contains("::") => write!(f, "plugin export `{export}`{verb}")?,
            Some(plugin) if self.cause == Cause::Panicked => write!(f, "plugin `{plugin}` panicked outside a call")?,
            Some(plugin) => write!(f, "plugin `{plugin}`{verb}")?,
            None => write!(f, "plugin{verb}")?,
        }
        if let Some(location) = &self.location {
            write!(f, " at {location}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(backtrace) = &self.backtrace {
            write!(f, "\n{backtrace}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

impl Fault {
    /// The words in the place of an export's name, in the fault of an object.
    const OBJECT: &str = "(object)";

    /// The same fault, of a call of an object: a closure or an iterator.
    pub(crate) fn of_object(mut self) -> Self {
        self.export = Some(Fault::OBJECT.to_owned());
        self
    }

    /// The same fault, of a call of an interface's method with this name.
    pub(crate) fn of_method(mut self, name: &str) -> Self {
        self.export = Some(name.to_owned());
        self
    }

    /// Makes a fault with a cause and a message alone. This function is for `plugin-host`.
    #[cfg(feature = "host")]
    #[doc(hidden)]
    pub fn of(cause: Cause, message: String) -> Self {
        Fault { cause, ..Fault::new(message, None, None) }
    }

    pub(crate) fn new(message: String, location: Option<Location>, backtrace: Option<String>) -> Self {
        Fault { cause: Cause::Panicked, message, location, backtrace, export: None }
    }
}

type Fields = (String, Option<(String, u32, u32)>, Option<String>);

/// The layout of a [`FaultRepr`]. New fields are only added at the end.
#[repr(C)]
struct FaultLayout {
    /// The size of the sender's layout in bytes, so that a receiver knows which fields there are.
    size: u32,
    /// The number of the [`Cause`].
    cause: u32,
    fields: <Fields as PluginType>::Repr,
    free: unsafe extern "C" fn(*mut FaultRepr),
}

unsafe extern "C" fn free_fault(fault: *mut FaultRepr) {
    // SAFETY: only `FaultRepr::new` in this library passes this function, with the box that it has leaked.
    // `FaultRepr::take` calls the function once.
    drop(unsafe { Box::from_raw(fault.cast::<FaultLayout>()) });
}

impl FaultRepr {
    /// Sends a fault on its way, as the first word of an outcome.
    pub fn new(fault: Fault) -> *mut FaultRepr {
        let cause = fault.cause.number();
        let location = fault.location.map(|at| (at.file, at.line, at.column));
        let fields: Fields = (fault.message, location, fault.backtrace);
        let size = size_of::<FaultLayout>() as u32;
        Box::into_raw(Box::new(FaultLayout { size, cause, fields: fields.lower(), free: free_fault })).cast()
    }

    /// Takes the fault, and frees the memory in which it came.
    ///
    /// # Safety
    ///
    /// The outcome of a call or a service has passed `fault`. The plugin that made it is still loaded, and it is taken
    /// once.
    pub unsafe fn take(fault: *mut FaultRepr) -> Fault {
        // SAFETY: by `# Safety`, `fault` came from `new` and is taken once. So it is the address of a `FaultLayout`,
        // its fields are lifted once, and its memory is freed once. The fields own only memory, so their origin does
        // not matter.
        let (cause, (message, location, backtrace)) = unsafe {
            let layout = fault.cast::<FaultLayout>();
            let cause = Cause::from_number((*layout).cause);
            let fields = Fields::lift((*layout).fields, &Origin::HOST);
            ((*layout).free)(fault);
            (cause, fields)
        };
        let location = location.map(|(file, line, column)| Location { file, line, column });
        Fault { cause, ..Fault::new(message, location, backtrace) }
    }
}

#[cfg(all(test, feature = "host"))]
mod tests {
    use super::*;

    #[test]
    fn a_cause_crosses_as_its_number() {
        use Cause::*;
        let all = [Unknown, Panicked, Reported, Crashed, TimedOut, OutOfMemory, Killed, Disconnected, Refused];
        for (number, cause) in (0..).zip(all) {
            assert_eq!((cause.number(), Cause::from_number(number)), (number, cause));
            let fault = FaultRepr::new(Fault::of(cause, "a message".to_owned()));
            // SAFETY: the fault was made here, and is taken once.
            assert_eq!(unsafe { FaultRepr::take(fault) }, Fault::of(cause, "a message".to_owned()));
        }
        assert_eq!(Cause::from_number(9), Unknown, "the cause of a later SDK");
    }

    #[test]
    fn a_fault_says_what_happened_to_which_export() {
        let text = |cause, export: &str| {
            let export = Some(export.to_owned());
            Fault { export, ..Fault::of(cause, "why".to_owned()) }.to_string()
        };
        assert_eq!(text(Cause::Panicked, "a::b"), "plugin export `a::b` panicked: why");
        assert_eq!(text(Cause::Panicked, "a"), "plugin `a` panicked outside a call: why");
        assert_eq!(text(Cause::Reported, "a"), "plugin `a`: why");
        assert_eq!(text(Cause::Killed, "a::b"), "plugin export `a::b` was killed by a policy: why");
        assert_eq!(text(Cause::Disconnected, "a::b"), "plugin export `a::b` did not reply: why");
    }
}
