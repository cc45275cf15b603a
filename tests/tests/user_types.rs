//! Types with `#[plugin_type]` between a host and a plugin.

use std::sync::Mutex;

use api::{Node, Point, Settings};
use plugin_core::{Origin, PluginType};
use plugin_host::{Fault, inspect};
use tests::{fixture, host_with};

fn points() -> [Point; 3] {
    [Point { x: 1.0, y: 2.0, layer: 1 }, Point { x: 3.0, y: 4.0, layer: 2 }, Point { x: 5.0, y: 6.0, layer: 3 }]
}

#[test]
fn slices_of_plain_types_are_not_copied() {
    let host = host_with(&["zoo"]);
    let points = points();
    let address = host.get::<fn(&[Point]) -> usize>("address_of_points").unwrap()(&points);
    assert_eq!(address, points.as_ptr().addr());
    let centre = host.get::<fn(&[Point]) -> Option<Point>>("centre").unwrap();
    assert_eq!(centre(&points), Some(Point { x: 3.0, y: 4.0, layer: 3 }));
    assert_eq!(centre(&[]), None);
}

#[test]
fn a_lock_of_a_user_type_is_read_and_written() {
    let host = host_with(&["zoo"]);
    let current = host.get::<Mutex<Option<Settings>>>("CURRENT").unwrap();
    let settings = Settings::new("now".to_owned(), true, Vec::new());
    *current.lock().unwrap() = Some(settings.clone());
    assert_eq!(*current.lock().unwrap(), Some(settings));
    // The value in a static is lost when its library is unmapped.
    *current.lock().unwrap() = None;
}

/// Runs on a large stack, because Rust compares and drops a deep value by recursion.
fn with_large_stack(f: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(256 << 20).spawn(f).unwrap().join().unwrap();
}

fn nested(depth: usize) -> Node {
    let leaf = Node { name: "leaf".to_owned(), children: Vec::new() };
    (1..depth).fold(leaf, |node, level| Node { name: level.to_string(), children: vec![node] })
}

#[test]
fn deep_values_cross() {
    with_large_stack(|| {
        let host = host_with(&["zoo"]);
        let node = nested(10_000);
        let depth = host.get::<fn(&Node) -> usize>("depth").unwrap();
        assert_eq!(depth(&node), 10_000);
        let made = host.get::<fn(usize) -> Node>("nested").unwrap()(10_000);
        assert!(made == node);
        assert!(host.get::<fn(Node) -> Node>("echo_node").unwrap()(made) == node);
    });
}

#[test]
fn deep_boxes_are_lent() {
    with_large_stack(|| {
        let host = host_with(&["zoo"]);
        let list = (0..10_000).fold(api::List::End, |list, n| api::List::Item(n.to_string(), Box::new(list)));
        assert_eq!(host.get::<fn(&api::List<String>) -> usize>("list_length").unwrap()(&list), 10_000);
        assert!(host.get::<fn(&api::List<String>) -> api::List<String>>("lend_list").unwrap()(&list) == list);
    });
}

/// This stack has no room for one frame for each level of the conversion.
#[test]
fn deep_values_cross_on_a_small_stack() {
    with_large_stack(|| {
        let host = host_with(&["zoo"]);
        let mut node = nested(10_000);
        std::thread::scope(|scope| {
            let small = std::thread::Builder::new().stack_size(tests::small_stack());
            let run = || {
                let nested = host.get::<fn(usize) -> Node>("nested").unwrap();
                // The returned value is passed on, because this stack is too small to drop it.
                std::mem::replace(&mut node, nested(12_000))
            };
            let before = small.spawn_scoped(scope, run).unwrap().join().unwrap();
            assert_eq!(before.name, "9999");
        });
        assert_eq!(node.name, "11999");
    });
}

