//! The rows of the table.

use plugin_host::Memory;

/// A plugin, and one way to use its dependency.
pub(crate) struct Row {
    /// The plugin's directory in `plugins/`.
    pub(crate) plugin: &'static str,
    /// The dependency, as the lock file names it, or as the table does if it is not in there.
    pub(crate) dependency: &'static str,
    /// The use of the dependency. No other row of the same dependency has this text.
    pub(crate) used: &'static str,
    /// The export that uses the dependency.
    pub(crate) export: &'static str,
    /// Arguments for cargo, separated by spaces.
    pub(crate) build: &'static str,
    /// Commands that succeed where the plugin can be built.
    pub(crate) needs: &'static [&'static str],
    /// Libraries that the host vouches for.
    pub(crate) quiet: &'static [&'static str],
    /// The source of the plugin's memory, for a plugin without an allocator of its own.
    pub(crate) memory: Memory,
    /// Advice for the plugin's author, or the host's.
    pub(crate) remedy: &'static str,
}

/// The fields that most rows share.
const ROW: Row = Row {
    plugin: "",
    dependency: "",
    used: "",
    export: "",
    build: "",
    needs: &[],
    quiet: &[],
    memory: Memory::Tracked,
    remedy: "none needed",
};

const C: &[&str] = &["cc --version"];
const JEMALLOC: &[&str] = &["cc --version", "make --version"];
const CXX: &[&str] = &["c++ --version"];

