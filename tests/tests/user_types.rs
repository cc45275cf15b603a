//! Types with `#[plugin_type]`, and growing ones, between a host and a plugin.

use api::{ApiError, Config, Event, Level, Line, Node, Point, Retry, Settings};
use plugin_host::Fault;
use std::collections::HashMap;
use std::time::Duration;

use tests::{host_with, round_trips};

#[test]
fn every_shape_of_type() {
    round_trips::user_types(&host_with(&["zoo"]));
}
