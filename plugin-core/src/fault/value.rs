//! The fault, as a value and on its way to the host.

use std::fmt;

use crate::abi::FaultRepr;
use crate::origin::Origin;
use crate::types::PluginType;

/// Why a call into a plugin did not return: it panicked.
///
/// Ask for `fn(..) -> Result<R, Fault>` to get it as a value; with `fn(..) -> R` it is raised again as a panic in the
/// caller.
///
/// # Example
///
/// ```
/// use plugin_core::Fault;
///
/// /// What an editor may show for a plugin that failed.
/// fn status_line(fault: &Fault) -> String {
///     let place = fault.location.as_ref().map_or_else(String::new, |at| format!(" ({at})"));
///     format!("{}{place}", fault.message)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// What the panic said.
    pub message: String,
    /// Where in the plugin's source it happened, if that is known.
    pub location: Option<Location>,
    /// How it got there, if the host asked for backtraces.
    pub backtrace: Option<String>,
    /// The plugin and the export that were called, `greeter::greet`; the plugin alone where no call was made.
    pub export: Option<String>,
    /// Whether it is a panic, rather than something that the host has to report.
    is_panic: bool,
}

/// A place in a plugin's source. It displays as `src/lib.rs:12:5`; for an example see [`Fault`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file, as the plugin's compiler was given it.
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
    /// A fault that is not a panic's, for what a host itself has to report.
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
    // SAFETY: made by `FaultRepr::new` in this same library, and freed once.
    drop(unsafe { Box::from_raw(fault.cast::<FaultLayout>()) });
}

impl FaultRepr {
    pub(crate) fn new(fault: Fault) -> *mut FaultRepr {
        let location = fault.location.map(|at| (at.file, at.line, at.column));
        let fields: Fields = (fault.message, location, fault.backtrace);
        Box::into_raw(Box::new(FaultLayout { fields: fields.lower(), free: free_fault })).cast()
    }

    /// Takes the fault over and frees what it came in.
    ///
    /// # Safety
    ///
    /// `fault` is from a plugin that is still loaded, and is taken once.
    pub unsafe fn take(fault: *mut FaultRepr) -> Fault {
        // SAFETY: a live fault by the caller's promise; its fields are lifted once and its memory freed once.
        let (message, location, backtrace) = unsafe {
            let layout = fault.cast::<FaultLayout>();
            let fields = Fields::lift((*layout).fields, &Origin::HOST);
            ((*layout).free)(fault);
            fields
        };
        Fault::new(message, location.map(|(file, line, column)| Location { file, line, column }), backtrace)
    }
}
