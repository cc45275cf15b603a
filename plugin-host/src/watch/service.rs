//! The thread that watches for a host, and the messages to it.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::services::threads::run_to_the_end;
use crate::watch::observer::{Change, Id, Observer, lock};
use crate::watch::watcher::{Found, Look, WatchedHost, Watcher};
use crate::work::activity::{Activities, Activity};

/// The sender of messages about one watch. Dropping it ends the watch.
pub(super) struct Bell {
    pub(super) id: Id,
    sender: Sender<Message>,
}

impl Bell {
    pub(super) fn send(&self, message: Message) {
        // If the thread has ended, the message is not needed.
        _ = self.sender.send(message);
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.send(Message::End(self.id));
    }
}

pub(super) enum Message {
    Begin(Box<Watcher>),
    /// An attempt to upgrade has ended, with this result.
    Tried(Box<Watcher>, Look),
    Changed(Id, Change),
    End(Id),
    /// The host is being dropped.
    Close,
}

/// The two parts that a host needs for all its watches: one thread, and one source of the kernel's reports.
pub(super) struct Service {
    sender: Sender<Message>,
    observer: Mutex<Observer>,
}

impl Service {
    pub(super) fn start(config: &Config, host: Arc<dyn WatchedHost>) -> io::Result<Arc<Self>> {
        let (sender, messages) = channel();
        let observer = {
            let sender = sender.clone();
            Mutex::new(Observer::new(move |id, change| _ = sender.send(Message::Changed(id, change)))?)
        };
        let service = Arc::new(Service { sender, observer });
        let activity = config.activities.begin();
        let run = {
            let (service, activities) = (service.clone(), config.activities.clone());
            move || run_to_the_end(activity, || service.run(&messages, &activities, &*host))
        };
        std::thread::Builder::new().name("plugin watch".to_owned()).spawn(run)?;
        Ok(service)
    }

    /// The bell of a watch.
    pub(super) fn bell(&self, id: Id) -> Bell {
        Bell { id, sender: self.sender.clone() }
    }

    pub(super) fn send(&self, message: Message) {
        // If the thread has ended, the message is not needed.
        _ = self.sender.send(message);
    }

    pub(super) fn observer(&self) -> &Mutex<Observer> {
        &self.observer
    }

    /// Upgrades a plugin on a thread of its own: its hooks may take long, and may use thread-locals, whose destructors run when
    /// the thread ends.
    fn upgrade(&self, mut watcher: Box<Watcher>, found: Found, activity: Activity) {
        let sender = self.sender.clone();
        // A thread that cannot be started drops its function, so the watcher is passed later.
        let (give, take) = channel::<(Box<Watcher>, Found, Activity)>();
        let run = move || {
            let Ok((mut watcher, found, activity)) = take.recv() else { return };
            run_to_the_end(activity, || {
                let look = watcher.upgrade(found);
                // If the thread that watches has ended, nothing is left to do.
                _ = sender.send(Message::Tried(watcher, look));
            });
        };
        match std::thread::Builder::new().name("plugin upgrade".to_owned()).spawn(run) {
            // The thread has started, and waits for this message.
            Ok(_) => _ = give.send((watcher, found, activity)),
            Err(_) => {
                let look = activity.run(|| watcher.upgrade(found));
                self.send(Message::Tried(watcher, look));
            }
        }
    }

    fn run(&self, messages: &Receiver<Message>, activities: &Arc<Activities>, host: &dyn WatchedHost) {
        let mut watchers: HashMap<Id, Slot> = HashMap::new();
        loop {
            let next = watchers.iter().filter_map(|(id, slot)| Some((slot.next_look()?, *id))).min();
            let left = next.map_or(Duration::MAX, |(at, _)| at.saturating_duration_since(Instant::now()));
            let ended = match messages.recv_timeout(left) {
                Ok(Message::Begin(watcher)) => {
                    watchers.insert(watcher.id, Slot::Idle(watcher));
                    continue;
                }
                Ok(Message::Changed(id, change)) => {
                    if let Some(slot) = watchers.get_mut(&id) {
                        slot.change(change);
                    }
                    continue;
                }
                Ok(Message::Tried(watcher, look)) => {
                    // The watch may have been dropped meanwhile. Then it has no slot.
                    let Some(slot) = watchers.get_mut(&watcher.id) else { continue };
                    let id = watcher.id;
                    if slot.come_back(watcher, look) {
                        continue;
                    }
                    id
                }
                Ok(Message::End(id)) => id,
                Ok(Message::Close) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    let Some((_, id)) = next else { continue };
                    // A host that is being dropped begins no more activities.
                    let Some(activity) = activities.begin_if_open() else { return };
                    let Some(slot) = watchers.get_mut(&id) else { continue };
                    let Slot::Idle(watcher) = slot else { continue };
                    let stays = match activity.run(|| watcher.look_now(&self.observer)) {
                        Look::Upgrade(found) => {
                            let Some(activity) = activities.begin_if_open() else { return };
                            let Slot::Idle(watcher) = std::mem::replace(slot, Slot::Away(Vec::new())) else { continue };
                            self.upgrade(watcher, found, activity);
                            true
                        }
                        look => watcher.note(look),
                    };
                    if stays {
                        continue;
                    }
                    id
                }
            };
            watchers.remove(&ended);
            lock(&self.observer).forget(ended);
            if watchers.is_empty() && host.retire() {
                return;
            }
        }
    }
}

/// A plugin whose file is watched, as the thread that watches has it.
enum Slot {
    Idle(Box<Watcher>),
    /// The watcher is on the thread of an upgrade. These changes were told meanwhile.
    Away(Vec<Change>),
}

impl Slot {
    fn next_look(&self) -> Option<Instant> {
        match self {
            Slot::Idle(watcher) => watcher.pending.as_ref().map(|pending| pending.look),
            Slot::Away(_) => None,
        }
    }

    fn change(&mut self, change: Change) {
        match self {
            Slot::Idle(watcher) => watcher.change(change),
            // Several equal changes have the effect of the last one.
            Slot::Away(changes) => {
                changes.retain(|known| *known != change);
                changes.push(change);
            }
        }
    }

    /// Takes a watcher back from the thread of an upgrade. Returns whether the plugin is still watched.
    fn come_back(&mut self, mut watcher: Box<Watcher>, look: Look) -> bool {
        let stays = watcher.note(look);
        if let Slot::Away(changes) = self {
            changes.drain(..).for_each(|change| watcher.change(change));
        }
        *self = Slot::Idle(watcher);
        stays
    }
}
