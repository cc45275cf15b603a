//! Closures keep their libraries, and everything ends in the end.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plugin_host::{Host, Unload};
use tests::{fixture, rounds, wait_until};

use crate::{Number, UNMAPS, adder, host, shared};

const SOON: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(30);

fn reasons(host: &Host, name: &str) -> String {
    host.unload(name, SOON).unwrap().to_string()
}

/// Unloads the plugin, which nothing keeps.
fn unload(host: &Host, name: &str) {
    let unload = host.unload(name, LONG).unwrap();
    if UNMAPS {
        assert_eq!(unload, Unload::Unmapped);
    }
}

#[test]
fn a_closure_keeps_its_plugin() {
    let host = host();
    let (add, times) = (adder(&host, 1), shared(&host, 2));
    let (again, count) = (times.clone(), host.get::<fn() -> Box<dyn FnMut() -> u64 + Send>>("counter").unwrap()());
    assert_eq!(
        reasons(&host, "objects"),
        "pinned: 3 objects of it are alive: `dyn Fn(u64) -> u64 + Send + Sync` (2), `dyn FnMut() -> u64 + Send` (1)"
    );
    let Unload::Pinned(pinned) = host.unload("objects", SOON).unwrap() else { unreachable!() };
    assert!(pinned.iter().all(plugin_host::PinReason::is_serving));
    assert_eq!((add(1), times(2), again(3)), (2, 4, 6));
    drop((times, again, count));
    // Loans and calls are over.
    type Plain = dyn Fn(u64) -> u64;
    let apply = host.get::<fn(&Plain, u64) -> u64>("apply").unwrap();
    assert_eq!(apply(&*add, 1), 2);
    drop(apply);
    assert_eq!(reasons(&host, "objects"), "pinned: 1 object of it is alive: `dyn Fn(u64) -> u64 + Send + Sync` (1)");
    drop(add);
    unload(&host, "objects");
}

#[test]
fn a_closure_that_came_by_a_closure_keeps_its_plugin() {
    let host = host();
    let kept = Mutex::new(None);
    {
        type Take = dyn Fn(Box<Number>) -> Arc<Number>;
        let takes = host.get::<fn(&Take) -> u64>("takes_closures").unwrap();
        takes(plugin_host::lent::<Take>(&|f| {
            *kept.lock().unwrap() = Some(f);
            Arc::new(|number| number) as Arc<Number>
        }));
    }
    let text = reasons(&host, "objects");
    assert!(text.starts_with("pinned: 1 object of it is alive"), "{text}");
    let f = kept.lock().unwrap().take().unwrap();
    assert_eq!(f(1), 2);
    drop(f);
    unload(&host, "objects");
}

#[test]
fn a_closure_of_one_plugin_that_another_keeps_keeps_the_first() {
    let host = tests::host();
    let [left, right] = ["left", "right"].map(|name| host.load_as(fixture("objects"), name).unwrap());
    let times = left.get::<fn(u64) -> Arc<Number>>("shared").unwrap()(3);
    right.get::<fn(Arc<Number>)>("keep").unwrap()(times);
    let call = right.get::<fn(u64) -> Option<u64>>("call_kept").unwrap();
    drop((left, right));
    assert_eq!(call(2), Some(6));
    let text = reasons(&host, "left");
    assert!(text.starts_with("pinned: 1 object of it is alive"), "{text}");
    assert_eq!(call(3), Some(9));
    drop(call);
    // The shutdown hook drops the closure.
    unload(&host, "right");
    unload(&host, "left");
}

#[test]
fn a_closure_outlives_its_host() {
    let host = host();
    let add = adder(&host, 1);
    let dropped = crate::dropped(&host);
    drop(dropped);
    drop(host);
    assert_eq!(add(1), 2);
    std::thread::spawn(move || drop(add)).join().unwrap();
}

#[test]
fn a_closure_keeps_an_old_version() {
    let host = host();
    let add = adder(&host, 1);
    host.reload("objects").unwrap();
    let text = host.draining().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(
        text,
        "revision 1 of plugin `objects` is pinned: 1 object of it is alive: `dyn Fn(u64) -> u64 + Send + Sync` (1)"
    );
    assert_eq!(add(1), 2);
    // A closure of the old version is not the new one's own.
    let around = host.get::<fn(Box<Number>) -> Box<Number>>("around").unwrap()(add);
    assert_eq!(around(1), 3);
    drop(around);
    if UNMAPS {
        wait_until("the old version is gone", || host.draining().is_empty());
    }
    unload(&host, "objects");
}

#[test]
fn the_last_handle_may_end_inside_a_closure() {
    // The host's closure owns the last handle to the plugin, and the plugin drops the closure on a thread of its own.
    let host = host();
    let start = host.get::<fn(Box<Number>)>("start").unwrap();
    let calls = Arc::new(AtomicU64::new(0));
    let (seen, handle) = (calls.clone(), Mutex::new(Some(host.get::<fn(Box<Number>)>("start").unwrap())));
    start(Box::new(move |_| {
        if seen.fetch_add(1, SeqCst) == 1000 {
            // The host's own handles are gone by now, or go at the same time.
            drop(handle.lock().unwrap().take());
            return 0;
        }
        1
    }));
    drop((start, host));
    wait_until("the plugin has called", || calls.load(SeqCst) == 1001);
}

