//! The work of a host's own threads, which the drop of the host waits for.
//!
//! A host has threads that watch files, that let old versions go, and that report faults. Each holds an [`Activity`] while
//! it works for the host's plugins. Dropping the host waits for these, so that no shutdown hook is lost because the program
//! ends. It does not wait for handles, which may be kept for as long as the program runs.

use std::cell::Cell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use crate::work::deadline::left;

/// The activities of one host.
#[derive(Default)]
pub(crate) struct Activities {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    count: usize,
    /// Whether no new activities may begin.
    closed: bool,
}

/// An activity of a host. It lasts until this value is dropped.
pub(crate) struct Activity(Arc<Activities>);

thread_local! {
    /// The activities that this thread runs.
    static RUNS: Cell<Runs> = const { Cell::new(Runs { of: Weak::new(), count: 0 }) };
}

/// The activities of one host, and how many of them a thread runs. Only their address is used.
#[derive(Clone, Default)]
struct Runs {
    of: Weak<Activities>,
    count: usize,
}

/// Runs `f` while this thread counts as running these activities.
fn run_as<R>(runs: Runs, f: impl FnOnce() -> R) -> R {
    struct Back(Runs);
    impl Drop for Back {
        fn drop(&mut self) {
            RUNS.set(std::mem::take(&mut self.0));
        }
    }
    let _back = Back(RUNS.replace(runs));
    f()
}

fn of_this_thread() -> Runs {
    let runs = RUNS.take();
    RUNS.set(runs.clone());
    runs
}

/// The activities of one thread, for another thread that the first one waits for.
pub(crate) struct Inherited(Runs);

impl Inherited {
    /// Returns the activities of this thread.
    pub(crate) fn new() -> Self {
        Inherited(of_this_thread())
    }

    /// Runs `f` while this thread counts as running the activities of the first one.
    pub(crate) fn run<R>(self, f: impl FnOnce() -> R) -> R {
        run_as(self.0, f)
    }
}

impl Activities {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins an activity that is necessary, even if the host is being dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Activity {
        self.lock().count += 1;
        Activity(self.clone())
    }

    /// Begins an activity, unless the host is being dropped.
    pub(crate) fn begin_if_open(self: &Arc<Self>) -> Option<Activity> {
        let mut state = self.lock();
        let open = !state.closed;
        state.count += usize::from(open);
        drop(state);
        open.then(|| Activity(self.clone()))
    }

    /// Makes [`begin_if_open`](Self::begin_if_open) return `None` from now on.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    /// Returns true if the host is being dropped, or is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Runs `f` for one of the activities, on the only thread that can end it.
    pub(crate) fn on_own_thread<R>(self: &Arc<Self>, f: impl FnOnce() -> R) -> R {
        run_as(Runs { of: Arc::downgrade(self), count: self.count_here() + 1 }, f)
    }

    /// The number of activities that this thread runs.
    fn count_here(&self) -> usize {
        let runs = of_this_thread();
        if std::ptr::eq(runs.of.as_ptr(), self) { runs.count } else { 0 }
    }

    /// Waits until no activity is left, or until `deadline`. It does not wait for the activities of this very thread.
    pub(crate) fn wait(&self, deadline: Option<Instant>) {
        let own = self.count_here();
        let mut state = self.lock();
        while state.count > own {
            state = match left(deadline) {
                None => self.ended.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return,
                Some(left) => self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }
}

impl Activity {
    /// Runs `f` for this activity on this thread, and ends the activity.
    pub(crate) fn run<R>(self, f: impl FnOnce() -> R) -> R {
        self.0.on_own_thread(f)
    }

    /// Returns the activities of the same host.
    #[cfg(feature = "watch")]
    pub(crate) fn activities(&self) -> &Arc<Activities> {
        &self.0
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        self.0.lock().count -= 1;
        self.0.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_thread_waits_for_the_activities_of_others_only() {
        let activities = Arc::<Activities>::default();
        activities.wait(None);
        activities.begin().run(|| activities.wait(None));
        let other = activities.begin();
        let started = Instant::now();
        activities.wait(Instant::now().checked_add(Duration::from_millis(20)));
        assert!(started.elapsed() >= Duration::from_millis(20));
        std::thread::scope(|scope| {
            scope.spawn(|| other.run(|| std::thread::sleep(Duration::from_millis(20))));
            activities.begin().run(|| activities.wait(None));
        });
        assert!(started.elapsed() < LONG);
    }

    #[test]
    fn no_activity_begins_after_close_unless_it_is_necessary() {
        let activities = Arc::<Activities>::default();
        drop(activities.begin_if_open().expect("it is open"));
        activities.close();
        assert!(activities.begin_if_open().is_none());
        drop(activities.begin());
        activities.wait(None);
    }
}
