//! [`Remote`]: the near side of an export that runs elsewhere, whatever it is.

use std::ffi::c_void;
use std::sync::Arc;

use plugin_core::host::Context;

use crate::backend::Offer;
use crate::untyped::carrier::Carrier;
use crate::untyped::prepared::Prepared;
use crate::untyped::proxy::Proxy;
use crate::untyped::remote_static::RemoteStatic;

/// The near side of an export that runs elsewhere.
pub(crate) enum Remote {
    Function(Arc<Proxy>),
    Static(Arc<RemoteStatic>),
    /// The export's type keeps it in its process.
    Stays,
}

impl Remote {
    pub(crate) fn new(export: &'static str, descriptor: &[u8], carrier: Arc<dyn Carrier>) -> Self {
        match Prepared::new(descriptor) {
            Prepared::Function { layouts, arguments, result } => {
                Remote::Function(Proxy::new(export, (layouts, arguments, result), carrier))
            }
            Prepared::Static { layouts, access, value } => {
                RemoteStatic::new(export, (layouts, access, value), carrier).map_or(Remote::Stays, Remote::Static)
            }
            Prepared::Unknown | Prepared::NotData => Remote::Stays,
        }
    }

    /// Offers the export, for as long as this value exists. The name, the descriptor and the modules are those on the far side.
    pub(crate) fn offer(&self, name: &'static str, descriptor: &'static [u8], modules: &'static str) -> Offer {
        let (entry, context, invoke): (*const c_void, Context, _) = match self {
            Remote::Function(proxy) => (std::ptr::null(), proxy.context(), Some(proxy.invoke())),
            Remote::Static(remote) => (RemoteStatic::accessor as *const c_void, remote.context(), None),
            Remote::Stays => (std::ptr::null(), std::ptr::null(), None),
        };
        Offer { name, descriptor, modules, entry, context, invoke }
    }
}
