//! Functions that follow the upgrades of their plugin.

pub(crate) mod handle;
mod hazard;
