//! Loopback: a plugin of this process whose values all cross as bytes. Only for tests.
//!
//! A loopback proves the seam before any child process exists. Its far side is a plugin of another host in this process. Between
//! the two sides there are only bytes. So a round trip through a loopback tests everything of a plugin that runs elsewhere but the
//! way of the bytes.
//!
//! A loopback refuses atomics and locks, with [`Error::CannotLeave`] at the look-up.

use std::path::Path;
use std::sync::Arc;

use plugin_core::host::Site;
use plugin_core::{Fault, Origin};

use crate::error::Error;
use crate::host::Host;
use crate::load::Reserved;
use crate::load::trust::Trust;
use crate::plugin::{Place, Plugin, PluginSource};
use crate::untyped::carrier::Carrier;
use crate::untyped::remote::Remote;
use crate::untyped::wire::answer;

/// The near side of a plugin: that of each export, and a share in the plugin. The share also keeps the names and descriptors of
/// the exports.
struct Loopback {
    exports: Vec<(&'static str, Remote)>,
    far: Arc<FarSide>,
}

/// The plugin, which answers requests, and the way there and back.
struct FarSide {
    plugin: Plugin,
    way: Arc<Way>,
}

/// The way of the messages.
struct Way {
    max_bytes: usize,
    change: Box<dyn Fn(Message<'_>) + Send + Sync>,
}

/// A message on its way.
#[non_exhaustive]
pub enum Message<'m> {
    /// The arguments of a call.
    Request(&'m mut Vec<u8>),
    /// The result of a call, or the value of a static.
    Reply(&'m mut Vec<u8>),
}

impl Carrier for FarSide {
    fn max_bytes(&self) -> usize {
        self.way.max_bytes
    }

    fn exchange(&self, export: &str, mut request: Vec<u8>) -> Result<Vec<u8>, Fault> {
        (self.way.change)(Message::Request(&mut request));
        let mut reply = answer(&self.plugin, export, &request, self.way.max_bytes);
        (self.way.change)(Message::Reply(&mut reply));
        Ok(reply)
    }
}

/// Returns a host that serves a loopback of each plugin of `host`.
///
/// # Errors
///
/// [`Error::AlreadyLoaded`] if two plugins have one name, which those of one host do not.
pub fn loopback(host: &Host) -> Result<Host, Error> {
    /// More than any test sends.
    const MAX_BYTES: usize = 1 << 30;
    loopback_through(host, MAX_BYTES, |_| ())
}

/// Does the same as [`loopback`], with another limit for the length of a message in bytes. `change` sees each message on its way, and
/// may change it.
///
/// # Errors
///
/// Those of [`loopback`].
pub fn loopback_through(
    host: &Host,
    max_bytes: usize,
    change: impl Fn(Message<'_>) + Send + Sync + 'static,
) -> Result<Host, Error> {
    let way = Arc::new(Way { max_bytes, change: Box::new(change) });
    let near = Host::new(Trust::none());
    for plugin in host.plugins() {
        let reserved = Reserved::new(&near, plugin.name(), Path::new(""))?;
        let added = near_side(FarSide { plugin, way: way.clone() }, Place::first(near.link()));
        near.write().add(added);
        reserved.keep();
    }
    Ok(near)
}

fn near_side(far: FarSide, place: Place) -> Plugin {
    let description = far.plugin.info().clone().into();
    let far = Arc::new(far);
    let remote = |(name, site): (&'static str, &Arc<Site>)| (name, Remote::new(name, site.descriptor, far.clone()));
    let near = Arc::new(Loopback { exports: far.plugin.sites().map(remote).collect(), far });
    let sites = near.exports.iter().zip(near.far.plugin.sites());
    let sites = sites.map(|((name, remote), (_, site))| {
        (*name, remote.site(site, Origin::of(near.clone())), near.far.plugin.modules(name))
    });
    Plugin::with_sites(description, PluginSource::Program, near.clone(), sites, None, place)
}
