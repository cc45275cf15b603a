//! How long the watch of a file waits.

use std::time::Duration;

/// The times to wait.
#[derive(Clone)]
pub(crate) struct Times {
    pub(crate) quiet: Duration,
    pub(crate) patience: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Times { quiet: Duration::from_millis(100), patience: Duration::from_secs(5) }
    }
}
