//! The table in `docs/gallery.md`.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::in_gallery;
use crate::outcome::{End, Outcome, parse_left, write_left};
use crate::rows::{ROWS, Row};
use crate::run::run;

const BEGIN: &str = "<!-- table -->\n";
const END: &str = "<!-- end of table -->";
const HEAD: &str = "| dependency | used | outcome | left by a cycle | remedy |\n| --- | --- | --- | --- | --- |\n";

fn file() -> PathBuf {
    in_gallery("../docs/gallery.md")
}

fn read() -> String {
    let file = file();
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()))
}

/// The lines of the table that is in the documentation.
pub(crate) struct Table {
    lines: Vec<String>,
}

impl Table {
    /// Reads the table.
    pub(crate) fn read() -> Self {
        Table::parse(&read())
    }

    fn parse(text: &str) -> Self {
        let table = text.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map(|(table, _)| table);
        Table { lines: table.unwrap_or_default().lines().map(str::to_owned).collect() }
    }

    /// The line of a row.
    fn line(&self, row: &Row) -> Option<&str> {
        let is_it = |line: &&String| {
            let cells = cells(line);
            matches!(cells.as_slice(), [dependency, used, ..]
                if is_dependency(dependency, row.dependency) && *used == row.used)
        };
        self.lines.iter().find(is_it).map(String::as_str)
    }

    /// The outcome that the table has for a row.
    pub(crate) fn outcome(&self, row: &Row) -> Option<Outcome> {
        let cells = cells(self.line(row)?);
        let [_, _, end, left, _] = cells.as_slice() else { return None };
        Some(Outcome { end: End::parse(end)?, left: parse_left(left) })
    }
}

/// Returns true if a cell names that dependency, with its version or without one.
fn is_dependency(cell: &str, name: &str) -> bool {
    cell.strip_prefix(name).is_some_and(|version| {
        version.is_empty() || version.strip_prefix(' ').is_some_and(|version| version.starts_with(char::is_numeric))
    })
}

fn cells(line: &str) -> Vec<&str> {
    let line = line.trim().trim_start_matches('|').trim_end_matches('|');
    line.split('|').map(str::trim).collect()
}

fn line(row: &Row, outcome: &Outcome, lock: &str) -> String {
    let version = version(lock, &format!("gallery-{}", row.plugin), row.dependency);
    let dependency = version.map_or(row.dependency.to_owned(), |version| format!("{} {version}", row.dependency));
    // A cell ends with a bar.
    let end = outcome.end.to_string().replace('|', "/");
    format!("| {dependency} | {} | {end} | {} | {} |", row.used, write_left(outcome.left), row.remedy)
}

/// The version of a package's dependency, in the text of a lock file.
fn version<'a>(lock: &'a str, package: &str, dependency: &str) -> Option<&'a str> {
    let block =
        |name: &str| lock.split("[[package]]\n").find(|block| block.starts_with(&format!("name = \"{name}\"\n")));
    // If there are several versions, the package's list of dependencies names the right one.
    let mut depended_on = block(package)?.lines().map(|line| line.trim().trim_matches([',', '"']));
    let depended_on = depended_on.find_map(|line| line.strip_prefix(dependency)?.strip_prefix(' '));
    depended_on
        .or_else(|| block(dependency)?.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"')))
}

/// Runs rows, and writes them into the table. The other rows stay as they are.
pub(crate) fn write(rows: &[&'static Row]) -> ExitCode {
    let lock = fs::read_to_string(in_gallery("Cargo.lock")).expect("the lock file");
    let is_asked = |row: &Row| rows.iter().any(|asked| std::ptr::eq(*asked, row));
    let run = |row: &Row| if is_asked(row) { Some(line(row, &run(row)?, &lock)) } else { None };
    let lines: Vec<Option<String>> = ROWS.iter().map(run).collect();
    let text = read();
    let before = Table::parse(&text);
    let lines =
        lines.into_iter().zip(ROWS).filter_map(|(line, row)| line.or_else(|| Some(before.line(row)?.to_owned())));
    let table = lines.fold(HEAD.to_owned(), |table, line| table + &line + "\n");
    let (head, rest) = text.split_once(BEGIN).unwrap_or_else(|| panic!("there is no {BEGIN} in the documentation"));
    let (_, tail) = rest.split_once(END).unwrap_or_else(|| panic!("there is no {END} in the documentation"));
    let written = fs::write(file(), format!("{head}{BEGIN}\n{table}\n{END}{tail}"));
    written.unwrap_or_else(|error| panic!("cannot write {}: {error}", file().display()));
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Left;

    #[test]
    fn what_is_written_is_read() {
        let left = Left { kib: 12, freed_kib: 0, files: 0 };
        let outcome = Outcome { end: End::Unmapped, left: Some(left) };
        for row in ROWS {
            let lines = format!("{BEGIN}\n{HEAD}{}\n{END}", line(row, &outcome, ""));
            assert_eq!(Table::parse(&lines).outcome(row), Some(outcome.clone()), "{}, {}", row.dependency, row.used);
        }
        assert_eq!(Table::parse("no table").outcome(&ROWS[0]), None);
    }

    #[test]
    fn no_two_rows_are_taken_for_each_other() {
        for (number, row) in ROWS.iter().enumerate() {
            let is_same = |other: &&Row| other.dependency == row.dependency && other.used == row.used;
            assert_eq!(ROWS.iter().filter(is_same).count(), 1, "{}, {}", row.dependency, row.used);
            let is_apart = number != 0 && ROWS[number - 1].plugin != row.plugin;
            assert!(!is_apart || !ROWS[..number].iter().any(|other| other.plugin == row.plugin), "{}", row.plugin);
        }
    }

    #[test]
    fn the_version_is_the_one_that_the_plugin_depends_on() {
        let lock = r#"
[[package]]
name = "rand"
version = "0.9.2"

[[package]]
name = "rand"
version = "0.10.4"

[[package]]
name = "regex"
version = "1.13.2"

[[package]]
name = "gallery-rand"
version = "0.1.0"
dependencies = [
 "plugin-core",
 "rand 0.10.4",
 "regex",
]
"#;
        assert_eq!(version(lock, "gallery-rand", "rand"), Some("0.10.4"));
        assert_eq!(version(lock, "gallery-rand", "regex"), Some("1.13.2"));
        assert_eq!(version(lock, "gallery-rand", "a C library"), None);
    }
}
