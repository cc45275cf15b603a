//! The fault, the return convention and the panic boundary.

use std::any::Any;
use std::ffi::c_void;
use std::fmt;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::origin::Origin;
use crate::runtime;
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

/// A [`Fault`] on its way to the host.
#[repr(C)]
pub struct FaultRepr {
    fields: <Fields as PluginType>::Repr,
    free: unsafe extern "C" fn(*mut FaultRepr),
}

unsafe extern "C" fn free_fault(fault: *mut FaultRepr) {
    // SAFETY: made by `FaultRepr::new` in this same library, and freed once.
    drop(unsafe { Box::from_raw(fault) });
}

impl FaultRepr {
    pub(crate) fn new(fault: Fault) -> *mut FaultRepr {
        let location = fault.location.map(|at| (at.file, at.line, at.column));
        let fields: Fields = (fault.message, location, fault.backtrace);
        Box::into_raw(Box::new(FaultRepr { fields: fields.lower(), free: free_fault }))
    }

    /// Takes the fault over and frees what it came in.
    ///
    /// # Safety
    ///
    /// `fault` is from a plugin that is still loaded, and is taken once.
    pub unsafe fn take(fault: *mut FaultRepr) -> Fault {
        // SAFETY: a live `FaultRepr` by the caller's promise; its fields are lifted once and its memory freed once.
        let (message, location, backtrace) = unsafe {
            let fields = Fields::lift((*fault).fields, &Origin::HOST);
            ((*fault).free)(fault);
            fields
        };
        Fault::new(message, location.map(|(file, line, column)| Location { file, line, column }), backtrace)
    }
}

/// What every call returns: a fault, or the value where there is none.
#[repr(C)]
pub struct Outcome<R> {
    /// Why there is no value; or no address, but null or another of the tags that the value's type
    /// [may have](PluginType::LAST_TAG).
    pub fault: *mut FaultRepr,
    /// The value, if there is no fault.
    pub value: MaybeUninit<R>,
}

impl<R> Outcome<R> {
    /// The value as it was returned, lifted; or the fault, to be taken over.
    ///
    /// # Errors
    ///
    /// The fault, if there is one.
    ///
    /// # Safety
    ///
    /// As for [`PluginType::lift`], if [`outcome`] has lowered such a value. The outcome is taken apart once.
    #[inline(always)]
    pub unsafe fn lift<T: PluginType<Repr = R>>(self, origin: &Origin) -> Result<T, *mut FaultRepr> {
        let tag = self.fault.addr();
        if tag <= T::LAST_TAG {
            // SAFETY: no fault, so the value was written; the rest is the caller's promise.
            Ok(unsafe { T::lift_returned(tag, self.value, origin) })
        } else {
            Err(self.fault)
        }
    }

    /// The value, which has no tags, or the fault taken over.
    ///
    /// # Errors
    ///
    /// The fault, if there is one.
    ///
    /// # Safety
    ///
    /// The outcome is from a plugin that is still loaded, and is taken apart once.
    #[inline(always)]
    pub unsafe fn into_result(self) -> Result<R, Fault> {
        if self.fault.is_null() {
            // SAFETY: no fault, so the value was written.
            Ok(unsafe { self.value.assume_init() })
        } else {
            // SAFETY: the caller's promise.
            Err(unsafe { FaultRepr::take(self.fault) })
        }
    }
}

/// What every entry takes first: whatever its callable needs to know of itself. A function ignores it.
pub type Context = *const c_void;

/// Runs `f`, lowers what it returns, and stops its panic.
#[inline]
pub fn outcome<R: PluginType>(f: impl FnOnce() -> R) -> Outcome<R::Repr> {
    contain_in_place(|place| f().lower_returned(place))
}

/// Runs `f` and stops its panic.
#[inline]
pub(crate) fn contain<R>(f: impl FnOnce() -> R) -> Outcome<R> {
    contain_in_place(|place| {
        place.write(f());
        0
    })
}

/// Runs `f`, which writes its value in the place and gives the tag, and stops its panic.
///
/// This is the only place where a plugin's panic ends. It must not go on as an unwind: the caller was built with
/// another std, to which the panic is foreign, and a foreign unwind aborts the process.
#[inline]
fn contain_in_place<R>(f: impl FnOnce(&mut MaybeUninit<R>) -> usize) -> Outcome<R> {
    let mut outcome = Outcome { fault: std::ptr::null_mut(), value: MaybeUninit::uninit() };
    // Not caring about unwind safety is right here: what `f` may leave half done is its own plugin's, as with threads.
    outcome.fault = match catch_unwind(AssertUnwindSafe(|| f(&mut outcome.value))) {
        Ok(tag) => std::ptr::without_provenance_mut(tag),
        Err(payload) => caught(payload),
    };
    outcome
}

#[cold]
#[inline(never)]
fn caught(payload: Box<dyn Any + Send>) -> *mut FaultRepr {
    let message = message_of(&*payload);
    let (location, backtrace) = runtime::panic_hook::take_report(&message);
    discard(payload);
    FaultRepr::new(Fault::new(message, location, backtrace))
}

/// Drops a panic's payload. Its own drop may panic, and its drop's payload again: the second is leaked.
pub fn discard(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

/// Drops something for the other side. A panic of the author's code ends here, because no panic may unwind into the other side.
/// The value whose `drop` panics may leak.
pub fn drop_rest(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        discard(payload);
    }
}

/// What a panic's payload says.
pub(crate) fn message_of(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "(a payload that is not text)".to_owned()
    }
}

/// Makes the faults of plugins that are linked into this program say where they happened, by a panic hook before the
/// program's own. Done once, however often it is called.
#[cfg(feature = "host")]
pub fn observe_panics() {
    runtime::panic_hook::observe();
}

/// What an asked function type may return: `R` raises a fault as a panic, `Result<R, Fault>` returns it.
///
/// There is no example: it is implemented here for both, and `Function` uses it.
pub trait Return: Sized + 'static {
    /// The exported function's return type.
    type Value: PluginType;

    /// Whether it is `Result<R, Fault>`.
    const TAKES_FAULT: bool = false;

    /// What a call gives that returned.
    fn returned(value: Self::Value) -> Self;

    /// What a call gives that did not.
    fn faulted(fault: Fault) -> Self;
}

/// Not a part of what returns a value, which then is kept in memory for what does not return one.
#[cold]
#[inline(never)]
fn raise(fault: Fault) -> ! {
    panic!("{fault}")
}

impl<R: PluginType> Return for R {
    type Value = R;

    #[inline(always)]
    fn returned(value: R) -> R {
        value
    }

    #[inline(always)]
    fn faulted(fault: Fault) -> R {
        raise(fault)
    }
}

impl<R: PluginType> Return for Result<R, Fault> {
    type Value = R;

    const TAKES_FAULT: bool = true;

    #[inline(always)]
    fn returned(value: R) -> Self {
        Ok(value)
    }

    #[inline(always)]
    fn faulted(fault: Fault) -> Self {
        Err(fault)
    }
}