/// A panic in the author's code on another stack is a fault of the call like any other panic.
#[test]
fn a_panic_deep_inside_keeps_its_place() {
    with_large_stack(|| {
        let (stray, strays) = std::sync::mpsc::channel();
        let host = tests::host().with_fault_handler(move |fault| stray.send(fault.clone()).unwrap());
        host.load(fixture("zoo")).unwrap();
        let bottom = api::Shaft { keys: [api::Key(7)].into(), below: None };
        let shaft = |depth| {
            let deeper = |below: api::Shaft, _| api::Shaft { keys: Default::default(), below: Some(Box::new(below)) };
            (0..depth).fold(bottom.clone(), deeper)
        };
        let take = host.get::<fn(api::Shaft) -> Result<bool, Fault>>("take_shaft").unwrap();
        let set_unhashable = host.get::<fn(bool)>("set_unhashable").unwrap();
        for depth in [0, 1, 5_000] {
            set_unhashable(true);
            let fault = take(shaft(depth)).unwrap_err();
            set_unhashable(false);
            assert_eq!(fault.message, "the key 7 cannot be hashed");
            assert!(fault.location.unwrap().file.ends_with("lib.rs"));
            assert_eq!(take(shaft(depth)), Ok(depth != 0));
        }
        drop((take, set_unhashable, host));
        assert_eq!(strays.try_iter().count(), 0, "the calls have returned them all");
    });
}

#[test]
fn a_file_says_what_its_types_are() {
    let info = inspect(fixture("zoo")).unwrap();
    let find = info.exports.iter().find(|export| export.name == "find").unwrap();
    assert_eq!(find.to_string(), "fn find(path: &str) -> Result<u64, ApiError>");
    let outer = info.exports.iter().find(|export| export.name == "echo_outer").unwrap();
    assert_eq!(
        outer.signature,
        plugin_host::Signature::of::<fn(api::Outer<Option<String>>) -> api::Outer<Option<String>>>()
    );
    assert_ne!(outer.signature, plugin_host::Signature::of::<fn(api::Outer<String>) -> api::Outer<String>>());
}

mod before {
    #[plugin_core::plugin_type]
    #[non_exhaustive]
    pub(super) struct Growing<T> {
        pub(super) of: T,
    }
}

mod after {
    #[plugin_core::plugin_type]
    #[non_exhaustive]
    pub(super) struct Growing<T> {
        pub(super) of: T,
        #[plugin_type(default = { if Self::WIDTH == 80 { return 24 } 25 })]
        pub(super) height: u8,
        #[plugin_type(default = Self::WIDTH)]
        pub(super) width: u8,
        #[plugin_type(default = Some(Some(std::env::var_os("no variable of this name")?.len() as u64)))]
        pub(super) more: Option<Option<u64>>,
        #[plugin_type(default = vec![size_of::<T>(); { let __value = 2; let __lowered = 1; __value + __lowered }])]
        pub(super) sizes: Vec<usize>,
    }

    impl<T> Growing<T> {
        const WIDTH: u8 = 80;
    }
}

/// A default is an expression in a function of its own: `return` and `?` end the default, and not the lift, whose box is freed.
#[test]
fn a_default_that_returns_is_the_default() {
    use std::sync::Arc;

    let text: Arc<str> = "text".into();
    for _ in 0..3 {
        let lowered = before::Growing { of: (text.clone(), vec![1_u16]) }.lower();
        // SAFETY: lowered just above, from a type that differs as those that grow may, and lifted once.
        let lifted: after::Growing<(Arc<str>, Vec<u16>)> = unsafe { PluginType::lift(lowered, &Origin::HOST) };
        assert_eq!((&*lifted.of.0, lifted.of.1.as_slice()), ("text", [1].as_slice()));
        assert_eq!((lifted.height, lifted.width, lifted.more), (24, 80, None));
        assert_eq!(lifted.sizes, [size_of::<(Arc<str>, Vec<u16>)>(); 3]);
    }
    assert_eq!(Arc::strong_count(&text), 1, "each that was lowered is dropped");
}
