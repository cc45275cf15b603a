//! Reports of fatal signals: the plugin whose code a signal arose in.
//!
//! The report is made in a signal handler, which may only do what POSIX allows there. So a load writes all that the handler
//! needs into a list beforehand, and the handler neither allocates nor locks. The handler reads the list through one pointer. A
//! change makes a new list, and frees the old one when no handler reads it.
//!
//! After the report, an earlier handler gets the signal. That is std's handler, which reports stack overflows, or the
//! program's own. Without an earlier handler, the process ends by the signal, as it does without reports.

use std::ffi::{c_int, c_void};
use std::fmt::{self, Write as _};
use std::ops::Range;
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};

use plugin_core::host::record::Item;
use plugin_core::host::table::Export;

/// The signals that are reported, and their names.
const SIGNALS: [(c_int, &str); 5] = [
    (libc::SIGSEGV, "SIGSEGV"),
    (libc::SIGBUS, "SIGBUS"),
    (libc::SIGILL, "SIGILL"),
    (libc::SIGFPE, "SIGFPE"),
    (libc::SIGABRT, "SIGABRT"),
];

/// The actions that the signals had before, in the order of [`SIGNALS`].
static BEFORE: [OnceLock<libc::sigaction>; SIGNALS.len()] = [const { OnceLock::new() }; SIGNALS.len()];

/// Whether this process reports crashes.
static ON: AtomicBool = AtomicBool::new(false);

/// Installs the handler, once in each process.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for ((signal, _), before) in SIGNALS.into_iter().zip(&BEFORE) {
            // SAFETY: `sigaction` consists of numbers and of an `Option` of a function, for which all bits zero are a value.
            let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
            // SAFETY: with a null action, this only reads the present one, into `action`, which has room for it.
            if unsafe { libc::sigaction(signal, null(), &raw mut action) } != 0 {
                continue;
            }
            // The handler may run as soon as it is installed.
            _ = before.set(action);
            let handler: unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = on_signal;
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | (action.sa_flags & libc::SA_NODEFER);
            // SAFETY: `action` is whole, and `on_signal` has the type that `SA_SIGINFO` stands for. It calls only functions that
            // POSIX allows in a handler, and neither allocates nor locks. It is in the program, or in a plugin that stays mapped,
            // because its call of `sigaction` is noted.
            unsafe { libc::sigaction(signal, &raw const action, null_mut()) };
        }
        ON.store(true, Ordering::Relaxed);
    });
}

/// All that a report says of one plugin.
struct Image {
    /// The plugin's name and file.
    label: String,
    /// The address that offsets in the file are counted from.
    base: usize,
    code: Vec<Range<usize>>,
    /// The entries' addresses in order, and the names of the exports.
    exports: Vec<(usize, String)>,
}

/// The plugins that reports name, or null.
static IMAGES: AtomicPtr<Vec<Arc<Image>>> = AtomicPtr::new(null_mut());
/// The number of handlers that read the list.
static READERS: AtomicUsize = AtomicUsize::new(0);

/// Replaces the list by a changed one.
fn change(change: impl FnOnce(&mut Vec<Arc<Image>>)) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one_at_a_time = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let old = IMAGES.load(Ordering::SeqCst);
    // SAFETY: null, or a list from `Box::into_raw` below. Only this function frees a list, and `ONE_AT_A_TIME` keeps other
    // calls away. Nothing changes a list that was published.
    let mut images = unsafe { old.as_ref() }.cloned().unwrap_or_default();
    change(&mut images);
    IMAGES.store(Box::into_raw(Box::new(images)), Ordering::SeqCst);
    // A handler that began before may read the old list. It reads for a moment, and waits for nothing.
    while READERS.load(Ordering::SeqCst) != 0 {
        std::thread::yield_now();
    }
    if !old.is_null() {
        // SAFETY: an earlier call has boxed the list, and it is out of `IMAGES`, so it is freed once. No handler reads it:
        // `READERS` was 0 after the store, and a handler that counts itself later loads the new list.
        drop(unsafe { Box::from_raw(old) });
    }
}

