//! Plugins built by other compilers than the host's, in debug and release, all loaded into one host's process.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use plugin_host::__private::{Loopback, loopback};
use plugin_host::{Error, Fault, Host, Live, Plugin, inspect};
use tests::{build_of, fixture_target_dir, host, is_long_run, round_trips, toolchains};

/// Tests every part of the boundary: every type, both kinds of references, statics, panics. The same types cross as bytes, as
/// they do to another process, to another instance of the fixture `zoo` in `library`.
fn exercise(host: &Host, library: &Path) {
    round_trips::all(host);
    let far = tests::host();
    far.load(library).unwrap();
    round_trips::everywhere(&loopback(far).unwrap());
    assert_eq!(host.get::<fn(&[f64]) -> f64>("sum").unwrap()(&[1.0, 2.0]), 3.0);
    let mut names = vec!["a".to_owned()];
    assert_eq!(host.get::<fn(&mut Vec<String>, &str) -> usize>("append").unwrap()(&mut names, "b"), 2);
    assert_eq!(names, ["a", "b"]);
    assert_eq!(*host.get::<&str>("TEXT").unwrap(), "some text");
    host.get::<std::sync::RwLock<Vec<u32>>>("LIMITS").unwrap().write().unwrap().push(5);
    assert_eq!(host.get::<fn() -> Vec<u32>>("limits").unwrap()(), [5]);
    let fault = host.get::<fn(&str) -> Result<u32, Fault>>("panic_with").unwrap()("across").unwrap_err();
    assert_eq!(fault.message, "across");
    assert!(fault.location.is_some());
}

/// One test, because it looks at the mappings of the whole process.
#[test]
fn other_compilers_and_settings() {
    if !is_long_run("plugins of other compilers and settings, each of which is built anew") {
        return;
    }
    // This test is about compilers, and not about rare values, so a few values are enough.
    // SAFETY: this is the only test in the program, and nothing has read the environment.
    unsafe { std::env::set_var("PROPTEST_CASES", "24") };
    every_installed_compiler_and_the_oldest_and_newest_in_release();
    optimised_in_other_ways();
}

/// A plugin that is upgraded to versions from different compilers and settings while it is called, and keeps its state.
struct Upgrading {
    host: Host,
    counts: Option<Counts>,
    revision: u64,
}

/// The export that counts, and the last count.
struct Counts {
    live: Live<fn() -> u64>,
    last: u64,
}

impl Default for Upgrading {
    fn default() -> Self {
        Upgrading { host: host(), counts: None, revision: 1 }
    }
}

/// Upgrades to the version in a library, which gets this number. Every second version runs elsewhere, so the state crosses as a
/// message, too.
fn upgrade(host: &Host, revision: u64, library: &Path) -> Result<Plugin, Error> {
    if revision.is_multiple_of(2) {
        return host.reload(library);
    }
    let far = tests::host();
    far.load(library)?;
    Loopback::new(far).upgrade(host, "upgrades")?;
    host.plugin("upgrades")
}

