//! The environment of a process with several stds, changed without harm to its readers.
//!
//! # The problem
//!
//! The environment is an array of pointers to strings, `NAME=value`, that ends with null; the C library's variable
//! `environ` points at it. std, `getenv`, `execvp` and the kernel walk through it. The C library's `setenv` moves the
//! array when it grows, and frees the old one. A std excludes that with a lock, but a plugin's std has a lock of its
//! own, and C code has none.
//!
//! # The idea
//!
//! Every reader does the same: it loads `environ`, then pointers from the array up to null, and reads the strings. All
//! that it may meet on this way stays valid for ever:
//!
//! - Strings are never freed and never changed. Equal strings are made once, as in the C library, so that a program
//!   which sets a variable to one of a few values again and again needs no more memory each time.
//! - Arrays are never freed. An array has spare room, where an entry is added by one store. A larger array is twice as
//!   large, so all smaller ones together need no more than the largest.
//! - A place in an array that is not null never becomes null again, because readers look at it twice: first whether it
//!   is null, then at the string. An entry is replaced by one store of another pointer. It is removed by publishing a
//!   copy without it. Such copies may take [`COPIES`] bytes in the life of the process. After that, an entry is removed
//!   by replacing it by an empty string, which every reader skips. The next entry that is added takes its place.
//!
//! Writers exclude each other with one lock.
//!
//! # What is assumed
//!
//! Readers use plain loads, which race with these stores in terms of the language. That is beyond Rust's memory model,
//! and cannot be helped from outside of std and the C library. It relies on three facts. On the processors for which
//! this is compiled, an aligned pointer is loaded and stored as a whole. A reader that loads a published pointer sees
//! everything behind it that was stored before: on x86-64 because stores are seen in order, on AArch64 because a load
//! through a pointer follows the load of the pointer. And a compiler does not make up values that were never loaded;
//! loading a place twice is harmless, as shown above.

use std::collections::BTreeSet;
use std::ffi::{CStr, c_char, c_int};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of bytes that copies without removed entries may take, in all.
const COPIES: usize = 1024 * 1024;

type Entry = AtomicPtr<c_char>;

unsafe extern "C" {
    /// The C library's.
    static environ: AtomicPtr<Entry>;
}

/// A string in the set of all that were made. Strings are compared by their bytes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Made(&'static CStr);

/// The state that the writers' lock guards.
struct Writer {
    made: BTreeSet<Made>,
    /// The array that was published last, and the number of its places.
    array: AtomicPtr<Entry>,
    places: usize,
    /// All arrays that were published. So a tool that looks for leaks finds that they are in use.
    arrays: Vec<AtomicPtr<Entry>>,
    /// An array without entries.
    empty: AtomicPtr<Entry>,
    /// The string that stands for no entry.
    removed: AtomicPtr<c_char>,
    /// The number of bytes of copies without removed entries.
    copies: usize,
}

static WRITER: Mutex<Writer> = Mutex::new(Writer {
    made: BTreeSet::new(),
    array: AtomicPtr::new(std::ptr::null_mut()),
    places: 0,
    arrays: Vec::new(),
    empty: AtomicPtr::new(std::ptr::null_mut()),
    removed: AtomicPtr::new(std::ptr::null_mut()),
    copies: 0,
});

/// Memory was not to be had.
struct NoMemory;

fn lock() -> MutexGuard<'static, Writer> {
    WRITER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fail(error: c_int) -> c_int {
    // SAFETY: the function returns the address of this thread's own `errno`.
    unsafe { *libc::__errno_location() = error };
    -1
}

fn answer(result: Result<(), NoMemory>) -> c_int {
    result.map_or_else(|NoMemory| fail(libc::ENOMEM), |()| 0)
}

/// Returns the places of the array that is published, up to the first that is null.
fn entries() -> &'static [Entry] {
    // SAFETY: `environ` is the C library's variable, which exists as long as the process. It is a pointer, which may be
    // read as an atomic one.
    let first = unsafe { environ.load(Ordering::Acquire) };
    if first.is_null() {
        return &[];
    }
    let mut count = 0;
    // SAFETY: the array ends with null, and no place before this one is null. So this place exists.
    while !unsafe { &*first.add(count) }.load(Ordering::Acquire).is_null() {
        count += 1;
    }
    // SAFETY: the loop above has found so many places. An array of this module's is never freed, and the kernel's stays
    // as long as the process. C code has to keep an array of its own for as long as `environ` leads to it.
    unsafe { std::slice::from_raw_parts(first, count) }
}

