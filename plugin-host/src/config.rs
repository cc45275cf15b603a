//! The settings of a host, apart from the host.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::event::Event;
use crate::file::mapping::Mapping;
use crate::inspect::description::Description;
use crate::inspect::info::{AbortPlugins, PanicStrategy};
use crate::inspect::limits::Limits;
use crate::library::Settings;
use crate::load::trust::Trust;
use crate::services::memory::Memory;
use crate::work::activity::Activities;
use crate::work::handler::Handler;

/// The default limit for the time of a hook.
pub(crate) const HOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// The default limit for waiting until calls in progress have ended, before a state is handed over.
const HANDOVER_TIMEOUT: Duration = Duration::from_secs(1);

/// The settings that the host's author chose.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) trust: Trust,
    pub(crate) limits: Limits,
    pub(crate) directories: Vec<PathBuf>,
    pub(crate) abort_plugins: AbortPlugins,
    pub(crate) settings: Settings,
    pub(crate) on_event: Handler<Event>,
    pub(crate) activities: Arc<Activities>,
    pub(crate) handover_timeout: Duration,
    #[cfg(feature = "watch")]
    pub(crate) watch: crate::watch::times::Times,
}

impl Config {
    /// The settings of a host whose author has chosen nothing else.
    pub(crate) fn new(trust: Trust) -> Self {
        let settings = Settings {
            mapping: Mapping::default(),
            backtraces: false,
            crash_reports: false,
            faults: Arc::default(),
            memory: Memory::default(),
            on_leak: Handler::default(),
            hook_timeout: Some(HOOK_TIMEOUT),
            quiet: BTreeSet::new(),
        };
        Config {
            trust,
            limits: Limits::default(),
            directories: Vec::new(),
            abort_plugins: AbortPlugins::default(),
            settings,
            on_event: Handler::default(),
            activities: Arc::default(),
            handover_timeout: HANDOVER_TIMEOUT,
            #[cfg(feature = "watch")]
            watch: crate::watch::times::Times::default(),
        }
    }

    /// The directories that are searched for bare names, in order.
    pub(crate) fn search_dirs(&self) -> Vec<PathBuf> {
        let exe = std::env::current_exe().ok();
        let beside = exe.as_deref().and_then(Path::parent).map(Path::to_owned);
        self.directories.iter().cloned().chain(beside).collect()
    }

    /// Returns true if no look-up in that plugin may ask for a [`Fault`].
    pub(crate) fn refuses_faults(&self, description: &Description) -> bool {
        description.panic() == PanicStrategy::Abort && self.abort_plugins == AbortPlugins::RefuseFaults
    }
}
