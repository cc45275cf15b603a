//! The identity of types, and the messages about types that differ. The host has types of its own, which differ from
//! the plugin's types in one thing.

#![allow(dead_code)]

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::marker::PhantomData;
use std::time::Duration;

use plugin_core::{PluginType, plugin_type};
use plugin_host::{Error, Host, Lookup, Signature};
use tests::host_with;

/// The place where the host's type differs from the plugin's.
fn difference<F: Lookup>(host: &Host, name: &str) -> String {
    match host.get::<F>(name) {
        Err(Error::TypeMismatch(mismatch)) => mismatch.difference,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("{name} was found, with another type"),
    }
}

/// Expects that a look-up of `fn(T) -> T` is refused, with these words about the argument.
macro_rules! differs {
    ($name:literal, $ty:ty, $($line:literal),+ $(,)?) => {{
        let host = host_with(&["zoo"]);
        let difference = difference::<fn($ty) -> $ty>(&host, $name);
        let lines: Vec<&str> = difference.lines().filter(|line| !line.starts_with("hint: ")).collect();
        assert_eq!(lines, [$($line),+]);
        difference
    }};
}

#[test]
fn a_type_deep_inside_is_named() {
    #[plugin_type]
    struct Retry {
        max: u64,
        wait: Duration,
    }
    #[plugin_type]
    struct Config {
        name: String,
        retry: Retry,
        limits: HashMap<String, u64>,
        tags: Vec<String>,
        score: Option<f64>,
    }
    differs!("echo_config", Config, "argument 1: Config.retry.max: u64 in the host, u32 in the plugin");
}

/// A host and a plugin may each have a type of that name.
#[test]
fn types_of_one_name_are_told_apart_by_their_modules() {
    mod settings {
        #[plugin_core::plugin_type]
        pub(super) struct Config {
            name: String,
        }
    }
    let host = host_with(&["zoo"]);
    let mismatch = |error| match error {
        Error::TypeMismatch(mismatch) => mismatch,
        other => panic!("{other}"),
    };
    let config = mismatch(host.get::<fn(settings::Config) -> settings::Config>("echo_config").err().unwrap());
    assert_eq!(config.origins, "`Config` is `identity::settings::Config` in the host, `api::Config` in the plugin");
    let text = config.to_string();
    assert!(text.ends_with(&format!("\n  {}", config.origins)), "{text}");
    // The parts of the type are the same, or are not types with a name.
    let plain = mismatch(host.get::<fn(u32) -> u32>("echo_config").err().unwrap());
    assert_eq!(plain.origins, "");
    assert!(plain.to_string().ends_with("in the plugin"), "{plain}");
}

#[test]
fn several_things_at_once_are_named() {
    #[plugin_type]
    struct Retry {
        max: u32,
        wait: u64,
    }
    #[plugin_type]
    struct Config {
        name: Box<str>,
        retry: Retry,
        limits: HashMap<String, i64>,
        tags: VecDeque<String>,
        score: Option<f32>,
    }
    differs!(
        "echo_config",
        Config,
        "argument 1: Config.name: Box<str> in the host, String in the plugin",
        "argument 1: Config.limits<value>: i64 in the host, u64 in the plugin",
        "argument 1: Config.tags: VecDeque<String> in the host, Vec<String> in the plugin",
        "argument 1: Config.score<Some>: f32 in the host, f64 in the plugin",
        "argument 1: Config.retry.wait: u64 in the host, Duration in the plugin",
    );
}

#[test]
fn a_prefix_of_fields_is_a_difference() {
    #[plugin_type]
    struct Config {
        name: String,
    }
    let all = differs!(
        "echo_config",
        Config,
        "argument 1: Config: field `retry: Retry` only in the plugin",
        "argument 1: Config: field `limits: HashMap<String, u64>` only in the plugin",
        "argument 1: Config: field `tags: Vec<String>` only in the plugin",
        "argument 1: Config: field `score: Option<f64>` only in the plugin",
    );
    assert!(all.contains("#[non_exhaustive]"), "it says how a type grows: {all}");
}

#[test]
fn one_more_field_is_a_difference() {
    #[plugin_type]
    struct Node {
        name: String,
        children: Vec<Node>,
        parent: Option<String>,
    }
    differs!("echo_node", Node, "argument 1: Node: field `parent: Option<String>` only in the host");
}

#[test]
fn reordered_fields_are_a_difference() {
    #[plugin_type]
    #[repr(C)]
    struct Point {
        y: f32,
        x: f32,
        layer: u8,
    }
    // Fields at their right place are not named.
    differs!("echo_point", Point, "argument 1: Point: fields in another order: host y, x; plugin x, y");
}

