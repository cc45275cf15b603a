//! What calls, look-ups and loads cost, beside the limit and beside the others.

mod calls;
mod contenders;
mod generated;
mod loads;
mod lookups;
mod measure;

use contenders::Libraries;
use measure::Row;

/// The contenders, as tables call them.
const BARE: &str = "extern \"C\"";
const DIRECT: &str = "direct";
const DLSYM: &str = "dlsym";
const OURS: &str = "ours";
const OURS_OWN_MEMORY: &str = "ours, own memory";
const OURS_IN_PLACE: &str = "ours, in place";
const OURS_PRIVATE: &str = "ours, private copy";
const OURS_VERIFIED: &str = "ours, verified copy";
const ABI_STABLE: &str = "abi_stable";
const STABBY: &str = "stabby";
const HOT: &str = "hot-lib-reloader";

fn print(rows: &[Row]) {
    for row in rows {
        println!("{}", row.workload);
        for figure in &row.figures {
            println!("    {:<20} {:>14.1} ns {:>8.3}", figure.contender, figure.nanoseconds, figure.ratio);
        }
    }
}

fn main() {
    let parts: Vec<String> = std::env::args().skip(1).collect();
    let asked = |part: &str| parts.is_empty() || parts.iter().any(|asked| asked == part);
    let libraries = Libraries::build();
    if asked("calls") {
        print(&calls::run(&libraries));
    }
    if asked("lookups") {
        print(&lookups::run());
    }
    if asked("loads") {
        print(&loads::run(&libraries));
    }
    if asked("cycles") {
        for left in loads::cycles(&libraries) {
            println!(
                "{:<20} {:>10.0} bytes a cycle, {} of {} mapped",
                left.contender, left.bytes, left.mapped, left.cycles
            );
        }
    }
    if asked("many") {
        let many = loads::many(&libraries);
        println!("{:?} {} {} {} {}", many.quarters, many.first, many.last, many.last / many.first, many.bare_ratio);
    }
}
