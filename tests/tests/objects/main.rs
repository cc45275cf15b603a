//! Closures and iterators that cross, both ways.

mod closures;
mod growth;
mod interfaces;
mod iterators;
mod lifetimes;
mod panics;
mod refusals;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use plugin_host::{Host, Static};
use tests::host_with;

/// Libraries are unmapped on this platform.
pub(crate) const UNMAPS: bool = cfg!(all(target_os = "linux", target_env = "gnu"));

pub(crate) type Number = dyn Fn(u64) -> u64 + Send + Sync;

/// A host with the plugin.
pub(crate) fn host() -> Host {
    host_with(&["objects"])
}

/// The number of the plugin's own values that are dropped.
pub(crate) fn dropped(host: &Host) -> Static<AtomicU64> {
    host.get::<AtomicU64>("DROPPED").unwrap()
}

pub(crate) fn shared(host: &Host, n: u64) -> Arc<Number> {
    host.get::<fn(u64) -> Arc<Number>>("shared").unwrap()(n)
}

pub(crate) fn adder(host: &Host, n: u64) -> Box<Number> {
    host.get::<fn(u64) -> Box<Number>>("adder").unwrap()(n)
}