/// A plugin that is named in reports. If this is dropped, reports still name it, because its library stays mapped then.
pub(crate) struct Named(Arc<Image>);

impl Named {
    /// Makes reports name this plugin. It is from the file at `path`, and has the code at `address` and these exports.
    pub(crate) fn new(plugin: &str, path: &Path, address: *const c_void, exports: &[(Item<'static>, Export)]) -> Self {
        let mut found = Found { address: address.addr(), base: 0, code: Vec::new() };
        // SAFETY: `look_at` gets the data that it expects, a `Found`, which nothing else uses meanwhile.
        unsafe { libc::dl_iterate_phdr(Some(look_at), (&raw mut found).cast()) };
        let exports = exports.iter().map(|(item, row)| (row.entry().addr(), item.name.to_owned()));
        let mut exports: Vec<_> = exports.collect();
        exports.sort_unstable();
        let label = format!("plugin `{plugin}` (`{}`)", path.display());
        let image = Arc::new(Image { label, base: found.base, code: found.code, exports });
        change(|images| images.push(image.clone()));
        Named(image)
    }

    /// The library is unmapped.
    pub(crate) fn unmapped(self) {
        change(|images| images.retain(|image| !Arc::ptr_eq(image, &self.0)));
    }
}

/// The library that has an address.
struct Found {
    address: usize,
    base: usize,
    code: Vec<Range<usize>>,
}

/// Looks at a library of the process: whether it is the one that is looked for.
///
/// # Safety
///
/// `library` is the loader's argument for a callback of `dl_iterate_phdr`. `found` is the address of a [`Found`] that nothing
/// else uses.
unsafe extern "C" fn look_at(library: *mut libc::dl_phdr_info, _: usize, found: *mut c_void) -> c_int {
    // SAFETY: the loader's description of a library is valid during the callback, and `found` is a `Found` that nothing else
    // uses, as this function demands.
    let (library, found) = unsafe { (&*library, &mut *found.cast::<Found>()) };
    // SAFETY: the loader says where the headers of this library are, and how many. They never change, and stay mapped during the
    // callback: glibc holds its lock, and musl unmaps no library.
    let headers = unsafe { std::slice::from_raw_parts(library.dlpi_phdr, library.dlpi_phnum.into()) };
    let base = library.dlpi_addr as usize;
    let range = |header: &libc::Elf64_Phdr| {
        let start = base.wrapping_add(header.p_vaddr as usize);
        start..start.wrapping_add(header.p_memsz as usize)
    };
    let mut parts = headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
    if !parts.clone().any(|part| range(part).contains(&found.address)) {
        return 0;
    }
    found.base = base;
    found.code.extend(parts.by_ref().filter(|part| part.p_flags & libc::PF_X != 0).map(range));
    1
}

/// A line of text with a limit, made without allocation.
struct Line {
    bytes: [u8; 1000],
    len: usize,
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // One place is left for the line feed.
            if self.len < self.bytes.len() - 1 {
                self.bytes[self.len] = byte;
                self.len += 1;
            }
        }
        Ok(())
    }
}

/// The thread that makes a report or passes the signal on, if there is one. An earlier handler may abort the process. That
/// abort is part of the same crash, and is not reported.
static REPORTING: AtomicUsize = AtomicUsize::new(0);
/// The signal that this thread reports.
static REPORTED: AtomicI32 = AtomicI32::new(0);

