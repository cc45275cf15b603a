//! The cost of calls, look-ups and loads, compared with the limit and with other libraries.

mod builds;
mod calls;
mod contenders;
mod generated;
mod loads;
mod lookups;
mod measure;
mod objects;
mod references;
mod report;
mod upgrades;

use contenders::Libraries;
use measure::Row;
use serde_json::Value;

// The allocator would be the C library's without this line too. With this line, plugins know that it is.
plugin_host::use_system_allocator!();

/// The contenders' names in tables.
const BARE: &str = "extern \"C\"";
const DIRECT: &str = "direct";
const DLSYM: &str = "dlsym";
const OURS: &str = "ours";
const OURS_OWN_MEMORY: &str = "ours, own memory";
const OURS_LIVE: &str = "ours, live";
const OURS_IN_PLACE: &str = "ours, in place";
const OURS_PRIVATE: &str = "ours, private copy";
const OURS_VERIFIED: &str = "ours, verified copy";
const DLOPEN: &str = "dlopen of ours alone";
const COPY: &str = "a sealed copy alone";
const SHA_256: &str = "SHA-256 alone";
const ABI_STABLE: &str = "abi_stable";
const STABBY: &str = "stabby";
const HOT: &str = "hot-lib-reloader";

/// The file of the figures, beside the README.
const FIGURES: &str = "figures.json";
const PLOT: &str = "calls.svg";

/// Measures the parts that are named on the command line: `calls`, `references`, `objects`, `lookups`, `live`, `loads`,
/// `upgrades`, `cycles`, `many`. Without names, measures all of them and writes the figures. `build` is separate,
/// because it takes minutes and needs the machine for itself.
fn main() {
    let parts: Vec<String> = std::env::args().skip(1).collect();
    if parts.iter().any(|part| part == "build") {
        return builds::run();
    }
    let asked = |part: &str| parts.is_empty() || parts.iter().any(|asked| asked == part);
    let libraries = Libraries::build();
    let mut figures = serde_json::Map::new();
    let mut tables = String::new();
    let mut note = |part: &str, table: String, value: Value| {
        println!("{table}");
        tables += &format!("{table}\n");
        figures.insert(part.to_owned(), value);
    };
    let mut rows = |part: &str, measure: &dyn Fn() -> Vec<Row>| {
        if !asked(part) {
            return Vec::new();
        }
        let rows = measure();
        note(part, report::table(&rows), report::json_rows(&rows));
        rows
    };
    let calls = rows("calls", &|| calls::run(&libraries));
    rows("references", &|| references::run(&libraries));
    rows("objects", &|| objects::run(&libraries));
    rows("lookups", &lookups::run);
    rows("live", &|| upgrades::run_calls(&libraries));
    rows("loads", &|| loads::run(&libraries));
    rows("upgrades", &|| upgrades::run(&libraries));
    if asked("cycles") {
        let all = loads::cycles(&libraries);
        note("cycles", report::leftovers(&all), report::json_leftovers(&all));
    }
    if asked("many") {
        let many = loads::many(&libraries);
        note("many", report::many(&many), report::json_many(&many));
    }
    if parts.is_empty() {
        report::write_into_readme("figures", &tables);
        report::write_json(FIGURES, &Value::Object(figures));
        report::plot(&calls, &contenders::root().join(PLOT)).expect("a picture beside the README");
    }
}
