//! Plugins that use C. Code is never unmapped while the C library, the kernel or another library could call it. The
//! host names the reason.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use plugin_host::{Host, Mapping, PinReason, Registered, Registration, Unload};
use tests::{LONG, assert_child, fixture, fixture_dir, fixture_target_dir, host, variant, variant_with};

/// The name of the C library that the fixture needs. A copy of the fixture has another name of the same length.
const ANY: &str = "lib_the_name_of_which_is_any.so";

/// The directory of all C files. The fixture looks for them here.
fn directory() -> PathBuf {
    let directory = fixture_target_dir("foreign");
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// Builds a library from `foreign.c` with these arguments. The loader takes libraries of one name for one library, so
/// each has a name of its own. Returns `None` without a C compiler.
fn foreign_library(file: &str, soname: &str, arguments: &[&str]) -> Option<PathBuf> {
    if std::env::var_os("PLUGIN_TEST_FIXTURES").is_some() {
        println!("skipped: there is no cargo here to build a plugin with a library of C");
        return None;
    }
    let library = directory().join(file);
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-pthread", &format!("-Wl,-soname,{soname}"), "-o"])
        .arg(&library)
        .arg(fixture_dir("foreign").join("foreign.c"))
        .args(arguments)
        .status();
    match compiled {
        Ok(status) => assert!(status.success(), "{status}"),
        Err(error) => {
            println!("skipped: there is no compiler of C: {error}");
            return None;
        }
    }
    Some(library)
}

/// A plugin that asks for such a library by this name.
fn linked(needed: &str, arguments: &[&str]) -> Option<PathBuf> {
    static BUILT: Mutex<Option<Vec<u8>>> = Mutex::new(None);
    let file = needed.rsplit('/').next().unwrap();
    foreign_library(file, needed, arguments)?;
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if built.is_none() {
        foreign_library("libforeign.so", ANY, &[])?;
        let place = format!("env.FOREIGN_DIRECTORY='{}'", directory().to_str().unwrap());
        let library = variant_with("foreign", "linked", &["--features", "linked", "--config", &place]);
        *built = Some(std::fs::read(library).unwrap());
    }
    let mut bytes = built.clone().unwrap();
    drop(built);
    tests::rewrite(&mut bytes, &[(ANY, &format!("{needed:\0<0$}", ANY.len()))]);
    let plugin = directory().join(format!("uses-{file}"));
    std::fs::write(&plugin, bytes).unwrap();
    Some(plugin)
}

/// Loads the plugin, does something with it, and unloads it.
fn after(library: &Path, host: Host, f: impl FnOnce(&Host)) -> Unload {
    host.load(library).unwrap();
    f(&host);
    host.unload("foreign", LONG).unwrap()
}

fn call(host: &Host, name: &str) {
    host.get::<fn()>(name).unwrap()();
}

/// The things that alone pin the plugin.
#[track_caller]
fn registered(unloaded: &Unload) -> &[Registered] {
    let Unload::Pinned(reasons) = unloaded else { panic!("{unloaded}") };
    let [PinReason::Registered { things, .. }] = &reasons[..] else { panic!("{unloaded}") };
    things
}

/// Expects that these things pin the plugin. Each has the function that registered it, and the function that would be
/// called.
#[track_caller]
fn assert_registered(unloaded: &Unload, expected: &[(Registration, &str, Option<&str>)]) {
    let things: Vec<_> = registered(unloaded)
        .iter()
        .map(|one| (one.thing.clone(), one.by.as_deref().unwrap(), one.function.as_deref()))
        .collect();
    assert_eq!(things, expected);
}

/// The names of the libraries that alone pin the plugin.
#[track_caller]
fn libraries(unloaded: &Unload) -> &[String] {
    let Unload::Pinned(reasons) = unloaded else { panic!("{unloaded}") };
    let [PinReason::Libraries { names, .. }] = &reasons[..] else { panic!("{unloaded}") };
    names
}

fn is_mapped(name: &str) -> bool {
    std::fs::read_to_string("/proc/self/maps").unwrap().contains(name)
}

/// Calls an export on a thread of the host's, unloads the plugin, and only then lets the thread end.
fn on_a_thread_that_ends_last(library: &Path, host: Host, export: &'static str) -> Unload {
    host.load(library).unwrap();
    let function = host.get::<fn()>(export).unwrap();
    let (end, ended) = channel::<()>();
    let (done, is_done) = channel();
    let thread = std::thread::spawn(move || {
        function();
        drop(function);
        done.send(()).unwrap();
        _ = ended.recv();
    });
    is_done.recv().unwrap();
    let unloaded = host.unload("foreign", LONG).unwrap();
    drop(end);
    thread.join().unwrap();
    unloaded
}

/// Another C library makes the key. The key's destructor is in that library, and calls the plugin after the unload.
#[test]
fn a_key_of_a_c_library_pins_the_plugin() {
    let Some(plugin) = linked("libforeignkey.so", &[]) else { return };
    assert_eq!(libraries(&on_a_thread_that_ends_last(&plugin, host(), "at_thread_exit")), ["libforeignkey.so"]);
    // Once more, because now the library is loaded before the plugin.
    assert_eq!(libraries(&on_a_thread_that_ends_last(&plugin, host(), "at_thread_exit")), ["libforeignkey.so"]);
}

/// The thread calls the plugin even after the unload.
#[test]
fn a_thread_of_a_c_library_pins_the_plugin() {
    let Some(plugin) = linked("libforeignthread.so", &[]) else { return };
    let host = host();
    let loaded = host.load(&plugin).unwrap();
    // Not kept here: the plugin's own function is called below.
    let stop = loaded.get::<fn()>("stop_foreign_thread").unwrap();
    call(&host, "start_foreign_thread");
    drop((loaded, stop));
    assert_eq!(libraries(&host.unload("foreign", LONG).unwrap()), ["libforeignthread.so"]);
    std::thread::sleep(Duration::from_millis(100));
}

/// The threads of OpenMP's pool wait for work for as long as the process lives.
#[test]
fn a_c_library_with_a_pool_of_threads_pins_the_plugin() {
    let Some(plugin) = linked("libforeignpool.so", &["-fopenmp"]) else { return };
    for _ in 0..3 {
        let unloaded = after(&plugin, host(), |host| {
            assert_eq!(host.get::<fn(i32) -> i32>("count").unwrap()(1000), 1000);
        });
        assert_eq!(libraries(&unloaded), ["libforeignpool.so", "libgomp.so.1"]);
    }
}

/// With the promise that the library leaves nothing behind, the plugin is unmapped. The library itself never is.
#[test]
fn a_c_library_that_the_host_vouches_for_does_not_pin() {
    let Some(plugin) = linked("libforeignquiet.so", &[]) else { return };
    // SAFETY: the plugin calls only `foreign_count` of the library, which only returns a number. So nothing of the library leads
    // to the plugin.
    let host = || unsafe { host().with_quiet_library("libforeignquiet.so") };
    for _ in 0..3 {
        let unloaded = after(&plugin, host(), |host| {
            assert_eq!(host.get::<fn(i32) -> i32>("count").unwrap()(10), 10);
        });
        assert_eq!(unloaded, Unload::Unmapped);
        assert!(is_mapped("libforeignquiet.so"));
    }
    let Some(with_pool) = linked("libforeignquiet2.so", &["-fopenmp"]) else { return };
    // SAFETY: the plugin calls nothing of this library.
    let host = unsafe { self::host().with_quiet_library("libforeignquiet2.so") };
    assert_eq!(libraries(&after(&with_pool, host, |_| ())), ["libgomp.so.1"], "each is vouched for by itself");
}

/// A plugin with C++ inside. `None` without a compiler of C++.
fn with_cpp() -> Option<PathBuf> {
    if std::env::var_os("PLUGIN_TEST_FIXTURES").is_some() {
        println!("skipped: there is no cargo here to build a plugin with C++");
        return None;
    }
    let directory = directory().join("cpp");
    std::fs::create_dir_all(&directory).unwrap();
    let object = directory.join("foreign.o");
    let mut compile = Command::new("c++");
    compile.args(["-std=c++17", "-c", "-fPIC", "-O1", "-o"]).arg(&object);
    compile.arg(fixture_dir("foreign").join("foreign.cpp"));
    let mut archive = Command::new("ar");
    archive.arg("rcs").arg(directory.join("libforeigncpp.a")).arg(&object);
    for mut command in [compile, archive] {
        match command.status() {
            Ok(status) => assert!(status.success(), "{status}"),
            Err(error) => {
                println!("skipped: there is no compiler of C++: {error}");
                return None;
            }
        }
    }
    let place = format!("env.FOREIGN_DIRECTORY='{}'", directory.to_str().unwrap());
    Some(variant_with("foreign", "cpp", &["--features", "cpp", "--config", &place]))
}

/// The host of plugins with C++.
fn cpp_host() -> Host {
    // SAFETY: the plugin uses nothing of the library but `__cxa_thread_atexit`, if that.
    unsafe { host().with_quiet_library("libstdc++.so.6") }
}

/// The compiler of C++ registers destructors with the library of C++, and not with the C library. A variable that it makes
/// unique in the process, for which the loader would keep the library, is the library's own: rustc exports no such symbol.
#[test]
fn thread_locals_of_cpp() {
    let Some(plugin) = with_cpp() else { return };
    for _ in 0..2 {
        let unloaded = after(&plugin, cpp_host(), |host| {
            assert_eq!(host.get::<fn() -> u32>("run_thread_with_cpp").unwrap()(), 1);
            call(host, "at_thread_exit_by_cpp");
        });
        assert_eq!(unloaded, Unload::Unmapped);
    }
    assert_eq!(on_a_thread_that_ends_last(&plugin, cpp_host(), "at_thread_exit_by_cpp"), Unload::Unmapped);
}

/// The host knows C11's threads and keys, as it knows Rust's.
#[test]
fn threads_and_keys_of_c11() {
    let plugin = fixture("foreign");
    let unloaded = after(&plugin, host(), |host| {
        assert_eq!(host.get::<fn() -> i32>("run_c11_thread").unwrap()(), 7);
        assert_eq!(host.get::<AtomicU32>("CALLED").unwrap().load(Ordering::SeqCst), 1);
    });
    assert_eq!(unloaded, Unload::Unmapped);
    assert_eq!(on_a_thread_that_ends_last(&plugin, host(), "at_thread_exit_by_c11"), Unload::Unmapped);
    // While the plugin is loaded, the destructor runs normally.
    let host = host();
    host.load(&plugin).unwrap();
    let at_thread_exit = host.get::<fn()>("at_thread_exit_by_c11").unwrap();
    std::thread::scope(|scope| scope.spawn(&*at_thread_exit).join().unwrap());
    assert_eq!(host.get::<AtomicU32>("CALLED").unwrap().load(Ordering::SeqCst), 1);
}

#[test]
fn functions_that_are_looked_up_by_name() {
    let plugin = fixture("foreign");
    let version = if cfg!(target_arch = "x86_64") { "GLIBC_2.2.5" } else { "GLIBC_2.17" };
    for (next, version) in [(false, None), (true, None), (false, Some(version)), (true, Some(version))] {
        let unloaded = after(&plugin, host(), |host| {
            let run = host.get::<fn(Option<String>, bool)>("run_thread_that_is_looked_up").unwrap();
            run(version.map(str::to_owned), next);
            assert_eq!(host.get::<AtomicU32>("CALLED").unwrap().load(Ordering::SeqCst), 1);
            let find = host.get::<fn(String, Option<String>, bool) -> usize>("find").unwrap();
            let find = |name: &str| find(name.to_owned(), version.map(str::to_owned), next);
            let found_here = |name: &str| {
                let name = std::ffi::CString::new(name).unwrap();
                // SAFETY: the name ends with NUL.
                unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }.addr()
            };
            for name in ["dlsym", "dlvsym", "dlopen", "signal", "sigaction", "pthread_setspecific"] {
                assert_ne!(find(name), 0, "{name}");
                assert_ne!(find(name), found_here(name), "{name}");
            }
            for name in ["tss_set", "thrd_create"] {
                // These functions are younger than the version.
                assert!(version.is_some() || find(name) != found_here(name), "{name}");
            }
            for name in ["pthread_getspecific", "malloc", "getpid"] {
                assert_eq!(find(name), found_here(name), "{name}");
            }
            assert_eq!(find("there is no such function"), 0);
        });
        assert_eq!(unloaded, Unload::Unmapped);
    }
}

