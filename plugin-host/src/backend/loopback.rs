//! Loopback: a plugin of this process whose values all cross as bytes. Only for tests.
//!
//! A loopback proves the seam before any child process exists. Its far side is a plugin of another host in this process. Between
//! the two sides there are only bytes. So a round trip through a loopback tests everything of a plugin that runs elsewhere but the
//! way of the bytes.
//!
//! A loopback refuses statics, with [`Error::CannotLeave`] at the look-up.

use std::path::Path;
use std::sync::Arc;

use plugin_core::host::Site;
use plugin_core::{Fault, Origin};

use crate::error::Error;
use crate::host::Host;
use crate::load::Reserved;
use crate::load::trust::Trust;
use crate::plugin::{Place, Plugin, PluginSource};
use crate::untyped::proxy::{Carrier, Proxy};
use crate::untyped::wire::answer;

/// The near side of a plugin: the proxies of its functions, and a share in the plugin. The share also keeps the names and
/// descriptors of the exports.
struct Loopback {
    proxies: Vec<(&'static str, Option<Arc<Proxy>>)>,
    plugin: Arc<FarSide>,
}

/// The plugin, which answers requests.
struct FarSide(Plugin);

impl Carrier for FarSide {
    fn exchange(&self, export: &str, request: &[u8]) -> Result<Vec<u8>, Fault> {
        Ok(answer(&self.0, export, request))
    }
}

/// Returns a host that serves a loopback of each plugin of `host`.
///
/// # Errors
///
/// [`Error::AlreadyLoaded`] if two plugins have one name, which those of one host do not.
pub fn loopback(host: &Host) -> Result<Host, Error> {
    let near = Host::new(Trust::none());
    for plugin in host.plugins() {
        let reserved = Reserved::new(&near, plugin.name(), Path::new(""))?;
        let added = near_side(plugin, Place::first(near.link()));
        near.write().add(added);
        reserved.keep();
    }
    Ok(near)
}

fn near_side(plugin: Plugin, place: Place) -> Plugin {
    let description = plugin.info().clone().into();
    let plugin = Arc::new(FarSide(plugin));
    let far = |(name, site): (&'static str, &Arc<Site>)| (name, Proxy::new(name, site.descriptor, plugin.clone()));
    let proxies = plugin.0.sites().map(far).collect();
    let near = Arc::new(Loopback { proxies, plugin });
    let sites = near.proxies.iter().zip(near.plugin.0.sites()).map(|((name, proxy), (_, site))| {
        let context = proxy.as_ref().map_or(std::ptr::null(), Proxy::context);
        let invoke = proxy.as_ref().map(|proxy| proxy.invoke());
        let Site { descriptor, refuses_faults, ref label, .. } = **site;
        let (entry, origin) = (std::ptr::null(), Origin::of(near.clone()));
        (*name, Site { descriptor, entry, context, refuses_faults, origin, invoke, label: label.clone() })
    });
    Plugin::with_sites(description, PluginSource::Program, near.clone(), sites, None, place)
}