#[test]
fn a_renamed_field_is_a_difference() {
    #[plugin_type]
    #[repr(C)]
    struct Point {
        x: f32,
        y: f32,
        level: u8,
    }
    differs!("echo_point", Point, "argument 1: Point: field 3 is `level: u8` in the host, `layer: u8` in the plugin");
}

#[test]
fn a_renamed_variant_is_a_difference() {
    #[plugin_type]
    enum Byte {
        Zero,
        Max = 255,
    }
    differs!("echo_byte", Byte, "argument 1: Byte: variant 2 is `Max` in the host, `Last` in the plugin");
}

#[test]
fn reordered_variants_are_a_difference() {
    #[plugin_type]
    enum Byte {
        Last = 255,
        Zero = 0,
    }
    differs!("echo_byte", Byte, "argument 1: Byte: variants in another order: host Last, Zero; plugin Zero, Last");
}

#[test]
fn a_changed_discriminant_is_a_difference() {
    #[plugin_type]
    enum Level {
        Low = 1,
        Mid,
        High = 1 << 5,
        Below = -3,
    }
    differs!("echo_level", Level, "argument 1: Level::High = 32 in the host, 16 in the plugin");
}

#[test]
fn the_same_layout_under_another_name_is_a_difference() {
    #[plugin_type]
    struct Metres(f64);
    differs!(
        "echo_meters",
        Metres,
        "argument 1: Metres in the host, Meters in the plugin",
        "what it returns: Metres in the host, Meters in the plugin",
    );
}

#[test]
fn another_way_to_write_the_fields_is_a_difference() {
    #[plugin_type]
    struct Meters {
        value: f64,
    }
    let difference = difference::<fn(Meters) -> Meters>(&host_with(&["zoo"]), "echo_meters");
    assert!(difference.starts_with("argument 1: Meters"), "{difference}");
}

#[test]
fn another_representation_is_a_difference() {
    #[plugin_type]
    struct Point {
        x: f32,
        y: f32,
        layer: u8,
    }
    let difference = difference::<fn(Point) -> Point>(&host_with(&["zoo"]), "echo_point");
    assert!(difference.contains("#[repr(C)]") && difference.contains("only in the plugin"), "{difference}");
}

#[test]
fn a_box_that_is_not_optional_is_a_difference() {
    #[plugin_type]
    enum Expression {
        Number(f64),
        Sum(Vec<Term>),
        Negative(Box<Expression>),
    }
    #[plugin_type]
    struct Term {
        factor: i32,
        of: Box<Expression>,
    }
    differs!(
        "echo_term",
        Term,
        "argument 1: Term.of: Box<Expression> in the host, Option<Box<Expression>> in the plugin"
    );
    // The same difference, seen from the other type of the recursion.
    differs!(
        "echo_expression",
        Expression,
        "argument 1: Expression::Sum.0[..].of: Box<Expression> in the host, Option<Box<Expression>> in the plugin"
    );
}

#[test]
fn another_container_in_a_recursion_is_a_difference() {
    #[plugin_type]
    struct Node {
        name: String,
        children: VecDeque<Node>,
    }
    differs!("echo_node", Node, "argument 1: Node.children: VecDeque<Node> in the host, Vec<Node> in the plugin");
}

#[test]
fn another_argument_of_a_generic_type_is_a_difference() {
    let host = host_with(&["zoo"]);
    let page = difference::<fn(api::Page<u64>) -> api::Page<u64>>(&host, "echo_page");
    assert!(page.contains("Page<u64> in the host, Page<u32> in the plugin"), "{page}");
    // Also if no value of the argument crosses, and if the argument is a number.
    let id = difference::<fn(api::Id<api::Level>) -> api::Id<api::Level>>(&host, "echo_id");
    assert!(id.contains("Id<Level> in the host, Id<Node> in the plugin"), "{id}");
    let grid = difference::<fn(api::Grid<u16, 2, 3>) -> api::Grid<u16, 2, 3>>(&host, "echo_grid_of_cells");
    assert!(grid.contains("Grid<u16, 2, 3> in the host, Grid<u16, 3, 2> in the plugin"), "{grid}");
}

#[test]
fn a_struct_is_no_enum() {
    #[plugin_type]
    struct Level(u8);
    let difference = difference::<fn(Level) -> Level>(&host_with(&["zoo"]), "echo_level");
    assert!(difference.contains("struct") && difference.contains("enum"), "{difference}");
}

