//! The memory of plugins that use their host's allocator: the functions they are lent, and the blocks they leave behind.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::collections::HashMap;
use std::ffi::c_void;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use plugin_core::host::table::{HostMemory, SystemAllocator};

/// Defines [`std::alloc::System`] as the program's global allocator, which it is by default, and tells plugins so.
///
/// The macro is used once, anywhere in the program, because it defines the `#[global_allocator]`. A plugin with
/// `plugin_core::use_host_allocator!()` then calls the C library's allocator itself, and allocates as fast as this
/// program. Without the macro, the plugin calls the program for each block. A call that does little but return a short text
/// then takes a twentieth longer.
///
/// The macro has no effect on plugins with an allocator of their own, on plugins whose memory is
/// [tracked](Memory::Tracked), and on plugins of a plugin. On systems other than Linux and macOS it has no effect at all. A
/// program cannot use it if a crate that it is linked with has `plugin_core::use_host_allocator!()`, which defines a global
/// allocator, too.
///
/// # Example
///
/// ```
/// plugin_host::use_system_allocator!();
///
/// # fn main() {
/// let host = plugin_host::Host::new(plugin_host::Trust::none());
/// // Plugins and this program have one allocator.
/// # drop(host);
/// # }
/// ```
#[macro_export]
macro_rules! use_system_allocator {
    () => {
        const _: () = {
            #[::core::prelude::v1::global_allocator]
            static SYSTEM_ALLOCATOR: ::std::alloc::System = ::std::alloc::System;

            $crate::__private::inventory::submit! {
                // SAFETY: the `#[global_allocator]` above is `System`, and a program has only one.
                unsafe { $crate::__private::SystemIsGlobal::new() }
            }
        };
    };
}

/// A proof that [`std::alloc::System`] is the global allocator. The program registers it with `inventory`.
#[derive(Debug)]
pub struct SystemIsGlobal(());

impl SystemIsGlobal {
    /// Makes the proof, for [`use_system_allocator!`](crate::use_system_allocator) only.
    ///
    /// # Safety
    ///
    /// The `#[global_allocator]` is [`std::alloc::System`]. If std is a library of its own, it does not use the program's
    /// `#[global_allocator]` but its default. That is `System`, too, so the promise holds.
    pub const unsafe fn new() -> Self {
        SystemIsGlobal(())
    }
}

inventory::collect!(SystemIsGlobal);

/// Returns the functions of `System` if the program has proved that `System` is its global allocator.
fn proven_system() -> Option<SystemAllocator> {
    inventory::iter::<SystemIsGlobal>.into_iter().next().and_then(|_| SystemAllocator::here())
}

/// The source of memory for plugins with `plugin_core::use_host_allocator!()`. It has no effect on other plugins, which have
/// allocators of their own.
///
/// | the plugin's allocator | `Memory` | memory that the plugin's statics own or that it leaks, once the plugin is unmapped |
/// | --- | --- | --- |
/// | its own | any | lost, and not reported |
/// | the host's | `Plain` | lost, and not reported |
/// | the host's | `Tracked` | freed, and reported to the [leak handler](crate::Host::with_leak_handler) |
///
/// So a program whose plugins come and go sets `Tracked`, and its plugins use `use_host_allocator!()`. A plugin with an allocator
/// of its own also loses the buffer of 1 KiB that its std has for the standard output.
///
/// # Example
///
/// ```
/// use plugin_host::{Host, Memory, Trust};
///
/// // For plugins that come and go, and may not clean up.
/// let host = Host::new(Trust::none())
///     .with_memory(Memory::Tracked)
///     .with_leak_handler(|leak| eprintln!("plugin `{}` left {} bytes", leak.plugin, leak.bytes));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Memory {
    /// Memory is from this program's global allocator. It is as fast as in the program itself if the program uses
    /// [`use_system_allocator!`](crate::use_system_allocator). Memory that a plugin leaks is lost.
    #[default]
    Plain,
    /// Memory is from the same allocator, and the host keeps a list of the blocks that the plugin has. A block that moves to
    /// the host or to another plugin leaves the list. After the library is unmapped, the host frees the blocks that are still
    /// on the list, and reports them to the [leak handler](crate::Host::with_leak_handler). If the library stays mapped (see
    /// [the crate](crate#when-a-library-goes-away)), nothing is freed.
    ///
    /// In such a plugin, memory that was leaked lives as long as the plugin's statics: until the library is unmapped. So the
    /// plugin must not give a pointer to leaked memory to another library of the process that keeps it for longer.
    Tracked,
}

