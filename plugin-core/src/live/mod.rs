//! Functions that follow the upgrades of their plugin.

mod handle;
mod hazard;
#[cfg(test)]
mod tests;
mod versions;

pub use handle::{Live, new_live};
pub use versions::{Version, Versions};