/// All rows, those of one plugin beside each other.
pub(crate) static ROWS: &[Row] = &[
    Row { plugin: "regex", dependency: "regex", used: "a `Regex` in a `LazyLock`", export: "in_a_static", ..ROW },
    Row {
        plugin: "regex",
        dependency: "regex",
        used: "a `Regex` in a `LazyLock`; `Memory::Plain`",
        export: "in_a_static",
        memory: Memory::Plain,
        remedy: "`Host::with_memory(Memory::Tracked)`",
        ..ROW
    },
    Row {
        plugin: "regex",
        dependency: "regex",
        used: "a `Regex` in a `LazyLock`; the plugin's own allocator",
        export: "in_a_static",
        build: "--features own-allocator",
        remedy: "`use_host_allocator!()` in the plugin, and `Memory::Tracked` in the host",
        ..ROW
    },
    Row {
        plugin: "rayon",
        dependency: "rayon",
        used: "the global pool",
        export: "global_pool",
        remedy: "a `ThreadPool` of the plugin's own, dropped in its shutdown hook: the global pool never ends",
        ..ROW
    },
    Row {
        plugin: "rayon",
        dependency: "rayon",
        used: "a `ThreadPool` that is dropped in the call",
        export: "pool_of_a_call",
        ..ROW
    },
    Row {
        plugin: "rayon",
        dependency: "rayon",
        used: "a `ThreadPool` that is dropped in the shutdown hook",
        export: "pool_until_shutdown",
        ..ROW
    },
    Row {
        plugin: "tokio",
        dependency: "tokio",
        used: "a `Runtime` in a `LazyLock`",
        export: "runtime_in_a_static",
        remedy: "a `Mutex<Option<Runtime>>`, emptied in the shutdown hook",
        ..ROW
    },
    Row {
        plugin: "tokio",
        dependency: "tokio",
        used: "a `Runtime` that is dropped in the call",
        export: "runtime_of_a_call",
        ..ROW
    },
    Row {
        plugin: "tokio",
        dependency: "tokio",
        used: "a `Runtime` that is dropped in the shutdown hook",
        export: "runtime_until_shutdown",
        ..ROW
    },
    Row {
        plugin: "tracing",
        dependency: "tracing",
        used: "a global subscriber of tracing-subscriber's",
        export: "global_subscriber",
        ..ROW
    },
    Row {
        plugin: "env_logger",
        dependency: "env_logger",
        used: "`env_logger::builder().init()`, a line logged",
        export: "logger",
        ..ROW
    },
    Row { plugin: "chrono", dependency: "chrono", used: "`Local::now()`", export: "local_time", ..ROW },
    Row { plugin: "rand", dependency: "rand", used: "`rand::rng()`", export: "numbers", ..ROW },
    Row {
        plugin: "ureq",
        dependency: "ureq",
        used: "an HTTP request to a server in the same call",
        export: "request",
        ..ROW
    },
    Row {
        plugin: "rusqlite",
        dependency: "rusqlite",
        used: "`bundled`; a database in memory",
        export: "database_in_memory",
        needs: C,
        ..ROW
    },
    Row {
        plugin: "mimalloc",
        dependency: "mimalloc",
        used: "the plugin's global allocator",
        export: "global_allocator",
        needs: C,
        remedy: "`use_host_allocator!()`, or the feature `local_dynamic_tls`",
        ..ROW
    },
    Row {
        plugin: "mimalloc",
        dependency: "mimalloc",
        used: "the same; its feature `local_dynamic_tls`",
        export: "global_allocator",
        build: "--features local-dynamic-tls",
        needs: C,
        remedy: "`use_host_allocator!()`",
        ..ROW
    },
    Row {
        plugin: "jemalloc",
        dependency: "tikv-jemallocator",
        used: "the plugin's global allocator",
        export: "global_allocator",
        needs: JEMALLOC,
        remedy: "`use_host_allocator!()`, or the feature `disable_initial_exec_tls`",
        ..ROW
    },
    Row {
        plugin: "jemalloc",
        dependency: "tikv-jemallocator",
        used: "the same; its feature `disable_initial_exec_tls`",
        export: "global_allocator",
        build: "--features no-initial-exec-tls",
        needs: JEMALLOC,
        remedy: "`use_host_allocator!()`",
        ..ROW
    },
    Row {
        plugin: "openssl",
        dependency: "openssl",
        used: "a digest and a TLS client, with the system's libssl",
        export: "digest_and_client",
        needs: &["pkg-config --exists openssl"],
        remedy: "rustls",
        ..ROW
    },
    Row {
        plugin: "rustls",
        dependency: "rustls",
        used: "a client's first message, with ring",
        export: "client",
        needs: C,
        ..ROW
    },
    Row {
        plugin: "rustls",
        dependency: "rustls",
        used: "a client's first message, with aws-lc-rs",
        export: "client",
        build: "--no-default-features --features aws-lc-rs",
        needs: C,
        ..ROW
    },
    Row { plugin: "image", dependency: "image", used: "PNG encoded and decoded", export: "png", ..ROW },
    Row {
        plugin: "c",
        dependency: "a C library",
        used: "a thread that never ends",
        export: "thread_for_ever",
        needs: C,
        remedy: "have the shutdown hook end the thread",
        ..ROW
    },
    Row {
        plugin: "c",
        dependency: "a C library",
        used: "a thread that the shutdown hook ends",
        export: "thread_until_shutdown",
        needs: C,
        ..ROW
    },
    Row {
        plugin: "cpp",
        dependency: "a C++ library",
        used: "statics, `thread_local`, an inline variable",
        export: "statics",
        needs: CXX,
        remedy: "`Host::with_quiet_library`, or libstdc++ linked statically",
        ..ROW
    },
    Row {
        plugin: "cpp",
        dependency: "a C++ library",
        used: "the same; the host vouches for libstdc++ (`Host::with_quiet_library`)",
        export: "statics",
        needs: CXX,
        quiet: &["libstdc++.so.6"],
        ..ROW
    },
    Row {
        plugin: "cpp",
        dependency: "a C++ library",
        used: "the same; libstdc++ linked statically",
        export: "statics",
        build: "--features static-stdlib",
        needs: CXX,
        remedy: "none: libstdc++ allocates memory for exceptions as it is loaded, and never frees it",
        ..ROW
    },
];