/// The program has opened the library, and closes it before the library calls the plugin's function.
#[test]
fn a_library_of_the_programs_that_the_plugin_calls() {
    const CHILD: &str = "PLUGIN_TEST_CALLS";
    let Some(other) = foreign_library("libforeignprogram.so", "libforeignprogram.so", &[]) else { return };
    if let Some(way) = std::env::var_os(CHILD) {
        let (plugin, export) = match way.to_str().unwrap() {
            "bound" => (variant("foreign", "bound"), "at_thread_exit"),
            _ => (fixture("foreign"), "at_thread_exit_by_lookup"),
        };
        let path = std::ffi::CString::new(other.to_str().unwrap()).unwrap();
        let open = || {
            // SAFETY: the library's constructors are sound.
            let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
            assert!(!handle.is_null());
            handle
        };
        let handle = open();
        assert_eq!(libraries(&on_a_thread_that_ends_last(&plugin, host(), export)), ["libforeignprogram.so"]);
        // SAFETY: the library was opened above, and is not used any more.
        assert_eq!(unsafe { libc::dlclose(handle) }, 0);
        assert!(is_mapped("libforeignprogram.so"), "its key has a destructor");
        open();
        // SAFETY: only `at_thread_exit` of the library is called, and its callback runs before the unload.
        let host = unsafe { host().with_quiet_library("libforeignprogram.so") };
        host.load(&plugin).unwrap();
        let function = host.get::<fn()>(export).unwrap();
        std::thread::scope(|scope| scope.spawn(&*function).join().unwrap());
        drop(function);
        assert_eq!(host.unload("foreign", LONG).unwrap(), Unload::Unmapped);
        std::process::exit(29);
    }
    for way in ["bound", "looked up"] {
        assert_child("a_library_of_the_programs_that_the_plugin_calls", CHILD, way, 29);
    }
}

