//! Edit, build, upgrade: all but the first by itself.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use plugin_host::build::{Build, BuildError};

/// Builds the crate in a directory, and again whenever its source changes. The host watches the library, and sees it
/// change. What the compiler does not like is on standard error, and the routes stay as they were.
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

/// When something in a directory last changed; also the directories themselves, for what is added and removed.
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
