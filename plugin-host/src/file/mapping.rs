//! The choice of the file that is mapped.

/// The file that the loader is given.
///
/// # Example
///
/// ```
/// use plugin_host::{Host, Mapping, Trust};
///
/// // While debugging: a debugger finds the file also when the process has ended.
/// let host = Host::new(Trust::none()).with_mapping(Mapping::InPlace);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mapping {
    /// The very bytes that were trusted, in sealed memory or in a private copy. The file may be replaced or deleted while its
    /// plugin is loaded, and the same file loaded again is a library of its own. On Linux one flag is changed, as a linker
    /// does with the option `-Bsymbolic`: with it, a plugin uses its own C functions and variables, even if the program or
    /// another library has some of the same names.
    #[default]
    Private,
    /// The file itself. Its pages are shared with other processes, debuggers find it also when the process has ended, and
    /// `$ORIGIN` in it works. But a write to the file changes the running plugin. The file may be replaced between trusting
    /// and mapping, so digests are not enough to trust it. And one file can be loaded once at a time in a process. On
    /// Linux a plugin whose C functions or variables the program's would replace is an error.
    ///
    /// Replace such a file by renaming another one over it. On Linux the new file can be loaded while the old one is still
    /// mapped. The loader is then given another spelling of the path, because it takes a path that it knows for the library
    /// that it has loaded from there.
    InPlace,
}
