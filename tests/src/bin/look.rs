//! `look FILE` inspects a file, writes out its whole description, and prints the most memory that this took, in KiB.
//! `look KIND BYTES` does the same with a hostile file, and prints the processor time of each part.

use std::fs;
use std::path::Path;

use plugin_host::{PluginInfo, inspect};
use tests::hostile;

/// Everything that a program does with a file that it only inspects.
fn look(path: &Path, mut done: impl FnMut(&str)) {
    let info = match inspect(path) {
        Ok(info) => info,
        Err(error) => return done(&format!("inspect: {error}")),
    };
    done("inspect");
    let written: usize = info.exports.iter().map(|export| export.to_string().len()).sum();
    done(&format!("{written} bytes of declarations"));
    let definitions = info.exports.iter().flat_map(|export| export.signature.definitions());
    let written: usize = definitions.map(|definition| definition.len()).sum();
    done(&format!("{written} bytes of definitions"));
    let equal = info.exports.windows(2).filter(|two| two[0].signature == two[1].signature).count();
    done(&format!("{equal} equal signatures"));
    let PluginInfo { exports, .. } = info;
    drop(exports);
    done("drop");
}

/// The most memory that this process had at once, in KiB.
fn most_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or_default()
}

/// The processor time of this process, in seconds.
fn processor_time() -> f64 {
    let times = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    times.split(' ').next().and_then(|time| time.parse::<f64>().ok()).unwrap_or_default() / 1e9
}

fn main() {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    match &arguments[..] {
        [file] => {
            look(Path::new(file), |_| {});
            println!("{}", most_memory());
        }
        [kind, bytes] => {
            let path = std::env::temp_dir().join(format!("look-{}", std::process::id()));
            fs::write(&path, hostile::library(kind, bytes.parse().expect("a number"))).expect("room");
            let mut start = processor_time();
            look(&path, |done| {
                let end = processor_time();
                println!("{kind:10} {:8.3} s, {:5} MiB: {done:.120}", end - start, most_memory() >> 10);
                start = end;
            });
            fs::remove_file(path).expect("the file");
        }
        _ => panic!("usage: look FILE, or look KIND BYTES, with one of {:?}", hostile::KINDS),
    }
}
