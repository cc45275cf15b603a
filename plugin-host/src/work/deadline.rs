//! Waiting until a deadline.

use std::time::{Duration, Instant};

/// Returns the time that is left until a deadline, or `None` without a deadline.
pub(crate) fn left(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

/// The pauses of a loop that polls a condition, because its change sends no message. They are short at first, then longer.
pub(crate) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    pub(crate) fn new(longest: Duration) -> Self {
        Pauses { next: Duration::from_micros(20), longest }
    }

    /// Sleeps for the next pause, but not beyond `deadline`.
    pub(crate) fn sleep(&mut self, deadline: Option<Instant>) {
        std::thread::sleep(left(deadline).map_or(self.next, |left| left.min(self.next)));
        self.next = (self.next * 2).min(self.longest);
    }
}
