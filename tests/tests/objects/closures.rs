//! Every kind of closure, in every place.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use plugin_core::plugin_type;
use plugin_host::{Error, lent, lent_mut};
use tests::{rounds, wait_until};

use crate::{Number, UNMAPS, adder, dropped, host, shared};

#[test]
fn closures_are_lent_for_a_call() {
    let host = host();
    type Plain = dyn Fn(u64) -> u64;
    let apply = host.get::<fn(&Plain, u64) -> u64>("apply").unwrap();
    assert_eq!(apply(&|number| number + 1, 1), 2);
    let factor = 3;
    assert_eq!(apply(lent::<Plain>(&|number| number * factor), 5), 15);

    let on_threads = host.get::<fn(&Number, &[u64]) -> u64>("apply_on_threads").unwrap();
    assert_eq!(on_threads(lent::<Number>(&|number| number * factor), &[1, 2, 3]), 18);

    type Visit = dyn FnMut(&str);
    for name in ["each_line", "each_word"] {
        let each = host.get::<fn(&str, &mut Visit)>(name).unwrap();
        let mut lines = Vec::new();
        each("one\ntwo", lent_mut::<Visit>(&mut |line| lines.push(line.to_owned())));
        assert_eq!(lines, ["one", "two"]);
    }
}

#[test]
fn closures_move_to_the_plugin() {
    let host = host();
    let note = Arc::new(());
    let own = note.clone();
    let apply = host.get::<fn(Box<Number>, u64) -> u64>("apply_box").unwrap();
    assert_eq!(apply(Box::new(move |number| number + Arc::strong_count(&own) as u64), 1), 3);
    assert_eq!(Arc::strong_count(&note), 1, "the plugin has dropped the closure");

    let thrice = host.get::<fn(Box<dyn FnMut(&str) -> usize>) -> usize>("call_thrice").unwrap();
    let mut calls = 0;
    assert_eq!(
        thrice(Box::new(move |text| {
            calls += 1;
            text.len() * calls
        })),
        1 + 2 * 2 + 3 * 3
    );

    let own = note.clone();
    let once = host.get::<fn(Box<dyn FnOnce(String) -> String>) -> String>("call_once").unwrap();
    assert_eq!(once(Box::new(move |text| format!("{text} {}", Arc::strong_count(&own)))), "plugin 2");
    assert_eq!(Arc::strong_count(&note), 1);
    let own = note.clone();
    let uncalled = host.get::<fn(Box<dyn FnOnce(String) -> String>)>("dropped_uncalled").unwrap();
    uncalled(Box::new(move |text| format!("{text}{own:?}")));
    assert_eq!(Arc::strong_count(&note), 1);
}

