use std::rc::Rc;

use plugin_core::{plugin_export, plugin_type};

#[plugin_export]
fn by_impl(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.sum()
}

#[plugin_export]
fn by_mut(numbers: &mut dyn Iterator<Item = u64>) -> u64 {
    numbers.sum()
}

#[plugin_export]
fn backwards(numbers: Box<dyn DoubleEndedIterator<Item = u64>>) -> u64 {
    numbers.rev().sum()
}

#[plugin_export]
fn of_what_does_not_cross() -> Box<dyn Iterator<Item = Rc<u64>>> {
    Box::new(std::iter::empty())
}

#[plugin_type]
struct NotSent(Box<dyn Fn()>);

/// The items are sent with the iterator.
#[plugin_export]
fn sent_with_items_that_are_not() -> Box<dyn Iterator<Item = NotSent> + Send> {
    Box::new(std::iter::empty())
}

#[plugin_export]
fn borrows(text: &str) -> Box<dyn Iterator<Item = String> + '_> {
    Box::new(text.lines().map(str::to_owned))
}
