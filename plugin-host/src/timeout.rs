//! A plugin's code that may never return, run on a thread that can be left alone.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder, ThreadId};
use std::time::Duration;

use crate::activity::Inherited;

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
    /// It is not waited for any more. These values are dropped when it ends.
    Abandoned(Vec<Box<dyn Any + Send>>),
    Ended,
}

fn lock(phase: &Mutex<Phase>) -> MutexGuard<'_, Phase> {
    phase.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Steps {
    /// Of a task that was not abandoned.
    pub(crate) fn unlimited() -> Self {
        Steps(None)
    }

    /// Whether there is a timeout, so that the task is on a thread of its own.
    pub(crate) fn are_limited(&self) -> bool {
        self.0.is_some()
    }

    /// Begins a step, for which the time begins anew. Returns whether the task is still waited for.
    pub(crate) fn begin(&self, step: usize) -> bool {
        self.0.as_ref().is_none_or(|steps| steps.send(step).is_ok())
    }
}

impl TimedOut {
    /// Has a value dropped when the task ends, on the task's thread. If the task has ended meanwhile, it is dropped here.
    pub(crate) fn keep(self, value: impl Any + Send) {
        if let Phase::Abandoned(kept) = &mut *lock(&self.phase) {
            kept.push(Box::new(value));
        }
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// How long a hook may take, and the threads that hooks run on.
///
/// To start a thread takes longer than a load does otherwise. So a thread whose task has ended in time waits a while for
/// another.
#[derive(Clone)]
pub(crate) struct HookTimeout {
    limit: Option<Duration>,
    idle: Arc<Idle>,
}

/// The threads that wait for a task.
#[derive(Default)]
struct Idle(Mutex<Vec<Worker>>);

/// A thread that runs one task after the other. It ends when this is dropped.
struct Worker {
    thread: ThreadId,
    jobs: Sender<Job>,
}

impl Idle {
    /// The time that a thread waits for its next task. A plugin that is a host is unmapped only when its threads have ended.
    const TIME: Duration = Duration::from_millis(100);

    fn lock(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread that waits, or a new one. `None` if it cannot be started.
    fn worker(self: &Arc<Self>) -> Option<Worker> {
        /// As large as a program's main thread has it.
        const STACK: usize = 8 * 1024 * 1024;
        if let Some(worker) = self.lock().pop() {
            return Some(worker);
        }
        let (jobs, receiver) = channel::<Job>();
        let idle = Arc::downgrade(self);
        let run = move || {
            loop {
                match receiver.recv_timeout(Self::TIME) {
                    Ok(job) => job(),
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        let Some(idle) = idle.upgrade() else { return };
                        // A worker that is not in the list was taken, and a job comes.
                        let here = thread::current().id();
                        idle.lock().retain(|worker| worker.thread != here);
                    }
                }
            }
        };
        let thread = Builder::new().name("plugin hooks".to_owned()).stack_size(STACK).spawn(run).ok()?;
        Some(Worker { thread: thread.thread().id(), jobs })
    }
}

impl HookTimeout {
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        HookTimeout { limit, idle: Arc::default() }
    }

    /// Nothing, if hooks may take as long as they like.
    pub(crate) fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// The same, where a hook may take no longer than `most`.
    pub(crate) fn at_most(mut self, most: Option<Duration>) -> Self {
        self.limit = self.limit.map(|limit| most.map_or(limit, |most| limit.min(most)));
        self
    }

    /// Runs a task, each of whose steps may take as long as the limit. Without a limit the task runs on this thread; with
    /// one, on another thread. If that cannot be started, the task runs on this one, and has no limit either.
    ///
    /// If a step takes longer, the task is abandoned: its caller no longer waits, and when the task ends, its result goes to
    /// `late`, on the task's thread.
    pub(crate) fn run<R: Send + 'static>(
        &self,
        task: impl FnOnce(&Steps) -> R + Send + 'static,
        late: impl FnOnce(R) + Send + 'static,
    ) -> Result<R, TimedOut> {
        let Some((limit, worker)) = self.limit.and_then(|limit| Some((limit, self.idle.worker()?))) else {
            return Ok(task(&Steps::unlimited()));
        };
        let (sender, steps) = channel();
        let (result_sender, result) = channel();
        let phase = Arc::new(Mutex::new(Phase::Running));
        let job = {
            let (phase, inherited) = (phase.clone(), Inherited::new());
            move || {
                let result = catch_unwind(AssertUnwindSafe(|| inherited.run(|| task(&Steps(Some(sender))))));
                let before = std::mem::replace(&mut *lock(&phase), Phase::Ended);
                match (before, result) {
                    (Phase::Abandoned(kept), Ok(result)) => {
                        late(result);
                        drop(kept);
                    }
                    // Its panic hook has reported the panic, and no caller waits.
                    (Phase::Abandoned(kept), Err(_)) => drop(kept),
                    (_, result) => _ = result_sender.send(result),
                }
            }
        };
        worker.jobs.send(Box::new(job)).expect("a thread that was taken waits for a job");
        wait(limit, &steps, &phase)?;
        let result = result.recv().expect("a task that is waited for has a result");
        self.idle.lock().push(worker);
        Ok(result.unwrap_or_else(|panic| resume_unwind(panic)))
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
        let on = |timeout| {
            HookTimeout::new(timeout)
                .run(|_| thread::current().id(), |_| ())
                .unwrap_or_else(|_| panic!("it ends at once"))
        };
        assert_eq!(on(None), here);
        assert_ne!(on(Some(LONG)), here);
    }