/// The memory that a plugin left behind. It displays as a line for a log. For an example see [`Memory`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leak {
    /// The plugin's name.
    pub plugin: String,
    /// The number of blocks of memory.
    pub blocks: usize,
    /// The number of bytes in these blocks.
    pub bytes: usize,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Leak { plugin, blocks, bytes } = self;
        write!(f, "plugin `{plugin}` left {bytes} bytes of memory in {blocks} blocks")
    }
}

/// Returns the allocator's functions that a library is lent. `blocks` points to the list of the library's blocks, which is
/// `Some` if its memory is tracked.
pub(crate) fn lent(memory: Memory, blocks: *const Option<Blocks>, is_common: bool) -> HostMemory {
    let plain = HostMemory {
        size: size_of::<HostMemory>(),
        library: blocks.cast(),
        alloc: plain_alloc,
        alloc_zeroed: plain_alloc_zeroed,
        dealloc: plain_dealloc,
        realloc: plain_realloc,
        is_common: u8::from(is_common),
        system: proven_system().unwrap_or(SystemAllocator::NONE),
        hand_over: None,
        take_over: None,
    };
    match memory {
        Memory::Plain => plain,
        Memory::Tracked => HostMemory {
            alloc: tracked_alloc,
            alloc_zeroed: tracked_alloc_zeroed,
            dealloc: tracked_dealloc,
            realloc: tracked_realloc,
            hand_over: Some(hand_over),
            take_over: Some(take_over),
            // A plugin that calls `System` itself would allocate blocks that are not on the list.
            system: SystemAllocator::NONE,
            ..plain
        },
    }
}

/// Returns the layout that the library gave its allocator.
///
/// # Safety
///
/// The size and the alignment are those of a `Layout`.
unsafe fn layout(size: usize, align: usize) -> Layout {
    // SAFETY: a `Layout` with this size and alignment exists, as this function demands.
    unsafe { Layout::from_size_align_unchecked(size, align) }
}

// The functions below are called only by a plugin's `HostAllocator`, through the table from `lent`. Each gets the arguments of
// the `GlobalAlloc` function of the same name, so that function's contract holds for them. A block came from this program's
// allocator: from one of these functions, or in a buffer of the common allocator, which a library adopts only if that is this
// one. The last argument is `HostMemory::library`. A plugin calls them only while it is mapped, so its services still exist.

unsafe extern "C" fn plain_alloc(size: usize, align: usize, _: *const c_void) -> *mut u8 {
    // SAFETY: these are the arguments of a call of `GlobalAlloc::alloc`: parts of a `Layout`, whose size is not 0.
    unsafe { alloc(layout(size, align)) }
}

unsafe extern "C" fn plain_alloc_zeroed(size: usize, align: usize, _: *const c_void) -> *mut u8 {
    // SAFETY: these are the arguments of a call of `GlobalAlloc::alloc_zeroed`: parts of a `Layout`, whose size is not 0.
    unsafe { alloc_zeroed(layout(size, align)) }
}

unsafe extern "C" fn plain_dealloc(block: *mut u8, size: usize, align: usize, _: *const c_void) {
    // SAFETY: these are the arguments of a call of `GlobalAlloc::dealloc`. So the block has this layout and is not used
    // afterwards, and it came from this program's allocator.
    unsafe { dealloc(block, layout(size, align)) }
}

unsafe extern "C" fn plain_realloc(
    block: *mut u8,
    size: usize,
    align: usize,
    new_size: usize,
    _: *const c_void,
) -> *mut u8 {
    // SAFETY: these are the arguments of a call of `GlobalAlloc::realloc`. So the block has this layout, and the new size, which
    // is not 0, makes a `Layout` with the alignment. The block came from this program's allocator.
    unsafe { realloc(block, layout(size, align), new_size) }
}