#[test]
fn a_thread_that_ends_drops_the_last_handle() {
    let host = Arc::new(host());
    std::thread::spawn({
        let host = host.clone();
        move || {
            let keep = host.get::<fn(Box<dyn Fn(u64) -> u64>)>("keep_on_thread").unwrap();
            let last = host.get::<fn() -> Box<dyn FnMut() -> u64 + Send>>("counter").unwrap();
            keep(Box::new(move |_| {
                _ = &last;
                1
            }));
            drop(host);
        }
    })
    .join()
    .unwrap();
    unload(&Arc::into_inner(host).unwrap(), "objects");
}

#[test]
fn closures_that_leave_a_detached_plugin_keep_it() {
    let host = host();
    let kept: Arc<Mutex<Vec<Box<Number>>>> = Arc::default();
    let (taken, go_on) = (kept.clone(), Arc::new(AtomicBool::new(true)));
    let goes_on = go_on.clone();
    let start = host.get::<fn(Box<dyn Fn(Box<Number>) -> bool + Send + Sync>)>("start_giving").unwrap();
    let detached = Arc::new(AtomicBool::new(false));
    let is_detached = detached.clone();
    start(Box::new(move |f| {
        if is_detached.load(SeqCst) {
            taken.lock().unwrap().push(f);
        }
        std::thread::sleep(Duration::from_millis(1));
        goes_on.load(SeqCst)
    }));
    drop(start);
    // The thread of the plugin keeps a closure of it only for moments. Until the plugin is detached, the unload may find one.
    tests::wait_until("the plugin is detached", || match host.unload("objects", SOON).unwrap() {
        Unload::Pinned(reasons) => !reasons.iter().any(plugin_host::PinReason::is_serving),
        _ => unreachable!("a thread of it runs"),
    });
    detached.store(true, SeqCst);
    wait_until("closures have left", || kept.lock().unwrap().len() >= 3);
    go_on.store(false, SeqCst);
    if UNMAPS {
        let mut text = String::new();
        wait_until("only closures keep it", || {
            text = reasons(&host, "objects");
            text.starts_with("pinned: ") && !text.contains("thread")
        });
        assert!(text.contains("objects of it are alive: `dyn Fn(u64) -> u64 + Send + Sync` ("), "{text}");
    }
    assert_eq!(kept.lock().unwrap()[0](1), 2);
    kept.lock().unwrap().clear();
    unload(&host, "objects");
}

#[test]
fn callbacks_come_back_during_calls_upgrades_and_unloads() {
    let host = Arc::new(host());
    let (inner, depth) = (host.clone(), AtomicU64::new(0));
    // Comes back to the plugin, asks to unload it and replaces it, all in a call of it.
    let callback: Arc<Number> = Arc::new(move |number| {
        if depth.fetch_add(1, SeqCst) < 3 {
            let call = inner.get::<fn(u64) -> Option<u64>>("call_kept").unwrap();
            return call(number + 1).unwrap_or(number);
        }
        let refused = inner.unload("objects", Duration::ZERO).unwrap();
        assert!(matches!(refused, Unload::Pinned(_)));
        // The calls that are in progress end in the version that is replaced.
        inner.reload("objects").unwrap();
        number
    });
    host.get::<fn(Arc<Number>)>("keep").unwrap()(callback);
    let call = host.get::<fn(u64) -> Option<u64>>("call_kept").unwrap();
    assert_eq!(call(1), Some(4));
    drop(call);
    // The shutdown hook of the old version drops the callback, which has a share of the host.
    wait_until("the old version is detached", || Arc::strong_count(&host) == 1);

    let live = host.live::<fn(u64) -> Option<u64>>("call_kept").unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(SeqCst) {
                    let keep = host.get::<fn(Arc<Number>)>("keep").unwrap();
                    keep(Arc::new(|number| number));
                    _ = live(1);
                    _ = shared(&host, 1)(2);
                }
            });
        }
        for _ in 0..rounds(20) {
            host.reload("objects").unwrap();
        }
        stop.store(true, SeqCst);
    });
    drop(live);
    unload(&Arc::into_inner(host).expect("the closure with a share is gone"), "objects");
}

#[test]
fn closures_end_on_other_threads_and_after_an_unload_was_asked_for() {
    let host = host();
    let add = adder(&host, 1);
    std::thread::scope(|scope| {
        let unloads = scope.spawn(|| host.unload("objects", LONG).unwrap());
        wait_until("the plugin is being unloaded", || host.get::<fn()>("forget").is_err());
        assert_eq!(add(1), 2);
        drop(add);
        let unload = unloads.join().unwrap();
        if UNMAPS {
            assert_eq!(unload, Unload::Unmapped);
        }
    });
}