/// Returns true if the signal with this context arose in a handler for the signal that this thread reports. An earlier handler
/// that has left by `siglongjmp` does not run any more, and nothing tells that. But the kernel blocks a signal while a handler
/// for it runs, and `siglongjmp` ends that. (It does not if the earlier handler has asked for `SA_NODEFER`. Then an abort in
/// that handler is reported too.)
///
/// # Safety
///
/// `context` is the kernel's argument of a handler.
unsafe fn is_in_report(thread: usize, context: *mut c_void) -> bool {
    // SAFETY: the kernel's third argument of a handler is the address of a `ucontext_t`, which is valid while the handler runs.
    let blocked = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_sigmask };
    // SAFETY: `blocked` is a whole set: the kernel has written the signals that were blocked when this one arose. `sigismember`
    // returns an error for any number that no signal has.
    let is_blocked = unsafe { libc::sigismember(blocked, REPORTED.load(Ordering::Relaxed)) } == 1;
    is_blocked && REPORTING.load(Ordering::Relaxed) == thread
}

/// Reports a signal, and passes it on.
///
/// # Safety
///
/// The arguments are those that the kernel passes to a handler with `SA_SIGINFO`.
unsafe extern "C" fn on_signal(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: `__errno_location` returns the address of this thread's `errno`, which is valid as long as the thread.
    let errno = unsafe { *libc::__errno_location() };
    // SAFETY: `pthread_self` has no conditions, and a handler may call it.
    let thread = unsafe { libc::pthread_self() } as usize;
    let place = SIGNALS.iter().position(|(known, _)| *known == signal);
    let before = place.and_then(|place| BEFORE[place].get());
    // SAFETY: `info` is the address of the kernel's description of the signal, which is valid while the handler runs.
    let is_sent = unsafe { (*info).si_code } <= 0;
    let is_ignored = is_sent && before.is_some_and(|before| before.sa_sigaction == libc::SIG_IGN);
    // SAFETY: `context` is the kernel's argument of this handler.
    let is_in_report = unsafe { is_in_report(thread, context) };
    if !is_ignored && !is_in_report {
        REPORTED.store(signal, Ordering::Relaxed);
        REPORTING.store(thread, Ordering::Relaxed);
        // SAFETY: `info` and `context` are the kernel's arguments of this handler, for this signal.
        unsafe { report(place.map_or("", |place| SIGNALS[place].1), signal, info, context, is_sent) };
    }
    match before.map_or(libc::SIG_DFL, |before| before.sa_sigaction) {
        libc::SIG_IGN if is_ignored => {}
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: all bits zero are a value of `sigaction`, and mean the default action (`SIG_DFL` is 0).
            let default: libc::sigaction = unsafe { std::mem::zeroed() };
            // SAFETY: `default` is a whole action without a function, so this makes the kernel call nothing.
            unsafe { libc::sigaction(signal, &raw const default, null_mut()) };
            // An instruction that faults does so again. A signal that was sent is sent once more, and comes when this returns.
            if is_sent {
                // SAFETY: a handler may call `raise`. The signal is blocked until this handler returns, or it ends the process.
                unsafe { libc::raise(signal) };
            }
        }
        handler if before.is_some_and(|before| before.sa_flags & libc::SA_SIGINFO != 0) => {
            type Handler = unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
            // SAFETY: `BEFORE` has the action that `sigaction` returned. A handler in an action with this flag has this type, and
            // it is neither `SIG_DFL` nor `SIG_IGN`, so it is a function's address.
            let handler = unsafe { std::mem::transmute::<usize, Handler>(handler) };
            // SAFETY: the kernel would have called this handler with the same arguments. The code that installed it keeps it
            // mapped: it has not taken the handler back, or it would have replaced this one.
            unsafe { handler(signal, info, context) };
        }
        handler => {
            // SAFETY: a handler in an action without this flag has this type. It is neither `SIG_DFL` nor `SIG_IGN`, so it is a
            // function's address.
            let handler = unsafe { std::mem::transmute::<usize, unsafe extern "C" fn(c_int)>(handler) };
            // SAFETY: the kernel would have called this handler with the same argument. The code that installed it keeps it mapped,
            // as for a handler with the flag.
            unsafe { handler(signal) };
        }
    }
    _ = REPORTING.compare_exchange(thread, 0, Ordering::Relaxed, Ordering::Relaxed);
    // SAFETY: `__errno_location` returns the address of this thread's `errno`, which is valid as long as the thread.
    unsafe { *libc::__errno_location() = errno };
}