/// The host does not find the library by the name in the plugin's file.
#[test]
fn a_c_library_beside_the_plugin_pins_it() {
    let Some(plugin) = linked("$ORIGIN/libforeignbeside.so", &[]) else { return };
    for _ in 0..2 {
        // SAFETY: the library's destructor calls a function that leaves nothing behind.
        let quiet = unsafe { host().with_mapping(Mapping::InPlace).with_quiet_library("libforeignbeside.so") };
        assert_eq!(after(&plugin, quiet, |_| ()), Unload::Unmapped);
        assert!(is_mapped("libforeignbeside.so"));
    }
    let host = host().with_mapping(Mapping::InPlace);
    assert_eq!(libraries(&on_a_thread_that_ends_last(&plugin, host, "at_thread_exit")), ["libforeignbeside.so"]);
}

/// Otherwise the first call would fail, and that would end the process.
#[test]
fn a_function_that_no_library_has_is_found_at_the_load() {
    let plugin = variant("foreign", "lazy");
    for mapping in [Mapping::Private, Mapping::InPlace] {
        let error = host().with_mapping(mapping).load(&plugin).unwrap_err();
        let (name, remedy) =
            ("undefined symbol: foreign_at_thread_exit", "link the plugin with the library that has this symbol");
        assert_eq!(error.to_string(), format!("the system cannot map `{0}`: {0}: {name}; {remedy}", plugin.display()));
    }
}

