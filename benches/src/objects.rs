//! The cost of calling a plugin's closures and of pulling items from its iterators.
//!
//! The limit is a chain by hand: a `dyn` call of a closure on this side, which calls an `extern "C"` function of the library, which
//! calls a `dyn` closure there. It keeps no library and stops no panic.

use std::cell::RefCell;
use std::ffi::c_void;
use std::hint::black_box;

use plugin_host::Host;

use crate::contenders::{Libraries, host};
use crate::measure::{Batch, Row, Workload};

/// The number of items that are pulled from one iterator.
const ITEMS: u32 = 10_000;

type Number = dyn Fn(u64) -> u64 + Send + Sync;
type Numbers = Box<dyn Iterator<Item = u64> + Send>;

/// The functions of the chain by hand.
#[derive(Clone, Copy)]
struct Chain {
    adder: unsafe extern "C" fn(u64) -> *mut c_void,
    call: unsafe extern "C" fn(*mut c_void, u64) -> u64,
    end: unsafe extern "C" fn(*mut c_void),
    numbers: unsafe extern "C" fn(u64) -> *mut c_void,
    next: unsafe extern "C" fn(*mut c_void, *mut u64) -> bool,
    end_numbers: unsafe extern "C" fn(*mut c_void),
}

/// An iterator of the library, by hand.
struct Items(Chain, *mut c_void);

impl Iterator for Items {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let mut number = 0;
        // SAFETY: the library has made the iterator, which ends with `self`.
        unsafe { (self.0.next)(self.1, &raw mut number) }.then_some(number)
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        // SAFETY: as above. This is the drop.
        unsafe { (self.0.end_numbers)(self.1) }
    }
}

/// A closure of the library, by hand.
struct Handle(Chain, *mut c_void);

impl Handle {
    fn call(&self, number: u64) -> u64 {
        // SAFETY: the library has made the closure, which ends with `self`.
        unsafe { (self.0.call)(self.1, number) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: as above. This is the drop.
        unsafe { (self.0.end)(self.1) }
    }
}

impl Chain {
    fn load(library: &libloading::Library) -> Self {
        // SAFETY: these are the functions in `plugins/bare`, with these types. The library stays loaded during the measurement.
        unsafe {
            Chain {
                adder: *library.get(b"adder").expect("it is there"),
                call: *library.get(b"call_adder").expect("it is there"),
                end: *library.get(b"end_adder").expect("it is there"),
                numbers: *library.get(b"numbers").expect("it is there"),
                next: *library.get(b"next_number").expect("it is there"),
                end_numbers: *library.get(b"end_numbers").expect("it is there"),
            }
        }
    }

    fn numbers(self, to: u64) -> Box<dyn Iterator<Item = u64>> {
        // SAFETY: the function takes a number.
        Box::new(Items(self, unsafe { (self.numbers)(to) }))
    }

    fn make(self, n: u64) -> Box<dyn Fn(u64) -> u64> {
        // SAFETY: the function takes a number.
        let handle = Handle(self, unsafe { (self.adder)(n) });
        Box::new(move |number| handle.call(number))
    }
}

#[inline(never)]
fn direct(n: u64) -> Box<Number> {
    Box::new(move |number| number.wrapping_add(n))
}

#[inline(never)]
fn direct_numbers(to: u64) -> Numbers {
    Box::new(0..to)
}

/// Calls a closure.
fn calls<'a, F: Fn(u64) -> u64 + ?Sized + 'a>(closure: Box<F>) -> Batch<'a> {
    Box::new(move |count| (0..count).for_each(|n| _ = black_box(closure(black_box(n.into())))))
}

/// Makes and drops a value.
fn makes<'a, T>(make: impl Fn(u64) -> T + 'a) -> Batch<'a> {
    Box::new(move |count| (0..count).for_each(|n| drop(black_box(make(black_box(n.into()))))))
}

/// Pulls items.
fn pulls<'a, I: Iterator<Item = u64> + ?Sized + 'a>(make: impl Fn(u64) -> Box<I> + 'a) -> Batch<'a> {
    let numbers = RefCell::new(make(0));
    Box::new(move |count| {
        let mut numbers = numbers.borrow_mut();
        for _ in 0..count {
            if numbers.next().is_none() {
                *numbers = make(ITEMS.into());
            }
        }
    })
}

/// Measures closures and iterators.
pub fn run(libraries: &Libraries) -> Vec<Row> {
    // SAFETY: this program has built the library, from the source beside this one.
    let bare = unsafe { libloading::Library::new(&libraries.bare) }.expect("it is built");
    let (chain, ours): (Chain, Host) = (Chain::load(&bare), host());
    ours.load(&libraries.ours).unwrap_or_else(|error| panic!("{error}"));
    let adder = ours.get::<fn(u64) -> Box<Number>>("adder").expect("it is there");
    let numbers = ours.get::<fn(u64) -> Numbers>("numbers").expect("it is there");
    assert_eq!((chain.make(1)(2), adder(1)(2), numbers(3).sum::<u64>()), (3, 3, 3));
    let rows = vec![
        Workload {
            name: "a call of a closure, `Fn(u64) -> u64`".to_owned(),
            contenders: vec![
                (crate::BARE, calls(chain.make(1))),
                (crate::DIRECT, calls(direct(1))),
                (crate::OURS, calls(adder(1))),
            ],
        },
        Workload {
            name: "such a closure made and dropped".to_owned(),
            contenders: vec![
                (crate::BARE, makes(|n| chain.make(n))),
                (crate::DIRECT, makes(direct)),
                (crate::OURS, makes(&*adder)),
            ],
        },
        Workload {
            name: format!("an item of an iterator of {ITEMS} numbers"),
            contenders: vec![
                (crate::BARE, pulls(|to| chain.numbers(to))),
                (crate::DIRECT, pulls(direct_numbers)),
                (crate::OURS, pulls(&*numbers)),
            ],
        },
    ];
    rows.into_iter().map(Workload::measure).collect()
}
