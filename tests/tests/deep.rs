//! Values that are nested deeply: they cross on stacks of one thread, so that nothing in them changes threads.

#[path = "../fixtures/deep/src/types.rs"]
#[allow(dead_code)] // The plugin uses the other items.
mod types;

use std::cell::Cell;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, Builder};

use plugin_core::plugin_type;
use plugin_host::{Fault, Host};
use tests::{fixture, host, host_with, rounds, variant};
use types::{Chain, Held, Keyed, looks};

/// Deep enough for several stacks, in any build.
const DEEP: usize = 3_000;

/// The second version of the type: the plugin has the first.
#[plugin_type]
#[non_exhaustive]
struct Node {
    next: Option<Box<Node>>,
    #[plugin_type(default = held())]
    held: Box<dyn Error>,
}

fn held() -> Box<dyn Error> {
    Box::new(Held::new("the default"))
}

impl Node {
    fn new(length: usize) -> Self {
        (1..length).fold(Node { next: None, held: held() }, |next, _| Node { next: Some(Box::new(next)), held: held() })
    }

    /// The number of nodes, if all have the error `says`.
    fn length(&self, says: &str) -> usize {
        let nodes = std::iter::successors(Some(self), |node| node.next.as_deref());
        nodes.inspect(|node| assert_eq!(node.held.to_string(), says)).count()
    }
}

/// Runs on a large stack, because Rust drops a deep value by recursion.
fn with_large_stack(f: impl FnOnce() + Send + 'static) {
    Builder::new().stack_size(512 << 20).spawn(f).unwrap().join().unwrap();
}

/// A host that fails if a fault is reported past the calls.
fn host_without_strays() -> Host {
    let host = host().with_fault_handler(|fault| {
        eprintln!("a stray fault: {fault}");
        std::process::abort();
    });
    host.load(fixture("deep")).unwrap();
    host
}

/// The new side makes the default, a value that must stay on its thread, for each node of the old side's.
#[test]
fn deep_defaults_stay_on_their_thread() {
    with_large_stack(|| {
        let host = host_with(&["deep"]);
        for length in [1, 10, 300, DEEP, rounds(100_000)] {
            let list = host.get::<fn(usize) -> Node>("list").unwrap()(length);
            assert_eq!(list.length("the default"), length);
            assert_eq!(host.get::<fn(&Node) -> usize>("length_of").unwrap()(&list), length);
            assert_eq!(host.get::<fn(Node) -> usize>("length").unwrap()(list), length);
            let mut list = Node::new(length);
            host.get::<fn(&mut Node)>("prepend").unwrap()(&mut list);
            assert_eq!(list.length("the default"), length + 1);
        }
    });
}

/// Neither side's errors are `Send`, and both sides lower them.
#[test]
fn deep_errors_stay_on_their_thread() {
    with_large_stack(|| {
        let host = host_with(&["deep"]);
        let chain = host.get::<fn(usize) -> Chain>("chain").unwrap();
        let echo = host.get::<fn(Chain) -> Chain>("echo_chain").unwrap();
        for length in [1, DEEP, rounds(100_000)] {
            assert_eq!(chain(length).end(), (length, "end".to_owned()));
            assert_eq!(echo(Chain::new(length, Held::new("host's"))).end(), (length, "host's".to_owned()));
        }
    });
}

/// A hasher that is not `Send`, and keys whose `Hash` and `Ord` look at a thread-local.
#[test]
fn deep_hashers_and_keys_stay_on_their_thread() {
    with_large_stack(|| {
        let host = host_with(&["deep"]);
        let keyed = host.get::<fn(usize) -> Keyed>("keyed").unwrap();
        let echo = host.get::<fn(Keyed) -> Keyed>("echo_keyed").unwrap();
        let plugin_looks = host.get::<fn() -> u64>("looks").unwrap();
        for length in [1, DEEP] {
            let (before, plugin_before) = (looks(), plugin_looks());
            let made = keyed(length);
            let after = looks();
            assert!(after - before >= 3 * length as u64, "two hashes and a comparison for each level, on this thread");
            let plugin_made = plugin_looks() - plugin_before;
            assert_eq!(made.full(), length);
            assert_eq!(echo(made).full(), length);
            assert!(plugin_looks() - plugin_before - plugin_made >= 3 * length as u64);
            assert!(looks() - after >= 3 * length as u64);
        }
    });
}

/// A panic on another stack reaches the caller like any other panic, from the code of either side.
#[test]
fn deep_panics_keep_their_message_and_place() {
    with_large_stack(|| {
        let host = host_without_strays();
        let unspeakable = host.get::<fn(usize) -> Result<Chain, Fault>>("unspeakable_chain").unwrap();
        let echo = host.get::<fn(Chain) -> Result<Chain, Fault>>("echo_chain").unwrap();
        for length in [1, 100, DEEP, rounds(50_000)] {
            let fault = unspeakable(length).unwrap_err();
            assert!(fault.message.contains("the error cannot be displayed"), "{fault}");
            assert!(fault.location.unwrap().file.ends_with("types.rs"));
            assert_eq!(fault.export.unwrap(), "deep::unspeakable_chain");
            // The host's own panic, while it lowers the argument. The host drops the chain where it was lowered.
            let chain = Chain::new(length, Held::unspeakable());
            let payload = catch_unwind(AssertUnwindSafe(|| echo(chain))).unwrap_err();
            assert!(payload.downcast::<String>().unwrap().contains("the error cannot be displayed"));
            // No fault of the panic is left.
            assert_eq!(echo(Chain::new(length, Held::new("end"))).unwrap().end().0, length);
        }
    });
}