/// Returns true if this is the string of a variable of that name.
fn is_of(entry: &Entry, name: &[u8]) -> bool {
    // SAFETY: an entry of the environment is a string that ends with 0: one of `Writer::set`, whose `# Safety` says so,
    // or of the kernel's, or of C code, which has to keep it for as long as the environment has it.
    let entry = unsafe { CStr::from_ptr(entry.load(Ordering::Acquire)) }.to_bytes();
    entry.strip_prefix(name).is_some_and(|rest| rest.first() == Some(&b'='))
}

/// Allocates with the C library, because memory of the global allocator may go with the library that this is part of.
fn allocate<T>(count: usize) -> Result<*mut T, NoMemory> {
    // SAFETY: `calloc` may be called with any numbers.
    let memory = unsafe { libc::calloc(count, size_of::<T>()) };
    if memory.is_null() { Err(NoMemory) } else { Ok(memory.cast()) }
}

impl Writer {
    /// Makes the string `name=value`, unless it exists already.
    fn string(&mut self, name: &[u8], value: &[u8]) -> Result<*mut c_char, NoMemory> {
        let memory = allocate::<c_char>(name.len() + value.len() + 2)?;
        // SAFETY: the block has room for both texts, the sign between, and the 0 at the end. `calloc` has made the last
        // byte 0.
        let text = unsafe {
            let bytes = memory.cast::<u8>();
            bytes.copy_from_nonoverlapping(name.as_ptr(), name.len());
            bytes.add(name.len()).write(b'=');
            bytes.add(name.len() + 1).copy_from_nonoverlapping(value.as_ptr(), value.len());
            CStr::from_ptr(memory)
        };
        if let Some(Made(known)) = self.made.get(&Made(text)) {
            // SAFETY: `allocate` gave the block above. It was not published, and `text` is not used any more.
            unsafe { libc::free(memory.cast()) };
            return Ok(known.as_ptr().cast_mut());
        }
        self.made.insert(Made(text));
        Ok(memory)
    }

    /// Publishes a new array of so many places that begins with these entries.
    fn publish<'a>(&mut self, entries: impl Iterator<Item = &'a Entry>, places: usize) -> Result<(), NoMemory> {
        let array = allocate::<Entry>(places)?;
        for (at, entry) in entries.take(places - 1).enumerate() {
            // SAFETY: `allocate` gave `places` places, all null. `take` ends the loop before the last one, so that one
            // stays null.
            unsafe { &*array.add(at) }.store(entry.load(Ordering::Acquire), Ordering::Relaxed);
        }
        self.arrays.push(AtomicPtr::new(array));
        *self.array.get_mut() = array;
        self.places = places;
        // SAFETY: `environ` is the C library's variable, which exists as long as the process. The new array ends with
        // null, as readers expect, and is never freed. A reader that sees the array sees its entries, because it is
        // released.
        unsafe { environ.store(array, Ordering::Release) };
        Ok(())
    }

    /// Returns the published array, if it is this module's. It may be the kernel's, or one that C code has made.
    fn own(&self, entries: &'static [Entry]) -> bool {
        !entries.is_empty() && std::ptr::eq(entries.as_ptr(), self.array.load(Ordering::Relaxed))
    }

    /// Counts the places of one more copy without removed entries, if that may be made.
    fn may_copy(&mut self, places: usize) -> bool {
        let copies = self.copies + places * size_of::<Entry>();
        let may = copies <= COPIES;
        if may {
            self.copies = copies;
        }
        may
    }

    /// Returns the string that stands for no entry.
    fn removed(&mut self) -> Result<*mut c_char, NoMemory> {
        if self.removed.get_mut().is_null() {
            // Readers may look at two bytes.
            *self.removed.get_mut() = allocate(2)?;
        }
        Ok(*self.removed.get_mut())
    }

    /// Sets the variable to `entry`.
    ///
    /// # Safety
    ///
    /// `entry` is a string, and stays one for as long as the environment has it.
    unsafe fn set(&mut self, name: &[u8], entry: *mut c_char) -> Result<(), NoMemory> {
        let found = entries();
        if !self.own(found) {
            self.publish(found.iter(), 2 * (found.len() + 2))?;
        }
        let found = entries();
        let removed = *self.removed.get_mut();
        let place = found
            .iter()
            .find(|entry| is_of(entry, name))
            .or_else(|| found.iter().find(|entry| entry.load(Ordering::Relaxed) == removed && !removed.is_null()));
        if let Some(place) = place {
            place.store(entry, Ordering::Release);
            return Ok(());
        }
        if found.len() + 2 > self.places {
            self.publish(found.iter(), 2 * (found.len() + 2))?;
        }
        // SAFETY: the array has `self.places` places, at least two more than were found. So this place exists, and at
        // least one later place is null.
        unsafe { &*self.array.load(Ordering::Relaxed).add(found.len()) }.store(entry, Ordering::Release);
        Ok(())
    }

    /// Removes every string of that variable.
    fn unset(&mut self, name: &[u8]) -> Result<(), NoMemory> {
        let found = entries();
        if !found.iter().any(|entry| is_of(entry, name)) {
            return Ok(());
        }
        let removed = *self.removed.get_mut();
        let places = found.len() + found.len() / 2 + 2;
        if self.may_copy(places) {
            let rest = found.iter().filter(|entry| !is_of(entry, name) && entry.load(Ordering::Relaxed) != removed);
            return self.publish(rest, places);
        }
        let removed = self.removed()?;
        if !self.own(found) {
            self.publish(found.iter(), places)?;
        }
        for entry in entries().iter().filter(|entry| is_of(entry, name)) {
            entry.store(removed, Ordering::Release);
        }
        Ok(())
    }

    /// Removes everything.
    fn clear(&mut self) -> Result<(), NoMemory> {
        let found = entries();
        // The next entry will need an array of its own.
        if self.own(found) && !self.may_copy(found.len()) {
            let removed = self.removed()?;
            found.iter().for_each(|entry| entry.store(removed, Ordering::Release));
            return Ok(());
        }
        if self.empty.get_mut().is_null() {
            *self.empty.get_mut() = allocate(1)?;
        }
        // SAFETY: `environ` is the C library's variable, which exists as long as the process. The new array is one
        // null, as readers expect, and is never freed.
        unsafe { environ.store(*self.empty.get_mut(), Ordering::Release) };
        Ok(())
    }
}