/// Prints a report. It is a function of its own, so that its stack is free again when the signal is passed on: the alternate
/// stack is small.
///
/// # Safety
///
/// `info` and `context` are the kernel's arguments of a handler for that signal.
#[inline(never)]
unsafe fn report(name: &str, signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void, is_sent: bool) {
    let mut line = Line { bytes: [0; 1000], len: 0 };
    _ = write!(line, "fatal signal {signal} ({name})");
    if !is_sent {
        // SAFETY: `info` is the kernel's description of the signal, as this function demands. For a signal that was not sent, the
        // kernel has set the address.
        _ = write!(line, " at address {:#x}", unsafe { (*info).si_addr() }.addr());
    }
    // SAFETY: `context` is the kernel's argument of a handler, as this function demands.
    let (code, stack) = unsafe { registers(context) };
    READERS.fetch_add(1, Ordering::SeqCst);
    // SAFETY: null, or a list that `change` has published. `change` frees it only after it has seen `READERS` at 0, and this
    // handler is counted there until it has read the list.
    let images = unsafe { IMAGES.load(Ordering::SeqCst).as_ref() }.map_or(&[][..], Vec::as_slice);
    let image_of = |address: usize| images.iter().find(|image| image.code.iter().any(|code| code.contains(&address)));
    if let Some(image) = image_of(code) {
        line.add_place(image, code);
    } else if let Some(image) = on_stack(stack, image_of) {
        // The word may be left from a call that has returned, so it tells no place.
        _ = write!(line, ": in code that was called by {}", image.label);
    } else {
        _ = line.write_str(": in no plugin's code");
    }
    READERS.fetch_sub(1, Ordering::SeqCst);
    line.bytes[line.len] = b'\n';
    // SAFETY: `line.bytes` has `line.len + 1` bytes that are set: `Line` leaves one place for the line feed.
    unsafe { libc::write(libc::STDERR_FILENO, line.bytes.as_ptr().cast(), line.len + 1) };
}

impl Line {
    /// Adds a place in a plugin.
    fn add_place(&mut self, image: &Image, address: usize) {
        _ = write!(self, ": in {} at offset {:#x}", image.label, address.wrapping_sub(image.base));
        let after = image.exports.partition_point(|(entry, _)| *entry <= address);
        if let Some((entry, name)) = after.checked_sub(1).and_then(|nearest| image.exports.get(nearest)) {
            _ = write!(self, ", {:#x} after the export `{name}`", address.wrapping_sub(*entry));
        }
    }
}

/// The instruction's address and the stack's, when the signal arose.
///
/// # Safety
///
/// `context` is the kernel's argument of a handler.
unsafe fn registers(context: *mut c_void) -> (usize, usize) {
    // SAFETY: the kernel's third argument of a handler is the address of a `ucontext_t`, which is valid while the handler runs.
    let context = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext };
    #[cfg(target_arch = "x86_64")]
    return (context.gregs[libc::REG_RIP as usize] as usize, context.gregs[libc::REG_RSP as usize] as usize);
    #[cfg(target_arch = "aarch64")]
    return (context.pc as usize, context.sp as usize);
}