/// The loader searches its usual directories, and not the directory of a private copy.
#[test]
fn a_needed_library_that_is_not_found_is_named() {
    let Some(plugin) = linked("$ORIGIN/libforeignabsent.so", &[]) else { return };
    let library = plugin.with_file_name("libforeignabsent.so");
    let needed = |error: plugin_host::Error| {
        let text = error.to_string();
        let start = format!(
            "the system cannot map `{}`: a library that it needs is not found (beside it, only with \
                             `Mapping::InPlace`): ",
            plugin.display()
        );
        let rest = text.strip_prefix(&start).unwrap_or_else(|| panic!("{text}"));
        assert!(
            rest.ends_with("libforeignabsent.so: cannot open shared object file: No such file or directory"),
            "{text}"
        );
    };
    needed(host().load(&plugin).unwrap_err());
    std::fs::remove_file(&library).unwrap();
    needed(host().with_mapping(Mapping::InPlace).load(&plugin).unwrap_err());
}

/// The C library would write to the memory, or read it, or call the function, after the plugin is unmapped.
#[test]
fn functions_and_memory_that_libc_keeps_pin_the_plugin() {
    let plugin = fixture("foreign");
    let memory = [
        "putenv",
        "setvbuf",
        "setbuf",
        "setbuffer",
        "initstate",
        "setstate",
        "open_memstream",
        "fmemopen",
        "openlog",
        "sigaltstack",
        "hsearch",
        "program_invocation_name",
    ];
    let functions = [
        ("__cxa_atexit", Registration::ExitFunction, "foreign::called_with"),
        ("__cxa_at_quick_exit", Registration::ExitFunction, "foreign::called_with"),
        ("__register_atfork", Registration::Callback, "foreign::called"),
        ("error_print_progname", Registration::Callback, "foreign::called"),
    ];
    for (by, thing, function) in memory.map(|by| (by, Registration::Memory, "")).into_iter().chain(functions) {
        assert_child("leaves_by", "PLUGIN_TEST_LEAVES", format!("{by} {thing:?} {function}"), 31);
    }
    assert_eq!(after(&plugin, host(), |host| call(host, "leave_nothing")), Unload::Unmapped);
}

