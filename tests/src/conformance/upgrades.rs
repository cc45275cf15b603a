//! Upgrades, which take the state along.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use plugin_host::{Error, Fault, Host, Live};
use serde_json::json;

use super::Mode;
use crate::versions::version_of;
use crate::{fixture, library_name, variant};

/// A plugin that is upgraded.
struct Upgraded<'a> {
    host: Host,
    mode: &'a Mode,
    directory: tempfile::TempDir,
    count: Live<fn() -> u64>,
}

impl<'a> Upgraded<'a> {
    /// Returns `None` if the mode has no upgrades, and checks that it refuses them.
    fn new(mode: &'a Mode) -> Option<Self> {
        if mode.upgrade.is_none() {
            assert!(matches!(mode.host("zoo").reload("zoo"), Err(Error::Linked { .. })));
            return None;
        }
        let host = mode.host("upgrades");
        let count = host.live("count").unwrap();
        Some(Upgraded { host, mode, directory: tempfile::tempdir().unwrap(), count })
    }

    fn to(&self, library: &Path, number: u64, behaviour: &str) -> Result<(), Error> {
        let file: PathBuf = self.directory.path().join(library_name("upgrades"));
        crate::versions::replace(&file, &version_of(library, number, behaviour));
        self.mode.upgrade.expect("`new` has looked")(&self.host, "upgrades", &file)
    }
}

pub fn the_state_goes_with_an_upgrade(mode: &Mode) {
    let Some(plugin) = Upgraded::new(mode) else { return };
    plugin.host.get::<fn(Bytes)>("remember").unwrap()(Bytes::from(vec![7; 1000]));
    assert_eq!(((plugin.count)(), (plugin.count)()), (1, 2));
    // To a version with more fields, and back to one with fewer.
    plugin.to(&variant("upgrades", "grown"), 2, "serve").unwrap();
    assert_eq!(((plugin.count)(), plugin.host.get::<fn() -> u64>("generations").unwrap()()), (3, 1));
    plugin.to(&fixture("upgrades"), 3, "serve").unwrap();
    assert_eq!(((plugin.count)(), plugin.host.get::<fn() -> u64>("version").unwrap()()), (4, 3));
    let history = plugin.host.call_json("history", &json!([])).unwrap();
    assert_eq!(history, json!(["version 1 was here", "version 2 was here"]));
    assert_eq!(plugin.host.get::<fn() -> Vec<u8>>("remembered").unwrap()(), [7; 1000]);
}

pub fn after_a_failed_upgrade_the_old_version_serves_on(mode: &Mode) {
    let Some(plugin) = Upgraded::new(mode) else { return };
    let fault = |error: Error| match error {
        Error::RestorePanicked { fault, .. } => *fault,
        error => panic!("{error}"),
    };
    let Fault { message, export, .. } = fault(plugin.to(&fixture("upgrades"), 2, "panic rest").unwrap_err());
    assert_eq!(message, "the state is not for this version");
    assert_eq!(export.as_deref(), Some("upgrades::restore"));
    let error = plugin.to(&fixture("upgrades"), 2, "fail rest").unwrap_err();
    assert!(matches!(error, Error::RestoreFailed { .. }), "{error}");
    let error = plugin.to(&variant("upgrades", "other-state"), 2, "serve").unwrap_err();
    assert!(matches!(error, Error::StateMismatch { .. }), "{error}");
    let greet = plugin.host.live::<fn(&str) -> String>("greet").unwrap();
    let error = plugin.to(&variant("upgrades", "lacking"), 2, "serve").unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    assert_eq!((greet("you"), (plugin.count)()), ("Hello, you!".to_owned(), 1));
    assert_eq!(plugin.host.get::<fn() -> u64>("version").unwrap()(), 1);
}
