//! Prints the public items of a crate, one a line.
//!
//! The command line names the file of rustdoc's JSON, and then the modules that the list leaves out. The list also leaves
//! out lines that follow from others, or that a macro writes many times:
//!
//! - blanket implementations, and implementations of auto traits,
//! - the items in a trait's implementation, except a type `Target`, which says where a handle leads,
//! - implementations for the types of functions and closures, which a macro writes for each number and kind of arguments.

use std::collections::HashSet;
use std::error::Error;

use public_api::{Builder, PublicItem};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let json = arguments.next().ok_or("name the JSON file of a crate")?;
    let left_out: Vec<String> = arguments.collect();

    let api = Builder::from_rustdoc_json(json).omit_blanket_impls(true).omit_auto_trait_impls(true).build()?;
    if let Some(module) =
        left_out.iter().find(|module| !api.items().any(|item| item.to_string() == format!("pub mod {module}")))
    {
        return Err(format!("the crate has no public module `{module}` to leave out: name those that it has").into());
    }
    let implementations: HashSet<_> =
        api.items().filter(|item| implements(&item.to_string())).map(PublicItem::id).collect();
    for item in api.items() {
        let line = item.to_string();
        let in_implementation = item.parent_id().is_some_and(|parent| implementations.contains(&parent));
        let is_printed = if in_implementation {
            line.contains("::Target = ") && !line.starts_with("pub type fn(")
        } else {
            !(implements(&line) && (line.contains(" for fn(") || line.contains("dyn core::ops::function::")))
        };
        if is_printed && !left_out.iter().any(|module| is_in(&line, module)) {
            println!("{line}");
        }
    }
    Ok(())
}

/// Returns true for the first line of a trait's implementation.
fn implements(line: &str) -> bool {
    line.starts_with("impl") && line.contains(" for ")
}

/// Returns true for the line of the module itself, of an item in it, and of an implementation for a type in it.
fn is_in(line: &str, module: &str) -> bool {
    let is_of_crate = |word: &&str| word.starts_with("plugin_");
    let line = line.split(" where ").next().unwrap_or(line);
    let path = match line.rsplit_once(" for ") {
        Some((_, implementor)) if line.starts_with("impl") => implementor.split(' ').find(is_of_crate),
        // Its parameters come before the type.
        _ if line.starts_with("impl") => line.split(' ').rfind(is_of_crate),
        _ => line.split(' ').find(is_of_crate),
    };
    path.and_then(|path| path.strip_prefix(module)).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::is_in;

    #[test]
    fn an_item_is_in_the_module_of_its_own_path() {
        let inside = [
            "pub mod plugin_core::table",
            "#[repr(C)] pub struct plugin_core::table::Export",
            "pub unsafe fn plugin_core::table::Export::run(&self)",
            "impl<T: plugin_core::PluginType> plugin_core::table::Row<T>",
            "impl core::clone::Clone for plugin_core::table::Export",
            "impl<T> core::clone::Clone for plugin_core::table::Row<T> where T: plugin_core::PluginType",
        ];
        for line in inside {
            assert!(is_in(line, "plugin_core::table"), "{line}");
        }
        let outside = [
            "pub mod plugin_core::tables",
            "pub fn plugin_core::Site::new(row: plugin_core::table::Export) -> Self",
            "impl plugin_core::PluginType for bool",
            "impl core::convert::From<plugin_core::table::Export> for plugin_core::Site",
            "impl<T: plugin_core::table::Sealed> plugin_core::Static<T>",
            "impl<T> core::clone::Clone for plugin_core::Static<T> where T: plugin_core::table::Sealed",
        ];
        for line in outside {
            assert!(!is_in(line, "plugin_core::table"), "{line}");
        }
    }
}
