//! A plugin's memory from its host, so that what owns memory moves between the two without a copy.
//!
//! [`HostAllocator`] is the plugin's global allocator. It starts with the system's, because a library allocates before it
//! has a host, or never has one, and goes over to the host's functions when the host binds the library.
//!
//! | [`Source`] | new blocks are | a block that is freed was |
//! | --- | --- | --- |
//! | `Early` | the system's, and noted in [`EARLY`] | the system's |
//! | `System`, for good | the system's | the system's |
//! | `Host`, for good | the host's | the host's, or the system's if it is noted |
//!
//! `Early` becomes `Host` when the library is bound; or `System`, if the host says that it has the system's allocator, and
//! both [find](crate::memory::malloc) that they mean the same one. Before that it becomes `System` when there are more early blocks
//! than can be noted. All are one exchange of [`MEMORY`], so that one of them wins. A thread that still sees `Early` after
//! that has a block of the system's, which is noted before anybody else can have it; and whoever frees a block has it from
//! the one that allocated it, so sees at least what that one saw.
//!
//! # The common allocator
//!
//! It is that of the host which is no plugin itself, and of all below it that have their memory from it, but for what has it
//! from a plugin whose memory is tracked. A buffer of its moves between them as it is. What a library has to do with
//! it is one of [`common`], and is decided once.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use crate::abi::table::HostMemory;
use crate::memory::buffer::{self, Owner};
use crate::runtime;

/// Has this plugin allocate with its host's allocator, so that its values move to the host and back without a copy.
///
/// Once, anywhere in the plugin: it defines the `#[global_allocator]`. See [the crate](crate#memory) for what comes of it.
/// In a program that the plugin is linked into, and in its tests, it is the system's allocator.
///
/// # Example
///
/// ```
/// use plugin_core::plugin_export;
///
/// plugin_core::use_host_allocator!();
///
/// /// A megabyte, which the host receives as it is.
/// #[plugin_export]
/// fn noise() -> Vec<u8> {
///     vec![4; 1 << 20]
/// }
/// # assert_eq!(noise().len(), 1 << 20);
/// ```
#[macro_export]
macro_rules! use_host_allocator {
    () => {
        const _: () = {
            #[$crate::__private::core::prelude::v1::global_allocator]
            static HOST_ALLOCATOR: $crate::HostAllocator =
                // SAFETY: it is the global allocator, and nothing is around it.
                unsafe { $crate::HostAllocator::new() };
        };
    };
}

/// The global allocator that [`use_host_allocator!`](crate::use_host_allocator) sets. The example is there.
#[derive(Debug)]
pub struct HostAllocator(());

impl HostAllocator {
    /// The allocator, for [`use_host_allocator!`](crate::use_host_allocator) to make.
    ///
    /// # Safety
    ///
    /// It is the `#[global_allocator]`, and not part of another that is: what it gives out is taken to be what `Vec` and
    /// `Box` have, and is handed to the host.
    pub const unsafe fn new() -> Self {
        HostAllocator(())
    }
}

/// The host's functions; null before there is a host, or [`SYSTEM`].
static MEMORY: AtomicPtr<HostMemory> = AtomicPtr::new(null_mut());

/// No address of functions.
const SYSTEM: *mut HostMemory = NonNull::dangling().as_ptr();

/// Where memory is from.
#[derive(Clone, Copy)]
enum Source {
    Early,
    System,
    Host(&'static HostMemory),
}

impl Source {
    #[inline(always)]
    fn of(memory: *mut HostMemory) -> Self {
        // One comparison tells the usual case.
        if memory.addr() > SYSTEM.addr() {
            // SAFETY: from `bind`, whose caller keeps it valid for as long as this library is mapped.
            Source::Host(unsafe { &*memory })
        } else if memory == SYSTEM {
            Source::System
        } else {
            Source::Early
        }
    }