#[test]
fn what_may_grow_on_one_side_only_is_a_difference() {
    #[plugin_type]
    struct Settings {
        name: String,
        verbose: bool,
        paths: Vec<String>,
    }
    let settings = difference::<fn(Settings) -> Settings>(&host_with(&["zoo"]), "echo_settings");
    assert!(settings.contains("#[non_exhaustive]"), "{settings}");

    #[plugin_type]
    #[non_exhaustive]
    enum Event {
        Opened { path: String, size: u64 },
        Renamed(String, String),
        Closed,
        Unknown,
    }
    let event = difference::<fn(Event) -> Event>(&host_with(&["zoo"]), "echo_event");
    assert!(event.contains("fallback"), "{event}");
}

#[test]
fn a_fallback_of_another_name_is_a_difference() {
    #[plugin_type]
    #[non_exhaustive]
    enum Event {
        Opened {
            path: String,
            size: u64,
        },
        Renamed(String, String),
        Closed,
        #[plugin_type(fallback)]
        Other,
    }
    let event = difference::<fn(Event) -> Event>(&host_with(&["zoo"]), "echo_event");
    assert!(event.contains("`Other`") && event.contains("`Unknown`"), "{event}");
}

#[test]
fn a_variant_of_what_may_grow_may_not() {
    #[plugin_type]
    #[non_exhaustive]
    enum Event {
        Opened {
            path: String,
        },
        Renamed(String, String),
        Closed,
        #[plugin_type(fallback)]
        Unknown,
    }
    let event = difference::<fn(Event) -> Event>(&host_with(&["zoo"]), "echo_event");
    assert!(event.contains("Event::Opened: field `size: u64` only in the plugin"), "{event}");
}

/// A host's type need not be the plugin's very type. An equal one is enough.
#[test]
fn a_copy_of_a_type_is_as_good() {
    #[plugin_type]
    #[derive(Clone, Debug, PartialEq)]
    struct Node {
        name: String,
        children: Vec<Node>,
    }
    let host = host_with(&["zoo"]);
    let node = Node { name: "a".to_owned(), children: vec![Node { name: "b".to_owned(), children: Vec::new() }] };
    assert_eq!(host.get::<fn(Node) -> Node>("echo_node").unwrap()(node.clone()), node);
    // Two copies in one signature. The plugin has only one type there.
    let back = host.get::<fn(Node) -> api::Node>("echo_node").unwrap()(node);
    assert_eq!(back.children[0].name, "b");

    // A copy of a generic and recursive type, with a parameter of another name and a bound.
    #[plugin_type]
    #[derive(Clone, Debug, PartialEq)]
    enum List<Item: Clone> {
        End,
        Item(Item, Box<List<Item>>),
    }
    let list = List::Item("x".to_owned(), Box::new(List::End));
    assert_eq!(host.get::<fn(List<String>) -> List<String>>("echo_list").unwrap()(list.clone()), list);

    // A type whose definition is written for each of its arguments, because its bound is the host's own trait.
    trait Mark {}
    impl Mark for api::Node {}
    #[plugin_type]
    #[derive(Clone, Debug, PartialEq)]
    struct Id<T: Mark> {
        number: u64,
        of: PhantomData<T>,
    }
    let id = Id { number: 4, of: PhantomData::<api::Node> };
    assert_eq!(host.get::<fn(Id<api::Node>) -> Id<api::Node>>("echo_id").unwrap()(id.clone()), id);
}

/// Two types with the same descriptor for an argument need not have the same descriptor themselves.
#[test]
fn what_an_argument_is_decides_not_only_by_its_descriptor() {
    use std::collections::hash_map::{DefaultHasher, RandomState};
    use std::hash::BuildHasherDefault;

    trait Kind: plugin_core::PluginType {
        type Out: plugin_core::PluginType;
    }
    type One = HashMap<u8, u8, RandomState>;
    type Other = HashMap<u8, u8, BuildHasherDefault<DefaultHasher>>;
    impl Kind for One {
        type Out = [usize; 4];
    }
    impl Kind for Other {
        type Out = String;
    }
    #[plugin_type]
    struct Both<T: Kind> {
        map: T,
        out: T::Out,
    }
    let mixed = Signature::of::<fn(Both<One>, Both<Other>) -> String>();
    assert_ne!(mixed, Signature::of::<fn(Both<One>, Both<One>) -> String>());
    assert_ne!(mixed, Signature::of::<fn(Both<Other>, Both<Other>) -> String>());
    assert_eq!(mixed, Signature::of::<fn(Both<One>, Both<Other>) -> String>());
}