/// Returns a variable's name, if this may be one.
///
/// # Safety
///
/// `name` is null or a string that lives for `'a`.
unsafe fn name_of<'a>(name: *const c_char) -> Option<&'a [u8]> {
    if name.is_null() {
        return None;
    }
    // SAFETY: by `# Safety`, `name` is a string that lives for `'a`, because it is not null.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    (!name.is_empty() && !name.contains(&b'=')).then_some(name)
}

/// `setenv`.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn setenv(name: *const c_char, value: *const c_char, overwrite: c_int) -> c_int {
    // SAFETY: `name_of` asks for null or a string that lives during this call, as the C library's `setenv` asks its
    // caller for.
    let Some(name) = (unsafe { name_of(name) }).filter(|_| !value.is_null()) else {
        return fail(libc::EINVAL);
    };
    // SAFETY: `value` is not null. So it is a string that lives during this call, as the C library's `setenv` asks its
    // caller for.
    let value = unsafe { CStr::from_ptr(value) }.to_bytes();
    let mut writer = lock();
    if overwrite == 0 && entries().iter().any(|entry| is_of(entry, name)) {
        return 0;
    }
    // SAFETY: `string` has made the entry. This module never frees or changes such a string.
    answer(writer.string(name, value).and_then(|entry| unsafe { writer.set(name, entry) }))
}

/// `unsetenv`.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn unsetenv(name: *const c_char) -> c_int {
    // SAFETY: `name_of` asks for null or a string that lives during this call, as the C library's `unsetenv` asks its
    // caller for.
    match unsafe { name_of(name) } {
        Some(name) => answer(lock().unset(name)),
        None => fail(libc::EINVAL),
    }
}

/// `putenv`: the string itself becomes part of the environment.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn putenv(entry: *mut c_char) -> c_int {
    if entry.is_null() {
        return fail(libc::EINVAL);
    }
    // SAFETY: `entry` is not null. So it is a string, and it lives during this call, as the C library's `putenv`
    // asks for.
    let bytes = unsafe { CStr::from_ptr(entry) }.to_bytes();
    match bytes.iter().position(|&byte| byte == b'=') {
        // SAFETY: the C library's `putenv` asks its caller to keep the string for as long as the environment has it.
        Some(end) => answer(unsafe { lock().set(&bytes[..end], entry) }),
        // SAFETY: `entry` is a string that lives during this call, as `unsetenv` asks for.
        None => unsafe { unsetenv(entry) },
    }
}

/// `clearenv`.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn clearenv() -> c_int {
    answer(lock().clear())
}
