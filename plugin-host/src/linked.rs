//! Plugins that are linked into the host's own program: the same API, and no file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use plugin_core::fault::observe_panics;
use plugin_core::record::{Build, RawRecord};
use plugin_core::table;

use crate::error::Error;
use crate::inspect::PluginInfo;
use crate::library::{Entry, Hooks};
use crate::services::{FaultHandler, Services};

/// One package's items, attached while this is there.
pub(crate) struct Linked {
    hooks: Hooks,
    services: Arc<Services>,
}

impl Drop for Linked {
    fn drop(&mut self) {
        let _one_at_a_time = hooks_run();
        self.hooks.run_shutdown(&self.services);
    }
}

/// A linked plugin as a host serves it.
#[derive(Clone)]
pub(crate) struct LinkedPlugin {
    pub(crate) info: PluginInfo,
    pub(crate) entries: Vec<Entry>,
    pub(crate) attached: Arc<Linked>,
}

/// Held while hooks run: those of a package that is being detached end before those of its next attachment begin.
fn hooks_run() -> MutexGuard<'static, ()> {
    static HOOKS: Mutex<()> = Mutex::new(());
    HOOKS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// What is attached now, by package. There is one program, so its plugins are attached once, however many hosts there
/// are.
static ATTACHED: Mutex<BTreeMap<&'static str, Weak<Linked>>> = Mutex::new(BTreeMap::new());

/// Attaches every package of this program that exports something; each is a plugin.
pub(crate) fn attach(on_fault: &FaultHandler) -> Result<Vec<LinkedPlugin>, Error> {
    observe_panics();
    let mut packages: BTreeMap<&'static str, Vec<Entry>> = BTreeMap::new();
    for export in table::registered() {
        // SAFETY: the program is its own library, and stays mapped.
        if let Some(entry) = unsafe { Entry::new(export) } {
            packages.entry(entry.item.package).or_default().push(entry);
        }
    }
    let mut attached = ATTACHED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut plugins = Vec::new();
    for (package, entries) in packages {
        let info = info(package, &entries)?;
        let known = attached.get(package).and_then(Weak::upgrade);
        let linked = match known {
            Some(linked) => linked,
            None => {
                let services = Services::new(package.to_owned(), false, on_fault.clone());
                let linked = Arc::new(Linked { hooks: Hooks::new(&entries, package), services });
                // If it fails, dropping `linked` runs the shutdown hooks.
                let started = {
                    let _one_at_a_time = hooks_run();
                    linked.hooks.run_init(package, Path::new(""))
                };
                started?;
                attached.insert(package, Arc::downgrade(&linked));
                linked
            }
        };
        plugins.push(LinkedPlugin { info, entries, attached: linked });
    }
    Ok(plugins)
}

fn info(package: &str, entries: &[Entry]) -> Result<PluginInfo, Error> {
    let build = RawRecord::read(table::build_record());
    let build = build.ok().flatten().and_then(|(record, _)| Build::read(&record));
    let build = build.expect("plugin-core's own record has the form that it documents");
    let version = entries.first().map_or("", |entry| entry.item.version);
    PluginInfo::new(Path::new(""), package, version, &build, entries.iter().map(|entry| (entry.kind, &entry.item)))
}
