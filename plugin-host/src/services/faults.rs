//! The faults that no call returns: panics of a plugin's own threads, and failures of its shutdown hooks.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plugin_core::Fault;

use crate::os::stderr::print;
use crate::work::activity::{Activities, Activity};
use crate::work::handler::Handler;

/// Reports the faults of one host's plugins: to the host's handler, or else to the standard error.
#[derive(Default)]
pub(crate) struct Faults {
    handler: Handler<Fault>,
    activities: Arc<Activities>,
    queue: Arc<Mutex<Queue>>,
}

/// The faults that wait for the handler.
#[derive(Default)]
struct Queue {
    /// The channel to the thread that runs the handler, after it was started.
    sender: Option<Sender<Fault>>,
    /// The number of faults that wait, including the one that is being handled.
    waiting: usize,
    /// One activity for all of them, because only the one thread can end it: the handler may drop the host.
    activity: Option<Activity>,
}

/// The number of faults that may wait while the handler is busy.
const MAX_WAITING: usize = 256;

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Faults {
    pub(crate) fn new(handler: Handler<Fault>, activities: Arc<Activities>) -> Self {
        Faults { handler, activities, queue: Arc::default() }
    }

    /// Reports a fault on this thread.
    pub(crate) fn report(&self, fault: &Fault) {
        if !self.handler.tell(fault) {
            print(format_args!("{fault}"));
        }
    }

    /// Reports a fault from within the plugin: from its panic hook, or while a thread-local of its is destroyed.
    ///
    /// The handler runs on a thread of the host's, because it may drop the plugin's last handle. Each host has such a
    /// thread of its own, so that a handler that blocks keeps no other host from hearing of faults.
    pub(crate) fn report_from_plugin(&self, fault: Fault) {
        if self.handler.is_none() {
            return self.report(&fault);
        }
        let mut queue = lock(&self.queue);
        if queue.waiting >= MAX_WAITING {
            drop(queue);
            return print(format_args!(
                "the fault handler is busy, and {MAX_WAITING} faults wait for it; not heard: {fault}"
            ));
        }
        if queue.sender.is_none() {
            queue.sender = self.start();
        }
        let Some(sender) = &queue.sender else {
            drop(queue);
            return print(format_args!("there is no thread to run the fault handler on; not heard: {fault}"));
        };
        // The thread lives as long as this value.
        _ = sender.send(fault);
        queue.waiting += 1;
        if queue.activity.is_none() {
            queue.activity = Some(self.activities.begin());
        }
    }

    /// Starts the thread, which ends when the host and the last of its libraries are gone.
    fn start(&self) -> Option<Sender<Fault>> {
        let (sender, faults) = channel::<Fault>();
        let (handler, activities, queue) = (self.handler.clone(), self.activities.clone(), self.queue.clone());
        let run = move || {
            for fault in faults {
                activities.on_own_thread(|| handler.tell(&fault));
                let mut queue = lock(&queue);
                queue.waiting -= 1;
                let ended = if queue.waiting == 0 { queue.activity.take() } else { None };
                drop(queue);
                drop(ended);
            }
        };
        std::thread::Builder::new().name("plugin faults".to_owned()).spawn(run).ok().map(|_| sender)
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        // The thread has a share in the queue, and so would keep itself.
        lock(&self.queue).sender = None;
    }
}