/// The child of the test above.
#[test]
fn leaves_by() {
    let Some(what) = std::env::var_os("PLUGIN_TEST_LEAVES") else { return };
    let mut words = what.to_str().unwrap().split(' ');
    let (by, thing, function) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let unloaded = after(&fixture("foreign"), host(), |host| {
        host.get::<fn(String)>("leave").unwrap()(by.to_owned());
    });
    let things = registered(&unloaded);
    assert!(things.iter().all(|one| format!("{:?}", one.thing) == thing), "{by}: {unloaded}");
    // `setstate` needs what `initstate` returns.
    let one = things.last().unwrap();
    assert_eq!((one.by.as_deref(), one.function.as_deref().unwrap_or_default()), (Some(by), function));
    std::process::exit(31);
}

#[test]
fn a_timer_that_starts_a_thread() {
    let plugin = fixture("foreign");
    let host = host();
    host.load(&plugin).unwrap();
    call(&host, "start_timer");
    let unloaded = host.unload("foreign", LONG).unwrap();
    assert_registered(&unloaded, &[(Registration::Callback, "timer_create", None)]);
    // The thread starts now.
    std::thread::sleep(Duration::from_millis(200));
}

#[test]
fn a_signal_that_is_ignored_pins_nothing() {
    let unloaded = after(&fixture("foreign"), host(), |host| {
        host.get::<fn(i32)>("ignore_signals").unwrap()(libc::SIGUSR2);
    });
    assert_eq!(unloaded, Unload::Unmapped);
}

/// A library that the plugin itself opens counts as used.
#[test]
fn a_foreign_library_that_the_plugin_opens_pins_it() {
    let Some(other) = foreign_library("libforeignopened.so", "libforeignopened.so", &[]) else { return };
    let plugin = fixture("foreign");
    let open = |host: &Host, file: &str| {
        assert!(host.get::<fn(String) -> bool>("open").unwrap()(file.to_owned()));
    };
    let unloaded = after(&plugin, host(), |host| open(host, other.to_str().unwrap()));
    assert_eq!(libraries(&unloaded), ["libforeignopened.so"]);
    // The C library is not foreign.
    assert_eq!(after(&plugin, host(), |host| open(host, "libm.so.6")), Unload::Unmapped);
    // SAFETY: nothing in the library is called.
    let host = unsafe { host().with_quiet_library("libforeignopened.so") };
    assert_eq!(after(&plugin, host, |host| open(host, other.to_str().unwrap())), Unload::Unmapped);
}

