//! `denied WHAT LIBRARY`: loads the fixture `zoo` while the kernel denies something, or several things with `+` between
//! them. Calls it, unloads it, and writes the outcome.
//!
//! It is a program of its own because the denial cannot be undone.

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    panic!("only Linux is told what to deny");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::io;
    use std::path::Path;
    use std::time::Duration;

    use plugin_host::{Host, Trust};

    pub(super) fn main() {
        let arguments = std::env::args().skip(1).collect::<Vec<_>>();
        let [what, library] = &arguments[..] else { panic!("usage: denied WHAT LIBRARY") };
        let library = Path::new(library);
        let digest = Trust::digest_of(&fs::read(library).expect("a library"));
        // SAFETY: the file with this digest is a fixture that the test has built.
        let host = Host::new(unsafe { Trust::digests([digest]) });
        let host = host.with_event_handler(|event| println!("event: {event}"));
        what.split('+').for_each(deny);
        let plugin = match host.load(library) {
            Ok(plugin) => plugin,
            Err(error) => {
                println!("error: {error}");
                std::iter::successors(std::error::Error::source(&error), |error| (*error).source())
                    .for_each(|error| println!("because: {error}"));
                return;
            }
        };
        let add = plugin.get::<fn(u64, u64) -> u64>("add").expect("the zoo has it");
        println!("add: {}", add(20, 22));
        look_at_copy(library);
        drop((add, plugin));
        println!("unload: {}", host.unload("zoo", Duration::ZERO).expect("it is loaded"));
        let left = fs::read_dir(std::env::temp_dir()).expect("a directory").count();
        println!("left in the directory for temporary files: {left}");
    }

    /// Writes the properties that other processes can see of the file behind the mapped library.
    fn look_at_copy(library: &Path) {
        let maps = fs::read_to_string("/proc/self/maps").expect("Linux");
        let name = library.file_name().and_then(|name| name.to_str()).expect("a name");
        let mapped = maps.lines().find(|line| line.contains(name) && line.contains(" r-xp ")).expect("it is mapped");
        let path = mapped.split_whitespace().skip(5).collect::<Vec<_>>().join(" ");
        let without_directory = path.replace(&*std::env::temp_dir().to_string_lossy(), "TEMP");
        // If the file had a name, the name was chosen at random.
        let parts =
            without_directory.split('/').map(|part| if part.starts_with("plugin-host-") { "RANDOM" } else { part });
        println!("mapped: {}", parts.collect::<Vec<_>>().join("/"));
        println!("left in the directory for temporary files while it is loaded: {}", {
            fs::read_dir(std::env::temp_dir()).expect("a directory").count()
        });
        let inode = mapped.split_whitespace().nth(4).and_then(|inode| inode.parse::<u64>().ok()).expect("a number");
        for entry in fs::read_dir("/proc/self/fd").expect("Linux").flatten() {
            use std::os::unix::fs::MetadataExt as _;
            let Ok(metadata) = fs::metadata(entry.path()) else { continue };
            if metadata.ino() == inode && metadata.is_file() {
                let info = format!("/proc/self/fdinfo/{}", entry.file_name().to_string_lossy());
                let info = fs::read_to_string(info).expect("Linux");
                let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("flags").trim();
                let flags = i32::from_str_radix(flags, 8).expect("a number");
                let access = ["for reading", "for writing", "for both", "?"][(flags & libc::O_ACCMODE) as usize];
                println!("open {access}, mode {:o}, {} links", metadata.mode() & 0o7777, metadata.nlink());
            }
        }
    }

    fn deny(what: &str) {
        match what {
            "nothing" => {}
            "memory" => filter(libc::SYS_memfd_create, &[], libc::EPERM),
            "memory-unknown" => filter(libc::SYS_memfd_create, &[], libc::ENOSYS),
            "sealing" => filter(libc::SYS_fcntl, &[(1, libc::F_ADD_SEALS as u32)], libc::EPERM),
            // A file of one byte, because the host tries this first.
            "code" => filter(libc::SYS_mmap, &[(1, 1), (2, (libc::PROT_READ | libc::PROT_EXEC) as u32)], libc::EACCES),
            // All descriptors are in use.
            "room" => filter(libc::SYS_memfd_create, &[], libc::ENOMEM),
            "descriptors" => filter(libc::SYS_memfd_create, &[], libc::EMFILE),
            "length" => limit(libc::RLIMIT_FSIZE, 1000),
            "proc" => without_proc(),
            _ => panic!("there is no {what:?} to deny"),
        }
    }

    fn limit(what: libc::__rlimit_resource_t, most: u64) {
        let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
        // SAFETY: `setrlimit` reads one `rlimit`, which `limit` is.
        assert_eq!(unsafe { libc::setrlimit(what, &limit) }, 0, "{}", io::Error::last_os_error());
    }

    /// Takes `/proc` away from this process alone.
    fn without_proc() {
        let (none, root, proc) = (std::ptr::null(), c"/".as_ptr(), c"/proc".as_ptr());
        // SAFETY: the three calls read texts that end with NUL, or null where that is allowed. They change no memory of this
        // process.
        let done = unsafe {
            libc::unshare(libc::CLONE_NEWNS) == 0
                && libc::mount(none, root, none, libc::MS_REC | libc::MS_PRIVATE, none.cast()) == 0
                && libc::umount2(proc, libc::MNT_DETACH) == 0
        };
        if !done {
            println!("skipped: {}", io::Error::last_os_error());
            std::process::exit(0);
        }
    }

    /// Makes a system call fail if each of these arguments, by number, has that value in its lower half.
    fn filter(call: libc::c_long, arguments: &[(u32, u32)], error: i32) {
        const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
        const JUMP_IF: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
        let instruction = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
        // The number of the call, and then the arguments. They begin after an address.
        let compared =
            std::iter::once((0, call as u32)).chain(arguments.iter().map(|&(place, value)| (16 + 8 * place, value)));
        let compared: Vec<_> = compared.collect();
        let mut program = Vec::new();
        for (number, &(offset, value)) in compared.iter().enumerate() {
            let others = compared.len() - number - 1;
            program.push(instruction(LOAD, 0, 0, offset));
            program.push(instruction(JUMP_IF, 0, (2 * others + 1) as u8, value));
        }
        program.push(instruction(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | error as u32));
        program.push(instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW));
        let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
        // SAFETY: with this option, `prctl` reads only numbers.
        assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
        // SAFETY: with this option, `prctl` reads an `sock_fprog`. It has the address and the length of the vector that it was
        // made of.
        let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
        assert_eq!(set, 0, "{}", io::Error::last_os_error());
    }
}
