//! Plugins that are linked into the host's own program. They have the same API, and no file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use plugin_core::host::observe_panics;
use plugin_core::host::record::{Build, Item, RawRecord};
use plugin_core::host::table::{self, Export};

use crate::error::Error;
use crate::error::at::At as _;
use crate::inspect::info::PluginInfo;
use crate::library::hooks::Hooks;
use crate::library::items::{Items, described};
use crate::services::Services;
use crate::services::faults::Faults;
use crate::services::memory::Memory;
use crate::work::timeout::Steps;

/// A linked plugin. Each package of the program that exports something is one.
pub(crate) struct LinkedPlugin {
    pub(crate) info: PluginInfo,
    pub(crate) items: Items,
}

/// A share in the attachment of the program's plugins. They are attached once for all hosts of the process: with the first
/// share the init hooks run, and with the last the shutdown hooks.
pub(crate) struct Attachment(());

/// The state of the attachment.
#[derive(Default)]
struct State {
    /// The number of [`Attachment`]s.
    count: usize,
    /// The thread that runs hooks now: the init hooks before the first attachment, or the shutdown hooks after the last.
    in_hooks: Option<ThreadId>,
    /// The hooks to run when the last [`Attachment`] is dropped.
    shutdown: Vec<(Arc<Hooks>, Arc<Services>)>,
}

static STATE: Mutex<State> = Mutex::new(State { count: 0, in_hooks: None, shutdown: Vec::new() });
static HOOKS_RAN: Condvar = Condvar::new();

fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `hooks` while no lock is held. Other threads that attach or detach wait until the hooks have returned or unwound.
fn run_hooks<R>(mut state: MutexGuard<'_, State>, hooks: impl FnOnce() -> R) -> (MutexGuard<'static, State>, R) {
    struct Done;
    impl Drop for Done {
        fn drop(&mut self) {
            lock().in_hooks = None;
            HOOKS_RAN.notify_all();
        }
    }

    state.in_hooks = Some(std::thread::current().id());
    drop(state);
    let done = Done;
    let result = hooks();
    std::mem::forget(done);
    // The caller notes the result before the lock is released, so other threads see both at once.
    let mut state = lock();
    state.in_hooks = None;
    HOOKS_RAN.notify_all();
    (state, result)
}

impl Attachment {
    fn new(plugins: &[LinkedPlugin], faults: &Arc<Faults>) -> Result<Self, Error> {
        let mut state = lock();
        while let Some(thread) = state.in_hooks {
            if thread == std::thread::current().id() {
                return Err(Error::InHook);
            }
            state = HOOKS_RAN.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.count == 0 {
            let hooks: Vec<_> = plugins
                .iter()
                .map(|LinkedPlugin { info, items }| {
                    let services =
                        Services::new(info.name.clone(), false, Memory::Plain, faults.clone(), BTreeSet::new());
                    (items.hooks.clone(), services)
                })
                .collect();
            let (locked, started) = run_hooks(state, || {
                for (place, (init, services)) in hooks.iter().enumerate() {
                    if let Err(error) = init.run_init(services.plugin(), &Steps::unlimited(), |_| ()).at(Path::new(""))
                    {
                        run_shutdown(&hooks[..=place]);
                        return Err(error);
                    }
                }
                Ok(())
            });
            state = locked;
            started?;
            state.shutdown = hooks;
        }
        state.count += 1;
        Ok(Attachment(()))
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let mut state = lock();
        state.count -= 1;
        if state.count == 0 {
            let hooks = std::mem::take(&mut state.shutdown);
            drop(run_hooks(state, || run_shutdown(&hooks)));
        }
    }
}

fn run_shutdown(plugins: &[(Arc<Hooks>, Arc<Services>)]) {
    for (hooks, services) in plugins.iter().rev() {
        hooks.run_shutdown(services, &Steps::unlimited(), |_| ());
    }
}

/// Attaches every package of this program that exports something, in the order of their names.
pub(crate) fn attach(faults: &Arc<Faults>) -> Result<(Vec<LinkedPlugin>, Arc<Attachment>), Error> {
    observe_panics();
    let mut packages: BTreeMap<&'static str, Vec<(Item<'static>, Export)>> = BTreeMap::new();
    for row in table::registered() {
        // SAFETY: `table::registered` has the rows of this program, or of the plugin that this host is in. Its code runs here,
        // and it stays mapped as long as a host in it exists.
        if let Some((item, row)) = unsafe { described(row) } {
            packages.entry(item.package).or_default().push((item, row));
        }
    }
    let plugins = packages.into_iter().map(|(package, items)| {
        let info = info(package, &items)?;
        Ok(LinkedPlugin { info, items: Items::new(items, package) })
    });
    let plugins = plugins.collect::<Result<Vec<_>, Error>>()?;
    let attachment = Attachment::new(&plugins, faults)?;
    Ok((plugins, Arc::new(attachment)))
}

fn info(package: &str, items: &[(Item<'static>, Export)]) -> Result<PluginInfo, Error> {
    let build = RawRecord::read(table::build_record());
    let build = build.ok().flatten().and_then(|(record, _)| Build::read(&record));
    let build = build.expect("plugin-core's own record has the form that it documents");
    let version = items.first().map_or("", |(item, _)| item.version);
    PluginInfo::new(package, version, &build, items.iter().map(|(item, _)| item)).at(Path::new(""))
}
