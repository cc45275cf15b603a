//! The target of a call, and the handles that lead to it.

use std::ffi::c_void;
use std::ops::Deref;
use std::sync::Arc;

use super::lookup::Site;
use super::proxy::AnyEntry;
use crate::abi::Context;

/// The target of a call: an entry, the context that the entry takes first, and the site, which keeps the library
/// loaded.
#[derive(Clone)]
pub struct Callee {
    pub(super) context: Context,
    pub(super) entry: *const c_void,
    pub(super) site: Arc<Site>,
}

// SAFETY: an entry may be called from any thread, as any function may. The context is null, or belongs to the entry and
// may be used from any thread as well. The types of the arguments and of the result decide which values a thread may pass.
unsafe impl Send for Callee {}
// SAFETY: several threads may call the entry at once, as they may call any function. The context is null, or belongs to
// the entry and may be used by several threads as well.
unsafe impl Sync for Callee {}

impl Callee {
    /// The target at the site of a function. `proxy` is the proxy of the function's type, for a function that does not run
    /// in this process.
    #[inline]
    pub(crate) fn of(site: Arc<Site>, proxy: AnyEntry) -> Self {
        let entry = if site.entry.is_null() { proxy as *const c_void } else { site.entry };
        Callee { context: site.context, entry, site }
    }

    /// The plugin's name and the export's, `greeter::greet`.
    pub(crate) fn label(&self) -> &str {
        &self.site.label
    }

    /// The same target with another context, which a test can recognise.
    #[cfg(test)]
    pub(crate) fn with_context(self, context: Context) -> Self {
        Callee { context, ..self }
    }
}

/// A handle that is called as a function of the type `F`.
///
/// The trait is public because [`FunctionType`](super::function::FunctionType) names it. No other crate can reach
/// it.
///
/// # Safety
///
/// The callee's entry is that of a function whose descriptor fits the one of `F`, and stays callable with the callee's
/// context while the guard exists.
pub unsafe trait Handle<F>: Send + Sync + 'static {
    /// Leads to the callee, and keeps it for the length of one call.
    type Guard<'a>: Deref<Target = Callee>
    where
        Self: 'a;

    /// The callee of a call that begins now.
    fn callee(&self) -> Self::Guard<'_>;
}