/// Looks at the words of the stack from `start` on, the newest first, for one that `is_wanted`. The kernel reads the memory,
/// because some of it may not be there.
fn on_stack<T>(start: usize, is_wanted: impl Fn(usize) -> Option<T>) -> Option<T> {
    const PAGE_SIZE: usize = 4096;
    const MAX_BYTES: usize = 16 * PAGE_SIZE;
    let mut words = [0_usize; 64];
    let start = start & !(size_of::<usize>() - 1);
    let (mut at, end) = (start, start.saturating_add(MAX_BYTES));
    while at < end {
        let to = libc::iovec { iov_base: words.as_mut_ptr().cast(), iov_len: size_of_val(&words) };
        let from = libc::iovec { iov_base: std::ptr::without_provenance_mut(at), iov_len: size_of_val(&words) };
        // SAFETY: the kernel writes at most `iov_len` bytes, for which `words` has room, and any bytes are numbers. It checks the
        // addresses that it reads from. `getpid` has no conditions.
        let read = unsafe { libc::process_vm_readv(libc::getpid(), &raw const to, 1, &raw const from, 1, 0) };
        let read = usize::try_from(read).unwrap_or(0);
        if let Some(found) = words.iter().take(read / size_of::<usize>()).find_map(|word| is_wanted(*word)) {
            return Some(found);
        }
        // The stack may have overflowed: then it begins after the page that is not there.
        at = if read == 0 { (at | (PAGE_SIZE - 1)).saturating_add(1) } else { at.saturating_add(read) };
    }
    None
}

/// Gives this thread an alternate stack for the handler if it has none: std does so only for threads that it starts itself
/// in a program of Rust's. Without one, a stack overflow of a plugin's thread would end the process without a report.
pub(crate) fn prepare_thread() {
    thread_local! {
        static STACK: Option<AlternateStack> = AlternateStack::new();
    }
    if ON.load(Ordering::Relaxed) {
        _ = STACK.try_with(|_| ());
    }
}

/// The alternate stack of this thread, until this is dropped. Below it is a page that nothing may use. So an earlier handler
/// that needs more stack than there is ends the process, and does not write into other memory.
struct AlternateStack {
    /// The page, and the stack after it.
    memory: *mut c_void,
    size: usize,
}

impl AlternateStack {
    fn new() -> Option<Self> {
        // SAFETY: `stack_t` consists of a pointer and numbers, for which all bits zero are a value.
        let mut stack: libc::stack_t = unsafe { std::mem::zeroed() };
        // SAFETY: with a null stack, this only reads the present one, into `stack`, which has room for it.
        if unsafe { libc::sigaltstack(null(), &raw mut stack) } != 0 || stack.ss_flags & libc::SS_DISABLE == 0 {
            return None;
        }
        // SAFETY: the two functions take a number, and only return one.
        let (least, page) =
            unsafe { (libc::getauxval(libc::AT_MINSIGSTKSZ) as usize, libc::sysconf(libc::_SC_PAGESIZE)) };
        let page = usize::try_from(page).ok()?;
        let stack_size = least.saturating_add(4 * libc::SIGSTKSZ).checked_next_multiple_of(page)?;
        let size = page.checked_add(stack_size)?;
        // SAFETY: the kernel chooses an address that is free, so this changes no memory that is in use.
        let memory =
            unsafe { libc::mmap(null_mut(), size, libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0) };
        if memory == libc::MAP_FAILED {
            return None;
        }
        let start = memory.wrapping_byte_add(page);
        stack = libc::stack_t { ss_sp: start, ss_flags: 0, ss_size: stack_size };
        // SAFETY: both are given the new memory from its second page on, which nothing else uses. It stays mapped until `drop`
        // has taken the stack back.
        let is_used = unsafe {
            libc::mprotect(start, stack_size, libc::PROT_READ | libc::PROT_WRITE) == 0
                && libc::sigaltstack(&raw const stack, null_mut()) == 0
        };
        if !is_used {
            // SAFETY: the mapping was made above. It did not become this thread's stack, so nothing uses it.
            unsafe { libc::munmap(memory, size) };
            return None;
        }
        Some(AlternateStack { memory, size })
    }
}