#[test]
fn deep_values_cross_through_live_handles() {
    with_large_stack(|| {
        let host = host_with(&["deep"]);
        let list = host.live::<fn(usize) -> Node>("list").unwrap();
        let length = host.live::<fn(Node) -> usize>("length").unwrap();
        assert_eq!(length(list(DEEP)), DEEP);
    });
}

#[test]
fn deep_values_cross_on_threads_of_the_plugin() {
    with_large_stack(|| {
        let host = host_with(&["deep"]);
        let convert = host.get::<fn(usize, usize) -> usize>("convert_on_thread").unwrap();
        assert_eq!(convert(20_000, 64 << 20), 20_000);
    });
}

/// The caller's stack has room for less than one in a hundred levels.
#[test]
fn deep_values_cross_on_a_small_stack() {
    with_large_stack(|| {
        let host = host_with(&["deep"]);
        let watched = std::env::var_os("PLUGIN_TEST_SLOWER").is_some();
        let small = if watched { 2 << 20 } else { 192 << 10 };
        let crossed = thread::scope(|scope| {
            let run = || {
                let mut list = host.get::<fn(usize) -> Node>("list").unwrap()(20_000);
                // The plugin does not drop the value either.
                host.get::<fn(&mut Node)>("prepend").unwrap()(&mut list);
                let length = list.length("the default");
                // The value is dropped node by node, because the stack has no room for a drop by recursion.
                let mut rest = list.next;
                while let Some(node) = rest {
                    rest = node.next;
                }
                length
            };
            Builder::new().stack_size(small).spawn_scoped(scope, run).unwrap().join().unwrap()
        });
        assert_eq!(crossed, 20_001);
    });
}

/// The thread-locals' destructors of either side convert deep values.
#[test]
fn deep_values_cross_at_the_end_of_a_thread() {
    struct AtEnd(Host);
    impl Drop for AtEnd {
        fn drop(&mut self) {
            let list = self.0.get::<fn(usize) -> Node>("list").unwrap()(DEEP);
            if list.length("the default") != DEEP {
                std::process::abort();
            }
        }
    }
    thread_local!(static AT_END: Cell<Option<AtEnd>> = const { Cell::new(None) });
    let host = host_with(&["deep"]);
    let converted = host.get::<fn() -> usize>("converted_at_end").unwrap();
    let at_end = host.get::<fn(usize)>("convert_at_end").unwrap();
    let run = move || {
        at_end(DEEP);
        AT_END.set(Some(AtEnd(host)));
    };
    Builder::new().stack_size(64 << 20).spawn(run).unwrap().join().unwrap();
    assert_eq!(converted(), DEEP);
}

/// Without a host to ask, a deep value is refused.
#[test]
fn deep_values_are_refused_without_a_host() {
    with_large_stack(|| {
        let host = host();
        host.load(variant("deep", "early")).unwrap();
        assert_eq!(
            host.get::<fn() -> String>("said_early").unwrap()(),
            "a value is nested too deeply to cross: there is no host to provide another stack"
        );
    });
}

/// Without memory for a stack, the call fails. The next call works.
#[test]
#[cfg(target_os = "linux")]
fn deep_values_are_refused_without_memory() {
    const CHILD: &str = "PLUGIN_TEST_WITHOUT_MEMORY";
    if std::env::var_os("PLUGIN_TEST_SLOWER").is_some() {
        println!("skipped: a tool that watches memory takes more of it");
        return;
    }
    if std::env::var_os(CHILD).is_none() {
        let this = std::env::current_exe().unwrap();
        let arguments = ["--exact", "deep_values_are_refused_without_memory", "--nocapture"];
        let output = std::process::Command::new(this).args(arguments).env(CHILD, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("it has crossed"), "{}: {said}", output.status);
        return;
    }
    with_large_stack(|| {
        let host = host_without_strays();
        let length = host.get::<fn(Node) -> Result<usize, Fault>>("length").unwrap();
        let lists = [Node::new(DEEP), Node::new(DEEP), Node::new(DEEP)];
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = statm.split(' ').next().unwrap().parse().unwrap();
        let limit = |bytes| {
            let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
            // SAFETY: the limit is above the memory in use.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
        };
        let [a, b, c] = lists;
        assert_eq!(length(a).unwrap(), DEEP);
        limit(pages * 4096 + (16 << 20));
        let payload = catch_unwind(AssertUnwindSafe(|| length(b))).unwrap_err();
        assert_eq!(
            *payload.downcast::<String>().unwrap(),
            "a value is nested too deeply to cross: there is no memory for another stack"
        );
        limit(libc::RLIM_INFINITY);
        assert_eq!(length(c).unwrap(), DEEP);
        eprintln!("it has crossed");
    });
}