#[test]
fn closures_come_from_the_plugin() {
    let host = host();
    let dropped = dropped(&host);
    let add = adder(&host, 5);
    assert_eq!((add(1), add(2)), (6, 7));
    let sum: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|n| {
                scope.spawn({
                    let add = &add;
                    move || add(n)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(sum, 26);
    assert_eq!(dropped.load(SeqCst), 0);
    drop(add);
    assert_eq!(dropped.load(SeqCst), 1);

    let mut count = host.get::<fn() -> Box<dyn FnMut() -> u64 + Send>>("counter").unwrap()();
    assert_eq!((count(), count(), count()), (1, 2, 3));

    let once = host.get::<fn(String) -> Box<dyn FnOnce(&str) -> String + Send>>("once").unwrap();
    assert_eq!(once("a".to_owned())("b"), "ab");
    assert_eq!(dropped.load(SeqCst), 2, "the call has consumed the closure");
    drop(once("a".to_owned()));
    assert_eq!(dropped.load(SeqCst), 3);

    let times = shared(&host, 3);
    let other = times.clone();
    drop(times);
    assert_eq!(std::thread::spawn(move || other(4)).join().unwrap(), 12);
    assert_eq!(dropped.load(SeqCst), 4);
}

/// As the plugin's type.
#[plugin_type]
struct Handlers {
    name: String,
    on_number: Box<Number>,
    on_end: Option<Box<dyn FnOnce() -> u64 + Send>>,
}

#[test]
fn closures_cross_inside_other_values() {
    let host = host();
    let run = host.get::<fn(Handlers, &[u64]) -> (String, u64)>("run").unwrap();
    let handlers =
        Handlers { name: "host".to_owned(), on_number: Box::new(|number| number * 2), on_end: Some(Box::new(|| 1000)) };
    assert_eq!(run(handlers, &[1, 2]), ("host".to_owned(), 1006));

    let mut theirs = host.get::<fn() -> Vec<Handlers>>("handlers").unwrap()();
    assert_eq!((theirs[0].on_number)(1), 2);
    assert_eq!(theirs[1].on_end.take().unwrap()(), 100);
    assert_eq!(run(theirs.remove(1), &[1]), ("second".to_owned(), 3), "home again");

    let sum = host.get::<fn(&Vec<Box<Number>>, &[Arc<Number>], u64) -> u64>("sum_of_lent").unwrap();
    let own: Arc<Number> = Arc::new(|number| number + 1);
    let boxes: Vec<Box<Number>> = vec![Box::new(|number| number), adder(&host, 1)];
    assert_eq!(sum(&boxes, &[own.clone(), shared(&host, 2)], 10), 10 + 11 + 11 + 20);
    assert_eq!(Arc::strong_count(&own), 2, "the plugin has kept a share");
    assert_eq!(host.get::<fn(u64) -> Option<u64>>("call_kept").unwrap()(1), Some(2));
    host.get::<fn()>("forget").unwrap()();
    assert_eq!(Arc::strong_count(&own), 1);

    let replace = host.get::<fn(&mut Box<Number>)>("replace").unwrap();
    let mut f: Box<Number> = Box::new(|number| number + 1);
    replace(&mut f);
    replace(&mut f);
    assert_eq!(f(1), 200);
}

#[test]
fn a_closure_comes_home() {
    let host = host();
    let dropped = dropped(&host);
    // The host's own.
    let own: Arc<Number> = Arc::new(|number| number + 1);
    let back = host.get::<fn(Arc<Number>) -> Arc<Number>>("back_shared").unwrap();
    let returned = back(own.clone());
    assert!(Arc::ptr_eq(&own, &returned));
    host.get::<fn(Arc<Number>)>("keep").unwrap()(own.clone());
    let kept = host.get::<fn() -> Option<Arc<Number>>>("kept").unwrap()().unwrap();
    assert!(Arc::ptr_eq(&own, &kept));
    let boxed: Box<Number> = Box::new(move |number| number + Arc::strong_count(&returned) as u64);
    let address: *const Number = &raw const *boxed;
    let boxed = host.get::<fn(Box<Number>) -> Box<Number>>("back").unwrap()(boxed);
    assert!(std::ptr::addr_eq(address, &raw const *boxed));

    // The plugin's.
    let times = shared(&host, 3);
    let same = host.get::<fn(Arc<Number>, Arc<Number>) -> bool>("are_same").unwrap();
    assert!(same(times.clone(), back(times.clone())));
    assert!(!same(times.clone(), shared(&host, 3)));
    host.get::<fn(Arc<Number>)>("keep").unwrap()(times.clone());
    assert!(host.get::<fn(&Arc<Number>) -> bool>("is_kept").unwrap()(&times));
    let add = host.get::<fn(Box<Number>) -> Box<Number>>("back").unwrap()(adder(&host, 4));
    assert_eq!(add(1), 5);
    drop(add);
    assert_eq!(dropped.load(SeqCst), 2, "one shared closure, and one in a box");
}

#[test]
fn a_closure_that_crosses_many_times_gets_no_longer_way() {
    let host = host();
    let back = host.get::<fn(Box<Number>) -> Box<Number>>("back").unwrap();
    let back_shared = host.get::<fn(Arc<Number>) -> Arc<Number>>("back_shared").unwrap();
    let back_mut =
        host.get::<fn(Box<dyn FnMut() -> u64 + Send>) -> Box<dyn FnMut() -> u64 + Send>>("back_mut").unwrap();
    type Once = Box<dyn FnOnce(&str) -> String + Send>;
    let back_once = host.get::<fn(Once) -> Once>("back_once").unwrap();

    // A call of the innermost closure measures how deep it is on the stack.
    let depth = || {
        let here = 0_u8;
        (&raw const here).addr() as u64
    };
    let mut boxed: Box<Number> = Box::new(move |_| depth());
    let mut theirs = adder(&host, 1);
    let mut arc = shared(&host, 2);
    let mut count = host.get::<fn() -> Box<dyn FnMut() -> u64 + Send>>("counter").unwrap()();
    let mut once = host.get::<fn(String) -> Once>("once").unwrap()("a".to_owned());
    let first = boxed(0);
    let (other_plugin, other) = {
        let plugin = host.load_as(tests::fixture("objects"), "other").unwrap();
        let back = plugin.get::<fn(Box<Number>) -> Box<Number>>("back").unwrap();
        (plugin, back)
    };
    for _ in 0..rounds(10_000) {
        boxed = other(back(boxed));
        theirs = other(back(theirs));
        arc = back_shared(arc);
        count = back_mut(count);
        once = back_once(once);
    }
    let last = boxed(0);
    assert!(first.abs_diff(last) < 10_000, "{first:x}, {last:x}");
    assert_eq!((theirs(1), arc(1), count(), once("b").as_str()), (2, 2, 1, "ab"));
    drop(other_plugin);
}

#[test]
fn a_closure_may_lose_abilities_on_its_way() {
    let host = host();
    let weaker = host.get::<fn(Box<Number>) -> Box<dyn Fn(u64) -> u64>>("back_weaker").unwrap();
    assert_eq!(weaker(Box::new(|number| number + 1))(1), 2);
    let dropped = dropped(&host);
    // The proxy's type changes in the host, and it is still known as a proxy: the plugin gets its own closure.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let weaker: Box<dyn Fn(u64) -> u64> = adder(&host, 1);
            host.get::<fn(Box<dyn Fn(u64) -> u64>)>("keep_on_thread").unwrap()(weaker);
        });
    });
    // A scope does not wait for the thread-locals of its threads.
    wait_until("the thread-local of the plugin is dropped", || dropped.load(SeqCst) == 1);
}

