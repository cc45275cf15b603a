//! Loads, calls and unloads plugins with popular dependencies, 200 times each, and writes a table of the outcomes.
//!
//! ```text
//! gallery [PLUGIN...]          runs the rows of these plugins, or all, and writes them into docs/gallery.md
//! gallery check [PLUGIN...]    runs them, and fails if a row is worse than in docs/gallery.md
//! ```

mod check;
mod cycles;
mod outcome;
mod rows;
mod run;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rows::{ROWS, Row};

// Plugins find out that this program allocates with malloc, and call malloc directly.
plugin_host::use_system_allocator!();

/// Returns a path in the gallery's directory.
fn in_gallery(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [run::CYCLES, row, library, report] => {
            let row: usize = row.parse().expect("a row's number");
            cycles::run(&ROWS[row], Path::new(library), Path::new(report));
            ExitCode::SUCCESS
        }
        ["check", plugins @ ..] => selected(plugins).map_or_else(fail, |rows| check::check(&rows)),
        plugins => selected(plugins).map_or_else(fail, |rows| table::write(&rows)),
    }
}

/// Returns the rows of these plugins; without names, all rows. Prints the names, and those that are left out.
fn selected(plugins: &[&str]) -> Result<Vec<&'static Row>, String> {
    let mut names: Vec<&str> = ROWS.iter().map(|row| row.plugin).collect();
    names.dedup();
    if let Some(unknown) = plugins.iter().find(|plugin| !names.contains(plugin)) {
        return Err(format!("there is no plugin `{unknown}` in the gallery; there are {}", names.join(", ")));
    }
    let (run, left_out): (Vec<&str>, Vec<&str>) =
        names.into_iter().partition(|name| plugins.is_empty() || plugins.contains(name));
    println!("the rows of {}", run.join(", "));
    if !left_out.is_empty() {
        println!("not the rows of {}", left_out.join(", "));
    }
    Ok(ROWS.iter().filter(|row| run.contains(&row.plugin)).collect())
}

fn fail(message: String) -> ExitCode {
    eprintln!("{message}");
    ExitCode::FAILURE
}