/// In a process of its own, because the test is about the end of the process.
#[test]
fn a_function_for_the_programs_exit() {
    const CHILD: &str = "PLUGIN_TEST_EXITS";
    if std::env::var_os(CHILD).is_some() {
        let unloaded = after(&fixture("foreign"), host(), |host| call(host, "at_program_exit"));
        let function = Some("foreign::at_program_exit::at_exit");
        assert_registered(&unloaded, &[(Registration::ExitFunction, "on_exit", function)]);
        std::process::exit(17);
    }
    assert_child("a_function_for_the_programs_exit", CHILD, "1", 17);
}

/// Without a host, the library's functions are the C library's.
#[test]
fn a_library_that_is_not_attached_ends_the_process() {
    const CHILD: &str = "PLUGIN_TEST_EXITS_UNATTACHED";
    if std::env::var_os(CHILD).is_some() {
        let file = std::ffi::CString::new(fixture("foreign").to_str().unwrap()).unwrap();
        // SAFETY: the library is a plugin, whose constructors are sound. The function of that name has that type.
        unsafe {
            let library = libc::dlopen(file.as_ptr(), libc::RTLD_NOW);
            let exit = libc::dlsym(library, c"foreign_exit".as_ptr());
            std::mem::transmute::<*mut libc::c_void, extern "C" fn(i32)>(exit)(23);
        }
        unreachable!("it has ended");
    }
    assert_child("a_library_that_is_not_attached_ends_the_process", CHILD, "1", 23);
}

#[test]
fn a_plugin_of_rust_alone_uses_no_such_library() {
    assert_eq!(after(&fixture("foreign"), host(), |_| ()), Unload::Unmapped);
}

/// Loads and unloads a library with such a constructor many times. The loader has room for about ten such libraries at
/// once, and takes room back only from the newest one. So no other test may load such a library at the same time.
#[test]
fn a_constructor_that_makes_keys() {
    const CHILD: &str = "PLUGIN_TEST_CONSTRUCTS";
    static DESTROYED: AtomicU32 = AtomicU32::new(0);
    if std::env::var_os(CHILD).is_none() {
        return assert_child("a_constructor_that_makes_keys", CHILD, "1", 43);
    }
    let plugin = fixture("constructor");
    for round in 0..tests::rounds(200) {
        DESTROYED.store(0, Ordering::SeqCst);
        let host = host();
        host.load(&plugin).unwrap();
        let counter = (&raw const DESTROYED).expose_provenance();
        host.get::<fn(usize)>("count_at").unwrap()(counter);
        let touch = host.get::<fn()>("touch").unwrap();
        std::thread::scope(|scope| scope.spawn(&*touch).join().unwrap());
        assert_eq!(DESTROYED.load(Ordering::SeqCst), 3, "two keys and a thread-local of the thread that has ended");
        drop(touch);
        assert_eq!(host.unload("constructor", LONG).unwrap(), Unload::Unmapped, "round {round}");
        assert_eq!(DESTROYED.load(Ordering::SeqCst), 6, "and those of the thread that the constructor ran on");
    }
    std::process::exit(43);
}

/// When the library is unmapped, the values of other threads are of no use. The end of a thread must not call the
/// library.
#[test]
fn a_constructors_key_with_values_of_threads_that_end_last() {
    let plugin = fixture("constructor");
    let host = host();
    host.load(&plugin).unwrap();
    let touch = host.get::<fn()>("touch").unwrap();
    let (end, ended) = channel::<()>();
    let (done, is_done) = channel();
    let thread = std::thread::spawn(move || {
        touch();
        drop(touch);
        done.send(()).unwrap();
        _ = ended.recv();
    });
    is_done.recv().unwrap();
    assert_eq!(host.unload("constructor", LONG).unwrap(), Unload::Unmapped);
    drop(end);
    thread.join().unwrap();
}