#[test]
fn data_that_leads_back_is_copied_on_its_way_through_a_closure() {
    let host = host();
    type See = dyn FnMut(bytes::Bytes);
    type SeeLent = dyn Fn(&bytes::Bytes) -> bytes::Bytes;
    let mut kept = Vec::new();
    let lent_ones = std::sync::Mutex::new(Vec::new());
    let feed = host.get::<fn(&mut See, &SeeLent) -> usize>("feed").unwrap();
    let len = feed(
        lent_mut::<See>(&mut |bytes| kept.push(bytes)),
        lent::<SeeLent>(&|bytes| {
            lent_ones.lock().unwrap().push(bytes.clone());
            bytes.slice(1..)
        }),
    );
    drop(feed);
    if UNMAPS {
        assert_eq!(host.unload("objects", std::time::Duration::from_secs(10)).unwrap(), plugin_host::Unload::Unmapped);
    }
    assert_eq!((len, &kept[0][..], &lent_ones.lock().unwrap()[0][..]), (99, &[1; 100][..], &[2; 100][..]));
}

#[test]
fn values_change_behind_mut_in_a_closure() {
    let host = host();
    type Change = dyn FnMut(&mut Vec<String>);
    let changes = host.get::<fn(&mut Change) -> Vec<String>>("changes").unwrap();
    assert_eq!(changes(lent_mut::<Change>(&mut |texts| texts.push("b".to_owned()))), ["a", "b"]);
    type Take = dyn Fn(Box<Number>) -> Arc<Number>;
    let takes = host.get::<fn(&Take) -> u64>("takes_closures").unwrap();
    assert_eq!(takes(&|f| Arc::new(move |number| f(number) * 2)), 22);
}

#[test]
fn another_type_of_closure_is_another_type() {
    let host = host();
    type VisitSent = dyn FnMut(&str) + Send;
    let error = |result: Option<Error>| result.unwrap().to_string();
    let text = error(host.get::<fn(u64) -> Box<dyn Fn(u64) -> u64>>("adder").err());
    assert!(text.contains("fn(u64) -> Box<dyn Fn(u64) -> u64>\n"), "{text}");
    assert!(text.contains("fn(u64) -> Box<dyn Fn(u64) -> u64 + Send + Sync>\n"), "{text}");
    assert!(host.get::<fn(u64) -> Box<dyn FnMut(u64) -> u64 + Send>>("adder").is_err());
    assert!(host.get::<fn(u64) -> Arc<Number>>("adder").is_err());
    assert!(host.get::<fn(u64) -> Box<dyn Fn(u32) -> u64 + Send + Sync>>("adder").is_err());
    let text = error(host.get::<fn(&mut VisitSent)>("each_line").err());
    assert!(text.contains("&mut (dyn FnMut(&str) + Send)"), "{text}");
}

#[test]
fn a_proxy_that_moved_to_an_arc_leaves_its_place() {
    let host = host();
    let back = host.get::<fn(Box<Number>) -> Box<Number>>("back").unwrap();
    let back_shared = host.get::<fn(Arc<Number>) -> Arc<Number>>("back_shared").unwrap();
    for number in 0..10 {
        let add = adder(&host, number);
        let place = (&raw const *add).addr();
        let moved: Arc<Number> = Arc::from(add);
        // A closure of the host's, as large as the proxy was. The allocator often gives it the same place.
        let numbers = [number; 8];
        let own: Vec<Box<Number>> = (0..10).map(|_| Box::new(move |n| n + numbers[7]) as Box<Number>).collect();
        println!("at the same place: {}", own.iter().any(|own| (&raw const **own).addr() == place));
        for own in own {
            assert_eq!(back(own)(1), number + 1);
        }
        assert_eq!(back_shared(moved.clone())(1), number + 1);
        assert_eq!(moved(2), number + 2);
    }
}