    #[test]
    fn a_thread_runs_one_task_after_the_other() {
        let timeout = HookTimeout::new(Some(LONG));
        let on = |task: Box<dyn FnOnce() + Send>| {
            let result = timeout.run(
                move |_| {
                    task();
                    thread::current().id()
                },
                |_| (),
            );
            result.unwrap_or_else(|_| panic!("it ends"))
        };
        let first = on(Box::new(|| ()));
        assert_eq!(on(Box::new(|| ())), first);
        // While it is busy, there is another.
        let (busy, is_busy) = channel::<()>();
        let (go_on, wait) = channel::<()>();
        thread::scope(|scope| {
            let busy = scope.spawn(|| {
                on(Box::new(move || {
                    busy.send(()).unwrap();
                    wait.recv().unwrap();
                }))
            });
            is_busy.recv().unwrap();
            let second = on(Box::new(|| ()));
            go_on.send(()).unwrap();
            assert_ne!(busy.join().unwrap(), second);
        });
    }

    #[test]
    fn a_thread_without_a_task_ends() {
        let timeout = HookTimeout::new(Some(LONG));
        let waits = timeout.clone();
        let (alive, has_ended) = channel::<()>();
        thread_local!(static ALIVE: std::cell::RefCell<Option<Sender<()>>> = const { std::cell::RefCell::new(None) });
        let run = |task: Box<dyn FnOnce() + Send>| timeout.run(|_| task(), |()| ()).is_ok();
        assert!(run(Box::new(|| ALIVE.set(Some(alive)))));
        assert_eq!(has_ended.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected));
        assert!(waits.idle.lock().is_empty());
        assert!(run(Box::new(|| ())), "there is another");
    }

    #[test]
    fn a_panic_goes_to_the_caller() {
        let timeout = HookTimeout::new(Some(LONG));
        let run = || timeout.run(|_| resume_unwind(Box::new(7)), |()| ());
        let Err(panic) = catch_unwind(AssertUnwindSafe(run)) else { panic!("it panics") };
        assert_eq!(panic.downcast_ref(), Some(&7));
    }

    #[test]
    fn each_step_has_its_time() {
        let task = |steps: &Steps| {
            for step in 0..10 {
                assert!(steps.begin(step));
                thread::sleep(SHORT / 4);
            }
            7
        };
        let Ok(result) = HookTimeout::new(Some(SHORT * 100)).run(task, |_| ()) else { panic!("no step takes so long") };
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
        let Err(timed_out) = HookTimeout::new(Some(SHORT)).run(task, move |goes_on| late.send(goes_on).unwrap()) else {
            panic!("it waits")
        };
        assert_eq!(timed_out.step, 3);
        timed_out.keep(ended);
        drop(go_on);
        assert!(!is_late.recv().unwrap(), "it is told that nobody waits");
        assert!(is_dropped.recv().is_err(), "what was kept is dropped");
    }
}
