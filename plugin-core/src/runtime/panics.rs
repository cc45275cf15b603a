//! The plugin's panic hook: it reports to the host instead of printing.
//!
//! The plugin has a std of its own, whose default hook would print to the host's standard error and, symbolising a
//! backtrace, map files that outlive the unload. This one keeps the place of the panic for
//! [`outcome`](crate::fault::outcome), which returns it with the fault. A report that no call returns, because a thread
//! of the plugin's own panicked or because the plugin caught the panic itself, goes to the host when newer ones crowd it
//! out or its thread ends.

use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::io::Write as _;
use std::panic::PanicHookInfo;

use super::services;
use crate::fault::{Fault, FaultRepr, Location, message_of};

struct Report(Fault);

impl Drop for Report {
    fn drop(&mut self) {
        let fault = std::mem::replace(&mut self.0, Fault::new(String::new(), None, None));
        if fault.message.is_empty() && fault.location.is_none() {
            return;
        }
        if let Some(services) = services() {
            // SAFETY: the host's own function and context, with a fault that it takes.
            unsafe { (services.stray_fault)(services.library, FaultRepr::new(fault)) }
        }
    }
}

/// More than this many panics are not under way at once, one in the unwinding of the other.
const MOST: usize = 8;

thread_local! {
    static REPORTS: RefCell<Vec<Report>> = const { RefCell::new(Vec::new()) };
}

/// Where the panic that said `message` happened on this thread, and its backtrace if one was asked for.
pub(crate) fn take_report(message: &str) -> (Option<Location>, Option<String>) {
    let taken = REPORTS.try_with(|reports| {
        let mut reports = reports.borrow_mut();
        // A panic that was resumed does not pass the hook: then the reports are of others.
        let place = reports.iter().rposition(|report| report.0.message == message)?;
        Some(reports.remove(place))
    });
    match taken {
        Ok(Some(mut report)) => {
            report.0.message.clear();
            (report.0.location.take(), report.0.backtrace.take())
        }
        _ => (None, None),
    }
}

fn report(info: &PanicHookInfo<'_>) {
    let location =
        info.location().map(|at| Location { file: at.file().to_owned(), line: at.line(), column: at.column() });
    let backtrace =
        services().is_some_and(|services| services.backtraces != 0).then(|| Backtrace::force_capture().to_string());
    let fault = Fault::new(message_of(info.payload()), location, backtrace);
    if cfg!(panic = "abort") && services().is_some() {
        // The process is about to end: this is the last chance to say why. If it cannot be said, that is no reason to panic
        // once more.
        _ = writeln!(std::io::stderr(), "{fault}");
    }
    let oldest = REPORTS.try_with(|reports| {
        let mut reports = reports.borrow_mut();
        reports.push(Report(fault));
        (reports.len() > MOST).then(|| reports.remove(0))
    });
    drop(oldest);
}

/// Puts the hook in place of std's.
pub(crate) fn install() {
    // It stays until the library is unmapped, so that panics after the detach are reported as well. A function has no size,
    // so its box has no memory that somebody would have to free.
    std::panic::set_hook(Box::new(report));
}

/// Puts the hook before the program's own, for plugins that are linked into it: the program's still prints.
#[cfg(feature = "host")]
pub(crate) fn observe() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    // Then hooks cannot be changed. A later host will do it.
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
