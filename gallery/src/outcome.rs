//! The outcome of a row, how it is written in the table, and how it is read there.

use std::fmt;

use crate::cycles::{self, CYCLES, WINDOW};

/// The outcome of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    /// The remains of a cycle; `None` if there were too few cycles.
    pub(crate) left: Option<Left>,
}

/// The end of a plugin, from the best to the worst.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    /// The library is unmapped in each cycle.
    Unmapped,
    /// The library is pinned in so many cycles, at last for this reason.
    Pinned { count: u32, reason: String },
    /// A load, a call or an unload fails in this cycle.
    Failed { cycle: u32, error: String },
    /// The process ends in this cycle, or has to be ended.
    Crashed { cycle: u32, how: String },
}

/// The remains of a cycle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Left {
    /// Memory, in KiB.
    pub(crate) kib: u64,
    /// Memory that the host has freed, in KiB.
    pub(crate) freed_kib: u64,
    /// Open files.
    pub(crate) files: u64,
}

impl Outcome {
    /// Reads a report. A process that crashed has a `crash`, which says how.
    pub(crate) fn of_report(report: &str, crash: Option<String>) -> Self {
        let mut done = 0;
        let mut pinned = None;
        let mut failed = None;
        let mut counts = Vec::new();
        for line in report.lines() {
            let (word, text) = line.split_once('\t').unwrap_or((line, ""));
            match word {
                cycles::UNMAPPED => done += 1,
                cycles::PINNED => {
                    done += 1;
                    let count = pinned.map_or(1, |(count, _)| count + 1);
                    pinned = Some((count, text));
                }
                cycles::FAILED => failed = Some(End::Failed { cycle: done + 1, error: text.to_owned() }),
                cycles::MEMORY => counts.push(numbers(text)),
                _ => {}
            }
        }
        let crashed = crash.map(|how| End::Crashed { cycle: (done + 1).min(CYCLES), how });
        let pinned = pinned.map(|(count, reason)| End::Pinned { count, reason: without_numbers_of_threads(reason) });
        let end = crashed.or(failed).or(pinned).unwrap_or(End::Unmapped);
        Outcome { end, left: Left::of_counts(&counts) }
    }
}

/// Memory, freed memory and files, at one time.
type Count = [u64; 3];

fn numbers(text: &str) -> Count {
    let mut numbers = text.split('\t').map(|number| number.parse().unwrap_or_default());
    [(); 3].map(|()| numbers.next().unwrap_or_default())
}

impl Left {
    /// Returns the medians of the windows. So a single step, such as a table that grows, does not count.
    fn of_counts(counts: &[Count]) -> Option<Left> {
        let median = |which: usize| {
            let mut grown: Vec<u64> =
                counts.windows(2).map(|pair| pair[1][which].saturating_sub(pair[0][which])).collect();
            grown.sort_unstable();
            grown.get(grown.len() / 2).map(|grown| *grown as f64 / f64::from(WINDOW))
        };
        let kib = |bytes: f64| (bytes / 1024.0).round() as u64;
        Some(Left { kib: kib(median(0)?), freed_kib: kib(median(1)?), files: median(2)?.round() as u64 })
    }
}

/// Takes the kernel's numbers of threads out of a reason, because they differ each time.
fn without_numbers_of_threads(reason: &str) -> String {
    // A thread with a name has its number in brackets after the name. A thread without a name has its number first.
    let mut pieces = reason.split("thread ");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit());
        match (text.strip_suffix(" ("), rest.strip_prefix(')')) {
            (Some(named), Some(rest)) if rest.len() + 1 < piece.len() => text = [named, rest].concat(),
            _ => text += &["thread", if rest.len() == piece.len() { " " } else { "" }, rest].concat(),
        }
    }
    text
}

const PINNED: &str = "stays mapped";
const FAILED: &str = "fails in cycle ";
const CRASHED: &str = "ends the process in cycle ";

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Unmapped => f.write_str("unmapped"),
            End::Pinned { count: CYCLES, reason } => write!(f, "{PINNED}: {reason}"),
            End::Pinned { count, reason } => write!(f, "{PINNED} in {count} of {CYCLES} cycles: {reason}"),
            End::Failed { cycle, error } => write!(f, "{FAILED}{cycle}: {error}"),
            End::Crashed { cycle, how } => write!(f, "{CRASHED}{cycle}: {how}"),
        }
    }
}

