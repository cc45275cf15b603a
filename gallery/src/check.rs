//! The check that no row is worse than in the table.

use std::process::ExitCode;

use crate::cycles::CYCLES;
use crate::outcome::{End, Left, Outcome, write_left};
use crate::rows::Row;
use crate::run::run;
use crate::table::Table;

/// The memory that a cycle may leave in addition to the table's figure. It is a quarter of the figure, because
/// libraries differ between compilers, and this many KiB, because the heap's pages vary.
const MORE_KIB: u64 = 4;

/// Runs rows, and fails if one of them is worse than in the table, or if none can be run.
pub(crate) fn check(rows: &[&'static Row]) -> ExitCode {
    let table = Table::read();
    let mut all_well = true;
    let mut has_run = false;
    for row in rows {
        let Some(outcome) = run(row) else { continue };
        has_run = true;
        match difference(table.outcome(row).as_ref(), &outcome) {
            Difference::None => {}
            Difference::Better => println!("  this is better than the table says: write it anew"),
            Difference::Worse(what) => {
                all_well = false;
                println!("  WORSE than the table says: {what}");
            }
        }
    }
    if !has_run {
        println!("no row was checked: the tools that these rows need are not installed");
        return ExitCode::FAILURE;
    }
    println!("{}", if all_well { "no row is worse than the table says" } else { "a row is worse than the table says" });
    if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[derive(Debug, PartialEq)]
enum Difference {
    None,
    Better,
    Worse(String),
}

/// The rank of an end. Its kind decides first, and then its cycle or its count.
fn badness(end: &End) -> (u32, u32) {
    match end {
        End::Unmapped => (0, 0),
        End::Pinned { count, .. } => (1, *count),
        End::Failed { cycle, .. } => (2, CYCLES - (*cycle).min(CYCLES)),
        End::Crashed { cycle, .. } => (3, CYCLES - (*cycle).min(CYCLES)),
    }
}

/// Compares an outcome with the one in the table.
fn difference(expected: Option<&Outcome>, found: &Outcome) -> Difference {
    let Some(expected) = expected else {
        return Difference::Worse("the row is not there: write the table anew".to_owned());
    };
    let [before, now] = [expected, found].map(|outcome| badness(&outcome.end));
    if now > before {
        return Difference::Worse(format!("there it is `{}`", expected.end));
    }
    if now < before {
        return Difference::Better;
    }
    match (expected.left, found.left) {
        (Some(before), Some(now)) if is_more(before, now) => {
            let [before, now] = [before, now].map(|left| write_left(Some(left)));
            Difference::Worse(format!("a cycle leaves {now}, there {before}"))
        }
        (Some(before), Some(now)) if is_more(now, before) => Difference::Better,
        (Some(_), None) => Difference::Worse("what a cycle leaves was counted there".to_owned()),
        _ => Difference::None,
    }
}

/// Returns true if a cycle leaves more now. Memory that the host frees does not count as lost.
fn is_more(before: Left, now: Left) -> bool {
    now.kib > before.kib + before.kib / 4 + MORE_KIB || now.files > before.files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(end: End, kib: u64) -> Outcome {
        Outcome { end, left: Some(Left { kib, freed_kib: 0, files: 0 }) }
    }

    fn is_worse(before: &Outcome, now: &Outcome) -> bool {
        matches!(difference(Some(before), now), Difference::Worse(_))
    }

    #[test]
    fn ends_are_in_order() {
        let text = String::new;
        let ends = [
            End::Unmapped,
            End::Pinned { count: 1, reason: text() },
            End::Pinned { count: CYCLES, reason: text() },
            End::Failed { cycle: 11, error: text() },
            End::Failed { cycle: 8, error: text() },
            End::Crashed { cycle: CYCLES, how: text() },
            End::Crashed { cycle: 1, how: text() },
        ]
        .map(|end| outcome(end, 0));
        for (number, before) in ends.iter().enumerate() {
            for (other, now) in ends.iter().enumerate() {
                assert_eq!(is_worse(before, now), other > number, "{before:?}, {now:?}");
                assert_eq!(difference(Some(before), now) == Difference::Better, other < number, "{before:?}, {now:?}");
            }
        }
        // Another reason is not a worse one.
        assert_eq!(
            difference(Some(&ends[1]), &outcome(End::Pinned { count: 1, reason: "x".to_owned() }, 0)),
            Difference::None
        );
    }

    #[test]
    fn more_memory_is_worse() {
        let left = |kib| outcome(End::Unmapped, kib);
        assert!(!is_worse(&left(0), &left(4)));
        assert!(is_worse(&left(0), &left(5)));
        assert!(!is_worse(&left(1000), &left(1254)));
        assert!(is_worse(&left(1000), &left(1255)));
        assert_eq!(difference(Some(&left(1000)), &left(0)), Difference::Better);
        assert!(is_worse(&left(0), &Outcome { end: End::Unmapped, left: None }));
    }

    #[test]
    fn more_open_files_are_worse() {
        let left = |files| Outcome { end: End::Unmapped, left: Some(Left { kib: 0, freed_kib: 0, files }) };
        assert!(is_worse(&left(0), &left(1)));
        assert!(!is_worse(&left(1), &left(1)));
    }

    #[test]
    fn a_row_that_is_not_there_is_worse() {
        assert!(matches!(difference(None, &outcome(End::Unmapped, 0)), Difference::Worse(_)));
    }
}
