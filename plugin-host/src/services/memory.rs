//! The memory of plugins that use their host's allocator: what they are lent, and what they leave.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::collections::HashMap;
use std::ffi::c_void;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use plugin_core::__private::inventory;
use plugin_core::table::{HostMemory, SystemAllocator};

/// Makes the system's the program's global allocator, as it is by default, and has plugins know it.
///
/// Once, anywhere in the program: it defines the `#[global_allocator]`. Plugins that say
/// `plugin_core::use_host_allocator!()` then allocate as fast as this program itself, because they need not ask it. Without
/// it they do, for each block, and a call that does little but return a short text takes a twentieth longer. It is nothing to
/// plugins with allocators of their own, to those whose memory is [tracked](Memory::Tracked), nor to plugins of a plugin; and
/// only on Linux and macOS do they find out. A program that is linked with a crate which says
/// `plugin_core::use_host_allocator!()` has a global allocator already.
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
                // SAFETY: it is the global allocator.
                unsafe { $crate::__private::SystemIsGlobal::new() }
            }
        };
    };
}

/// Is registered where the global allocator is the system's for certain.
#[derive(Debug)]
pub struct SystemIsGlobal(());

impl SystemIsGlobal {
    /// For [`use_system_allocator!`](crate::use_system_allocator) to make.
    ///
    /// # Safety
    ///
    /// The `#[global_allocator]` is [`std::alloc::System`]. If that is not asked, because std is a library of its own, it is
    /// the same all the more.
    pub const unsafe fn new() -> Self {
        SystemIsGlobal(())
    }
}

inventory::collect!(SystemIsGlobal);

/// The system's allocator, if it is this program's for certain.
fn the_systems() -> Option<SystemAllocator> {
    inventory::iter::<SystemIsGlobal>.into_iter().next().and_then(|_| SystemAllocator::here())
}

/// How plugins that say `plugin_core::use_host_allocator!()` get their memory. It is nothing to others, which have allocators of
/// their own.
///
/// | the plugin's allocator | `Memory` | what its statics own, and what it leaks otherwise, when it is unmapped |
/// | --- | --- | --- |
/// | its own | any | lost, and not reported |
/// | the host's | `Plain` | lost, and not reported |
/// | the host's | `Tracked` | freed, and reported to the [leak handler](crate::Host::with_leak_handler) |
///
/// So a program whose plugins come and go uses `Tracked`, and has its plugins say `use_host_allocator!()`.
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
    /// From this program's global allocator, and at its speed, if this program [says that it is the system's](crate::use_system_allocator). What a
    /// plugin leaks is lost.
    #[default]
    Plain,
    /// From the same, and every block is on a list as long as the plugin has it. A block that moves to the host, or to another
    /// plugin, leaves the list. A block that is on the list once the library is unmapped is freed, and given to the [leak
    /// handler](crate::Host::with_leak_handler). Where libraries stay mapped (see [the crate](crate#when-a-library-goes-away)),
    /// so does what they leave.
    ///
    /// To such a plugin, `'static` is what it is for its statics: until its library is unmapped. So it must not let
    /// another library of the process keep a pointer to what it leaked.
    Tracked,
}

/// The memory that a plugin left behind. It displays as a line for a log. For an example see [`Memory`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leak {
    /// The plugin's name.
    pub plugin: String,
    /// How many blocks of memory there were.
    pub blocks: usize,
    /// How many bytes they had.
    pub bytes: usize,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Leak { plugin, blocks, bytes } = self;
        write!(f, "plugin `{plugin}` left {bytes} bytes of memory in {blocks} blocks")
    }
}

/// The memory as a library is lent it. `blocks` is the place of the list of its blocks, if its memory is tracked.
pub(crate) fn lent(memory: Memory, blocks: *const Option<Blocks>, is_common: bool) -> HostMemory {
    let plain = HostMemory {
        size: size_of::<HostMemory>(),
        library: blocks.cast(),
        alloc: plain_alloc,
        alloc_zeroed: plain_alloc_zeroed,
        dealloc: plain_dealloc,
        realloc: plain_realloc,
        is_common: u8::from(is_common),
        system: the_systems().unwrap_or(SystemAllocator::NONE),
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
            // It has no list.
            system: SystemAllocator::NONE,
            ..plain
        },
    }
}

/// The layout that the library gave its allocator.
///
/// # Safety
///
/// They are from a layout.
unsafe fn layout(size: usize, align: usize) -> Layout {
    // SAFETY: the caller's promise.
    unsafe { Layout::from_size_align_unchecked(size, align) }
}

unsafe extern "C" fn plain_alloc(size: usize, align: usize, _: *const c_void) -> *mut u8 {
    // SAFETY: called as `GlobalAlloc::alloc`, which the library's allocator passes on.
    unsafe { alloc(layout(size, align)) }
}

unsafe extern "C" fn plain_alloc_zeroed(size: usize, align: usize, _: *const c_void) -> *mut u8 {
    // SAFETY: as above.
    unsafe { alloc_zeroed(layout(size, align)) }
}

unsafe extern "C" fn plain_dealloc(block: *mut u8, size: usize, align: usize, _: *const c_void) {
    // SAFETY: as above; the block is from here.
    unsafe { dealloc(block, layout(size, align)) }
}

