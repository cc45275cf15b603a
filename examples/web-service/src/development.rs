//! Builds and upgrades by itself after each edit.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use plugin_host::build::{Build, BuildError};

/// Builds the crate in a directory, and again whenever its source changes. The host watches the library, and sees each
/// change. The compiler's errors are on standard error, and then the routes stay as they were.
pub(crate) fn build_and_keep_building(routes: PathBuf) -> Result<PathBuf, BuildError> {
    let source = routes.join("src");
    let mut built = last_change(&source);
    let library = Build::new(&routes).run()?;
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_millis(300));
            let changed = last_change(&source);
            // While an editor saves, a file may be missing.
            if changed.is_ok() && changed.as_ref().ok() != built.as_ref().ok() {
                built = changed;
                if let Err(error) = Build::new(&routes).run() {
                    eprintln!("{error}");
                }
            }
        }
    });
    Ok(library)
}

/// The time of the last change in a directory. A change of a directory itself counts too, because it means that a file
/// was added or removed.
fn last_change(path: &Path) -> io::Result<SystemTime> {
    let metadata = path.metadata()?;
    let mut last = metadata.modified()?;
    if metadata.is_dir() {
        for entry in path.read_dir()? {
            last = last.max(last_change(&entry?.path())?);
        }
    }
    Ok(last)
}
