//! Proxies, without another library: a vtable with another home stands for one.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use super::PluginFn;
use crate::abi::{ObjectRepr, ObjectVtable};
use crate::memory::Arena;
use crate::origin::Origin;
use crate::types::{PluginMut, PluginRef, PluginType};

/// Makes the object one of another library.
fn away(repr: ObjectRepr) -> ObjectRepr {
    static OTHER_HOME: u8 = 2;
    // SAFETY: the vtable is a constant of this library. It has no parts that have to be dropped.
    let vtable = unsafe { repr.vtable.read() };
    let vtable = ObjectVtable { home: (&raw const OTHER_HOME).cast(), ..vtable };
    ObjectRepr { vtable: Box::leak(Box::new(vtable)), ..repr }
}

/// Moves an object to this library, as if it came from another one.
fn received<T: PluginType<Repr = ObjectRepr>>(object: T) -> T {
    let repr = away(object.lower());
    // SAFETY: the object was lowered just now, and is lifted once.
    unsafe { T::lift(repr, &Origin::HOST) }
}

/// The words of an object, which are lowered and lifted again.
fn words<T: PluginType<Repr = ObjectRepr>>(object: T) -> (String, T) {
    let repr = object.lower();
    // SAFETY: as above.
    (format!("{:?}", repr.words), unsafe { T::lift(repr, &Origin::HOST) })
}

#[test]
fn a_proxy_calls_and_drops_the_closure() {
    let note = Rc::new(Cell::new(0));
    let own = note.clone();
    type Sum = dyn FnMut(u32, &str) -> usize;
    let mut sum: Box<Sum> = received(Box::new(move |number: u32, text: &str| {
        own.set(own.get() + number);
        text.len()
    }));
    assert_eq!((sum(2, "abc"), sum(3, "")), (3, 0));
    assert_eq!((note.get(), Rc::strong_count(&note)), (5, 2));
    drop(sum);
    assert_eq!(Rc::strong_count(&note), 1);

    let own = note.clone();
    let once: Box<dyn FnOnce(&mut u32)> = received(Box::new(move |number: &mut u32| *number += own.take()));
    let mut number = 1;
    once(&mut number);
    assert_eq!((number, Rc::strong_count(&note)), (6, 1));

    let own = note.clone();
    drop(received::<Box<dyn FnOnce(u8)>>(Box::new(move |_| own.set(1))));
    assert_eq!(Rc::strong_count(&note), 1);

    let shared: Arc<dyn Fn(u8) -> u8 + Send + Sync> = received(Arc::new(|number| number + 1));
    let other = shared.clone();
    drop(shared);
    assert_eq!(other(1), 2);
}

#[test]
fn a_proxy_that_is_lowered_is_the_object_it_was_made_of() {
    let (first, closure) = words::<Box<dyn Fn(u8) -> u8>>(received(Box::new(|number| number + 1)));
    let (second, closure) = words(closure);
    assert_eq!(first, second);
    assert_eq!(closure(1), 2);
    let (first, shared) = words::<Arc<dyn Fn() + Send + Sync>>(received(Arc::new(|| ())));
    let (second, _shared) = words(shared.clone());
    let (third, _shared) = words(shared);
    assert_eq!((&first, &first), (&second, &third));
    let (first, numbers) = words::<Box<dyn Iterator<Item = u8>>>(received(Box::new(0..3)));
    let (second, numbers) = words(numbers);
    assert_eq!(first, second);
    assert!(numbers.eq(0..3));
}

#[test]
fn a_proxy_with_fewer_auto_traits_is_still_known() {
    let (first, closure) = words::<Box<dyn Fn(u8) -> u8 + Send + Sync>>(received(Box::new(|number| number + 1)));
    let closure: Box<dyn Fn(u8) -> u8> = closure;
    let (second, closure) = words(closure);
    assert_eq!((first, closure(1)), (second, 2));
}

#[test]
fn a_proxy_of_another_trait_is_called_and_dropped() {
    let note = Rc::new(());
    let own = note.clone();
    let closure: Box<dyn Fn(u8) -> u8> = received(Box::new(move |number| number + Rc::strong_count(&own) as u8));
    // The other types that the compiler makes of it without a new closure.
    let closure: Box<dyn FnMut(u8) -> u8> = closure;
    let (_, closure) = words(closure);
    let closure: Box<dyn FnOnce(u8) -> u8> = received(closure as Box<dyn FnOnce(u8) -> u8>);
    let (_, closure) = words(closure);
    assert_eq!(closure(1), 3);
    assert_eq!(Rc::strong_count(&note), 1);
}

/// `Arc::from` moves a closure out of its box, and drops nothing.
#[test]
fn a_box_at_the_address_of_a_proxy_that_has_moved_is_not_taken_for_it() {
    let note = Rc::new(());
    let mut moved: Vec<Arc<dyn Fn(u8) -> usize>> = Vec::new();
    for round in 0..200_u8 {
        let own = note.clone();
        let closure: Box<dyn Fn(u8) -> usize> =
            received(Box::new(move |number| Rc::strong_count(&own) + usize::from(number)));
        moved.push(Arc::from(closure));
        // As large as a proxy.
        let captured = [usize::from(round); size_of::<super::remote::Remote>() / size_of::<usize>()];
        let own: Box<dyn Fn(u8) -> usize> = Box::new(move |index| captured[usize::from(index)]);
        let address = format!("{:?}", super::words::words_of(&raw const *own));
        let (at, own) = words(own);
        assert_eq!((at, own(1)), (address, usize::from(round)));
        let (_, closure) = words(moved.pop().unwrap());
        assert_eq!(closure(1), usize::from(round) + 3);
        moved.push(closure);
    }
    drop(moved);
    assert_eq!(Rc::strong_count(&note), 1);
    let (first, closure) = words::<Box<dyn Fn(u8) -> usize>>(received(Box::new(usize::from)));
    assert_eq!(words(closure).0, first, "a later proxy is known");
}