    #[inline(always)]
    fn now() -> Self {
        Source::of(MEMORY.load(Ordering::Acquire))
    }
}

/// Whether [`HostAllocator`] is what this library allocates with.
static REACHED: AtomicBool = AtomicBool::new(false);

static EARLY: Blocks = Blocks::new();

/// Is at no block's address.
const BUSY: *mut u8 = NonNull::dangling().as_ptr();

/// The blocks that a library has from the system before it has a host: what its constructors keep.
struct Blocks {
    /// How many there are, times [`Blocks::ONE`]; and what this library has to do with the common allocator, which is one
    /// of [`common`]. Each buffer asks for both, so they are one word. Once the library has a host, there are mostly no
    /// blocks, and the word is all that is looked at.
    state: AtomicUsize,
    places: [AtomicPtr<u8>; Blocks::MOST],
}

impl Blocks {
    const MOST: usize = 64;
    const ONE: usize = 8;

    const fn new() -> Self {
        Blocks {
            state: AtomicUsize::new(common::UNDECIDED),
            places: [const { AtomicPtr::new(null_mut()) }; Blocks::MOST],
        }
    }

    /// One of [`common`].
    #[inline(always)]
    fn common(&self) -> usize {
        self.state.load(Ordering::Acquire) % Blocks::ONE
    }

    /// Makes it another of [`common`], if it is the one expected.
    fn exchange_common(&self, expected: usize, to: usize) -> bool {
        let exchanged = |state| (state % Blocks::ONE == expected).then(|| state - expected + to);
        self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, exchanged).is_ok()
    }

    #[inline(always)]
    fn is_empty(&self) -> bool {
        self.state.load(Ordering::Relaxed) < Blocks::ONE
    }

    /// A place that has one pointer gets the other.
    fn replace(&self, from: *mut u8, to: *mut u8) -> Option<&AtomicPtr<u8>> {
        self.places.iter().find(|place| {
            place.load(Ordering::Relaxed) == from
                && place.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        })
    }

    /// Notes a block, unless there are too many.
    fn note(&self, block: *mut u8) -> bool {
        // Counted before anybody else can have the block.
        self.state.fetch_add(Blocks::ONE, Ordering::Relaxed);
        let noted = self.replace(null_mut(), block).is_some();
        if !noted {
            self.state.fetch_sub(Blocks::ONE, Ordering::Relaxed);
        }
        noted
    }

    #[inline(always)]
    fn has(&self, block: *mut u8) -> bool {
        !self.is_empty() && self.find(block)
    }

    #[cold]
    fn find(&self, block: *mut u8) -> bool {
        self.places.iter().any(|place| place.load(Ordering::Relaxed) == block)
    }

    /// Forgets a block, which is then no longer used, and tells whether it was noted.
    #[inline(always)]
    fn forget(&self, block: *mut u8) -> bool {
        !self.is_empty() && self.forget_noted(block)
    }

    #[cold]
    fn forget_noted(&self, block: *mut u8) -> bool {
        let noted = self.replace(block, null_mut()).is_some();
        if noted {
            self.state.fetch_sub(Blocks::ONE, Ordering::Relaxed);
        }
        noted
    }

    /// Forgets what is noted now.
    fn forget_all(&self) {
        for place in &self.places {
            let block = place.load(Ordering::Relaxed);
            if !block.is_null() && block != BUSY {
                self.forget(block);
            }
        }
    }

    /// Has the system reallocate a block that is noted, which keeps its place. Another block may come to lie at the old
    /// address before this returns, so it is not noted any more by then.
    ///
    /// # Safety
    ///
    /// As for [`GlobalAlloc::realloc`], and the block is the system's.
    #[cold]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let place = self.replace(block, BUSY);
        // SAFETY: the caller's promise.
        let moved = unsafe { System.realloc(block, layout, size) };
        if let Some(place) = place {
            place.store(if moved.is_null() { block } else { moved }, Ordering::Relaxed);
        }
        moved
    }
}

