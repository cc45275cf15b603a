//! A type as data, and the records that say what a plugin exports.

pub mod record;
pub mod walker;

pub use walker as descriptor;
