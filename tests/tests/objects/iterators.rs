//! Iterators: lazy, in batches, and dropped early.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use plugin_host::{Host, Unload};
use tests::rounds;

use crate::{Number, UNMAPS, dropped, host};

type Numbers = Box<dyn Iterator<Item = u64> + Send>;

fn numbers(host: &Host, from: u64, to: u64) -> Numbers {
    host.get::<fn(u64, u64) -> Numbers>("numbers").unwrap()(from, to)
}

#[test]
fn iterators_come_from_the_plugin() {
    let host = host();
    let dropped = dropped(&host);
    assert!(numbers(&host, 10, 10_000).eq(10..10_000));
    assert_eq!(dropped.load(SeqCst), 1);
    assert_eq!(numbers(&host, 0, 0).next(), None);
    assert_eq!(
        std::thread::spawn({
            let n = numbers(&host, 0, 5);
            move || n.sum::<u64>()
        })
        .join()
        .unwrap(),
        10
    );
    let words = host.get::<fn(String) -> Box<dyn Iterator<Item = String>>>("words").unwrap();
    assert_eq!(words("a b c".to_owned()).collect::<Vec<_>>(), ["a", "b", "c"]);
    let closures = host.get::<fn() -> Box<dyn Iterator<Item = Box<Number>> + Send>>("iterators_of_closures").unwrap();
    assert_eq!(closures().map(|f| f(10)).collect::<Vec<_>>(), [11, 12, 13]);
}

#[test]
fn iterators_move_to_the_plugin() {
    let host = host();
    let (note, made) = (Arc::new(()), Arc::new(AtomicU64::new(0)));
    let own = || -> Numbers {
        let (note, made) = (note.clone(), made.clone());
        Box::new((0..1000).inspect(move |_| {
            let _ = &note;
            made.fetch_add(1, SeqCst);
        }))
    };
    assert_eq!(host.get::<fn(Numbers) -> u64>("sum").unwrap()(own()), 499_500);
    assert_eq!((made.swap(0, SeqCst), Arc::strong_count(&note)), (1000, 1));
    assert_eq!(host.get::<fn(Numbers, usize) -> Vec<u64>>("take").unwrap()(own(), 2), [0, 1]);
    assert!(made.swap(0, SeqCst) <= 3, "the plugin pulls one item, then two");
    assert_eq!(Arc::strong_count(&note), 1);
    // Through the plugin, and back.
    let doubled = host.get::<fn(Numbers) -> Numbers>("doubled").unwrap();
    assert!(doubled(doubled(own())).eq((0..1000).map(|number| number * 4)));
}

#[test]
fn items_are_made_when_they_are_pulled() {
    let host = host();
    let (dropped, made) = (dropped(&host), host.get::<AtomicU64>("MADE").unwrap());
    let mut all = numbers(&host, 0, u64::MAX);
    assert_eq!(made.load(SeqCst), 0);
    assert_eq!(all.next(), Some(0));
    assert_eq!(made.load(SeqCst), 1);
    for number in 1..rounds(100_000) as u64 {
        assert_eq!(all.next(), Some(number));
        let made = made.load(SeqCst);
        assert!(made > number && made <= 2 * number + 1 && made <= number + 512, "{made} made at {number}");
    }
    drop(all);
    assert_eq!(dropped.load(SeqCst), 1);
}

#[test]
fn the_bounds_of_the_length_are_kept() {
    let host = host();
    let mut ten = numbers(&host, 0, 10);
    for left in (0..=10).rev() {
        assert_eq!(ten.size_hint(), (left, Some(left)));
        assert_eq!(ten.next().is_some(), left != 0);
    }
    assert_eq!(ten.size_hint(), (0, Some(0)));
    let hint = host.get::<fn(&Numbers) -> (usize, Option<usize>)>("hint").unwrap();
    assert_eq!(hint(&numbers(&host, 0, 7)), (7, Some(7)));
    let own: Numbers = Box::new((0..9).filter(|number| number % 2 == 0));
    assert_eq!(hint(&own), (0, Some(9)));
    let endless: Numbers = Box::new(std::iter::repeat(1));
    assert_eq!(hint(&endless), (usize::MAX, None));
}

#[test]
fn an_iterator_comes_home() {
    let host = host();
    let back = host.get::<fn(Numbers) -> Numbers>("back_iterator").unwrap();
    let own: Numbers = Box::new(0..1_000_000);
    let address: *const dyn Iterator<Item = u64> = &raw const *own;
    let mut own = back(own);
    assert!(std::ptr::addr_eq(address, &raw const *own));
    let mut theirs = numbers(&host, 0, 100_000);
    for _ in 0..rounds(10_000) {
        own = back(own);
        theirs = back(theirs);
    }
    assert!(std::ptr::addr_eq(address, &raw const *own));
    // Items that were pulled are not lost.
    assert!(theirs.by_ref().take(10).eq(0..10));
    let mut theirs = back(theirs);
    assert!(theirs.by_ref().take(1000).eq(10..1010));
    assert_eq!(host.get::<fn(Numbers, usize) -> Vec<u64>>("take").unwrap()(theirs, 3), [1010, 1011, 1012]);
}

#[test]
fn a_panic_comes_at_its_item() {
    let host = host();
    let mut items = host.get::<fn(u64) -> Numbers>("panics_at").unwrap()(100);
    assert!(items.by_ref().take(100).eq(0..100));
    let payload = catch_unwind(AssertUnwindSafe(|| items.next())).unwrap_err();
    let message = payload.downcast::<String>().unwrap();
    assert!(message.starts_with("closure or iterator of another library panicked at ") && message.contains("no more"));
    assert_eq!(items.next(), Some(101), "as the iterator itself goes on");
}

#[test]
fn an_iterator_may_go_on_after_its_end() {
    let host = host();
    let mut items = host.get::<fn() -> Numbers>("pauses").unwrap()();
    let first: Vec<_> = (0..6).map(|_| items.next()).collect();
    assert_eq!(first, [Some(1), Some(2), Some(3), None, Some(5), Some(6)]);
}

#[test]
fn an_iterator_keeps_its_plugin() {
    let host = host();
    let mut items = numbers(&host, 0, 100);
    items.next();
    assert_eq!(
        host.unload("objects", Duration::ZERO).unwrap().to_string(),
        "pinned: 1 object of it is alive: `dyn Iterator<Item = u64> + Send` (1)"
    );
    drop(items);
    let unload = host.unload("objects", Duration::from_secs(30)).unwrap();
    if UNMAPS {
        assert_eq!(unload, Unload::Unmapped);
    }
}