impl End {
    /// Reads what [`Display`](fmt::Display) writes.
    pub(crate) fn parse(text: &str) -> Option<End> {
        let after_cycle = |rest: &str| {
            let (cycle, text) = rest.split_once(": ")?;
            Some((cycle.parse().ok()?, text.to_owned()))
        };
        if text == "unmapped" {
            Some(End::Unmapped)
        } else if let Some(rest) = text.strip_prefix(PINNED) {
            let (count, reason) = rest.split_once(": ")?;
            let count = match count.strip_prefix(" in ").and_then(|count| count.split_once(' ')) {
                Some((count, _)) => count.parse().ok()?,
                None => CYCLES,
            };
            Some(End::Pinned { count, reason: reason.to_owned() })
        } else if let Some(rest) = text.strip_prefix(FAILED) {
            after_cycle(rest).map(|(cycle, error)| End::Failed { cycle, error })
        } else {
            after_cycle(text.strip_prefix(CRASHED)?).map(|(cycle, how)| End::Crashed { cycle, how })
        }
    }
}

/// Stands in the table where nothing was counted.
const NOT_COUNTED: &str = "not counted";

/// Writes the remains of a cycle.
pub(crate) fn write_left(left: Option<Left>) -> String {
    let Some(Left { kib, freed_kib, files }) = left else { return NOT_COUNTED.to_owned() };
    let mut text = format!("{kib} KiB");
    if freed_kib != 0 {
        text += &format!(", {freed_kib} KiB freed by the host");
    }
    if files != 0 {
        text += &format!(", {files} open files");
    }
    text
}

/// Reads what [`write_left`] writes.
pub(crate) fn parse_left(text: &str) -> Option<Left> {
    let mut left = Left { kib: 0, freed_kib: 0, files: 0 };
    for part in text.split(", ") {
        let (number, what) = part.split_once(' ')?;
        let number = number.parse().ok()?;
        match what {
            "KiB" => left.kib = number,
            "KiB freed by the host" => left.freed_kib = number,
            "open files" => left.files = number,
            _ => return None,
        }
    }
    Some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned(count: u32) -> End {
        End::Pinned { count, reason: "1 thread that it started runs: `worker`".to_owned() }
    }

    #[test]
    fn a_report_gives_the_outcome() {
        let mut report = String::new();
        for bytes in [1 << 20, 2 << 20, 3 << 20, 9 << 20] {
            report += &format!("{}memory\t{bytes}\t0\t{}\n", "unmapped\t\n".repeat(50), bytes >> 20);
        }
        let left = Left { kib: 20, freed_kib: 0, files: 0 };
        assert_eq!(Outcome::of_report(&report, None), Outcome { end: End::Unmapped, left: Some(left) });

        let report = "unmapped\t\npinned\t1 thread that it started runs: `worker` (thread 12)\n";
        assert_eq!(Outcome::of_report(report, None), Outcome { end: pinned(1), left: None });
        let failed = Outcome::of_report(&format!("{report}failed\tno\n"), None).end;
        assert_eq!(failed, End::Failed { cycle: 3, error: "no".to_owned() });
        let crashed = Outcome::of_report(report, Some("signal 6".to_owned())).end;
        assert_eq!(crashed, End::Crashed { cycle: 3, how: "signal 6".to_owned() });
    }

    #[test]
    fn numbers_of_threads_are_left_out() {
        for (reason, expected) in [
            (
                "2 threads that it started run: `a` (thread 12), `b` (thread 3)",
                "2 threads that it started run: `a`, `b`",
            ),
            (
                "1 thread that it started runs: thread 12 (without a name of its own, so it has its plugin's, `c`)",
                "1 thread that it started runs: thread (without a name of its own, so it has its plugin's, `c`)",
            ),
            ("the thread that ended", "the thread that ended"),
        ] {
            assert_eq!(without_numbers_of_threads(reason), expected);
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let error = "cannot map `x`: no".to_owned();
        let crash = "signal: 6".to_owned();
        for end in [
            End::Unmapped,
            pinned(CYCLES),
            pinned(3),
            End::Failed { cycle: 9, error },
            End::Crashed { cycle: 2, how: crash },
        ] {
            assert_eq!(End::parse(&end.to_string()), Some(end));
        }
        assert_eq!(End::parse("something else"), None);
        for left in [(0, 0, 0), (3, 0, 0), (0, 848, 0), (1, 2, 3)] {
            let left = Some(Left { kib: left.0, freed_kib: left.1, files: left.2 });
            assert_eq!(parse_left(&write_left(left)), left);
        }
        assert_eq!(parse_left(&write_left(None)), None);
    }
}
