//! Types with `#[plugin_type]` between a host and a plugin.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use api::{ApiError, Config, Event, Level, Line, Node, Point, Retry, Settings};
use plugin_host::{Fault, Host, inspect};
use tests::{fixture, host_with, round_trips};

#[test]
fn every_shape_of_type_crosses() {
    round_trips::user_types(&host_with(&["zoo"]));
}

fn points() -> [Point; 3] {
    [Point { x: 1.0, y: 2.0, layer: 1 }, Point { x: 3.0, y: 4.0, layer: 2 }, Point { x: 5.0, y: 6.0, layer: 3 }]
}

fn config() -> Config {
    Config {
        name: "main".to_owned(),
        retry: Retry { max: 3, wait: Duration::from_millis(20) },
        limits: HashMap::from([("cpu".to_owned(), 4)]),
        tags: vec!["a".to_owned()],
        score: None,
    }
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
fn plain_types_are_changed_in_place() {
    let host = host_with(&["zoo"]);
    let mut points = points();
    host.get::<fn(&mut [Point], f32)>("move_right").unwrap()(&mut points, 0.5);
    assert_eq!(points.map(|point| point.x), [1.5, 3.5, 5.5]);
    let mut line = Line { ends: [points[0], points[1]], width: 2.0 };
    host.get::<fn(&mut Line)>("flip").unwrap()(&mut line);
    assert_eq!(line, Line { ends: [points[1], points[0]], width: 2.0 });
}

#[test]
fn other_types_cross_behind_references() {
    let host = host_with(&["zoo"]);
    let describe = host.get::<fn(&Config) -> String>("describe_config").unwrap();
    let mut config = config();
    assert_eq!(describe(&config), "main: 3 retries, tags [\"a\"]");
    let tag = host.get::<fn(&mut Config, &str) -> Option<f64>>("tag").unwrap();
    assert_eq!(tag(&mut config, "b"), None);
    assert_eq!(tag(&mut config, "c"), Some(2.0));
    assert_eq!(config.tags, ["a", "b", "c"]);
    assert_eq!(config.score, Some(3.0));
    assert_eq!(config.limits["cpu"], 4);
}

#[test]
fn changes_before_a_panic_are_seen_whole() {
    let host = host_with(&["zoo"]);
    let tag = host.get::<fn(&mut Config, &str) -> Result<(), Fault>>("tag_and_panic").unwrap();
    let mut config = config();
    assert_eq!(tag(&mut config, "b").unwrap_err().message, "half way");
    assert_eq!((config.name.as_str(), config.tags.len()), ("", 2));
    // The changed value can be used like any other.
    config.tags.push("c".to_owned());
    assert_eq!(config.tags, ["a", "b", "c"]);
}

#[test]
fn slices_of_other_types_are_changed() {
    let host = host_with(&["zoo"]);
    let mut events = [
        Event::Opened { path: "p".to_owned(), size: 1 },
        Event::Renamed("from".to_owned(), "to".to_owned()),
        Event::Unknown,
    ];
    host.get::<fn(&mut [Event])>("restart").unwrap()(&mut events);
    assert_eq!(events, [Event::Closed, Event::Renamed("to".to_owned(), "from".to_owned()), Event::Closed]);
}

#[test]
fn errors_of_a_plugin_are_told_from_its_failure() {
    let host = host_with(&["zoo"]);
    let find = host.get::<fn(&str) -> Result<Result<u64, ApiError>, Fault>>("find").unwrap();
    assert_eq!(find("here").unwrap(), Ok(1));
    assert_eq!(find("there").unwrap(), Err(ApiError::NotFound { path: "there".to_owned() }));
    assert_eq!(find("busy").unwrap(), Err(ApiError::Busy));
    assert_eq!(find("panic").unwrap_err().message, "asked to");
    // `?` works as with any error.
    fn size(host: &Host, path: &str) -> Result<u64, Box<dyn std::error::Error>> {
        Ok(host.get::<fn(&str) -> Result<u64, ApiError>>("find")?(path)?)
    }
    assert_eq!(size(&host, "there").unwrap_err().to_string(), "there is not there");
}

#[test]
fn statics_of_user_types_are_read_and_written() {
    let host = host_with(&["zoo"]);
    assert_eq!(*host.get::<Point>("ORIGIN").unwrap(), Point { x: 0.0, y: 0.0, layer: 9 });
    assert_eq!(*host.get::<[Level; 2]>("LEVELS").unwrap(), [Level::High, Level::Below]);
    assert_eq!(host.get::<&[Point]>("POINTS").unwrap()[1], Point { x: 4.0, y: 5.0, layer: 6 });
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
            // If a tool watches the program, every frame is several times larger.
            let watched = std::env::var_os("PLUGIN_TEST_SLOWER").is_some();
            let small = std::thread::Builder::new().stack_size(if watched { 2 << 20 } else { 192 << 10 });
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