/// Allocates before there is a host.
#[cold]
fn alloc_early(
    layout: Layout,
    from_system: impl FnOnce() -> *mut u8,
    from_host: impl FnOnce(&HostMemory) -> *mut u8,
) -> *mut u8 {
    REACHED.store(true, Ordering::Relaxed);
    let block = from_system();
    if block.is_null() || EARLY.note(block) {
        if MEMORY.load(Ordering::Acquire) == SYSTEM {
            // Since just now, and no search needs it.
            EARLY.forget(block);
        }
        return block;
    }
    let memory = match MEMORY.compare_exchange(null_mut(), SYSTEM, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => SYSTEM,
        Err(memory) => memory,
    };
    let Source::Host(memory) = Source::of(memory) else {
        return block;
    };
    // The host came in between.
    // SAFETY: from the system just now, with this layout.
    unsafe { System.dealloc(block, layout) };
    from_host(memory)
}

// SAFETY: the system's allocator or the host's, which is one as well; each block goes back to where it is from, as the
// table above says.
unsafe impl GlobalAlloc for HostAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // They own the layout, which is otherwise written to memory also where this has a host.
        let from_host =
            // SAFETY: as this is called, so are these.
            move |memory: &HostMemory| unsafe { (memory.alloc)(layout.size(), layout.align(), memory.library) };
        // SAFETY: as above.
        let from_system = move || unsafe { System.alloc(layout) };
        match Source::now() {
            Source::Host(memory) => from_host(memory),
            Source::System => from_system(),
            Source::Early => alloc_early(layout, from_system, from_host),
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let from_host =
            // SAFETY: as this is called, so are these.
            move |memory: &HostMemory| unsafe { (memory.alloc_zeroed)(layout.size(), layout.align(), memory.library) };
        // SAFETY: as above.
        let from_system = move || unsafe { System.alloc_zeroed(layout) };
        match Source::now() {
            Source::Host(memory) => from_host(memory),
            Source::System => from_system(),
            Source::Early => alloc_early(layout, from_system, from_host),
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let memory = match Source::now() {
            Source::Host(memory) if !EARLY.forget(block) => Some(memory),
            Source::Early => {
                EARLY.forget(block);
                None
            }
            _ => None,
        };
        match memory {
            // SAFETY: the block is the host's, and this is called with its layout.
            Some(memory) => unsafe { (memory.dealloc)(block, layout.size(), layout.align(), memory.library) },
            // SAFETY: the block is the system's, and this is called with its layout.
            None => unsafe { System.dealloc(block, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: each block is reallocated where it is from, as this is called.
        unsafe {
            match Source::now() {
                Source::Host(memory) if !EARLY.has(block) => {
                    (memory.realloc)(block, layout.size(), layout.align(), size, memory.library)
                }
                Source::System => System.realloc(block, layout, size),
                _ => EARLY.realloc(block, layout, size),
            }
        }
    }
}

/// Whether this library allocates with [`HostAllocator`]: whether it has it, and, if its std is in a library of its own,
/// whether that asks it.
fn is_in_place() -> bool {
    let layout = Layout::new::<u64>();
    // SAFETY: allocated and freed as one layout. A part that is not used is not left out, because its address is looked at.
    unsafe {
        let block = std::hint::black_box(std::alloc::alloc(layout));
        if !block.is_null() {
            std::alloc::dealloc(block, layout);
        }
    }
    REACHED.load(Ordering::Relaxed)
}

/// The relation of this library to the common allocator. Not an `enum`, because it is part of [`Blocks::state`].
mod common {
    /// This library has no host, and is none, as yet.
    pub(super) const UNDECIDED: usize = 0;
    /// It is what this library allocates with: its own, if this is a host and no plugin, or its host's. The only odd one.
    pub(super) const PLAIN: usize = 1;
    /// This library has its memory from it, and the host keeps a list of what this library has.
    pub(super) const TRACKED: usize = 2;
    /// This library has a host, and memory of its own.
    pub(super) const APART: usize = 4;
}

/// The owner of the buffers of the common allocator.
pub(crate) fn common_owner() -> &'static Owner {
    match runtime::services() {
        // SAFETY: the host keeps it there as long as this library.
        Some(services) => unsafe { &*services.common },
        None => buffer::own(),
    }
}

/// The owner of the buffers of the common allocator, and whether this library's allocator is that: for a host, before it has
/// its first plugin.
#[cfg(feature = "host")]
pub(crate) fn common_of_host() -> (&'static Owner, bool) {
    if EARLY.exchange_common(common::UNDECIDED, common::PLAIN) {
        // If this has a `HostAllocator`, that will never have a host: all its blocks are the system's.
        _ = MEMORY.compare_exchange(null_mut(), SYSTEM, Ordering::AcqRel, Ordering::Relaxed);
        EARLY.forget_all();
    }
    // A block on a list of this library's must not be freed past the list.
    (common_owner(), EARLY.common() == common::PLAIN)
}

/// Has a host from now on; not if this library is one without a host.
pub(crate) fn accept_host() -> bool {
    EARLY.exchange_common(common::UNDECIDED, common::APART)
}

/// The value that [`MEMORY`] gets with this host.
fn source_of(memory: &HostMemory) -> *mut HostMemory {
    if memory.system.is_here() { SYSTEM } else { std::ptr::from_ref(memory).cast_mut() }
}

/// Goes over to the host's memory, if this library wants it and the host lends it.
///
/// # Safety
///
/// The memory is null, or valid for as long as this library is mapped. It is that of what
/// [`services`](runtime::services) gives, and nobody has got anything from the host.
pub(crate) unsafe fn bind(memory: *const HostMemory) {
    if memory.is_null() || !is_in_place() {
        return;
    }
    // SAFETY: not null, and valid as the caller promises.
    let memory = unsafe { &*memory };
    let (is_common, is_tracked) = (memory.is_common != 0, memory.take_over.is_some());
    let source = source_of(memory);
    if MEMORY.compare_exchange(null_mut(), source, Ordering::AcqRel, Ordering::Relaxed).is_err_and(|is| is != source) {
        return;
    }
    if source == SYSTEM {
        // They go back to where all others do.
        EARLY.forget_all();
    }
    if is_tracked {
        // The host counts what is left of the plugin's when it goes. Std's standard output, which is flushed then, is not
        // the plugin's doing; so it is made now, while nothing counts.
        _ = std::io::stdout();
    }
    if is_common {
        EARLY.exchange_common(common::APART, if is_tracked { common::TRACKED } else { common::PLAIN });
    }
}

/// Whether what a `Vec` of this library's has is of the common allocator, and may just be given away: none of it is early.
#[inline(always)]
pub(crate) fn gives_common() -> bool {
    EARLY.state.load(Ordering::Acquire) == common::PLAIN
}

/// Whether it is this library's own, and stays so.
#[inline(always)]
pub(crate) fn gives_own() -> bool {
    matches!(EARLY.common(), common::APART | common::UNDECIDED)
}

/// Lets go of a block that a `Vec` of this library's has. Returns whether it is of the common allocator.
pub(crate) fn give(block: *mut u8, size: usize) -> bool {
    // A block of the system's goes back through this library.
    if !matches!(EARLY.common(), common::PLAIN | common::TRACKED) || EARLY.has(block) {
        return false;
    }
    if let (Source::Host(HostMemory { library, hand_over: Some(hand_over), .. }), 1..) = (Source::now(), size) {
        // SAFETY: the host gave the block to this library, which lets go of it.
        unsafe { hand_over(block, *library) }
    }
    true
}

/// Whether what is of the common allocator may just become a `Vec` of this library's.
#[inline(always)]
pub(crate) fn adopts_common() -> bool {
    EARLY.state.load(Ordering::Acquire) % 2 == common::PLAIN
}

/// Takes a block of the common allocator, if it may become that of a `Vec` of this library's.
///
/// # Safety
///
/// A buffer of the common allocator with this block, size and alignment was received, and is not used otherwise.
pub(crate) unsafe fn adopt(block: *mut u8, size: usize, align: usize) -> bool {
    if EARLY.common() == common::APART {
        return false;
    }
    if let (Source::Host(HostMemory { library, take_over: Some(take_over), .. }), 1..) = (Source::now(), size) {
        // SAFETY: a block of the host's, which is this library's by the caller's promise.
        unsafe { take_over(block, size, align, *library) }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Addresses that nothing is read from.
    fn block(number: usize) -> *mut u8 {
        std::ptr::without_provenance_mut(number * 16)
    }

    #[test]
    fn as_many_blocks_are_noted_as_there_are_places() {
        let blocks = Blocks::new();
        for number in 1..=Blocks::MOST {
            assert!(blocks.note(block(number)));
        }
        assert!(!blocks.note(block(1000)));
        assert!(!blocks.forget(block(1000)));
        assert!(blocks.forget(block(7)));
        assert!(!blocks.has(block(7)));
        assert!(blocks.note(block(1000)));
        assert!(blocks.has(block(1000)));
        for number in (1..=Blocks::MOST).filter(|&number| number != 7) {
            assert!(blocks.forget(block(number)));
        }
        assert!(blocks.forget(block(1000)));
        assert_eq!(blocks.state.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_noted_block_keeps_its_place_when_it_moves() {
        let blocks = Blocks::new();
        let layout = Layout::from_size_align(16, 8).unwrap();
        // SAFETY: allocated, moved and freed with the layouts that it had.
        unsafe {
            let first = System.alloc(layout);
            assert!(blocks.note(first));
            let moved = blocks.realloc(first, layout, 1 << 20);
            assert!(blocks.has(moved));
            assert_eq!(blocks.state.load(Ordering::Relaxed), Blocks::ONE);
            assert!(blocks.forget(moved));
            System.dealloc(moved, Layout::from_size_align(1 << 20, 8).unwrap());
        }
    }

    /// Functions that are only told apart.
    #[test]
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    fn a_host_that_has_the_systems_is_not_asked() {
        use std::ffi::c_void;

        use crate::memory::malloc::SystemAllocator;

        unsafe extern "C" fn alloc(_: usize, _: usize, _: *const c_void) -> *mut u8 {
            null_mut()
        }
        unsafe extern "C" fn dealloc(_: *mut u8, _: usize, _: usize, _: *const c_void) {}
        unsafe extern "C" fn realloc(_: *mut u8, _: usize, _: usize, _: usize, _: *const c_void) -> *mut u8 {
            null_mut()
        }
        let mut memory = HostMemory {
            size: size_of::<HostMemory>(),
            library: null_mut(),
            alloc,
            alloc_zeroed: alloc,
            dealloc,
            realloc,
            is_common: 1,
            system: SystemAllocator::here().unwrap(),
            hand_over: None,
            take_over: None,
        };
        assert_eq!(source_of(&memory), SYSTEM);
        memory.system = SystemAllocator::NONE;
        assert_eq!(source_of(&memory).cast_const(), &raw const memory);
        for function in 0..SystemAllocator::FUNCTIONS {
            memory.system = SystemAllocator::here().unwrap().without(function);
            assert_eq!(source_of(&memory).cast_const(), &raw const memory, "function {function} is another");
        }
    }

    #[test]
    fn what_is_noted_is_forgotten() {
        let blocks = Blocks::new();
        (1..=Blocks::MOST).for_each(|number| assert!(blocks.note(block(number))));
        assert!(blocks.exchange_common(common::UNDECIDED, common::APART));
        blocks.forget_all();
        assert!(!blocks.has(block(1)));
        assert_eq!(blocks.state.load(Ordering::Relaxed), common::APART);
    }

    #[test]
    fn without_a_host_it_is_the_systems() {
        // SAFETY: it is no global allocator here, but nothing of it becomes a value.
        let allocator = unsafe { HostAllocator::new() };
        let layout = Layout::from_size_align(24, 8).unwrap();
        // More than are noted, so that the last ones are not.
        // SAFETY: allocated, moved and freed with the layouts that they had.
        unsafe {
            let blocks: Vec<_> = (0..3 * Blocks::MOST).map(|_| allocator.alloc_zeroed(layout)).collect();
            let larger = Layout::from_size_align(4096, 8).unwrap();
            for block in blocks {
                assert!((0..24).all(|offset| block.add(offset).read() == 0));
                block.write(7);
                let moved = allocator.realloc(block, layout, larger.size());
                assert_eq!(moved.read(), 7);
                allocator.dealloc(moved, larger);
            }
        }
    }
}