/// If a trait decides about the fields of a generic type, the descriptor has the fields that the argument's
/// implementation gives.
#[test]
fn what_a_trait_makes_of_an_argument_is_compared() {
    trait Project {
        type Out: PluginType;
    }
    impl<T: Copy> Project for T {
        type Out = u8;
    }
    type Hidden<T> = <T as Project>::Out;
    #[plugin_type]
    struct Projected<T: Project> {
        out: <T as Project>::Out,
    }
    #[plugin_type]
    enum InAnAlias<T: Project> {
        Out(Vec<Hidden<T>>),
    }
    // Equal to the plugin's type, but `Copy`, and so without an implementation of its own.
    #[plugin_type]
    #[derive(Clone, Copy)]
    struct Key {
        of: u8,
    }
    let host = host_with(&["zoo"]);
    let projected = difference::<fn() -> Projected<Key>>(&host, "projected");
    assert!(projected.contains("out: u8 in the host, [u64; 64] in the plugin"), "{projected}");
    let hidden = difference::<fn() -> InAnAlias<Key>>(&host, "projected_in_an_alias");
    assert!(hidden.contains("u8 in the host, [u64; 64] in the plugin"), "{hidden}");

    // Where the traits agree, so do the types.
    mod same {
        use plugin_core::plugin_type;

        pub(super) trait Project {
            type Out: plugin_core::PluginType;
        }
        #[plugin_type]
        pub(super) struct Key {
            of: u8,
        }
        impl Project for Key {
            type Out = [u64; 64];
        }
        #[plugin_type]
        pub(super) struct Projected<T: Project> {
            pub(super) out: <T as Project>::Out,
        }
    }
    let projected = host.get::<fn() -> same::Projected<same::Key>>("projected").unwrap()();
    assert_eq!(projected.out, [0x4141_4141_4141_4141; 64]);
}

/// A bound may be a trait of the author's with the name of one of std's traits, if std's trait implies it. Still, the
/// traits of the two sides may have different implementations for an argument.
#[test]
fn what_a_trait_named_as_stds_makes_of_an_argument_is_compared() {
    macro_rules! shown {
        ($module:ident, $out:ty) => {
            mod $module {
                use plugin_core::{PluginType, plugin_type};

                pub(super) trait Display: std::fmt::Display {
                    type Out: PluginType;
                }
                impl<T: std::fmt::Display> Display for T {
                    type Out = $out;
                }
                #[plugin_type]
                pub(super) struct Shown<T: Display> {
                    pub(super) of: T,
                    pub(super) out: <T as Display>::Out,
                }
            }
        };
    }
    shown!(same, Vec<u64>);
    shown!(other, [u64; 3]);
    let host = host_with(&["zoo"]);
    type Echo<T> = fn(T) -> T;
    let echo = host.get::<Echo<same::Shown<String>>>("return_shown").unwrap();
    let back = echo(same::Shown { of: "text".to_owned(), out: vec![1, 2] });
    assert_eq!((back.of.as_str(), back.out), ("text", vec![1, 2]));
    let other = difference::<Echo<other::Shown<String>>>(&host, "return_shown");
    assert!(other.contains("out: [u64; 3] in the host, Vec<u64> in the plugin"), "{other}");
}

