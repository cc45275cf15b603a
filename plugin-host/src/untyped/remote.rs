//! [`Remote`]: the near side of an export that runs elsewhere, whatever it is.

use std::ffi::c_void;
use std::sync::Arc;

use plugin_core::Origin;
use plugin_core::host::{Context, Site};

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

    /// Returns the site of the export, for as long as this value exists, which `origin` has to keep. `near` is the site in the
    /// process of the plugin.
    pub(crate) fn site(&self, near: &Site, origin: Origin) -> Site {
        let Site { descriptor, refuses_faults, ref label, .. } = *near;
        let (entry, context, invoke): (*const c_void, Context, _) = match self {
            Remote::Function(proxy) => (std::ptr::null(), proxy.context(), Some(proxy.invoke())),
            Remote::Static(remote) => (RemoteStatic::accessor as *const c_void, remote.context(), None),
            Remote::Stays => (std::ptr::null(), std::ptr::null(), None),
        };
        Site { descriptor, entry, context, refuses_faults, origin, invoke, label: label.clone() }
    }
}