impl Upgrading {
    fn to(&mut self, library: &Path, what: &str) {
        let Some(counts) = &mut self.counts else {
            self.host.load(library).unwrap_or_else(|error| panic!("{what}: {error}"));
            self.counts = Some(Counts { live: self.host.live("count").unwrap(), last: 0 });
            return;
        };
        self.revision += 1;
        let stop = AtomicBool::new(false);
        let last = std::thread::scope(|scope| {
            let Counts { live, last } = &*counts;
            let stop = &stop;
            let thread = scope.spawn(move || {
                let mut last = *last;
                loop {
                    let next = live();
                    assert_eq!(next, last + 1, "{what}");
                    last = next;
                    if stop.load(Ordering::Relaxed) {
                        return last;
                    }
                }
            });
            let upgraded = upgrade(&self.host, self.revision, library);
            stop.store(true, Ordering::Relaxed);
            assert_eq!(upgraded.unwrap_or_else(|error| panic!("{what}: {error}")).revision(), self.revision);
            thread.join().unwrap()
        });
        assert!(last > counts.last, "{what}");
        counts.last = last;
        let started = Instant::now();
        while cfg!(target_os = "linux") && !self.host.draining().is_empty() {
            assert!(started.elapsed() < Duration::from_secs(20), "{what}: {:?}", self.host.draining());
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn assert_nothing_is_mapped(what: &str) {
    if cfg!(target_os = "linux") {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(!maps.contains("libzoo") && !maps.contains("libthreads"), "{what}: a library stays mapped:\n{maps}");
    }
}

fn every_installed_compiler_and_the_oldest_and_newest_in_release() {
    let toolchains = toolchains();
    if toolchains.len() < 2 {
        println!("only {toolchains:?} are installed: install more with rustup to see plugins of other compilers");
    }
    let mut hosts = Vec::new();
    let mut upgrading = Upgrading::default();
    let mut used = |toolchain: &str, release: bool| {
        let build = |fixture: &str| {
            let build = build_of(fixture).toolchain(toolchain).target_dir(fixture_target_dir(toolchain));
            let build = if release { build.release() } else { build };
            build.run().unwrap_or_else(|error| panic!("{toolchain}: {error}"))
        };
        let zoo = build("zoo");
        let compiler = inspect(&zoo).unwrap().rustc;
        let host = host();
        host.load(&zoo).unwrap_or_else(|error| panic!("{toolchain}: {error}"));
        host.load(build("threads")).unwrap_or_else(|error| panic!("{toolchain}: {error}"));
        exercise(&host, &zoo);
        assert_eq!(host.get::<fn() -> usize>("touch").unwrap()(), 1001);
        assert_eq!(host.get::<fn() -> usize>("spawn_and_join").unwrap()(), 1001);
        hosts.push(host);
        upgrading.to(&build("upgrades"), toolchain);
        compiler
    };
    // The order is by version.
    let compilers: std::collections::BTreeMap<_, _> =
        toolchains.iter().map(|toolchain| (used(toolchain, false), toolchain)).collect();
    let oldest_and_newest = [compilers.first_key_value(), compilers.last_key_value()].into_iter().flatten();
    let oldest_and_newest: std::collections::BTreeSet<_> = oldest_and_newest.collect();
    for (_, toolchain) in oldest_and_newest {
        used(toolchain, true);
    }
    drop(upgrading);
    // All at once, in one process.
    for host in &hosts {
        assert_eq!(host.get::<fn(u64, u64) -> u64>("add").unwrap()(20, 22), 42);
    }
    drop(hosts);
    println!("plugins of {} compilers were loaded: {:?}", compilers.len(), compilers.keys());
    assert_nothing_is_mapped("some toolchain");
}

/// Plugins that are linked by fat LTO, or as small as they get: as one codegen unit, for size, and stripped.
fn optimised_in_other_ways() {
    let mut upgrading = Upgrading::default();
    let small = ["profile.release.codegen-units=1", "profile.release.opt-level=\"z\"", "profile.release.strip=true"];
    for (name, settings) in [("lto", &["profile.release.lto=\"fat\""][..]), ("small", &small)] {
        let build = |fixture: &str| {
            let build = build_of(fixture).release().target_dir(fixture_target_dir(name));
            let build = settings.iter().fold(build, |build, setting| build.arg("--config").arg(setting));
            build.run().unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let (host, zoo) = (host(), build("zoo"));
        host.load(&zoo).unwrap_or_else(|error| panic!("{name}: {error}"));
        host.load(build("threads")).unwrap_or_else(|error| panic!("{name}: {error}"));
        exercise(&host, &zoo);
        assert_eq!(host.plugin("zoo").unwrap().name(), "zoo");
        assert_eq!(host.get::<fn() -> usize>("touch").unwrap()(), 1001);
        assert_eq!(host.get::<fn() -> usize>("spawn_and_join").unwrap()(), 1001);
        drop(host);
        assert_nothing_is_mapped(name);
        upgrading.to(&build("upgrades"), name);
    }
}