/// The content of an `Arc` without a size is where the next block may begin.
#[test]
fn a_closure_without_size_is_no_proxy() {
    let proxy: Box<dyn Fn() -> u8> = received(Box::new(|| 1));
    // The type of a closure without size, at the address of the proxy.
    fn at<C: Fn() -> u8 + 'static>(_: C, address: *const u8) -> *const dyn Fn() -> u8 {
        address.cast::<C>()
    }
    let none = at(|| 2, (&raw const *proxy).cast());
    assert_eq!(super::homes::find(none), None);
    assert!(super::homes::find(&raw const *proxy).is_some());
}

#[test]
fn an_object_of_this_library_comes_home_as_its_own_type_only() {
    let own: Box<dyn Fn() + Send + Sync> = Box::new({
        let number = 1_u8;
        move || _ = std::hint::black_box(number)
    });
    let address = (&raw const *own).cast::<u8>();
    let (_, own) = words(own);
    assert_eq!((&raw const *own).cast::<u8>(), address);
    let repr = own.lower();
    // SAFETY: lowered just now, and lifted once. `dyn Fn()` says less than the type that was lowered.
    let weaker = unsafe { <Box<dyn Fn()>>::lift(repr, &Origin::HOST) };
    assert_ne!((&raw const *weaker).cast::<u8>(), address, "a proxy");
    weaker();
}

#[test]
fn objects_are_held_and_lent() {
    let note = Rc::new(());
    let own = note.clone();
    let list: Vec<Box<dyn Fn(u8) -> usize>> =
        vec![Box::new(move |_| Rc::strong_count(&own)), received(Box::new(|number| number.into()))];
    {
        let (mut lender, mut arena) = (Arena::new(), Arena::new());
        let repr = list.lend(&mut lender);
        // SAFETY: lent in the line above, and held once. `held` is not used after the arenas.
        let held = unsafe { <Vec<Box<dyn Fn(u8) -> usize>>>::hold(&repr, &Origin::HOST, &mut arena) };
        assert_eq!((held[0](7), held[1](7)), (2, 7));
    }
    assert_eq!(Rc::strong_count(&note), 2);

    let shared: Arc<dyn Fn() -> u8> = Arc::new(|| 5);
    let kept = {
        let (mut lender, mut arena) = (Arena::new(), Arena::new());
        let repr = away(shared.lend(&mut lender));
        // SAFETY: as above.
        let held = unsafe { <Arc<dyn Fn() -> u8>>::hold(&repr, &Origin::HOST, &mut arena) };
        Arc::clone(&held)
    };
    assert_eq!((kept(), Arc::strong_count(&shared)), (5, 2), "the clone has a share of the sender's `Arc`");
    drop(kept);
    assert_eq!(Arc::strong_count(&shared), 1);

    let numbers: Box<dyn Iterator<Item = u8> + Send> = Box::new(0..3);
    let (mut lender, mut arena) = (Arena::new(), Arena::new());
    let repr = numbers.lend(&mut lender);
    // SAFETY: as above.
    let held = unsafe { <Box<dyn Iterator<Item = u8> + Send>>::hold(&repr, &Origin::HOST, &mut arena) };
    assert_eq!(held.size_hint(), (3, Some(3)));
}

#[test]
fn closures_behind_references_are_called_in_place() {
    let mut sum = 0;
    let repr = {
        let closure: &dyn Fn(u8) -> u8 = &|number| number * 2;
        closure.lend_ref(&mut ())
    };
    // SAFETY: a closure without captures is a constant, so the loan outlives the held closure.
    let held = unsafe { <dyn Fn(u8) -> u8 as PluginRef>::hold_ref(repr, &Origin::HOST) };
    assert_eq!(held(4), 8);
    {
        type Add = dyn FnMut(u32);
        let mut add = |number| sum += number;
        let add = Add::lengthened_mut(&mut add);
        // SAFETY: the loan is dropped after the held closure.
        let mut loan = unsafe { add.lend_mut(&Origin::HOST) };
        // SAFETY: as above.
        let mut held = unsafe { <Add as PluginMut>::hold_mut(Add::mut_repr(&mut loan), &Origin::HOST) };
        held(3);
        held.shortened()(4);
    }
    assert_eq!(sum, 7);
}

/// Memory that one thread frees is used by another at once. No closure may be taken for the proxy that was there before.
#[test]
fn a_closure_at_the_address_of_a_former_proxy_is_not_taken_for_it() {
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            scope.spawn(move || {
                for round in 0..5_000_usize {
                    let captured = [thread, round, 1, 2, 3, 4];
                    let own: Box<dyn Fn(usize) -> usize + Send + Sync> = Box::new(move |index| captured[index]);
                    let own = received(own);
                    assert_eq!((own(0), own(1)), (thread, round));
                    let again: Box<dyn Fn(usize) -> usize + Send + Sync> = Box::new(move |index| captured[index] + 1);
                    drop(own);
                    let (_, again) = words(again);
                    assert_eq!(again(1), round + 1);
                    let once: Box<dyn FnOnce() -> usize + Send> = received(Box::new(move || captured[1]));
                    assert_eq!(once(), round);
                }
            });
        }
    });
}