/// Returns the list of the library's blocks.
///
/// # Safety
///
/// `library` is the pointer in the [`HostMemory`] that [`lent`] made for a library with tracked memory. The library's services
/// still exist.
unsafe fn blocks<'a>(library: *const c_void) -> &'a Blocks {
    // SAFETY: `Services::new` passes `lent` the address of its field `blocks`. The services still exist, as this function
    // demands, and the field is never borrowed mutably.
    let blocks = unsafe { &*library.cast::<Option<Blocks>>() };
    blocks.as_ref().expect("these functions are given to libraries that have such a list")
}

/// Puts a new block on the list. If the list cannot grow, frees the block and returns null.
///
/// # Safety
///
/// As for [`blocks`]. The block is null, or it was just allocated with this layout and no other code has it.
unsafe fn listed(library: *const c_void, block: *mut u8, layout: Layout) -> *mut u8 {
    // SAFETY: `library` is as `blocks` needs it, because this function demands the same.
    if block.is_null() || unsafe { blocks(library) }.insert(block, layout) {
        return block;
    }
    // SAFETY: the block was just allocated with this layout and no other code has it, as this function demands.
    unsafe { dealloc(block, layout) };
    std::ptr::null_mut()
}

unsafe extern "C" fn tracked_alloc(size: usize, align: usize, library: *const c_void) -> *mut u8 {
    // SAFETY: size and alignment are parts of a `Layout` whose size is not 0, as for `plain_alloc`. `library` is
    // `HostMemory::library`, which `blocks` needs. The new block is `listed` with the layout that it was allocated with.
    unsafe {
        let layout = layout(size, align);
        listed(library, alloc(layout), layout)
    }
}

unsafe extern "C" fn tracked_alloc_zeroed(size: usize, align: usize, library: *const c_void) -> *mut u8 {
    // SAFETY: size and alignment are parts of a `Layout` whose size is not 0, as for `plain_alloc`. `library` is
    // `HostMemory::library`, which `blocks` needs. The new block is `listed` with the layout that it was allocated with.
    unsafe {
        let layout = layout(size, align);
        listed(library, alloc_zeroed(layout), layout)
    }
}

unsafe extern "C" fn tracked_dealloc(block: *mut u8, size: usize, align: usize, library: *const c_void) {
    // The block leaves the list first: after it is freed, another thread may be given a block at its address.
    // SAFETY: the block has this layout and came from this program's allocator, as for `plain_dealloc`. `library` is
    // `HostMemory::library`, which `blocks` needs.
    unsafe {
        blocks(library).remove(block);
        dealloc(block, layout(size, align));
    }
}

unsafe extern "C" fn tracked_realloc(
    block: *mut u8,
    size: usize,
    align: usize,
    new_size: usize,
    library: *const c_void,
) -> *mut u8 {
    // If the list cannot grow, the block is not tracked any more: it has moved already, so `realloc` can no longer fail.
    // SAFETY: the block has this layout and came from this program's allocator, as for `plain_realloc`, and the new size makes a
    // `Layout` with the alignment. `library` is `HostMemory::library`, which `blocks` needs.
    unsafe {
        let blocks = blocks(library);
        let old = layout(size, align);
        blocks.remove(block);
        let moved = realloc(block, old, new_size);
        if moved.is_null() {
            blocks.insert(block, old);
        } else {
            blocks.insert(moved, layout(new_size, align));
        }
        moved
    }
}

unsafe extern "C" fn hand_over(block: *mut u8, library: *const c_void) {
    // SAFETY: the library passes back its `HostMemory::library`, and it is mapped, because it calls this.
    unsafe { blocks(library) }.remove(block);
}

unsafe extern "C" fn take_over(block: *mut u8, size: usize, align: usize, library: *const c_void) {
    // If the list cannot grow, the block is not tracked.
    // SAFETY: the library passes back its `HostMemory::library`, and it is mapped, because it calls this. The size and the
    // alignment are those of the block's `Layout` (`HostMemory::take_over`).
    unsafe { blocks(library).insert(block, layout(size, align)) };
}

