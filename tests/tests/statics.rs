//! Exported statics, read and written from the host.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};

use plugin_host::Error;
use tests::{host, host_with};

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

#[test]
fn a_mutex_of_texts() {
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
    drop(value);

    let host = host_with(&["zoo"]);
    let lock = host.get::<Mutex<u8>>("TO_POISON").unwrap();
    assert_eq!(*lock.lock().unwrap(), 1, "a new loading has statics of its own");
    host.get::<fn() -> Result<(), plugin_host::Fault>>("poison").unwrap()().unwrap_err();
    assert!(lock.lock().is_err());
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
