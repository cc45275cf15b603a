//! [`Limits`]: how large a file may be that a host reads, and the parts that it looks at.

/// The largest plugin file that a host accepts, and the largest parts of it.
///
/// A host reads a file before it knows anything about the file, and a file of a few kilobytes can claim to be huge. These
/// limits bound the memory and the time that such a file costs. The defaults are far above the plugins that compilers make.
/// The host refuses a file that exceeds a limit, with an error that names the limit.
///
/// | limit | of | default | error |
/// | --- | --- | --- | --- |
/// | [`file`](Self::with_file) | the file, in bytes | 1 GiB | [`FileTooLarge`](crate::Error::FileTooLarge) |
/// | [`symbols`](Self::with_symbols) | headers, symbols and their names together, in bytes | 64 MiB | [`SymbolsTooLarge`](crate::Error::SymbolsTooLarge) |
/// | [`section`](Self::with_section) | the section that lists the exports, in bytes | 64 MiB | [`SectionTooLarge`](crate::Error::SectionTooLarge) |
/// | [`exports`](Self::with_exports) | exports and hooks | 100,000 | [`TooManyExports`](crate::Error::TooManyExports) |
/// | [`descriptor`](Self::with_descriptor) | the type of one export, as the file has it, in bytes | 1 MiB | [`DescriptorTooLarge`](crate::Error::DescriptorTooLarge) |
///
/// Debug information counts only towards the length of the file. With [`Mapping::InPlace`](crate::Mapping::InPlace), and in
/// [`inspect`](crate::inspect()), the host reads no more than the parts that the other limits bound.
///
/// # Example
///
/// ```no_run
/// use plugin_host::{Host, Limits, Trust, inspect_with};
///
/// // Users upload these files, and many are inspected at once.
/// let limits = Limits::default().with_file(16 << 20).with_section(1 << 20).with_exports(100);
/// let uploaded = inspect_with("uploads/libgreeter.so", &limits)?;
/// println!("{} exports", uploaded.exports.len());
///
/// // The debug build of this plugin is larger than most.
/// let host = Host::new(Trust::none()).with_limits(Limits::default().with_file(8 << 30));
/// # Ok::<(), plugin_host::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(crate) file: u64,
    pub(crate) symbols: u64,
    pub(crate) section: u64,
    pub(crate) exports: usize,
    pub(crate) descriptor: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { file: 1 << 30, symbols: 64 << 20, section: 64 << 20, exports: 100_000, descriptor: 1 << 20 }
    }
}

impl Limits {
    /// No limits: for bytes that were checked before.
    pub(crate) const NONE: Limits =
        Limits { file: u64::MAX, symbols: u64::MAX, section: u64::MAX, exports: usize::MAX, descriptor: usize::MAX };

    /// Sets how many bytes a file may have. A [private mapping](crate::Mapping::Private) takes as much memory.
    #[must_use]
    pub fn with_file(mut self, bytes: u64) -> Self {
        self.file = bytes;
        self
    }

    /// Sets how many bytes the headers of a file, the symbols that it shows to the loader, and their names may have
    /// together.
    #[must_use]
    pub fn with_symbols(mut self, bytes: u64) -> Self {
        self.symbols = bytes;
        self
    }

    /// Sets how many bytes the section may have that lists what a plugin exports. A loaded plugin keeps that section in
    /// memory.
    #[must_use]
    pub fn with_section(mut self, bytes: u64) -> Self {
        self.section = bytes;
        self
    }

    /// Sets how many exports and hooks a plugin may have.
    #[must_use]
    pub fn with_exports(mut self, count: usize) -> Self {
        self.exports = count;
        self
    }

    /// Sets how many bytes the type of one export may have, as the file describes it. Comparing or showing a type takes up
    /// to forty times as many bytes of memory for a moment.
    #[must_use]
    pub fn with_descriptor(mut self, bytes: usize) -> Self {
        self.descriptor = bytes;
        self
    }
}
