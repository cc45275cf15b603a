//! Builds the greeter plugin, or takes the library that is named on the command line, loads it and calls it.

use std::error::Error;
use std::path::PathBuf;

use plugin_host::build::Build;
use plugin_host::{Host, Memory, Trust};

fn main() -> Result<(), Box<dyn Error>> {
    let library = match std::env::args_os().nth(1) {
        Some(path) => PathBuf::from(path),
        None => Build::new(concat!(env!("CARGO_MANIFEST_DIR"), "/greeter")).run()?,
    };

    // SAFETY: the greeter is a plugin of our own, built from the source beside this one.
    let host = Host::new(unsafe { Trust::any() }).with_memory(Memory::Tracked);
    host.load(library)?;
    println!("{}", *host.get::<&str>("GREETER")?);
    let greet = host.get::<fn(&str) -> String>("greet")?;
    println!("{}", greet("World"));
    Ok(())
}
