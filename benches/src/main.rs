//! What calls, look-ups and loads cost, beside the limit and beside the others.

mod calls;
mod contenders;
mod measure;

use contenders::Libraries;
use measure::Row;

/// The contenders, as tables call them.
const BARE: &str = "extern \"C\"";
const DIRECT: &str = "direct";
const OURS: &str = "ours";
const OURS_OWN_MEMORY: &str = "ours, own memory";
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
    let libraries = Libraries::build();
    print(&calls::run(&libraries));
}