impl Drop for AlternateStack {
    fn drop(&mut self) {
        let none = libc::stack_t { ss_sp: null_mut(), ss_flags: libc::SS_DISABLE, ss_size: self.size };
        // SAFETY: `none` is whole, and with `SS_DISABLE` the kernel uses no stack. It refuses while this thread runs on the
        // alternate stack, as it does if a handler ends the thread.
        if unsafe { libc::sigaltstack(&raw const none, null_mut()) } == 0 {
            // SAFETY: `new` has made this mapping. The kernel has just forgotten the stack, and this thread does not run on it.
            unsafe { libc::munmap(self.memory, self.size) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_the_offset_and_the_export_before_it() {
        let exports = vec![(0x1100, "first".to_owned()), (0x1200, "second".to_owned())];
        let image = Image { label: "plugin `p` (`p.so`)".to_owned(), base: 0x1000, code: Vec::new(), exports };
        let text = |address| {
            let mut line = Line { bytes: [0; 1000], len: 0 };
            line.add_place(&image, address);
            String::from_utf8(line.bytes[..line.len].to_vec()).unwrap()
        };
        assert_eq!(text(0x10ff), ": in plugin `p` (`p.so`) at offset 0xff");
        assert_eq!(text(0x1100), ": in plugin `p` (`p.so`) at offset 0x100, 0x0 after the export `first`");
        assert_eq!(text(0x1fff), ": in plugin `p` (`p.so`) at offset 0xfff, 0xdff after the export `second`");
    }

    #[test]
    fn a_line_that_is_too_long_is_cut() {
        let mut line = Line { bytes: [0; 1000], len: 0 };
        for _ in 0..300 {
            line.write_str("12345").unwrap();
        }
        assert_eq!(line.len, 999, "one place is left");
    }

    #[test]
    fn a_guard_page_is_below_an_alternate_stack() {
        let on_thread = || {
            // SAFETY: `stack_t` consists of a pointer and numbers, for which all bits zero are a value.
            let mut stds: libc::stack_t = unsafe { std::mem::zeroed() };
            let none = libc::stack_t { ss_sp: null_mut(), ss_flags: libc::SS_DISABLE, ss_size: libc::SIGSTKSZ };
            // SAFETY: `none` is whole, and `stds` has room for the present stack. The thread does not run on that stack.
            assert_eq!(unsafe { libc::sigaltstack(&raw const none, &raw mut stds) }, 0);
            let own = AlternateStack::new().unwrap();
            // SAFETY: all bits zero are a value of `stack_t`, as for `stds`.
            let mut stack: libc::stack_t = unsafe { std::mem::zeroed() };
            // SAFETY: with a null stack, this only reads the present one, into `stack`, which has room for it.
            assert_eq!(unsafe { libc::sigaltstack(null(), &raw mut stack) }, 0);
            let (start, size) = (stack.ss_sp.addr(), stack.ss_size);
            let access = |address: usize| {
                let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
                let range = |line: &str| {
                    let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
                    usize::from_str_radix(start, 16).unwrap()..usize::from_str_radix(end, 16).unwrap()
                };
                let line = maps.lines().find(|line| range(line).contains(&address));
                line.map(|line| line.split_once(' ').unwrap().1[..4].to_owned())
            };
            assert_eq!(access(start - 1).as_deref(), Some("---p"));
            assert_eq!(access(start).as_deref(), Some("rw-p"));
            assert_eq!(access(start + size - 1).as_deref(), Some("rw-p"));
            drop(own);
            // SAFETY: `stds` is the stack that std has given this thread. Std keeps it mapped until the thread ends.
            assert_eq!(unsafe { libc::sigaltstack(&raw const stds, null_mut()) }, 0);
        };
        std::thread::spawn(on_thread).join().unwrap();
    }

    #[test]
    fn the_stack_is_read_up_to_its_mapped_end() {
        let words = [1_usize, 2, 3];
        let start = words.as_ptr().addr();
        assert_eq!(on_stack(start, |word| (word == 3).then_some(word)), Some(3));
        assert_eq!(on_stack(start + 1, |word| (word == 2).then_some(word)), Some(2), "words are aligned");
        // Nothing is there.
        assert_eq!(on_stack(8, Some), None);
        assert_eq!(on_stack(usize::MAX - 100, Some), None);
    }
}