/// A definition that is made once for all arguments describes the same type as a definition that is made for each
/// argument.
#[test]
fn stand_ins_change_nothing() {
    mod of_all {
        use super::{BTreeMap, HashMap, PhantomData, plugin_type};

        #[plugin_type]
        pub(super) struct Pair<A, B> {
            a: A,
            b: Vec<B>,
        }
        #[plugin_type]
        pub(super) enum Mixed<A: Ord + Clone, B>
        where
            B: std::fmt::Debug + core::hash::Hash + Eq,
        {
            Nothing,
            Swapped(Pair<B, A>, Option<Box<Pair<A, Pair<B, B>>>>),
            Maps { a: BTreeMap<A, B>, b: HashMap<B, [A; 3]>, c: PhantomData<(A, u8)> },
        }
        #[plugin_type]
        #[non_exhaustive]
        pub(super) struct Grows<T> {
            of: Pair<T, u16>,
            #[plugin_type(default)]
            more: Option<T>,
        }
    }
    mod of_each {
        use super::{BTreeMap, HashMap, PhantomData, plugin_type};

        // The attribute knows no stand-in for a parameter with this bound.
        pub(super) trait Mark {}
        impl<T> Mark for T {}

        #[plugin_type]
        pub(super) struct Pair<A: Mark, B: Mark> {
            a: A,
            b: Vec<B>,
        }
        #[plugin_type]
        pub(super) enum Mixed<A: Mark + Ord + Clone, B>
        where
            B: Mark + std::fmt::Debug + core::hash::Hash + Eq,
        {
            Nothing,
            Swapped(Pair<B, A>, Option<Box<Pair<A, Pair<B, B>>>>),
            Maps { a: BTreeMap<A, B>, b: HashMap<B, [A; 3]>, c: PhantomData<(A, u8)> },
        }
        #[plugin_type]
        #[non_exhaustive]
        pub(super) struct Grows<T: Mark> {
            of: Pair<T, u16>,
            #[plugin_type(default)]
            more: Option<T>,
        }
    }
    fn bytes<T: PluginType>() -> Vec<u8> {
        T::NODE.to_bytes()
    }
    assert_eq!(bytes::<of_all::Pair<u8, String>>(), bytes::<of_each::Pair<u8, String>>());
    assert_eq!(bytes::<of_all::Mixed<u8, String>>(), bytes::<of_each::Mixed<u8, String>>());
    assert_eq!(bytes::<of_all::Mixed<Option<u8>, Vec<u8>>>(), bytes::<of_each::Mixed<Option<u8>, Vec<u8>>>());
    assert_eq!(bytes::<of_all::Grows<api::Node>>(), bytes::<of_each::Grows<api::Node>>());
    // One type inside of the other, also types of the other kind.
    type InBoth<A, B> = of_all::Pair<of_all::Grows<A>, of_all::Pair<A, B>>;
    type InEach<A, B> = of_each::Pair<of_each::Grows<A>, of_each::Pair<A, B>>;
    assert_eq!(bytes::<InBoth<u8, api::List<u8>>>(), bytes::<InEach<u8, api::List<u8>>>());
    assert_eq!(
        bytes::<of_all::Pair<of_each::Pair<u8, u16>, of_all::Grows<u8>>>(),
        bytes::<of_each::Pair<of_all::Pair<u8, u16>, of_each::Grows<u8>>>()
    );
    assert_ne!(bytes::<of_all::Pair<u8, String>>(), bytes::<of_each::Pair<String, u8>>());
}

/// Types with one name, at one place in the source and in one module, are told apart.
#[test]
fn types_made_by_one_macro_are_not_each_other() {
    trait Named {
        type It: PluginType;
    }
    macro_rules! each {
        ($($of:ident: $ty:ty),*) => {$(
            struct $of;
            const _: () = {
                #[plugin_type]
                struct Made {
                    of: $ty,
                }
                impl Named for $of {
                    type It = Made;
                }
            };
        )*};
    }
    each! { A: u8, B: String }
    type Of<T> = <T as Named>::It;
    let (mixed, same) = (Signature::of::<fn(Of<A>, Of<B>)>(), Signature::of::<fn(Of<A>, Of<A>)>());
    assert_eq!(mixed.definitions(), ["struct Made { of: u8 }", "struct Made { of: String }"]);
    assert_eq!(same.definitions(), ["struct Made { of: u8 }"]);
}

/// A fallback is not listed among the variants, but it counts as one.
#[test]
fn a_fallback_moves_what_is_after_it() {
    mod a {
        #[plugin_core::plugin_type]
        #[non_exhaustive]
        pub(super) enum Code {
            First,
            #[plugin_type(fallback)]
            Unknown = 100,
            Last,
        }
    }
    mod b {
        #[plugin_core::plugin_type]
        #[non_exhaustive]
        pub(super) enum Code {
            First,
            #[plugin_type(fallback)]
            Unknown = 200,
            Last,
        }
    }
    let (a, b) = (Signature::of::<fn(a::Code)>(), Signature::of::<fn(b::Code)>());
    assert_ne!(a, b);
    assert!(a.definitions()[0].contains("Last = 101"), "{:?}", a.definitions());
    assert!(b.definitions()[0].contains("Last = 201"), "{:?}", b.definitions());
}

#[test]
fn maps_are_not_each_other() {
    let host = host_with(&["zoo"]);
    assert_eq!(
        difference::<fn(BTreeMap<String, Vec<u32>>) -> BTreeMap<String, Vec<u32>>>(&host, "echo_hash_map")
            .lines()
            .next(),
        Some("argument 1: BTreeMap<String, Vec<u32>> in the host, HashMap<String, Vec<u32>> in the plugin")
    );
}
