//! How the host runs code: on threads of its own, with a limit, and where a panic ends.

pub(crate) mod activity;
pub(crate) mod deadline;
pub(crate) mod handler;
pub(crate) mod timeout;
