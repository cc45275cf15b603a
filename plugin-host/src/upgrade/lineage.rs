//! The lineage of a plugin: its versions, one after the other.
//!
//! The lineage knows which `Live` handles follow the plugin, and which old versions are not unmapped yet.

use std::any::Any;
use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::time::{Duration, Instant};

use plugin_core::host::descriptor::Node;
use plugin_core::host::{AnyEntry, Site, Version, Versions, new_live};
use plugin_core::{FunctionType, Live, Lookup};

use crate::backend::shared::Unused;
use crate::backend::{Backend, Detached};
use crate::error::Error;
use crate::error::at::FileError;
use crate::event::Event;
use crate::services::objects::Shares;
use crate::unload::detached_library::Old;
use crate::unload::outcome::Unload;
use crate::unload::pin::PinReason;
use crate::work::activity::{Activities, Activity};
use crate::work::deadline::{Pauses, left};
use crate::work::handler::Handler;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The version of a plugin that serves, as far as `Live` handles need it.
pub(crate) trait Serving {
    /// The number of this version.
    fn revision(&self) -> u64;

    /// The site of an export.
    fn site(&self, export: &str) -> Option<&Arc<Site>>;
}

/// The state that all versions of one plugin share, from the plugin's loading to its unloading.
pub(crate) struct Lineage {
    /// Leads to the registry of the plugin's host, whose type this module does not know. The host may be gone.
    host: Weak<dyn Any + Send + Sync>,
    /// Held during an upgrade.
    upgrade: Mutex<()>,
    /// The version that `Live` handles call.
    versions: Arc<Versions>,
    followed: Mutex<Followed>,
    /// The old versions that are not known to be unmapped, the oldest first.
    retired: Mutex<Vec<Arc<Retired>>>,
}

/// The exports that `Live` handles follow.
#[derive(Default)]
struct Followed {
    /// A place with handles has its function in the version that is published, unless calls are held back. That is also so
    /// if none of the handles exists any more, until they are forgotten.
    places: Vec<Place>,
    /// The number of the version that was published last.
    revision: u64,
    /// Whether calls through `Live` handles are held back.
    held: bool,
}

/// An export that `Live` handles follow. A place without handles is free, and another export may take it.
#[derive(Default)]
struct Place {
    export: String,
    handles: Vec<Follower>,
}

/// A `Live` handle and its clones.
///
/// `node` is the type that was asked for, and `proxy` is its proxy. `alive` tells whether one of the handles still exists.
struct Follower {
    node: &'static Node,
    proxy: AnyEntry,
    takes_fault: bool,
    alive: Weak<()>,
}

impl Followed {
    /// Forgets the handles that no longer exist. Returns true if a place became free.
    fn forget_gone(&mut self) -> bool {
        let mut freed = false;
        for place in self.places.iter_mut().filter(|place| !place.handles.is_empty()) {
            place.handles.retain(|handle| handle.alive.strong_count() != 0);
            freed |= place.handles.is_empty();
        }
        freed
    }
}

impl Lineage {
    pub(crate) fn new(host: Weak<dyn Any + Send + Sync>) -> Arc<Self> {
        Arc::new(Lineage {
            host,
            upgrade: Mutex::default(),
            versions: Arc::new(Versions::new(Version::new(0, []))),
            followed: Mutex::default(),
            retired: Mutex::default(),
        })
    }

    /// Returns the registry of the plugin's host, unless the host is gone.
    pub(crate) fn host(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.host.upgrade()
    }

