//! The cost of letting a plugin read many values that have parts on the heap.

use std::cell::RefCell;
use std::hint::black_box;
use std::path::Path;

use interface::{Named, work};
use plugin_host::{Function, Host};

use crate::contenders::{Libraries, host};
use crate::measure::{Batch, Row, Workload};

/// The number of values.
const COUNT: u64 = 100_000;

/// The exports of one library.
struct Exports {
    letters: Function<fn(&[Named]) -> usize>,
    letters_of_own: Function<fn(&mut Vec<Named>) -> usize>,
    _host: Host,
}

impl Exports {
    fn load(library: &Path) -> Self {
        let host = host();
        host.load(library).unwrap_or_else(|error| panic!("{error}"));
        Exports {
            letters: host.get::<fn(&[Named]) -> usize>("letters").expect("it is there"),
            letters_of_own: host.get::<fn(&mut Vec<Named>) -> usize>("letters_of_own").expect("it is there"),
            _host: host,
        }
    }
}

#[inline(never)]
fn letters(all: &[Named]) -> usize {
    work::letters(all)
}

/// Measures the same function behind `&[T]` and behind `&mut Vec<T>`.
pub fn run(libraries: &Libraries) -> Vec<Row> {
    let values: Vec<Named> = (0..COUNT).map(|id| Named { id, name: format!("the name of number {id}") }).collect();
    let (ours, own_memory) = (Exports::load(&libraries.ours), Exports::load(&libraries.ours_own_memory));
    let expected = letters(&values);
    let own = RefCell::new(values.clone());
    for exports in [&ours, &own_memory] {
        assert_eq!((exports.letters)(&values), expected);
        assert_eq!((exports.letters_of_own)(&mut own.borrow_mut()), expected);
    }
    let direct =
        || -> Batch<'_> { Box::new(|count| (0..count).for_each(|_| _ = black_box(letters(black_box(&values))))) };
    let lent = |exports: &Exports| -> Batch<'_> {
        let letters = exports.letters.clone();
        let values = &values;
        Box::new(move |count| (0..count).for_each(|_| _ = black_box(letters(black_box(values)))))
    };
    let moved = |exports: &Exports| -> Batch<'_> {
        let letters = exports.letters_of_own.clone();
        let own = &own;
        Box::new(move |count| (0..count).for_each(|_| _ = black_box(letters(&mut own.borrow_mut()))))
    };
    let rows = vec![
        Workload {
            name: format!("&[Named] of {COUNT}"),
            contenders: vec![
                (crate::DIRECT, direct()),
                (crate::OURS, lent(&ours)),
                (crate::OURS_OWN_MEMORY, lent(&own_memory)),
            ],
        },
        Workload {
            name: format!("&mut Vec<Named> of {COUNT}"),
            contenders: vec![
                (crate::DIRECT, direct()),
                (crate::OURS, moved(&ours)),
                (crate::OURS_OWN_MEMORY, moved(&own_memory)),
            ],
        },
    ];
    rows.into_iter().map(Workload::measure).collect()
}
