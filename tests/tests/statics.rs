//! Exported statics, read and written from the host.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock, TryLockError};

use plugin_core::host::descriptor::Tag;
use plugin_host::{CallError, Error};
use tests::{fixture, host, host_with};

#[test]
fn text_and_elements_are_in_the_plugins_memory() {
    let host = host_with(&["zoo"]);
    let text = host.get::<&str>("TEXT").unwrap();
    assert_eq!(*text, "some text");
    assert_eq!(text.len(), 9);
    assert_eq!(format!("{} {:?}", *text, *text), "some text \"some text\"");
    let again = host.get::<&str>("TEXT").unwrap();
    assert!(std::ptr::eq(text.as_ptr(), again.as_ptr()));
    let primes = host.get::<&[u16]>("PRIMES").unwrap();
    assert_eq!(*primes, [2, 3, 5, 7]);
    assert_eq!(primes.iter().sum::<u16>(), 17);
    assert_eq!(*host.get::<&[(u8, bool)]>("PAIRS").unwrap(), [(1, true), (2, false)]);
}

#[test]
fn a_static_keeps_its_library() {
    let text = {
        let host = host_with(&["zoo"]);
        host.get::<&str>("TEXT").unwrap()
    };
    assert_eq!(*text, "some text");
}

#[test]
fn atomics_are_shared() {
    let host = host_with(&["zoo"]);
    let counter = host.get::<AtomicU64>("COUNTER").unwrap();
    let read = host.get::<fn() -> u64>("counter").unwrap();
    assert_eq!(counter.load(Ordering::SeqCst), 10);
    counter.store(20, Ordering::SeqCst);
    assert_eq!(read(), 20);
    host.get::<fn()>("bump_counter").unwrap()();
    assert_eq!(counter.load(Ordering::SeqCst), 21);
    host.get::<AtomicBool>("FLAG").unwrap().store(true, Ordering::SeqCst);
    assert!(host.get::<fn() -> bool>("flag").unwrap()());
}

#[test]
fn a_rwlock_is_read_and_written() {
    let host = host_with(&["zoo"]);
    let limits = host.get::<RwLock<Vec<u32>>>("LIMITS").unwrap();
    let in_plugin = host.get::<fn() -> Vec<u32>>("limits").unwrap();
    assert!(limits.read().unwrap().is_empty());
    limits.write().unwrap().extend([1, 2]);
    assert_eq!(in_plugin(), [1, 2]);
    host.get::<fn(u32)>("push_limit").unwrap()(3);
    assert_eq!(*limits.read().unwrap(), [1, 2, 3]);
    *limits.write().unwrap() = vec![9];
    assert_eq!(in_plugin(), [9]);
}

#[test]
fn what_a_lock_guards_is_read_where_it_is() {
    let host = host_with(&["zoo"]);
    let registry = host.get::<RwLock<BTreeMap<String, Vec<String>>>>("REGISTRY").unwrap();
    let register = host.get::<fn(&str, Vec<String>)>("register").unwrap();
    let at = host.get::<fn(&str) -> Option<usize>>("registered_at").unwrap();
    assert!(registry.read().unwrap().is_empty());
    register("a", vec!["one".to_owned(), "two".to_owned()]);
    register("b", Vec::new());
    let clone = {
        let (reading, also_reading) = (registry.read().unwrap(), registry.read().unwrap());
        assert_eq!(reading["a"], ["one", "two"]);
        assert_eq!(*reading, *also_reading);
        assert_eq!(Some(reading["a"][0].as_ptr().addr()), at("a"));
        reading.clone()
    };
    registry.write().unwrap().clear();
    assert_eq!(at("a"), None);
    assert_eq!(clone["a"], ["one", "two"], "a clone is the host's own");
    register("a", vec!["three".to_owned()]);
    assert_eq!(host.plugins()[0].get_json("REGISTRY").unwrap(), serde_json::json!({ "a": ["three"] }));
    registry.write().unwrap().clear();
}

#[test]
fn a_lock_is_released_if_reading_panics() {
    let host = host_with(&["zoo"]);
    let keys = host.get::<RwLock<Option<HashSet<api::Key>>>>("KEYS").unwrap();
    let can_lock = host.get::<fn() -> bool>("can_lock_keys").unwrap();
    host.get::<fn(Option<HashSet<api::Key>>)>("set_keys").unwrap()(Some([api::Key(1), api::Key(2)].into()));
    api::UNHASHABLE.store(true, Ordering::SeqCst);
    let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(keys.read())));
    let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(keys.try_read())));
    api::UNHASHABLE.store(false, Ordering::SeqCst);
    assert!(read.is_err());
    assert!(tried.is_err());
    assert!(can_lock());
    assert_eq!(keys.read().unwrap().as_ref().unwrap().len(), 2);
    host.get::<fn(Option<HashSet<api::Key>>)>("set_keys").unwrap()(None);
}

