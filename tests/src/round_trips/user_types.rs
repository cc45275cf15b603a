//! Types with `#[plugin_type]`.

use std::marker::PhantomData;
use std::time::Duration;

use api::{
    ApiError, Byte, Config, Directory, Document, Event, Expression, Grid, Id, Inner, Level, Line, List, Meters, Mixed,
    Node, Outer, Page, Point, Ranked, Retry, Settings, Shape, Term, Unit,
};
use plugin_host::Host;
use proptest::collection::{btree_map, hash_map, vec};
use proptest::option;
use proptest::prelude::*;

use crate::echo;

const TEXT: &str = ".{0,12}";

pub(super) fn config() -> impl Strategy<Value = Config> {
    let retry = (any::<u32>(), any::<Duration>()).prop_map(|(max, wait)| Retry { max, wait });
    (TEXT, retry, hash_map(TEXT, any::<u64>(), 0..5), vec(TEXT, 0..5), option::of(-1e9..1e9))
        .prop_map(|(name, retry, limits, tags, score)| Config { name, retry, limits, tags, score })
}

pub(super) fn mixed() -> impl Strategy<Value = Mixed> + Clone {
    (any::<u8>(), TEXT, any::<(u64, char)>()).prop_map(|(a, b, c)| Mixed(a, b, c))
}

fn point() -> impl Strategy<Value = Point> + Clone {
    (-1e9_f32..1e9, -1e9_f32..1e9, any::<u8>()).prop_map(|(x, y, layer)| Point { x, y, layer })
}

fn line() -> impl Strategy<Value = Line> {
    (point(), point(), -1e9..1e9).prop_map(|(a, b, width)| Line { ends: [a, b], width })
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Nothing),
        (point(), -1e9_f32..1e9).prop_map(|(centre, radius)| Shape::Circle(centre, radius)),
        (vec(point(), 0..5), option::of(TEXT)).prop_map(|(points, label)| Shape::Polygon { points, label }),
        any::<u128>().prop_map(Shape::Wide),
    ]
}

fn level() -> impl Strategy<Value = Level> + Clone {
    prop_oneof![Just(Level::Low), Just(Level::Mid), Just(Level::High), Just(Level::Below)]
}

pub(super) fn node() -> impl Strategy<Value = Node> {
    let leaf = TEXT.prop_map(|name| Node { name, children: Vec::new() });
    leaf.prop_recursive(5, 40, 4, |node| (TEXT, vec(node, 0..4)).prop_map(|(name, children)| Node { name, children }))
}

fn expression() -> impl Strategy<Value = Expression> {
    let leaf = (-1e9..1e9).prop_map(Expression::Number);
    leaf.prop_recursive(5, 40, 4, |inner| {
        let term = (any::<i32>(), option::of(inner.clone().prop_map(Box::new)));
        let term = term.prop_map(|(factor, of)| Term { factor, of });
        prop_oneof![
            vec(term, 0..4).prop_map(Expression::Sum),
            inner.prop_map(|inner| Expression::Negative(Box::new(inner))),
        ]
    })
}

fn term() -> impl Strategy<Value = Term> {
    (any::<i32>(), option::of(expression().prop_map(Box::new))).prop_map(|(factor, of)| Term { factor, of })
}

fn directory() -> impl Strategy<Value = Directory> {
    Just(Directory::default())
        .prop_recursive(5, 40, 4, |inner| btree_map(TEXT, inner, 0..4).prop_map(|entries| Directory { entries }))
}

fn page<S: Strategy>(item: S) -> impl Strategy<Value = Page<S::Value>> {
    (vec(item, 0..4), any::<Option<u64>>()).prop_map(|(items, next)| Page { items, next })
}

fn list() -> impl Strategy<Value = List<String>> {
    vec(TEXT, 0..20).prop_map(|items| items.into_iter().fold(List::End, |list, item| List::Item(item, Box::new(list))))
}

