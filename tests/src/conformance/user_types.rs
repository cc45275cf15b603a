//! Types with `#[plugin_type]`.

use std::collections::HashMap;
use std::time::Duration;

use api::{ApiError, Config, Event, Level, Line, Point, Retry};
use plugin_host::{Fault, Host};

use super::Mode;

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

pub fn statics_of_user_types_are_read(mode: &Mode) {
    let host = mode.host("zoo");
    assert_eq!(*host.get::<Point>("ORIGIN").unwrap(), Point { x: 0.0, y: 0.0, layer: 9 });
    assert_eq!(*host.get::<[Level; 2]>("LEVELS").unwrap(), [Level::High, Level::Below]);
    assert_eq!(host.get::<&[Point]>("POINTS").unwrap()[1], Point { x: 4.0, y: 5.0, layer: 6 });
}

pub fn plain_types_are_changed_in_place(mode: &Mode) {
    let host = mode.host("zoo");
    let mut points = points();
    host.get::<fn(&mut [Point], f32)>("move_right").unwrap()(&mut points, 0.5);
    assert_eq!(points.map(|point| point.x), [1.5, 3.5, 5.5]);
    let mut line = Line { ends: [points[0], points[1]], width: 2.0 };
    host.get::<fn(&mut Line)>("flip").unwrap()(&mut line);
    assert_eq!(line, Line { ends: [points[1], points[0]], width: 2.0 });
}

pub fn other_types_cross_behind_references(mode: &Mode) {
    let host = mode.host("zoo");
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

pub fn changes_before_a_panic_are_seen_whole(mode: &Mode) {
    let host = mode.host("zoo");
    let tag = host.get::<fn(&mut Config, &str) -> Result<(), Fault>>("tag_and_panic").unwrap();
    let mut config = config();
    assert_eq!(tag(&mut config, "b").unwrap_err().message, "half way");
    assert_eq!((config.name.as_str(), config.tags.len()), ("", 2));
    // The changed value can be used like any other.
    config.tags.push("c".to_owned());
    assert_eq!(config.tags, ["a", "b", "c"]);
}

pub fn slices_of_other_types_are_changed(mode: &Mode) {
    let host = mode.host("zoo");
    let mut events = [
        Event::Opened { path: "p".to_owned(), size: 1 },
        Event::Renamed("from".to_owned(), "to".to_owned()),
        Event::Unknown,
    ];
    host.get::<fn(&mut [Event])>("restart").unwrap()(&mut events);
    assert_eq!(events, [Event::Closed, Event::Renamed("to".to_owned(), "from".to_owned()), Event::Closed]);
}

pub fn errors_of_a_plugin_are_told_from_its_failure(mode: &Mode) {
    let host = mode.host("zoo");
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