/// At this moment, the value is not in the plugin's lock, and cannot be put back. If the process went on, the lock
/// would be held for ever.
#[test]
fn a_panic_while_a_lock_is_taken_to_write_ends_the_process() {
    const CHILD: &str = "PLUGIN_TEST_PANIC_IN_LOCK";
    const THIS: &str = "a_panic_while_a_lock_is_taken_to_write_ends_the_process";
    if std::env::var_os(CHILD).is_none() {
        let exe = std::env::current_exe().unwrap();
        let mut child = std::process::Command::new(exe);
        let output = child.args(["--exact", THIS, "--nocapture"]).env(CHILD, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{said}");
        assert!(said.contains("the lock is taken") && said.contains("cannot be hashed"), "{said}");
        assert!(!said.contains("the process goes on"), "{said}");
        return;
    }
    let host = host_with(&["zoo"]);
    let keys = host.get::<RwLock<Option<HashSet<api::Key>>>>("KEYS").unwrap();
    host.get::<fn(Option<HashSet<api::Key>>)>("set_keys").unwrap()(Some([api::Key(1), api::Key(2)].into()));
    api::UNHASHABLE.store(true, Ordering::SeqCst);
    eprintln!("the lock is taken");
    _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(keys.write())));
    eprintln!("the process goes on");
}

#[test]
fn the_plugins_own_lock_is_held() {
    let host = host_with(&["zoo"]);
    let limits = host.get::<RwLock<Vec<u32>>>("LIMITS").unwrap();
    let can_lock = host.get::<fn() -> bool>("can_lock_limits").unwrap();
    assert!(can_lock());
    let reading = limits.read().unwrap();
    let also_reading = limits.read().unwrap();
    assert!(!can_lock());
    drop(reading);
    assert!(!can_lock());
    drop(also_reading);
    assert!(can_lock());
    let writing = limits.write().unwrap();
    assert!(!can_lock());
    drop(writing);
    assert!(can_lock());
}

fn would_block<G>(tried: Result<G, TryLockError<G>>) -> bool {
    matches!(tried, Err(TryLockError::WouldBlock))
}

#[test]
fn a_lock_that_is_held_is_tried_without_waiting() {
    let host = host_with(&["zoo"]);
    let limits = host.get::<RwLock<Vec<u32>>>("LIMITS").unwrap();
    let reading = limits.try_read().unwrap();
    assert!(!would_block(limits.try_read()), "readers share the lock");
    assert!(would_block(limits.try_write()));
    drop(reading);
    let writing = limits.try_write().unwrap();
    assert!(would_block(limits.try_read()));
    assert!(would_block(limits.try_write()));
    drop(writing);

    let names = host.get::<Mutex<Vec<String>>>("NAMES").unwrap();
    let held = names.lock().unwrap();
    assert!(would_block(names.try_lock()));
    std::thread::scope(|scope| {
        let other = host.get::<Mutex<Vec<String>>>("NAMES").unwrap();
        assert!(scope.spawn(move || would_block(other.try_lock())).join().unwrap());
    });
    drop(held);
    assert!(!would_block(names.try_lock()));
}

#[test]
fn a_lock_that_is_tried_holds_the_plugins_own() {
    let host = host_with(&["zoo"]);
    let limits = host.get::<RwLock<Vec<u32>>>("LIMITS").unwrap();
    let can_lock = host.get::<fn() -> bool>("can_lock_limits").unwrap();
    let mut writing = limits.try_write().unwrap();
    writing.push(5);
    assert!(!can_lock());
    drop(writing);
    assert!(can_lock());
    assert_eq!(host.get::<fn() -> Vec<u32>>("limits").unwrap()(), [5]);
    let reading = limits.try_read().unwrap();
    assert_eq!(*reading, [5]);
    assert!(!can_lock());
    drop(reading);
    assert!(can_lock());

    host.get::<Mutex<Vec<String>>>("NAMES").unwrap().try_lock().unwrap().push("ann".to_owned());
    assert_eq!(host.get::<fn() -> Vec<String>>("names").unwrap()(), ["ann"]);
}

#[test]
fn a_mutex_of_texts_is_read_and_written() {
    let host = host_with(&["zoo"]);
    let names = host.get::<Mutex<Vec<String>>>("NAMES").unwrap();
    names.lock().unwrap().push("ann".to_owned());
    {
        let mut names = names.lock().unwrap();
        names.push("bob".to_owned());
        names.swap(0, 1);
    }
    assert_eq!(host.get::<fn() -> Vec<String>>("names").unwrap()(), ["bob", "ann"]);
}