/// The blocks that one library has.
#[derive(Default)]
pub(crate) struct Blocks {
    /// Parts of the list. A block's address chooses its part, so that threads seldom wait for each other.
    shards: [Mutex<Shard>; SHARDS],
    /// Whether the library is bound. Blocks that were allocated before belong to the library's runtime, not to the plugin's
    /// code.
    bound: AtomicBool,
}

const SHARDS: usize = 16;

type Shard = HashMap<Address, Block, BuildHasherDefault<AddressHasher>>;

#[derive(PartialEq, Eq, Hash)]
struct Address(*mut u8);
// SAFETY: the address is only compared, until `Blocks::free_all` frees the block. Any thread may free a block of the global
// allocator.
unsafe impl Send for Address {}

struct Block {
    layout: Layout,
    /// Whether the block is reported if the plugin leaves it behind.
    counts: bool,
}

/// Spreads an address, whose lowest bits are mostly zero, over all bits of a number. An attacker does not choose addresses, so
/// the hash need not resist attacks.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_usize(byte.into()));
    }
    fn write_usize(&mut self, number: usize) {
        let spread = (self.0 ^ number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = spread ^ (spread >> 32);
    }
}

impl Blocks {
    fn shard(&self, block: *mut u8) -> MutexGuard<'_, Shard> {
        let mut hasher = AddressHasher::default();
        hasher.write_usize(block.addr());
        // The map uses the low bits of the hash, so the shard uses others.
        let shard = (hasher.finish() >> 32) as usize % SHARDS;
        // No code panics while a shard is locked.
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a block on the list. Returns false if the list cannot grow.
    fn insert(&self, block: *mut u8, layout: Layout) -> bool {
        let mut shard = self.shard(block);
        let room = shard.try_reserve(1).is_ok();
        if room {
            shard.insert(Address(block), Block { layout, counts: self.bound.load(Ordering::Relaxed) });
        }
        room
    }

    fn remove(&self, block: *mut u8) {
        self.shard(block).remove(&Address(block));
    }

    /// Notes that the library is bound: blocks that it allocates from now on belong to the plugin's code.
    pub(crate) fn bound(&self) {
        self.bound.store(true, Ordering::Relaxed);
    }

    /// Frees all blocks on the list. Returns how many blocks and bytes of them belonged to the plugin's code.
    ///
    /// # Safety
    ///
    /// The library is unmapped.
    pub(crate) unsafe fn free_all(&self) -> (usize, usize) {
        let (mut blocks, mut bytes) = (0, 0);
        for shard in &self.shards {
            let left = std::mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner));
            for (Address(at), block) in left {
                // SAFETY: the block has this layout and is not freed: each function that allocates, frees, hands over or takes
                // over a block keeps the list. The list was taken, so each block is freed once. Only the library may have pointers
                // to it (`Memory::Tracked`), and the library is unmapped, as this function demands.
                unsafe { dealloc(at, block.layout) };
                if block.counts {
                    blocks += 1;
                    bytes += block.layout.size();
                }
            }
        }
        (blocks, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_on_the_list_are_freed_and_counted() {
        let blocks = Blocks::default();
        let new = |size: usize| {
            let layout = Layout::from_size_align(size, 8).unwrap();
            // SAFETY: the test passes sizes from 1 on, so the layout's size is not 0.
            let block = unsafe { alloc(layout) };
            assert!(blocks.insert(block, layout));
            (block, layout)
        };
        new(1024);
        blocks.bound();
        let kept: Vec<_> = (1..=100).map(new).collect();
        for &(block, layout) in &kept[..98] {
            blocks.remove(block);
            // SAFETY: `new` has allocated the block with this layout. It is off the list, so `free_all` does not free it again.
            unsafe { dealloc(block, layout) };
        }
        // SAFETY: no library has these blocks, and the test does not use those that are left.
        assert_eq!(unsafe { blocks.free_all() }, (2, 99 + 100));
        // SAFETY: the list is empty now, so nothing is freed.
        assert_eq!(unsafe { blocks.free_all() }, (0, 0));
    }
}