unsafe extern "C" fn plain_realloc(
    block: *mut u8,
    size: usize,
    align: usize,
    new_size: usize,
    _: *const c_void,
) -> *mut u8 {
    // SAFETY: as above.
    unsafe { realloc(block, layout(size, align), new_size) }
}

/// The list of the library's blocks.
///
/// # Safety
///
/// `library` is what [`lent`] wrote into the memory of a library whose memory is tracked, and whose services are still there.
unsafe fn blocks<'a>(library: *const c_void) -> &'a Blocks {
    // SAFETY: the caller's promise.
    let blocks = unsafe { &*library.cast::<Option<Blocks>>() };
    blocks.as_ref().expect("these functions are given to libraries that have such a list")
}

/// Puts a new block on the list; if there is no room, there is no block.
///
/// # Safety
///
/// As for [`blocks`]; the block is null, or was allocated with this layout just now.
unsafe fn listed(library: *const c_void, block: *mut u8, layout: Layout) -> *mut u8 {
    // SAFETY: the caller's promise.
    if block.is_null() || unsafe { blocks(library) }.insert(block, layout) {
        return block;
    }
    // SAFETY: allocated with this layout, and given to nobody.
    unsafe { dealloc(block, layout) };
    std::ptr::null_mut()
}

unsafe extern "C" fn tracked_alloc(size: usize, align: usize, library: *const c_void) -> *mut u8 {
    // SAFETY: as for `plain_alloc`; called by an attached library with its own services.
    unsafe {
        let layout = layout(size, align);
        listed(library, alloc(layout), layout)
    }
}

unsafe extern "C" fn tracked_alloc_zeroed(size: usize, align: usize, library: *const c_void) -> *mut u8 {
    // SAFETY: as above.
    unsafe {
        let layout = layout(size, align);
        listed(library, alloc_zeroed(layout), layout)
    }
}

unsafe extern "C" fn tracked_dealloc(block: *mut u8, size: usize, align: usize, library: *const c_void) {
    // SAFETY: as above. Off the list first: once it is freed, another may be given a block at its address.
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
    // SAFETY: as above; the library has promised that the new size makes a layout with the alignment. If there is no room
    // on the list now, the block is not tracked any more: it has moved, and cannot be refused.
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
    // SAFETY: called by an attached library with its own services.
    unsafe { blocks(library) }.remove(block);
}

unsafe extern "C" fn take_over(block: *mut u8, size: usize, align: usize, library: *const c_void) {
    // SAFETY: called by an attached library with its own services, and a block that has this layout. If there is no room on
    // the list, the block is not tracked.
    unsafe { blocks(library).insert(block, layout(size, align)) };
}

/// The blocks that one library has.
#[derive(Default)]
pub(crate) struct Blocks {
    /// By address, so that threads seldom wait for each other.
    shards: [Mutex<Shard>; SHARDS],
    /// Whether the library is bound, so that what it allocates is the plugin's and no longer its runtime's.
    bound: AtomicBool,
}

const SHARDS: usize = 16;

type Shard = HashMap<Address, Block, BuildHasherDefault<AddressHasher>>;

#[derive(PartialEq, Eq, Hash)]
struct Address(*mut u8);
// SAFETY: only compared, until the owner of the whole list frees the blocks.
unsafe impl Send for Address {}

struct Block {
    layout: Layout,
    /// Whether it is to be reported if it is left.
    counts: bool,
}

/// Spreads an address, whose lowest bits are mostly zero, over a number. Addresses are not chosen to collide.
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
        // Other bits than those by which the map goes.
        let shard = (hasher.finish() >> 32) as usize % SHARDS;
        // Nothing panics while it is locked.
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there was room for it.
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

    /// From here on, what the library allocates is the plugin's.
    pub(crate) fn bound(&self) {
        self.bound.store(true, Ordering::Relaxed);
    }

    /// Frees all that is left, and returns how many blocks and bytes of it are the plugin's.
    ///
    /// # Safety
    ///
    /// The library is unmapped.
    pub(crate) unsafe fn free_all(&self) -> (usize, usize) {
        let (mut blocks, mut bytes) = (0, 0);
        for shard in &self.shards {
            let left = std::mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner));
            for (Address(at), block) in left {
                // SAFETY: it was allocated for the library with this layout, or taken over by it, and has not been freed
                // or handed over since. Only the library knew of it, and that is gone.
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
    fn what_is_left_is_freed_and_counted() {
        let blocks = Blocks::default();
        let new = |size: usize| {
            let layout = Layout::from_size_align(size, 8).unwrap();
            // SAFETY: not empty.
            let block = unsafe { alloc(layout) };
            assert!(blocks.insert(block, layout));
            (block, layout)
        };
        new(1024);
        blocks.bound();
        let kept: Vec<_> = (1..=100).map(new).collect();
        for &(block, layout) in &kept[..98] {
            blocks.remove(block);
            // SAFETY: allocated above, with this layout.
            unsafe { dealloc(block, layout) };
        }
        // SAFETY: nobody uses what is left.
        assert_eq!(unsafe { blocks.free_all() }, (2, 99 + 100));
        // SAFETY: as above.
        assert_eq!(unsafe { blocks.free_all() }, (0, 0));
    }
}
