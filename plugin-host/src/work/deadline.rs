//! Waiting until a deadline.

use std::time::{Duration, Instant};

/// How long it is to a deadline; `None` is never.
pub(crate) fn left(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

/// Pauses for who must look again and again, because nobody tells: short at first, then longer.
pub(crate) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    pub(crate) fn new(longest: Duration) -> Self {
        Pauses { next: Duration::from_micros(20), longest }
    }

    /// Sleeps, but not for longer than until `deadline`.
    pub(crate) fn sleep(&mut self, deadline: Option<Instant>) {
        std::thread::sleep(left(deadline).map_or(self.next, |left| left.min(self.next)));
        self.next = (self.next * 2).min(self.longest);
    }
}
