//! A plugin's description of itself: its package, its compiler, and its exports.

use crate::schema::signature::Signature;

/// A plugin's description of itself. For an example see [`inspect`](crate::inspect()).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PluginInfo {
    /// The name of the plugin's package.
    pub name: String,
    /// The version of the plugin's package. Empty if the library's own package has no annotated item.
    pub version: String,
    /// The version of plugin-core that the plugin was built with.
    pub sdk: String,
    /// The compiler that the plugin was built with, in the words of `rustc --version`.
    pub rustc: String,
    /// The target triple that the plugin was built for.
    pub target: String,
    /// Whether the plugin's panics can be caught. If they cannot, a look-up that asks for a [`Fault`](crate::Fault) is an error,
    /// unless the host [allows it](crate::AbortPlugins).
    pub panic: PanicStrategy,
    /// The exports, in the order of their names.
    pub exports: Vec<ExportInfo>,
}

/// The effect of a panic in a plugin: the `panic` setting of its build profile.
///
/// # Example
///
/// ```no_run
/// use plugin_host::{PanicStrategy, inspect};
///
/// if inspect("target/release/libgreeter.so")?.panic == PanicStrategy::Abort {
///     eprintln!("a panic of this plugin would end the program");
/// }
/// # Ok::<(), plugin_host::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PanicStrategy {
    /// Panics reach the host as faults.
    Unwind,
    /// Panics end the process.
    Abort,
}

/// The treatment of plugins that are built with `panic = "abort"`, whose panics end the process.
///
/// # Example
///
/// ```
/// use plugin_host::{AbortPlugins, Host, Trust};
///
/// // This program is restarted when it ends.
/// let host = Host::new(Trust::none()).with_abort_plugins(AbortPlugins::AllowFaults);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AbortPlugins {
    /// Such plugins are loaded. A look-up that asks for a [`Fault`](crate::Fault) in one is
    /// [`Error::NoFaults`](crate::Error::NoFaults), because no call would ever return it; other look-ups are answered.
    #[default]
    RefuseFaults,
    /// Such plugins are treated as all others. A call that asks for a [`Fault`](crate::Fault) never returns one.
    AllowFaults,
}

/// One export of a plugin.
///
/// It displays as its declaration: `fn greet(name: &str) -> String`. For an example see [`inspect`](crate::inspect()).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportInfo {
    /// The name of the export in a look-up.
    pub name: String,
    /// The export's doc comment, as Markdown.
    pub docs: String,
    /// The export's type.
    pub signature: Signature,
    /// The names of a function's arguments, `_` where one has none.
    pub arguments: Vec<String>,
    /// The path of the export's module, which begins with the crate.
    pub module: String,
    /// The line of the export's attribute.
    pub line: u32,
}

impl std::fmt::Display for ExportInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.signature.declaration(&self.name, &self.arguments))
    }
}