#[test]
fn a_constructor_that_leaves_more_than_the_host_can_take_over() {
    const CHILD: &str = "PLUGIN_TEST_CONSTRUCTS_MORE";
    if std::env::var_os(CHILD).is_none() {
        return assert_child("a_constructor_that_leaves_more_than_the_host_can_take_over", CHILD, "1", 47);
    }
    let unload = |plugin: &Path| {
        let host = host();
        host.load(plugin).unwrap();
        host.unload("constructor", LONG).unwrap()
    };
    let key = Some("constructor::destroy");
    assert_registered(&unload(&variant("constructor", "crowded")), &[(Registration::Key, "pthread_key_create", key)]);
    let unloaded = unload(&variant("constructor", "thread"));
    let Unload::Pinned(reasons) = &unloaded else { panic!("{unloaded}") };
    let [PinReason::Registered { things, .. }] = &reasons[..] else { panic!("{unloaded}") };
    assert_eq!(things[0].thing, Registration::Thread, "{unloaded}");
    assert_eq!(things[0].by.as_deref(), Some("pthread_create"), "{unloaded}");
    std::process::exit(47);
}

/// The loader's lock is held while a constructor runs, so a thread that needs the lock would never end. In a process of its
/// own, because that process would not end either.
#[test]
fn a_constructor_that_waits_for_threads() {
    const CHILD: &str = "PLUGIN_TEST_CONSTRUCTS_AND_WAITS";
    if std::env::var_os(CHILD).is_none() {
        return assert_child("a_constructor_that_waits_for_threads", CHILD, "1", 59);
    }
    let plugin = variant("constructor", "joined");
    let (done, is_done) = channel();
    std::thread::spawn(move || {
        let host = host();
        host.load(&plugin).unwrap();
        host.get::<fn()>("touch").unwrap()();
        done.send(()).unwrap();
    });
    if is_done.recv_timeout(LONG).is_err() {
        // An orderly exit needs the lock, too.
        std::process::abort();
    }
    std::process::exit(59);
}

/// Without a host, keys and thread-locals are the C library's.
#[test]
fn a_constructor_of_a_library_that_is_not_attached() {
    const CHILD: &str = "PLUGIN_TEST_CONSTRUCTS_UNATTACHED";
    if std::env::var_os(CHILD).is_some() {
        let file = std::ffi::CString::new(fixture("constructor").to_str().unwrap()).unwrap();
        // SAFETY: the library is a plugin, whose constructors are sound.
        let open = move || unsafe { libc::dlopen(file.as_ptr(), libc::RTLD_NOW) };
        let library = open();
        assert!(!library.is_null());
        // SAFETY: the library was opened above, and is not used any more. Only this thread has values of its keys.
        assert_eq!(unsafe { libc::dlclose(library) }, 0);
        std::thread::spawn(move || assert!(!open().is_null())).join().unwrap();
        std::process::exit(37);
    }
    assert_child("a_constructor_of_a_library_that_is_not_attached", CHILD, "1", 37);
}

/// A thread gives a constructor's keys values while there is no host. They are destroyed when the thread ends, whether or not
/// a host has the keys by then.
#[test]
fn a_constructors_keys_with_values_from_before_there_is_a_host() {
    const CHILD: &str = "PLUGIN_TEST_CONSTRUCTS_BEFORE";
    if std::env::var_os(CHILD).is_none() {
        return assert_child("a_constructors_keys_with_values_from_before_there_is_a_host", CHILD, "1", 53);
    }
    for binds in [false, true] {
        let plugin = directory().join(format!("constructor-{binds}.so"));
        std::fs::copy(fixture("constructor"), &plugin).unwrap();
        let file = CString::new(plugin.to_str().unwrap()).unwrap();
        // SAFETY: a plugin, whose constructors are sound, and its functions of these types.
        let (touch, destroyed) = unsafe {
            let library = libc::dlopen(file.as_ptr(), libc::RTLD_NOW);
            assert!(!library.is_null());
            let find = |name: &CStr| libc::dlsym(library, name.as_ptr());
            (
                std::mem::transmute::<*mut libc::c_void, extern "C" fn()>(find(c"constructor_touch")),
                std::mem::transmute::<*mut libc::c_void, extern "C" fn() -> u32>(find(c"constructor_destroyed")),
            )
        };
        let host = host().with_mapping(Mapping::InPlace);
        let (end, ended) = channel::<()>();
        let (done, is_done) = channel();
        let thread = std::thread::spawn(move || {
            touch();
            done.send(()).unwrap();
            _ = ended.recv();
        });
        is_done.recv().unwrap();
        if binds {
            host.load(&plugin).unwrap();
        }
        drop(end);
        thread.join().unwrap();
        assert_eq!(destroyed(), 3, "a thread-local and two keys, {binds}");
        if binds {
            let Unload::Pinned(reasons) = host.unload("constructor", LONG).unwrap() else {
                panic!("C has a destructor")
            };
            let [PinReason::Registered { things, .. }] = &reasons[..] else { panic!("{reasons:?}") };
            let expected = |one: &Registered| matches!(one.thing, Registration::Destructor | Registration::Key);
            assert!(things.iter().all(expected), "{reasons:?}");
        }
    }
    std::process::exit(53);
}

