//! The alignment of two lists of names: the common names, and those in only one list.

use std::collections::{HashMap, HashSet};

/// Two aligned lists of names of fields or variants, as indices into the lists.
#[derive(Default)]
pub(super) struct Aligned<'a> {
    /// The indices of each name that both sides have.
    pub(super) common: Vec<(usize, usize)>,
    pub(super) only_host: Vec<usize>,
    pub(super) only_plugin: Vec<usize>,
    /// The common names in the order of each side, from the first that differs to the last; `None` if the order is the
    /// same.
    pub(super) order: Option<(Vec<&'a str>, Vec<&'a str>)>,
}

impl<'a> Aligned<'a> {
    pub(super) fn new(host: &[&'a str], plugin: &[&'a str]) -> Self {
        let mut aligned = Aligned::default();
        let mut places: HashMap<&str, usize> = plugin.iter().enumerate().map(|(place, &name)| (name, place)).collect();
        for (place, name) in host.iter().enumerate() {
            match places.remove(name) {
                Some(other) => aligned.common.push((place, other)),
                None => aligned.only_host.push(place),
            }
        }
        aligned.only_plugin = places.into_values().collect();
        aligned.only_plugin.sort_unstable();

        let here: Vec<&str> = aligned.common.iter().map(|&(place, _)| host[place]).collect();
        let mut there = aligned.common.clone();
        there.sort_unstable_by_key(|&(_, place)| place);
        let there: Vec<&str> = there.iter().map(|&(_, place)| plugin[place]).collect();
        let differ = |(a, b): (&&str, &&str)| a != b;
        if let Some(first) = here.iter().zip(&there).position(differ) {
            let end = here.iter().zip(&there).rposition(differ).unwrap_or(first) + 1;
            aligned.order = Some((here[first..end].to_vec(), there[first..end].to_vec()));
        }
        aligned
    }

    /// Takes out the items that were only renamed, and returns their indices. Such an item has the same index on both
    /// sides, and `is_same` returns true for it.
    pub(super) fn renamed(&mut self, is_same: impl Fn(usize) -> bool) -> Vec<usize> {
        let others: HashSet<usize> = self.only_plugin.iter().copied().collect();
        let renamed: Vec<usize> =
            self.only_host.iter().copied().filter(|place| others.contains(place) && is_same(*place)).collect();
        let taken: HashSet<usize> = renamed.iter().copied().collect();
        self.only_host.retain(|place| !taken.contains(place));
        self.only_plugin.retain(|place| !taken.contains(place));
        renamed
    }

    /// Returns true if a side has a name that the other lacks.
    pub(super) fn has_unmatched(&self) -> bool {
        !self.only_host.is_empty() || !self.only_plugin.is_empty()
    }

    /// Returns true if one list has all items of the other and more, in the same order. Then growth could lead from one
    /// to the other.
    pub(super) fn is_extended(&self, renamed: &[usize]) -> bool {
        self.only_host.is_empty() != self.only_plugin.is_empty() && self.order.is_none() && renamed.is_empty()
    }
}

/// Returns true if one list is the beginning of the other.
pub(super) fn is_prefix(a: &[&str], b: &[&str]) -> bool {
    a.iter().zip(b).all(|(a, b)| a == b)
}
