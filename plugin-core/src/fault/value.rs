//! A fault as a value, and a fault on its way to the host.

use std::fmt;

use crate::abi::FaultRepr;
use crate::origin::Origin;
use crate::types::PluginType;

/// The reason why a call into a plugin did not return: the plugin panicked.
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
    /// The message of the panic.
    pub message: String,
    /// The place of the panic in the plugin's source, if the place is known.
    pub location: Option<Location>,
    /// The backtrace of the panic, if the host asked for backtraces.
    pub backtrace: Option<String>,
    /// The plugin and the export that were called, such as `greeter::greet`. It is the plugin alone if no call was
    /// made.
    pub export: Option<String>,
    /// True for a panic. False for a report of the host.
    is_panic: bool,
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

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let panicked = if self.is_panic { " panicked" } else { "" };
        match &self.export {
            Some(export) if export.contains("::") => write!(f, "plugin export `{export}`{panicked}")?,
            Some(plugin) if self.is_panic => write!(f, "plugin `{plugin}` panicked outside a call")?,
            Some(plugin) => write!(f, "plugin `{plugin}`")?,
            None => write!(f, "plugin{panicked}")?,
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
    /// Makes a fault for a report of the host. Such a fault is not a panic.
    #[cfg(feature = "host")]
    pub fn from_message(message: String) -> Self {
        Fault { is_panic: false, ..Fault::new(message, None, None) }
    }

    pub(crate) fn new(message: String, location: Option<Location>, backtrace: Option<String>) -> Self {
        Fault { message, location, backtrace, export: None, is_panic: true }
    }
}

type Fields = (String, Option<(String, u32, u32)>, Option<String>);

/// The layout of a [`FaultRepr`].
#[repr(C)]
struct FaultLayout {
    fields: <Fields as PluginType>::Repr,
    free: unsafe extern "C" fn(*mut FaultRepr),
}

unsafe extern "C" fn free_fault(fault: *mut FaultRepr) {
    // SAFETY: only `FaultRepr::new` in this library passes this function, with the box that it has leaked.
    // `FaultRepr::take` calls the function once.
    drop(unsafe { Box::from_raw(fault.cast::<FaultLayout>()) });
}

impl FaultRepr {
    pub(crate) fn new(fault: Fault) -> *mut FaultRepr {
        let location = fault.location.map(|at| (at.file, at.line, at.column));
        let fields: Fields = (fault.message, location, fault.backtrace);
        Box::into_raw(Box::new(FaultLayout { fields: fields.lower(), free: free_fault })).cast()
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
        let (message, location, backtrace) = unsafe {
            let layout = fault.cast::<FaultLayout>();
            let fields = Fields::lift((*layout).fields, &Origin::HOST);
            ((*layout).free)(fault);
            fields
        };
        Fault::new(message, location.map(|(file, line, column)| Location { file, line, column }), backtrace)
    }
}
