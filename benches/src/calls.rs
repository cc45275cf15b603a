//! The cost of calls.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hint::black_box;

use interface::Record;

use crate::contenders::{AbiStable, Bare, Contender, Direct, Hot, Libraries, Ours, Stabby};
use crate::measure::{Batch, Row, Workload};

/// The workloads, in the order of the table.
const WORKLOADS: [&str; 9] = [
    "add(u64, u64) -> u64",
    "greet(&str) -> String",
    "sum(&[f64]) of 1,000,000",
    "scale(Vec<f64>, f64) -> Vec<f64> of 1 MiB",
    "a record made, passed, returned and dropped",
    "the same record passed and returned",
    "Result<u64, String>: Ok",
    "Result<u64, String>: Err",
    "HashMap<String, u64> of 1,000 in and out",
];

/// The arguments. All contenders get the same ones, because their place in memory makes a difference.
struct Values {
    numbers: Vec<f64>,
    vector: RefCell<Vec<f64>>,
}

/// Adds `count` times, in a loop after `BYTES` bytes of padding. A call takes a nanosecond, and a quarter of that
/// depends on the place where the compiler puts the loop.
#[inline(never)]
fn add_after<const BYTES: usize>(contender: &impl Contender, mut total: u64, count: u32) -> u64 {
    // SAFETY: the assembler fills the bytes with 0x90, which is `nop` on this processor. So they change no register, flag or
    // memory.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!(".skip {bytes}, 0x90", bytes = const BYTES, options(nomem, nostack, preserves_flags));
    }
    (0..count).for_each(|_| total = contender.add(black_box(total), black_box(3)));
    total
}

/// One contender's batches, in the same order.
fn batches<'a, C: Contender>(contender: &'a C, values: &'a Values) -> [Batch<'a>; WORKLOADS.len()] {
    let Values { numbers, vector } = values;
    let (mut total, mut place) = (0, 0);
    let tags = ["red", "green", "a tag that is somewhat longer than the others"].map(str::to_owned);
    let original = Record { id: 1, name: "a record".to_owned(), tags: tags.into(), score: Some(0.5) };
    let mut record = Some(original.clone());
    let mut map = Some((0..1000).map(|n| (format!("key number {n}"), n)).collect::<HashMap<String, u64>>());
    [
        Box::new(move |count| {
            place = (place + 1) % 8;
            let add: fn(&C, u64, u32) -> u64 = match place {
                0 => add_after::<0>,
                1 => add_after::<8>,
                2 => add_after::<16>,
                3 => add_after::<24>,
                4 => add_after::<32>,
                5 => add_after::<40>,
                6 => add_after::<48>,
                _ => add_after::<56>,
            };
            total = add(contender, total, count);
        }),
        Box::new(|count| (0..count).for_each(|_| drop(black_box(contender.greet(black_box("World")))))),
        Box::new(|count| (0..count).for_each(|_| _ = black_box(contender.sum(black_box(numbers))))),
        Box::new(move |count| {
            let mut own = vector.take();
            (0..count).for_each(|_| own = contender.scale(std::mem::take(&mut own), black_box(-1.0)));
            vector.replace(own);
        }),
        Box::new(move |count| (0..count).for_each(|_| drop(black_box(contender.update(original.clone()))))),
        Box::new(move |count| {
            (0..count).for_each(|_| record = record.take().map(|record| contender.update(black_box(record))))
        }),
        Box::new(|count| (0..count).for_each(|_| _ = black_box(contender.halve(black_box(42))))),
        Box::new(|count| (0..count).for_each(|_| drop(black_box(contender.halve(black_box(43)))))),
        Box::new(move |count| (0..count).for_each(|_| map = map.take().map(|map| contender.count(black_box(map))))),
    ]
}

/// Checks the results of each contender: the time of a wrong function means nothing.
fn check(contender: &impl Contender) {
    assert_eq!(contender.add(20, 22), 42);
    assert_eq!(contender.greet("World"), "Hello, World!");
    assert_eq!(contender.sum(&[1.0, 2.0]), 3.0);
    assert_eq!(contender.scale(vec![1.0, 2.0], 2.0), [2.0, 4.0]);
    let record = |id, tags: [&str; 2], score| Record {
        id,
        name: "name".to_owned(),
        tags: tags.map(str::to_owned).into(),
        score: Some(score),
    };
    assert_eq!(contender.update(record(1, ["a", "b"], 0.5)), record(2, ["b", "a"], -0.5));
    assert_eq!(contender.halve(42), Ok(21));
    assert_eq!(contender.halve(43), Err("an odd number has no half".to_owned()));
    assert_eq!(contender.count(HashMap::from([("a".to_owned(), 1)])), HashMap::from([("a".to_owned(), 2)]));
}

/// Measures the workloads.
pub fn run(libraries: &Libraries) -> Vec<Row> {
    let values =
        Values { numbers: vec![0.5; 1_000_000], vector: RefCell::new(vec![1.0; (1 << 20) / size_of::<f64>()]) };
    let bare = Bare::load(&libraries.bare);
    let ours = Ours::load(&libraries.ours);
    let own_memory = Ours::load(&libraries.ours_own_memory);
    let abi_stable = AbiStable::load(&libraries.abi_stable);
    let stabby = Stabby::load(&libraries.stabby);
    let hot = Hot::load(&libraries.hot);
    let mut workloads: Vec<Workload<'_>> =
        WORKLOADS.map(|name| Workload { name: name.to_owned(), contenders: Vec::new() }).into();
    macro_rules! contenders {
        ($($name:expr => $contender:expr),+ $(,)?) => {$(
            check($contender);
            for (workload, batch) in workloads.iter_mut().zip(batches($contender, &values)) {
                workload.contenders.push(($name, batch));
            }
        )+};
    }
    contenders! {
        crate::BARE => &bare,
        crate::DIRECT => &Direct,
        crate::OURS => &ours,
        crate::OURS_OWN_MEMORY => &own_memory,
        crate::ABI_STABLE => &abi_stable,
        crate::STABBY => &stabby,
        crate::HOT => &hot,
    }
    workloads.into_iter().map(Workload::measure).collect()
}
