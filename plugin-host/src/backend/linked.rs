//! Plugins that are linked into the host's own program. They have the same API, and no file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use plugin_core::host::observe_panics;
use plugin_core::host::record::{Build, Item, RawRecord};
use plugin_core::host::table::{self, Export};

use crate::backend::state::StateHooks;
use crate::backend::{Backend, Detached, Offer, PluginSource};
use crate::error::Error;
use crate::error::at::At as _;
use crate::host::Host;
use crate::inspect::info::PluginInfo;
use crate::library::hooks::Hooks;
use crate::library::items::{Items, described};
use crate::load::Reserved;
use crate::load::trust::Trust;
use crate::plugin::{Place, Plugin};
use crate::services::Services;
use crate::services::faults::Faults;
use crate::services::memory::Memory;
use crate::work::timeout::Steps;

impl Host {
    /// A host that serves the plugins which are linked into this program, and loads no files.
    ///
    /// Each package of the program that exports something is a plugin. Depend on it, and name it in the source
    /// (`use greeter as _;`), or the compiler leaves it out. Their init hooks run when the first such host is made, in the
    /// order of the packages' names, and their shutdown hooks when the last handle of the last such host is gone.
    ///
    /// # Errors
    ///
    /// [`Error::InitFailed`] or [`Error::InitPanicked`] if an init hook does not succeed, and
    /// [`Error::DuplicateExport`] if a package exports a name twice, and [`Error::InHook`] if it is called in one of the
    /// hooks that it runs.
    ///
    /// # Example
    ///
    /// ```standalone_crate
    /// use plugin_core::plugin_export;
    /// use plugin_host::Host;
    ///
    /// #[plugin_export]
    /// fn double(n: u32) -> u32 {
    ///     n * 2
    /// }
    ///
    /// let host = Host::linked()?;
    /// assert_eq!(host.get::<fn(u32) -> u32>("double")?(21), 42);
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn linked() -> Result<Self, Error> {
        Host::new(Trust::none()).with_linked()
    }

    /// Serves the plugins that are linked into this program too, as [`linked`](Self::linked) does.
    ///
    /// # Errors
    ///
    /// Those of [`linked`](Self::linked), and [`Error::AlreadyLoaded`] if a plugin of the same name is loaded.
    ///
    /// # Example
    ///
    /// ```standalone_crate
    /// use plugin_core::plugin_export;
    /// use plugin_host::{Host, Trust};
    ///
    /// /// A command that is built in.
    /// #[plugin_export]
    /// fn shout(text: &str) -> String {
    ///     text.to_uppercase()
    /// }
    ///
    /// // SAFETY: only plugins built with the SDK are in that directory.
    /// let host = Host::new(unsafe { Trust::any() }).with_search_dir("/opt/editor/plugins").with_linked()?;
    /// let commands = host.get_all::<fn(&str) -> String>("shout")?;
    /// assert_eq!(commands.len(), 1);
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn with_linked(self) -> Result<Self, Error> {
        let (plugins, attachment) = attach(&self.config.settings.faults)?;
        for LinkedPlugin { info, items } in plugins {
            let reserved = Reserved::new(&self, &info.name, Path::new(""))?;
            let description = info.into();
            let refuses_faults = self.config.refuses_faults(&description);
            let linked = Box::new(Linked { items, _attachment: attachment.clone() });
            let plugin = Plugin::new(description, refuses_faults, linked, Place::first(self.link()));
            self.write().add(plugin);
            reserved.keep();
        }
        Ok(self)
    }
}

/// A linked plugin. Each package of the program that exports something is one.
struct LinkedPlugin {
    info: PluginInfo,
    items: Items,
}

/// The backend of a linked plugin.
struct Linked {
    items: Items,
    /// Keeps the program's plugins attached.
    _attachment: Arc<Attachment>,
}

// SAFETY: the items are the program's own, or those of the plugin that this host is in. Its code runs here, and it stays mapped as long
// as a host in it exists. `plugin_export` makes an entry and its descriptor from one item.
unsafe impl Backend for Linked {
    fn source(&self) -> &PluginSource {
        &PROGRAM
    }

    fn exports(&self) -> Box<dyn Iterator<Item = Offer> + '_> {
        Box::new(self.items.offers())
    }

    /// None: a linked plugin has no other version.
    fn state_hooks(&self) -> StateHooks {
        StateHooks::default()
    }

    /// Never called: the registry refuses to unload and to upgrade a linked plugin. It is detached with the last host.
    fn detach(self: Box<Self>, _: Option<Duration>) -> Arc<dyn Detached> {
        unreachable!("linked plugins are not detached alone")
    }
}

static PROGRAM: PluginSource = PluginSource::Program;

/// A share in the attachment of the program's plugins. They are attached once for all hosts of the process: with the first
/// share the init hooks run, and with the last the shutdown hooks.
struct Attachment(());

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
fn attach(faults: &Arc<Faults>) -> Result<(Vec<LinkedPlugin>, Arc<Attachment>), Error> {
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
