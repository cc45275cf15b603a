//! The plugin's panic hook: it reports to the host instead of printing.
//!
//! The plugin has its own std. The default hook of that std would print to the host's standard error. For a backtrace,
//! it would also map files that stay mapped after the unload. This hook keeps the place of the panic for
//! [`outcome`](crate::fault::boundary::outcome), which returns it with the fault. Some reports are returned by no call,
//! because a thread of the plugin panicked, or because the plugin caught the panic. Such a report goes to the host when
//! its thread ends or has too many newer reports.
//!
//! If the process is about to end, the hook prints the reports of its thread. The process ends if the panic cannot
//! unwind, or if the plugin is built with `panic = "abort"`. Sometimes std finds only after the hook that a panic can
//! go no further, and aborts. So a plugin's `abort` prints as well, where it is this crate's (`threads`).

use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::Write as _;
use std::panic::PanicHookInfo;

use super::services::services;
use crate::abi::FaultRepr;
use crate::abi::HostServices;
use crate::fault::unwind::message_of;
use crate::fault::value::{Fault, Location};

struct Report(Fault);

impl Drop for Report {
    fn drop(&mut self) {
        let fault = std::mem::replace(&mut self.0, Fault::new(String::new(), None, None));
        if fault.message.is_empty() && fault.location.is_none() {
            return;
        }
        if let Some(services) = services() {
            // SAFETY: `stray_fault` takes the `library` that came with it, and a fault, which it takes once. This fault
            // is new.
            unsafe { (services.stray_fault)(services.library, FaultRepr::new(fault)) }
        }
    }
}

/// The number of reports that a thread keeps. More panics are not in progress at once, one during the unwinding of
/// another.
const MAX_REPORTS: usize = 8;

thread_local! {
    static REPORTS: RefCell<Vec<Report>> = const { RefCell::new(Vec::new()) };
    /// True if the thread may have reports. The flag has no destructor, so it can be read at any time.
    static HAS_REPORTS: Cell<bool> = const { Cell::new(false) };
}

/// Takes the report of the panic with this message on this thread: its place, and its backtrace if the host asked for
/// backtraces.
pub(crate) fn take_report(message: &str) -> (Option<Location>, Option<String>) {
    let taken = REPORTS.try_with(|reports| {
        let mut reports = reports.borrow_mut();
        // A panic that was resumed does not pass the hook: then the reports are of others.
        let place = reports.iter().rposition(|report| report.0.message == message)?;
        let report = reports.remove(place);
        HAS_REPORTS.set(!reports.is_empty());
        Some(report)
    });
    match taken {
        Ok(Some(mut report)) => {
            report.0.message.clear();
            (report.0.location.take(), report.0.backtrace.take())
        }
        _ => (None, None),
    }
}

/// Takes this thread's reports and writes them as text, the oldest first. It does not allocate.
fn last_words(to: &mut impl fmt::Write, fault: Option<&Fault>, why: &str) {
    let name = services().and_then(HostServices::plugin).unwrap_or("of unknown name");
    // A failure has no other place to be reported to.
    let mut add = |fault: &Fault| {
        _ = write!(to, "plugin `{name}` panicked");
        if let Some(at) = &fault.location {
            _ = write!(to, " at {at}");
        }
        _ = writeln!(to, ": {}", fault.message);
        if let Some(backtrace) = &fault.backtrace {
            _ = to.write_str(backtrace);
        }
    };
    _ = REPORTS.try_with(|reports| {
        if let Ok(mut reports) = reports.try_borrow_mut() {
            HAS_REPORTS.set(false);
            for report in reports.drain(..) {
                add(&report.0);
                // Its drop would report it to the host.
                std::mem::forget(report);
            }
        }
    });
    fault.into_iter().for_each(add);
    _ = writeln!(to, "plugin `{name}`: {why}, so the process ends");
}

/// Writes to the standard error, piece by piece.
#[cfg(controllable)]
struct Pieces;

#[cfg(controllable)]
impl fmt::Write for Pieces {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        print(text);
        Ok(())
    }
}

/// Writes to the standard error. It takes no lock, which another thread may hold, and it does not panic.
fn print(text: &str) {
    #[cfg(unix)]
    {
        use std::mem::ManuallyDrop;
        use std::os::fd::FromRawFd as _;
        // SAFETY: descriptor 2 is the process's standard error, and it is not closed here. std's own `stderr` writes to
        // it in the same way, without regard to who has closed it.
        let stderr = ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(2) });
        // A failure has no other place to be reported to.
        _ = (&*stderr).write_all(text.as_bytes());
    }
    #[cfg(not(unix))]
    {
        _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// Prints the reports of this thread, which calls `abort`. std does so if a panic leaves a thread-local's destructor,
/// or finds no code to unwind to.
#[cfg(controllable)]
pub(crate) fn before_abort() {
    // A signal handler may call `abort`, so nothing allocates here.
    if services().is_some() && HAS_REPORTS.get() {
        last_words(&mut Pieces, None, "`abort` is called");
    }
}

/// Returns true if the process ends when this panic has been reported. On a stable compiler only the `Debug` form
/// tells.
fn cannot_unwind(info: &PanicHookInfo<'_>) -> bool {
    format!("{info:?}").contains("can_unwind: false")
}

/// Prints the reports of this thread, and this last one, at once.
fn print_last_words(fault: &Fault, why: &str) {
    let mut text = String::new();
    last_words(&mut text, Some(fault), why);
    print(&text);
}

fn report(info: &PanicHookInfo<'_>) {
    let location =
        info.location().map(|at| Location { file: at.file().to_owned(), line: at.line(), column: at.column() });
    let backtrace =
        services().is_some_and(|services| services.backtraces != 0).then(|| Backtrace::force_capture().to_string());
    let fault = Fault::new(message_of(info.payload()), location, backtrace);
    if services().is_some() {
        // This is the last chance to say why the process ends. A program's own hook prints by itself.
        if cfg!(panic = "abort") {
            return print_last_words(&fault, "it is built with panic = \"abort\"");
        }
        if cannot_unwind(info) {
            return print_last_words(&fault, "this panic cannot unwind");
        }
    }
    HAS_REPORTS.set(true);
    let oldest = REPORTS.try_with(|reports| {
        let mut reports = reports.borrow_mut();
        reports.push(Report(fault));
        (reports.len() > MAX_REPORTS).then(|| reports.remove(0))
    });
    drop(oldest);
}

/// Replaces std's hook by this one.
pub(crate) fn install() {
    // It stays until the library is unmapped, so that panics after the detach are reported as well. A function has no
    // size, so its box has no memory that would have to be freed.
    std::panic::set_hook(Box::new(report));
}

/// Makes the faults of plugins that are linked into this program say where they happened, by a panic hook before the
/// program's own, which still prints. The hook is installed once, however often this is called.
#[cfg(feature = "host")]
pub fn observe_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    // A panicking thread cannot change the hook. A later host will do it.
    if std::thread::panicking() {
        return;
    }
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            report(info);
            previous(info);
        }));
    });
}
