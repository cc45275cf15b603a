//! The way that the kernel takes to a file: through directories and symbolic links.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

/// The number of symbolic links that Linux follows.
const MAX_LINKS: usize = 40;

/// The way to a file, as it was at one moment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// The names that the kernel looks up, the file's own name last.
    steps: Vec<Step>,
    /// The directories to watch, each once, and whether the others do not suffice to hear of a new file.
    directories: Vec<(PathBuf, bool)>,
}

/// A name that is looked up in a directory.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    /// A path without symbolic links.
    directory: PathBuf,
    name: OsString,
    is_link: bool,
}

impl Way {
    /// The way to a file, as it is now. Parts of it may be missing.
    pub(super) fn to(path: &Path) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut steps = Vec::new();
        let mut links = 0;
        let mut at = PathBuf::new();
        // The last one is the next.
        let mut left = parts(&path);
        while let Some(part) = left.pop() {
            match part {
                Part::Top(top) => at.push(top),
                Part::Up => _ = at.pop(),
                Part::Name(name) => {
                    let next = at.join(&name);
                    let target = std::fs::read_link(&next).ok().filter(|_| links < MAX_LINKS);
                    steps.push(Step { directory: at.clone(), name, is_link: target.is_some() });
                    match target {
                        Some(target) => {
                            links += 1;
                            left.extend(parts(&target));
                        }
                        None => at = next,
                    }
                }
            }
        }
        let directories = Self::directories_of(&steps);
        Way { steps, directories }
    }

    /// The kernel tells of a name in its directory. On Linux all directories are watched, because any may be moved. Elsewhere
    /// a directory that is watched costs more, and on Windows nothing above it can be moved. So these are only the
    /// directories of links, of the file, and of the first name that is missing. On macOS, to watch a directory is to be told
    /// of everything below it, so links at the top of the file system, such as `/tmp`, are taken to stay as they are.
    fn directories_of(steps: &[Step]) -> Vec<(PathBuf, bool)> {
        let last = steps.len().saturating_sub(1);
        let mut directories: Vec<(PathBuf, bool)> = Vec::new();
        for (at, Step { directory, name, is_link }) in steps.iter().enumerate() {
            let is_too_much = cfg!(target_os = "macos") && directory.parent().is_none();
            let is_needed = *is_link && !is_too_much || at == last;
            let ends_here = || !directory.join(name).exists() && directory.is_dir();
            match directories.iter_mut().find(|(known, _)| known == directory) {
                Some((_, known)) => *known |= is_needed,
                None if is_needed || cfg!(target_os = "linux") || ends_here() => {
                    directories.push((directory.clone(), is_needed));
                }
                None => {}
            }
        }
        directories
    }

    /// The directories to watch, and whether each is needed.
    pub(super) fn directories(&self) -> impl Iterator<Item = (&Path, bool)> {
        self.directories.iter().map(|(directory, is_needed)| (&**directory, *is_needed))
    }

    /// The names, and whether each is the file's own.
    pub(super) fn names(&self) -> impl Iterator<Item = (&OsStr, bool)> {
        let last = self.steps.len().saturating_sub(1);
        self.steps.iter().enumerate().map(move |(at, step)| (&*step.name, at == last))
    }
}

enum Part {
    /// The top of the file system, or of one of its drives.
    Top(OsString),
    Up,
    Name(OsString),
}

/// The parts of a path, the last first.
fn parts(path: &Path) -> Vec<Part> {
    let part = |component: Component<'_>| match component {
        Component::Prefix(_) | Component::RootDir => Some(Part::Top(component.as_os_str().to_owned())),
        Component::CurDir => None,
        Component::ParentDir => Some(Part::Up),
        Component::Normal(name) => Some(Part::Name(name.to_owned())),
    };
    path.components().rev().filter_map(part).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(way: &Way) -> Vec<String> {
        way.steps.iter().map(|step| step.directory.join(&step.name).display().to_string()).collect()
    }

    #[test]
    fn a_way_leads_through_links() {
        let directory = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(directory.path()).unwrap();
        fs::create_dir_all(top.join("v1/lib")).unwrap();
        fs::write(top.join("v1/lib/file"), "").unwrap();
        symlink("v1", top.join("current")).unwrap();
        symlink(top.join("current/../current/lib"), top.join("stable")).unwrap();
        symlink("stable/./file", top.join("link")).unwrap();

        let above = names(&Way::to(&top));
        let below = |names: &[&str]| names.iter().map(|name| top.join(name).display().to_string()).collect::<Vec<_>>();
        let way = Way::to(&top.join("link"));
        let expected = [
            above.clone(),
            below(&["link", "stable"]),
            above.clone(),
            below(&["current", "v1", "current", "v1", "v1/lib", "v1/lib/file"]),
        ];
        assert_eq!(names(&way), expected.concat());
        let needed: Vec<&Path> = way.directories().filter(|(_, needed)| *needed).map(|(at, _)| at).collect();
        assert!(needed.contains(&&*top) && needed.contains(&&*top.join("v1/lib")), "{needed:?}");
        assert!(!needed.contains(&&*top.join("v1")));
        assert_eq!(way.names().last(), Some((OsStr::new("file"), true)));

        assert_eq!(names(&Way::to(&top.join("gone/deep"))), [above, below(&["gone", "gone/deep"])].concat());
        symlink("round", top.join("round")).unwrap();
        assert!(Way::to(&top.join("round/file")).steps.len() < 100);
    }
}
