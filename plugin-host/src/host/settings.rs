//! The settings that a host's author chooses: `Host::with_..`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use plugin_core::Fault;

use crate::event::Event;
use crate::file::mapping::Mapping;
use crate::host::Host;
use crate::inspect::info::AbortPlugins;
use crate::inspect::limits::Limits;
use crate::services::faults::Faults;
use crate::services::memory::{Leak, Memory};
use crate::work::handler::Handler;

impl Host {
    /// Searches `directory` for bare names, after those given before and ahead of the executable's own.
    #[must_use]
    pub fn with_search_dir(self, directory: impl Into<PathBuf>) -> Self {
        self.configured(|config| config.directories.push(directory.into()))
    }

    /// Chooses the file that the loader maps: by default, a private copy of each file. For an example see [`Mapping`].
    #[must_use]
    pub fn with_mapping(self, mapping: Mapping) -> Self {
        self.configured(|config| config.settings.mapping = mapping)
    }

    /// Sets the largest files that this host reads. For an example see [`Limits`].
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        self.configured(|config| config.limits = limits)
    }

    /// Chooses how to treat plugins that are built with `panic = "abort"`: by default, a look-up that asks for a [`Fault`] in
    /// one is [`Error::NoFaults`](crate::Error::NoFaults). So is an upgrade to one, if a [`Live`](crate::Live) handle asks for
    /// that.
    ///
    /// The setting counts for plugins that are loaded or linked later. A linked plugin is built as the program is. A call
    /// without types (`Plugin::call_json`) is never refused, though a panic ends the process there as well. For an example see
    /// [`AbortPlugins`].
    #[must_use]
    pub fn with_abort_plugins(self, abort_plugins: AbortPlugins) -> Self {
        self.configured(|config| config.abort_plugins = abort_plugins)
    }

    /// Sets whether each [`Fault`] carries a backtrace. The files that a plugin has read for a backtrace stay mapped, even after
    /// the plugin is unmapped.
    #[must_use]
    pub fn with_backtraces(self, backtraces: bool) -> Self {
        self.configured(|config| config.settings.backtraces = backtraces)
    }

    /// Reports a crash in a plugin's code with the plugin's name. Before the process ends by SIGSEGV, SIGBUS, SIGILL, SIGFPE
    /// or SIGABRT, a line like this one is written to the standard error:
    ///
    /// ```text
    /// fatal signal 11 (SIGSEGV) at address 0x10: in plugin `greeter` (`/opt/libgreeter.so`) at offset 0x7a31, 0x21 after the export `greet`
    /// ```
    ///
    /// - The offset is for `addr2line -e /opt/libgreeter.so 0x7a31`. The export is the last one before that place in the file,
    ///   which is not always the one that was called.
    /// - If the code is not a plugin's, but the C library's, for example, the line says `in code that was called by plugin ..`.
    ///   For that the stack is searched for an address in a plugin's code. It may be left from a call that has returned.
    /// - Otherwise the line says `in no plugin's code`. The code of a plugin that is linked into the program is the program's.
    ///
    /// By default, no crash is reported. The handler of the signals is installed once for the process, and stays. After the
    /// report, it calls the handler that was installed before: std's, which reports stack overflows, or the program's own. If
    /// there was none, the signal ends the process, which leaves a core file if the kernel's settings allow it. A program that
    /// recovers from such signals should install its own handler after this call, and pass unknown signals on to this one. An
    /// earlier handler may also recover, and leave by `siglongjmp`. Then `sigsetjmp` must have saved the blocked signals, or
    /// crashes of that thread by other signals are not reported.
    ///
    /// The setting counts for plugins that are loaded later. Reports are made on Linux, on x86-64 and AArch64. On other systems
    /// this function does nothing.
    ///
    /// # Example
    ///
    /// ```
    /// use plugin_host::{Host, Trust};
    ///
    /// let host = Host::new(Trust::none()).with_crash_reports(true);
    /// ```
    #[must_use]
    pub fn with_crash_reports(self, crash_reports: bool) -> Self {
        if crash_reports {
            crate::services::crash::install();
        }
        self.configured(|config| config.settings.crash_reports = crash_reports)
    }

    /// Passes the faults that no call returns to `handler`: panics of threads that a plugin started, and failures of
    /// shutdown hooks. Without this, they are printed to standard error.
    ///
    /// The handler may be called from any thread, soon after what it reports. It may drop handles and hosts.
    ///
    /// # Example
    ///
    /// ```
    /// use plugin_host::{Host, Trust};
    ///
    /// let host = Host::new(Trust::none())
    ///     .with_search_dir("/opt/editor/plugins")
    ///     .with_backtraces(cfg!(debug_assertions))
    ///     .with_fault_handler(|fault| eprintln!("[plugins] {fault}"));
    /// ```
    #[must_use]
    pub fn with_fault_handler(self, handler: impl Fn(&Fault) + Send + Sync + 'static) -> Self {
        let handler = Handler::new("fault", handler);
        self.configured(|config| config.settings.faults = Arc::new(Faults::new(handler, config.activities.clone())))
    }

    /// Chooses how plugins that use this program's allocator get their memory. For an example see [`Memory`].
    #[must_use]
    pub fn with_memory(self, memory: Memory) -> Self {
        self.configured(|config| config.settings.memory = memory)
    }

    /// Reports the memory that plugins leave behind to `handler`, if it is [tracked](Memory::Tracked). It is freed by then.
    /// For an example see [`Memory`].
    ///
    /// The handler is called after the library is unmapped, on the thread that ended its last use. That thread may be ending. The
    /// handler may drop handles and hosts.
    #[must_use]
    pub fn with_leak_handler(self, handler: impl Fn(&Leak) + Send + Sync + 'static) -> Self {
        self.configured(|config| config.settings.on_leak = Handler::new("leak", handler))
    }

    /// Vouches for a library that plugins use, by its file name: `libz.so.1`. On Linux a plugin that uses a C or C++ library,
    /// other than the C library itself, is not unmapped without this ([`PinReason::Libraries`](crate::PinReason::Libraries)),
    /// as the library may have threads, keys or callbacks that lead back into the plugin. The library itself always stays
    /// mapped.
    ///
    /// # Safety
    ///
    /// When a plugin that uses the library is detached, which is after its shutdown hooks have run, nothing of the library
    /// leads to the plugin: no thread that runs or will run the plugin's functions, no registered callback, no pointer to
    /// the plugin's memory that the library will use. The same holds for the libraries that it opens by itself.
    ///
    /// The library of C++, `libstdc++.so.6`, needs no care for statics and for `thread_local` variables: the host knows of
    /// these. But it starts each `std::thread`, which the plugin must have joined, and it keeps what is given to
    /// `std::set_terminate`, `std::set_new_handler` and `std::locale::global`.
    ///
    /// # Example
    ///
    /// ```
    /// use plugin_host::{Host, Trust};
    ///
    /// // SAFETY: zlib has no threads, and calls a callback only while one of its functions is called.
    /// let host = unsafe { Host::new(Trust::none()).with_quiet_library("libz.so.1") };
    /// ```
    #[must_use]
    pub unsafe fn with_quiet_library(self, file_name: impl Into<String>) -> Self {
        self.configured(|config| _ = config.settings.quiet.insert(file_name.into()))
    }

    /// Passes events to `handler`, such as an upgrade, or the unload of the old version after it.
    ///
    /// The handler may be called from any thread, and the operation that it is told of may wait for it. It may drop handles
    /// and hosts, but must leave it to another thread to upgrade or unload the plugin that it is told of: it would wait for
    /// itself. For an example see [`Event`].
    #[must_use]
    pub fn with_event_handler(self, handler: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.configured(|config| config.on_event = Handler::new("event", handler))
    }

    /// Sets how long an [upgrade](Self::reload) that hands a state over waits for calls through [`Live`](crate::Live) handles to
    /// end. New calls wait meanwhile. The default is a second. The time that the plugin takes to save and to restore its state
    /// comes on top.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use plugin_host::{Host, Trust};
    ///
    /// // Rather no upgrade now than one that is noticed.
    /// let host = Host::new(Trust::none()).with_handover_timeout(Duration::from_millis(2));
    /// ```
    #[must_use]
    pub fn with_handover_timeout(self, timeout: Duration) -> Self {
        self.configured(|config| config.handover_timeout = timeout)
    }

    /// Sets how long each hook of a plugin may take: an init hook, a shutdown hook, and a hook that saves or restores the state.
    /// The default is 30 seconds.
    ///
    /// Hooks run on a thread that the host starts for them. A hook that takes longer goes on running there, and the host no
    /// longer waits. For an init hook, and for one that saves or restores, the error is
    /// [`Error::HookTimedOut`](crate::Error::HookTimedOut), and in an upgrade the old version goes on serving. A late shutdown
    /// hook is reported to the [fault handler](Self::with_fault_handler). The library stays mapped until the hook returns
    /// ([`PinReason::Hook`](crate::PinReason::Hook)).
    ///
    /// With `None`, hooks run on the thread that loads, upgrades or releases the plugin, and that thread waits without limit.
    /// This is for plugins that must be started on a certain thread, as user interfaces must on some systems.
    ///
    /// The limit does not apply to the hooks of plugins that are linked into the program, nor to the destructors of
    /// thread-locals that a plugin has on the thread that releases it: these run on that very thread.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use plugin_host::{Host, Trust};
    ///
    /// let host = Host::new(Trust::none()).with_hook_timeout(Some(Duration::from_secs(5)));
    /// ```
    #[must_use]
    pub fn with_hook_timeout(self, timeout: Option<Duration>) -> Self {
        self.configured(|config| config.settings.hook_timeout = timeout)
    }
}
