//! A plugin's code that may never return, run on a thread that can be left alone.

use std::any::Any;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use crate::work::activity::Inherited;

/// A task that has not ended in time. It goes on, on its own thread.
pub(crate) struct TimedOut {
    /// The step that has not ended.
    pub(crate) step: usize,
    phase: Arc<Mutex<Phase>>,
}

/// Tells whether the steps of a task are still waited for.
pub(crate) struct Steps(Option<Sender<usize>>);

enum Phase {
    Running,
    /// The caller no longer waits. These values are dropped when the task ends.
    Abandoned(Vec<Box<dyn Any + Send>>),
    Ended,
}

fn lock(phase: &Mutex<Phase>) -> MutexGuard<'_, Phase> {
    phase.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Steps {
    /// Returns the steps of a task without a timeout.
    pub(crate) fn unlimited() -> Self {
        Steps(None)
    }

    /// Returns true if the task has a timeout, and so runs on a thread of its own.
    pub(crate) fn are_limited(&self) -> bool {
        self.0.is_some()
    }

    /// Begins a step, for which the time begins anew. Returns whether the task is still waited for.
    pub(crate) fn begin(&self, step: usize) -> bool {
        self.0.as_ref().is_none_or(|steps| steps.send(step).is_ok())
    }
}

impl TimedOut {
    /// Keeps a value until the task ends, and drops it on the task's thread. If the task has ended meanwhile, drops it here.
    pub(crate) fn keep(self, value: impl Any + Send) {
        if let Phase::Abandoned(kept) = &mut *lock(&self.phase) {
            kept.push(Box::new(value));
        }
    }
}

/// Runs a task with a time limit for each of its steps. Without a timeout, the task runs on this thread. With a timeout, it
/// runs on a thread of its own. If that thread cannot be started, the task runs on this thread without a timeout.
///
/// If a step takes longer, the task is abandoned: its caller no longer waits, and when the task ends, its result goes to
/// `late`, on the task's thread.
pub(crate) fn run<R: Send + 'static>(
    timeout: Option<Duration>,
    task: impl FnOnce(&Steps) -> R + Send + 'static,
    late: impl FnOnce(R) + Send + 'static,
) -> Result<R, TimedOut> {
    /// The usual size for the main thread of a program.
    const STACK_SIZE: usize = 8 * 1024 * 1024;
    let Some(timeout) = timeout else { return Ok(task(&Steps::unlimited())) };
    let (sender, steps) = channel();
    let (result_sender, result) = channel();
    let phase = Arc::new(Mutex::new(Phase::Running));
    // Shared, so that it is not lost with the thread that cannot be started.
    let task = Arc::new(Mutex::new(Some(task)));
    let take = |task: &Mutex<Option<_>>| task.lock().unwrap_or_else(PoisonError::into_inner).take();
    let run = {
        let (task, phase, inherited) = (task.clone(), phase.clone(), Inherited::new());
        move || {
            let Some(task) = take(&task) else { return };
            let result = inherited.run(|| task(&Steps(Some(sender))));
            let before = std::mem::replace(&mut *lock(&phase), Phase::Ended);
            if let Phase::Abandoned(kept) = before {
                late(result);
                drop(kept);
            } else {
                // It is waited for.
                _ = result_sender.send(result);
            }
        }
    };
    match Builder::new().name("plugin hooks".to_owned()).stack_size(STACK_SIZE).spawn(run) {
        Ok(thread) => wait(timeout, &steps, &phase).map(|()| match result.recv() {
            Ok(result) => result,
            Err(_) => resume_unwind(thread.join().expect_err("it has ended without a result")),
        }),
        Err(_) => {
            let task = take(&task).expect("no thread has taken it");
            Ok(task(&Steps::unlimited()))
        }
    }
}

/// Waits for the end of all steps.
fn wait(timeout: Duration, steps: &Receiver<usize>, phase: &Arc<Mutex<Phase>>) -> Result<(), TimedOut> {
    let mut current = 0;
    loop {
        match steps.recv_timeout(timeout) {
            Ok(step) => current = step,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {
                let mut now = lock(phase);
                if matches!(*now, Phase::Ended) {
                    return Ok(());
                }
                *now = Phase::Abandoned(Vec::new());
                drop(now);
                return Err(TimedOut { step: current, phase: phase.clone() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn a_task_runs_on_a_thread_of_its_own_only_with_a_timeout() {
        let here = thread::current().id();
        let on =
            |timeout| run(timeout, |_| thread::current().id(), |_| ()).unwrap_or_else(|_| panic!("it ends at once"));
        assert_eq!(on(None), here);
        assert_ne!(on(Some(LONG)), here);
    }

    #[test]
    fn the_timeout_holds_for_each_step() {
        let task = |steps: &Steps| {
            for step in 0..10 {
                assert!(steps.begin(step));
                thread::sleep(SHORT / 4);
            }
            7
        };
        let Ok(result) = run(Some(SHORT * 100), task, |_| ()) else { panic!("no step takes so long") };
        assert_eq!(result, 7);
    }

    #[test]
    fn a_task_that_takes_too_long_ends_by_itself() {
        let (go_on, wait) = channel::<()>();
        let (late, is_late) = channel();
        let (ended, is_dropped) = channel::<()>();
        let task = move |steps: &Steps| {
            steps.begin(3);
            _ = wait.recv();
            steps.begin(4)
        };
        let Err(timed_out) = run(Some(SHORT), task, move |goes_on| late.send(goes_on).unwrap()) else {
            panic!("it waits")
        };
        assert_eq!(timed_out.step, 3);
        timed_out.keep(ended);
        drop(go_on);
        assert!(!is_late.recv().unwrap(), "it is told that nobody waits");
        assert!(is_dropped.recv().is_err(), "what was kept is dropped");
    }
}
