//! A plugin's description of itself: its package, its compiler, and its exports.

use crate::schema::signature::Signature;

/// What a plugin says of itself. For an example see [`inspect`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PluginInfo {
    /// The package it was built from.
    pub name: String,
    /// The package's version; empty if the library's own package has no annotated item.
    pub version: String,
    /// The version of plugin-core it was built with.
    pub sdk: String,
    /// The compiler it was built with, as that calls itself.
    pub rustc: String,
    /// The target triple it was built for.
    pub target: String,
    /// Whether its panics can be caught. A host refuses to look up a [`Fault`](crate::Fault) where they cannot, unless it
    /// [says otherwise](crate::AbortPlugins).
    pub panic: PanicStrategy,
    /// What it exports, in the order of the names.
    pub exports: Vec<ExportInfo>,
}

/// What becomes of a plugin's panics: its build profile's `panic` setting.
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
pub enum PanicStrategy {
    /// They reach the host as faults.
    Unwind,
    /// They end the process.
    Abort,
}

/// How a host treats plugins that are built with `panic = "abort"`, whose panics end the process.
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
    /// They are loaded. A look-up that asks for a [`Fault`](crate::Fault) in one is [`Error::NoFaults`], because no call would
    /// ever return it; other look-ups are answered.
    #[default]
    RefuseFaults,
    /// They are treated as all others. A call that asks for a [`Fault`](crate::Fault) never returns one.
    AllowFaults,
}

/// One export of a plugin.
///
/// It displays as its declaration: `fn greet(name: &str) -> String`. For an example see [`inspect`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportInfo {
    /// The name it is looked up by.
    pub name: String,
    /// Its doc comment, as Markdown.
    pub docs: String,
    /// Its type.
    pub signature: Signature,
    /// The names of a function's arguments, `_` where one has none.
    pub arguments: Vec<String>,
    /// The module it stands in, crate first.
    pub module: String,
    /// The line of its attribute.
    pub line: u32,
}

impl std::fmt::Display for ExportInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.signature.declaration(&self.name, &self.arguments))
    }
}