fn outer() -> impl Strategy<Value = Outer<Option<String>>> {
    Just(Outer { inner: Vec::new() }).prop_recursive(4, 30, 3, |outer| {
        let leaf = (option::of(TEXT), any::<u8>(), option::of(outer.prop_map(Box::new)));
        let leaf = leaf.prop_map(|(a, b, outer)| Inner { a, b, outer, more: Vec::new() });
        let inner = (leaf.clone(), vec(leaf, 0..3)).prop_map(|(inner, more)| Inner { more, ..inner });
        vec(inner, 0..3).prop_map(|inner| Outer { inner })
    })
}

fn api_error() -> impl Strategy<Value = ApiError> {
    prop_oneof![
        TEXT.prop_map(|path| ApiError::NotFound { path }),
        any::<u16>().prop_map(ApiError::Refused),
        Just(ApiError::Busy)
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    (TEXT, any::<bool>(), vec(TEXT, 0..4)).prop_map(|(name, verbose, paths)| Settings::new(name, verbose, paths))
}

pub(super) fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (TEXT, any::<u64>()).prop_map(|(path, size)| Event::Opened { path, size }),
        (TEXT, TEXT).prop_map(|(from, to)| Event::Renamed(from, to)),
        Just(Event::Closed),
        Just(Event::Unknown),
    ]
}

pub(super) fn document() -> impl Strategy<Value = Document> {
    let level = prop_oneof![level().prop_map(Ok), api_error().prop_map(Err)];
    let history = hash_map(any::<u64>(), vec(event(), 0..3), 0..3);
    (node(), vec(shape(), 0..3), page(outer()), settings(), vec(event(), 0..4), history, level).prop_map(
        |(root, shapes, pages, settings, events, history, level)| Document {
            root,
            shapes,
            pages,
            settings,
            events,
            history,
            level,
        },
    )
}

/// Sends values of all these types through this host's plugin `zoo`.
pub fn user_types(host: &Host) {
    echo!(host, "echo_config", Config, config());
    echo!(host, "echo_point", Point, point());
    echo!(host, "echo_points", Vec<Point>, vec(point(), 0..9));
    echo!(host, "echo_line", Line, line());
    echo!(host, "echo_lines", Vec<Line>, vec(line(), 0..9));
    echo!(host, "echo_user_unit", Unit, Just(Unit));
    echo!(host, "echo_meters", Meters, (-1e9..1e9).prop_map(Meters));
    echo!(host, "echo_mixed", Mixed, mixed());
    echo!(host, "echo_shape", Shape, shape());
    echo!(host, "echo_shapes", Vec<Option<Shape>>, vec(option::of(shape()), 0..9));
    echo!(host, "echo_level", Level, level());
    echo!(host, "echo_levels", [Level; 3], [level(), level(), level()]);
    echo!(host, "echo_byte", Byte, prop_oneof![Just(Byte::Zero), Just(Byte::Last)]);
    echo!(host, "echo_node", Node, node());
    echo!(host, "echo_expression", Expression, expression());
    echo!(host, "echo_term", Term, term());
    echo!(host, "echo_directory", Directory, directory());
    echo!(host, "echo_page", Page<u32>, page(any::<u32>()));
    echo!(host, "echo_page_of_pages", Page<Page<Node>>, page(page(node())));
    echo!(
        host,
        "echo_ranked",
        Ranked<String, Meters>,
        (btree_map(TEXT, (-1e9..1e9).prop_map(Meters), 0..5), option::of(TEXT))
            .prop_map(|(by_rank, best)| Ranked { by_rank, best })
    );
    echo!(host, "echo_list", List<String>, list());
    echo!(host, "echo_outer", Outer<Option<String>>, outer());
    echo!(host, "echo_grid_of_cells", Grid<u16, 3, 2>, any::<[[u16; 3]; 2]>().prop_map(|cells| Grid { cells }));
    echo!(host, "echo_id", Id<Node>, any::<u64>().prop_map(|number| Id { number, of: PhantomData }));
    echo!(
        host,
        "echo_api_result",
        Result<Point, ApiError>,
        prop_oneof![point().prop_map(Ok), api_error().prop_map(Err)]
    );
    echo!(host, "echo_settings", Settings, settings());
    echo!(host, "echo_all_settings", Vec<Settings>, vec(settings(), 0..9));
    echo!(host, "echo_event", Event, event());
    echo!(host, "echo_events", Vec<Event>, vec(event(), 0..9));
    echo!(host, "echo_document", Document, document());
}
