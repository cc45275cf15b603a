//! Names that are like one that was asked for.

use std::collections::BTreeSet;

/// The longest name that is compared, in bytes. Comparing two names takes time as the product of their lengths.
const MAX_LENGTH: usize = 64;

/// The number of names that are listed where none is similar.
pub(crate) const MAX_LISTED: usize = 8;

/// The names that exist, for a message about one that does not.
pub(crate) struct Candidates {
    /// The most similar name, if one is similar at all. Long names are never similar.
    pub(crate) closest: Option<String>,
    /// The first names in the order of the alphabet.
    pub(crate) existing: Vec<String>,
    /// The number of all names.
    pub(crate) count: usize,
}

impl Candidates {
    pub(crate) fn new<'a>(name: &str, candidates: impl Iterator<Item = &'a str> + Clone) -> Self {
        let (mut first, mut count) = (BTreeSet::new(), 0);
        for candidate in candidates.clone() {
            count += 1;
            first.insert(candidate);
            if first.len() > MAX_LISTED {
                first.pop_last();
            }
        }
        let existing = first.into_iter().map(str::to_owned).collect();
        Candidates { closest: closest(name, candidates), existing, count }
    }
}

/// Returns the candidate most similar to `name`, if one is similar at all. Long names are never similar.
pub(crate) fn closest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    const MIN_SIMILARITY: f64 = 0.6;
    let is_short = |name: &str| name.len() <= MAX_LENGTH;
    candidates
        .filter(|candidate| is_short(name) && is_short(candidate))
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .max_by(|(a, x), (b, y)| a.total_cmp(b).then_with(|| y.cmp(x)))
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_similar_name_is_the_closest() {
        let names = ["greet", "grow", "shout"];
        assert_eq!(closest("great", names.into_iter()).as_deref(), Some("greet"));
        assert_eq!(closest("zzz", names.into_iter()), None);
    }

    #[test]
    fn the_first_names_are_listed() {
        let names: Vec<String> = (0..20).rev().map(|n| format!("{n:02}")).collect();
        let Candidates { closest, existing, count } = Candidates::new("zzz", names.iter().map(String::as_str));
        assert_eq!(closest, None);
        assert_eq!(existing, ["00", "01", "02", "03", "04", "05", "06", "07"]);
        assert_eq!(count, 20);
    }

    /// Comparing two of these would take minutes.
    #[test]
    fn long_names_are_not_compared() {
        let long = "a".repeat(1 << 20);
        let other = format!("{long}b");
        assert_eq!(closest(&long, [other.as_str(), "a"].into_iter()), None);
        assert_eq!(closest("ab", [other.as_str(), "abc"].into_iter()).as_deref(), Some("abc"));
    }
}