/// The bytes of a library of another version, which has a number of the same length.
#[cfg(target_arch = "x86_64")]
fn with_version(mut library: Vec<u8>, old: &str, new: &str) -> Vec<u8> {
    let found: Vec<_> = library
        .windows(old.len())
        .enumerate()
        .filter(|(_, bytes)| *bytes == old.as_bytes())
        .map(|(at, _)| at)
        .collect();
    for at in found {
        library[at..][..new.len()].copy_from_slice(new.as_bytes());
    }
    library
}

/// In a process of its own, because no other library could be loaded afterwards.
#[test]
#[cfg(target_arch = "x86_64")]
fn no_room_for_thread_locals() {
    const CHILD: &str = "PLUGIN_TEST_FILLS_STATIC_TLS";
    if std::env::var_os(CHILD).is_none() {
        return assert_child("no_room_for_thread_locals", CHILD, "1", 41);
    }
    let plugin = fixture("constructor");
    let next = directory().join("next-constructor.so");
    std::fs::write(&next, with_version(std::fs::read(&plugin).unwrap(), "0.1.0", "0.2.0")).unwrap();
    // A version that was replaced, and is in use.
    let replaced = host();
    replaced.load(&plugin).unwrap();
    let _in_use = replaced.get::<fn()>("touch").unwrap();
    replaced.reload(&next).unwrap();
    let mut pinned = 0;
    let error = loop {
        let host = host();
        let Err(error) = host.load(&next).map(drop) else {
            host.get::<fn(i32)>("handle_signals").unwrap()(libc::SIGUSR2);
            let unloaded = host.unload("constructor", LONG).unwrap();
            let function = Some("constructor::handle_signals::caught");
            let [one] = registered(&unloaded) else { panic!("{unloaded}") };
            let is_handler = matches!(one.thing, Registration::SignalHandler { signal: libc::SIGUSR2, .. });
            assert!(is_handler && one.by.as_deref() == Some("signal"), "{unloaded}");
            assert_eq!(one.function.as_deref(), function);
            pinned += 1;
            assert!(pinned < 100, "there is room for ever more");
            continue;
        };
        break error;
    };
    let count = if pinned == 1 { "1 old library".to_owned() } else { format!("{pinned} old libraries") };
    let old = format!(
        "1 old library of `constructor` 0.1.0: 1 handle to its exports is alive: `touch` (1); {count} of `constructor` 0.2.0: \
         the system may call or use it: it has a handler for SIGUSR2 (signal 12), by `signal`, to call \
         `constructor::handle_signals::caught`"
    );
    let expected = format!(
        "the system cannot map `{0}`: {0}: cannot allocate memory in static TLS block: what is still mapped has taken the room \
         ({old}); remove what keeps it mapped, or build the \
         plugin without thread-locals of the model initial-exec (`local_dynamic_tls` of the crate mimalloc, \
         `disable_initial_exec_tls` of tikv-jemallocator), or start the host with \
         `GLIBC_TUNABLES=glibc.rtld.optional_static_tls=16384`",
        next.display()
    );
    assert_eq!(error.to_string(), expected);
    std::process::exit(41);
}