    /// Waits until no other upgrade of this plugin runs. The next one waits until the guard is dropped.
    pub(crate) fn begin_upgrade(&self) -> MutexGuard<'_, ()> {
        lock(&self.upgrade)
    }

    pub(crate) fn is_upgrading(&self) -> bool {
        matches!(self.upgrade.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// Returns a handle that follows `export`.
    ///
    /// # Safety
    ///
    /// `plugin` is the version that serves, and no other is put in its place during the call. Its export has the type `F`.
    pub(crate) unsafe fn follow<F: FunctionType>(&self, plugin: &impl Serving, export: &str) -> Live<F> {
        let mut followed = lock(&self.followed);
        let followed = &mut *followed;
        let known = followed.places.iter().position(|place| !place.handles.is_empty() && place.export == export);
        let place = known.unwrap_or_else(|| {
            followed.forget_gone();
            let free = followed.places.iter().position(|place| place.handles.is_empty());
            free.unwrap_or_else(|| {
                followed.places.push(Place::default());
                followed.places.len() - 1
            })
        });
        let handles = &mut followed.places[place].handles;
        handles.retain(|handle| handle.alive.strong_count() != 0);
        // SAFETY: each version that is published while the handle exists has a function at this place that fits `F`, or has no
        // functions and so holds calls back. The version that is published now, before this call or below, has one, as this
        // function demands. Each later version has one, because `Next::check_followers` refuses an upgrade to a version without
        // it (`misfit`). The place is not given to another export before the handle is dropped.
        let (live, alive) = unsafe { new_live(self.versions.clone(), place) };
        let node = <F as Lookup>::NODE;
        handles.push(Follower { node, proxy: F::PROXY, takes_fault: F::TAKES_FAULT, alive });
        // Publishing takes long, and another handle to the same export needs none.
        if known.is_none() {
            export.clone_into(&mut followed.places[place].export);
            self.publish(followed, plugin);
        }
        live
    }

    /// Makes `plugin` the version that the handles call, unless calls are held back.
    fn publish(&self, followed: &mut Followed, plugin: &impl Serving) {
        if followed.held {
            return;
        }
        followed.revision = plugin.revision();
        // The handles to one export may have several types. These fit the export, so the proxy of one type serves them all.
        let sites = followed.places.iter().map(|place| {
            let proxy = place.handles.first()?.proxy;
            plugin.site(&place.export).map(|site| (site, proxy))
        });
        self.versions.publish(Version::new(plugin.revision(), sites));
    }

    /// Makes `plugin` the version that the handles call. Calls that were held back go on.
    pub(crate) fn serve(&self, plugin: &impl Serving) {
        let mut followed = lock(&self.followed);
        followed.forget_gone();
        followed.held = false;
        self.publish(&mut followed, plugin);
    }

    /// Holds back calls through `Live` handles, until [`serve`](Self::serve).
    pub(crate) fn hold(&self) {
        let mut followed = lock(&self.followed);
        followed.held = true;
        self.versions.publish(Version::new(0, []));
    }

    /// Returns true if calls through `Live` handles are still in progress in `plugin`, after another version was published.
    pub(crate) fn is_in_progress(&self, plugin: &impl Serving) -> bool {
        self.versions.is_in_progress(plugin.revision())
    }

    /// Frees the places of handles that no longer exist, and drops old versions that no call uses any more. `plugin` is the
    /// version that serves, or one before it.
    pub(crate) fn forget_gone(&self, plugin: &impl Serving) {
        let mut followed = lock(&self.followed);
        // An older version must not serve again. The upgrade that has replaced it has freed the places, too.
        if plugin.revision() >= followed.revision && followed.forget_gone() {
            self.publish(&mut followed, plugin);
        }
        self.is_in_progress(plugin);
    }

    /// Returns the number of `Live` handles to the export, clones included, or `None` if the export has no place.
    pub(crate) fn live_handles(&self, export: &str) -> Option<usize> {
        let followed = lock(&self.followed);
        let place = followed.places.iter().find(|place| !place.handles.is_empty() && place.export == export)?;
        Some(place.handles.iter().map(|handle| handle.alive.strong_count()).sum())
    }

    /// Returns the first error that `fits` finds with the export of a `Live` handle.
    pub(crate) fn misfit<E>(&self, fits: impl Fn(&str, &'static Node, bool) -> Result<(), E>) -> Result<(), E> {
        let followed = lock(&self.followed);
        for place in &followed.places {
            // Handles that no longer exist are skipped and not forgotten here: only a new published version lets go of the
            // sites at their places.
            let mut handles = place.handles.iter().filter(|handle| handle.alive.strong_count() != 0);
            handles.try_for_each(|handle| fits(&place.export, handle.node, handle.takes_fault))?;
        }
        Ok(())
    }

    /// Detaches an old version on the thread of `drain`, as soon as the version is not in use. The thread of a call that drops the
    /// last handle is spared that work.
    ///
    /// `retired` belongs to the old version. Its backend is sent to the drain when the last use of it ends.
    pub(crate) fn retire(self: &Arc<Self>, name: String, version: &str, retired: Retired, drain: Drain) {
        let retired = Arc::new(retired);
        lock(&self.retired).push(retired.clone());
        let in_use = {
            let retired = retired.clone();
            Old::add(&name, version, move || retired.wait(Some(Instant::now())))
        };
        let handler = drain.handler;
        let lineage = Arc::downgrade(self);
        let tell = move |retired: &Arc<Retired>, outcome: Unload| {
            if let (Unload::Unmapped, Some(lineage)) = (&outcome, lineage.upgrade()) {
                lock(&lineage.retired).retain(|other| !Arc::ptr_eq(other, retired));
            }
            handler.tell(&Event::Retired { plugin: name, revision: retired.revision, outcome });
        };
        let (revision, versions) = (retired.revision, Arc::downgrade(&self.versions));
        // The thread waits for this message.
        _ = drain.begin.send(Box::new(move |backends| {
            // The end of a call sends no message.
            let mut pauses = Pauses::new(Duration::from_millis(5));
            while versions.upgrade().is_some_and(|versions| versions.is_in_progress(revision)) {
                pauses.sleep(None);
            }
            let received = backends.recv();
            // `detach` enters the version in the list of old versions itself.
            in_use.forget();
            let Ok((backend, activity)) = received else { return };
            let detached = activity.run(|| backend.detach(None));
            retired.set_detached(detached.clone());
            tell(&retired, detached.wait(None));
        }));
    }

    /// Returns the old versions that are not unmapped, and what keeps each of them.
    pub(crate) fn draining(&self, plugin: &str) -> Vec<Draining> {
        let retired = lock(&self.retired).clone();
        let draining = retired.iter().filter_map(|retired| match retired.wait(Some(Instant::now())) {
            Unload::Unmapped => None,
            Unload::Pinned(reasons) => {
                Some(Draining { plugin: plugin.to_owned(), revision: retired.revision, reasons })
            }
        });
        draining.collect()
    }

    /// Waits until all old versions are unmapped, but not beyond `deadline`. Returns what keeps the others.
    pub(crate) fn wait_for_retired(&self, deadline: Option<Instant>) -> Vec<PinReason> {
        let retired = lock(&self.retired).clone();
        let reasons = retired.iter().filter_map(|retired| match retired.wait(deadline) {
            Unload::Unmapped => None,
            Unload::Pinned(reasons) => Some(PinReason::OldVersion { revision: retired.revision, reasons }),
        });
        reasons.collect()
    }
}

type Task = Box<dyn FnOnce(&Receiver<(Box<dyn Backend>, Activity)>) + Send>;

/// A thread that will detach one version.
///
/// It is started before the upgrade. If the kernel cannot start the thread, the upgrade fails while the old version still
/// serves, and the old version is not left without a thread that unloads it.
pub(crate) struct Drain {
    begin: Sender<Task>,
    handler: Handler<Event>,
}

impl Drain {
    pub(crate) fn start(
        plugin: &str,
        handler: Handler<Event>,
        activities: Arc<Activities>,
    ) -> Result<(Self, Unused), FileError> {
        let (begin, begun) = channel::<Task>();
        let (sender, backends) = channel();
        let unused = Unused { sender, activities };
        let wait = move || {
            // If the upgrade failed, the sender is dropped without a task.
            if let Ok(task) = begun.recv() {
                task(&backends);
            }
        };
        let thread = std::thread::Builder::new().name("plugin drain".to_owned()).spawn(wait);
        match thread {
            Ok(_) => Ok((Drain { begin, handler }, unused)),
            Err(source) => {
                let plugin = plugin.to_owned();
                Err(FileError::new(|path| Error::NoThread { plugin, path, source }))
            }
        }
    }
}

/// An old version, after an upgrade. It keeps nothing of the version alive.
pub(crate) struct Retired {
    revision: u64,
    exports: Vec<(String, Weak<Site>)>,
    loaded: Weak<dyn Any + Send + Sync>,
    backend: Weak<dyn Any + Send + Sync>,
    /// The objects of the version that other code has, if it has a library.
    shares: Option<Arc<Shares>>,
    /// The version, after it was detached. That happens when it is not in use any more.
    detached: Mutex<Option<Arc<dyn Detached>>>,
    changed: Condvar,
}

impl Retired {
    /// `loaded` and `backend` tell whether the version's [`Plugin`](crate::Plugin) and its backend still exist.
    pub(crate) fn new<'a>(
        revision: u64,
        sites: impl Iterator<Item = (&'static str, &'a Arc<Site>)>,
        [loaded, backend]: [Weak<dyn Any + Send + Sync>; 2],
        shares: Option<Arc<Shares>>,
    ) -> Self {
        let exports = sites.map(|(name, site)| (name.to_owned(), Arc::downgrade(site))).collect();
        Retired { revision, exports, loaded, backend, shares, detached: Mutex::default(), changed: Condvar::new() }
    }

    fn set_detached(&self, detached: Arc<dyn Detached>) {
        *lock(&self.detached) = Some(detached);
        self.changed.notify_all();
    }

    /// Waits until the version is unmapped, but not beyond `deadline`. Without a deadline, waits without limit.
    fn wait(&self, deadline: Option<Instant>) -> Unload {
        let mut detached = lock(&self.detached);
        while detached.is_none() {
            detached = match left(deadline) {
                None => self.changed.wait(detached).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return Unload::Pinned(self.in_use()),
                Some(left) => self.changed.wait_timeout(detached, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        let known = detached.clone().expect("looked at just now");
        drop(detached);
        known.wait(deadline)
    }

    /// Returns the reasons for which the version is not detached yet.
    fn in_use(&self) -> Vec<PinReason> {
        let plugins = self.loaded.strong_count();
        let own = usize::from(plugins != 0);
        let sites = self.exports.iter().map(|(name, site)| (name, site.strong_count()));
        let alive = sites.clone().filter(|(_, count)| *count != 0).count();
        let handles = sites.map(|(name, count)| (name.clone(), count.saturating_sub(own)));
        let shares = self.shares.as_ref();
        let (kept, objects) = shares.map_or((0, None), |shares| (shares.kept(), shares.reason(true)));
        let values = self.backend.strong_count().saturating_sub(alive + own + kept);
        let reasons = PinReason::in_use(handles, plugins, values, objects);
        // The last use may have ended since. Then the drain's thread is about to detach the library.
        if reasons.is_empty() { vec![PinReason::Closing] } else { reasons }
    }
}

/// An old version of a plugin that was upgraded and is still mapped. For an example see
/// [`Host::draining`](crate::Host::draining).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Draining {
    /// The plugin's name.
    pub plugin: String,
    /// The number of the version: see [`Plugin::revision`](crate::Plugin::revision).
    pub revision: u64,
    /// The reasons for which it is still mapped.
    pub reasons: Vec<PinReason>,
}

impl fmt::Display for Draining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "revision {} of plugin `{}` is ", self.revision, self.plugin)?;
        Unload::Pinned(self.reasons.clone()).fmt(f)
    }
}
