//! The list of mappings of this process, as Linux has it.

use std::io;

/// The list at one moment.
pub(crate) struct Maps(String);

impl Maps {
    pub(crate) fn read() -> io::Result<Self> {
        let maps = std::fs::read("/proc/self/maps")?;
        Ok(Maps(String::from_utf8_lossy(&maps).into_owned()))
    }

    /// The device and the inode of the file that is mapped at an address, as the list has them. `stat` may have others, where
    /// a file system is made of others.
    pub(crate) fn file_at(&self, address: usize) -> Option<(&str, u64)> {
        self.0.lines().find_map(|line| {
            // `start-end permissions offset device inode path`
            let mut words = line.split_ascii_whitespace();
            let (start, end) = words.next()?.split_once('-')?;
            let number = |text| usize::from_str_radix(text, 16).ok();
            let here = (number(start)?..number(end)?).contains(&address);
            let (device, inode) = (words.nth(2)?, words.next()?);
            here.then_some((device, inode.parse().ok()?))
        })
    }
}

/// Returns true if this file is mapped at the address. To see how the list names the file, this maps it once more.
#[cfg(target_os = "linux")]
pub(crate) fn is_at(file: &std::fs::File, address: usize) -> io::Result<bool> {
    use std::os::fd::AsRawFd as _;
    let _one_at_a_time = crate::os::loader::loader();
    // SAFETY: the kernel chooses an address that is free, so this changes no memory that is in use. `file` is open. Nothing reads
    // the mapping, so the file may be shorter.
    let mapped =
        unsafe { libc::mmap(std::ptr::null_mut(), 1, libc::PROT_READ, libc::MAP_PRIVATE, file.as_raw_fd(), 0) };
    if mapped == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let is_at = Maps::read().map(|maps| maps.file_at(address) == maps.file_at(mapped.addr()));
    // SAFETY: the mapping was made above. Only its address was used.
    unsafe { libc::munmap(mapped, 1) };
    is_at
}
