//! `environ WRITER READER LIBRARY`, `environ exit HOW LIBRARY`: a host, plugins and C code change and read the state
//! of one process.
//!
//! It is a program of its own because that state is the process's, and because a failure ends the process.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "../../fixtures/embedded/src/scenes.rs"]
mod scenes;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    assert!(plugin_core::host::table::environment_is_everywhere());
    scenes::play(&std::env::args().skip(1).collect::<Vec<_>>());
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    panic!("these scenes are for Linux with glibc");
}