#[test]
fn writers_on_many_threads_lose_nothing() {
    let host = host_with(&["zoo"]);
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            let limits = host.get::<RwLock<Vec<u32>>>("LIMITS").unwrap();
            let push = host.get::<fn(u32)>("push_limit").unwrap();
            scope.spawn(move || {
                for n in 0..100 {
                    if n % 2 == 0 {
                        limits.write().unwrap().push(thread * 100 + n);
                    } else {
                        push(thread * 100 + n);
                    }
                }
            });
        }
    });
    let mut limits = host.get::<fn() -> Vec<u32>>("limits").unwrap()();
    limits.sort_unstable();
    assert_eq!(limits, (0..800).collect::<Vec<_>>());
}

#[test]
fn poison_crosses_both_ways() {
    let host = host_with(&["zoo"]);
    let lock = host.get::<Mutex<u8>>("TO_POISON").unwrap();
    let poisoned = host.get::<fn() -> bool>("poisoned").unwrap();
    assert!(!poisoned());
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut value = lock.lock().unwrap();
        *value = 2;
        panic!("in the host, while holding the plugin's lock");
    }));
    assert!(panicked.is_err());
    assert!(poisoned());
    let value = lock.lock().unwrap_err().into_inner();
    assert_eq!(*value, 2, "what was written before the panic is there");
    assert!(would_block(lock.try_lock()), "the lock is held");
    drop(value);
    let Err(TryLockError::Poisoned(poison)) = lock.try_lock() else { panic!("the lock is poisoned") };
    assert_eq!(*poison.into_inner(), 2);

    let host = host_with(&["zoo"]);
    let lock = host.get::<Mutex<u8>>("TO_POISON").unwrap();
    assert_eq!(*lock.lock().unwrap(), 1, "a new loading has statics of its own");
    host.get::<fn() -> Result<(), plugin_host::Fault>>("poison").unwrap()().unwrap_err();
    assert!(lock.lock().is_err());

    let limits = host.get::<RwLock<Vec<u32>>>("LIMITS").unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        limits.try_write().unwrap().push(3);
        let _writing = limits.try_write().unwrap();
        panic!("in the host, while holding the plugin's lock");
    }));
    assert!(panicked.is_err());
    let Err(TryLockError::Poisoned(poison)) = limits.try_read() else { panic!("the lock is poisoned") };
    assert_eq!(**poison.get_ref(), [3]);
    assert!(would_block(limits.try_write()), "the error has the guard");
    drop(poison);
    assert!(matches!(limits.try_write(), Err(TryLockError::Poisoned(_))));
}

/// The functions of such a lock cross in another layout, so its type must not be that of a lock of today.
#[test]
fn a_lock_of_a_plugin_from_before_the_functions_could_grow_is_another_type() {
    const OLDER_MUTEX: u8 = 68;
    let mut library = std::fs::read(fixture("zoo")).unwrap();
    let field = |bytes: &[u8]| [&(bytes.len() as u32).to_le_bytes(), bytes].concat();
    let descriptor = [Tag::Mutex as u8, Tag::U8 as u8];
    let (docs, arguments, in_library) = (field(b""), field(b""), field(b"library"));
    let record = [field(b"TO_POISON"), docs, arguments, in_library, field(&descriptor)].concat();
    let at = library.windows(record.len()).position(|bytes| bytes == record).expect("the file has the export's record");
    library[at + record.len() - descriptor.len()] = OLDER_MUTEX;

    let host = host();
    let plugin = host.load_bytes("older", &library).unwrap();
    let error = host.get::<Mutex<u8>>("TO_POISON").map(drop).unwrap_err();
    assert!(matches!(error, Error::TypeMismatch(_)), "{error}");
    assert!(error.to_string().contains("exported:  (a type of another version of the SDK)\n"), "{error}");
    let error = plugin.get_json("TO_POISON").unwrap_err();
    assert!(matches!(error, CallError::UnknownType { .. }), "{error}");
    assert!(!host.get::<fn() -> bool>("poisoned").unwrap()(), "the other exports are as they were");
    host.get::<Mutex<Vec<String>>>("NAMES").unwrap().lock().unwrap().push("ann".to_owned());
}

#[test]
fn a_static_is_asked_for_by_its_type() {
    let host = host();
    host.load(tests::fixture("zoo")).unwrap();
    let error = host.get::<u64>("COUNTER").unwrap_err();
    assert!(matches!(error, Error::TypeMismatch(_)));
    assert!(error.to_string().contains("asked for: static u64\n  exported:  static AtomicU64"), "{error}");
    assert!(host.get::<AtomicU64>("ANSWER").is_err());
    assert!(host.get::<Mutex<Vec<u32>>>("LIMITS").is_err());
    assert!(host.get::<RwLock<Vec<u64>>>("LIMITS").is_err());
    assert!(host.get::<String>("TEXT").is_err());
    assert!(host.get::<fn() -> u32>("ANSWER").is_err());
}
