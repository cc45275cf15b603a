//! Loopback: a plugin of this process whose values all cross as bytes. Only for tests.
//!
//! A loopback proves the seam before any child process exists. Its far side is a plugin of another host in this process. Between
//! the two sides there are only bytes. So a round trip through a loopback tests everything of a plugin that runs elsewhere but the
//! way of the bytes.
//!
//! A loopback refuses atomics and locks, with [`Error::CannotLeave`] at the look-up.

use std::path::Path;
use std::sync::Arc;

use plugin_core::{Fault, Origin, Site};

use crate::error::Error;
use crate::host::Host;
use crate::load::Reserved;
use crate::load::trust::Trust;
use crate::plugin::{Place, Plugin, PluginSource};
use crate::untyped::proxy::{Carrier, Remote};
use crate::untyped::wire::answer;

/// The near side of a plugin: that of each export, and a share in the plugin. The share also keeps the names and descriptors of
/// the exports.
struct Loopback {
    exports: Vec<(&'static str, Remote)>,
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
    let far = |(name, site): (&'static str, &Arc<Site>)| (name, Remote::new(name, site.descriptor, plugin.clone()));
    let exports = plugin.0.sites().map(far).collect();
    let near = Arc::new(Loopback { exports, plugin });
    let sites = near.exports.iter().zip(near.plugin.0.sites());
    let sites = sites.map(|((name, remote), (_, site))| (*name, remote.site(site, Origin::of(near.clone()))));
    Plugin::with_sites(description, PluginSource::Program, near.clone(), sites, None, place)
}
