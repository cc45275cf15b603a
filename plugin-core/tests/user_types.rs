//! tmp
#![allow(missing_docs)]
use plugin_core::{Origin, PluginType, plugin_type};
use std::collections::*;
use std::fmt::Debug;

#[plugin_type]
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub name: String,
    pub children: Vec<Node>,
}
#[plugin_type]
#[derive(Clone, Debug, PartialEq)]
struct Unit;
#[plugin_type]
#[derive(Clone, Debug, PartialEq)]
struct Pair(u8, u64);
#[plugin_type]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    x: f32,
    y: f32,
}
#[plugin_type]
#[derive(Clone, Debug, PartialEq)]
enum Shape<T> {
    Nothing,
    Circle(Point, T),
    Poly { points: Vec<Point>, of: Option<Box<Shape<T>>> },
}
#[plugin_type]
#[derive(Clone, Copy, Debug, PartialEq)]
enum Level {
    Low = 1,
    Mid,
    High = 1 << 4,
}
#[plugin_type]
#[derive(Clone, Debug, PartialEq)]
struct Grid<T: Debug2, const N: usize> {
    cells: [T; N],
}
pub trait Debug2 {}
impl Debug2 for String {}
#[plugin_type]
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
struct Config {
    name: String,
    #[plugin_type(default)]
    retries: u32,
    #[plugin_type(default = vec![Level::Low])]
    levels: Vec<Level>,
}
#[plugin_type]
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
enum Event {
    Open {
        path: String,
    },
    Close,
    #[plugin_type(fallback)]
    Unknown,
}
#[plugin_type]
#[derive(Clone, Debug, PartialEq)]
struct A<T> {
    b: Vec<B<T>>,
}
#[plugin_type]
#[derive(Clone, Debug, PartialEq)]
struct B<T> {
    a: Option<A<T>>,
    t: T,
    s: Vec<Self>,
}

fn trip<T: PluginType + Clone + Debug + PartialEq>(value: T) {
    println!("{} {:?}", T::NODE.len(), String::from_utf8_lossy(&T::NODE.to_bytes()));
    assert!(T::NODE.matches(&T::NODE.to_bytes()));
    let back = unsafe { T::lift(value.lend(), &Origin::HOST) };
    assert_eq!(back, value);
    let back = unsafe { T::lift(back.lower(), &Origin::HOST) };
    assert_eq!(back, value);
}
const L: usize = <A<Node>>::NODE.len();
#[test]
fn all() {
    assert_eq!(L, <A<Node>>::NODE.to_bytes().len());
    let node = Node { name: "a".into(), children: vec![Node { name: "b".into(), children: vec![] }] };
    trip(node.clone());
    trip(Unit);
    trip(Pair(1, 2));
    trip(Point { x: 1.0, y: 2.0 });
    assert!(Point::PLAIN);
    trip(vec![Point { x: 1.0, y: 2.0 }]);
    trip(Shape::Circle(Point { x: 0.0, y: 1.0 }, 5_u8));
    trip(Shape::Poly { points: vec![], of: Some(Box::new(Shape::<String>::Nothing)) });
    trip(vec![Level::Low, Level::Mid, Level::High]);
    trip(Grid { cells: ["a".to_string(), "b".to_string()] });
    trip(Config { name: "n".into(), retries: 4, levels: vec![] });
    trip(vec![Event::Open { path: "p".into() }, Event::Close, Event::Unknown]);
    trip(A { b: vec![B { a: Some(A { b: vec![] }), t: 4_u16, s: vec![] }] });
    let mut deep = Node { name: "0".into(), children: vec![] };
    for i in 0..10_000 {
        deep = Node { name: i.to_string(), children: vec![deep] };
    }
    std::thread::Builder::new()
        .stack_size(64 << 20)
        .spawn(move || {
            let d = unsafe { Node::lift(deep.lend(), &Origin::HOST) };
            assert_eq!(d, deep);
            let d = unsafe { Node::lift(d.lower(), &Origin::HOST) };
            assert_eq!(d, deep);
        })
        .unwrap()
        .join()
        .unwrap();
    let _ = HashMap::<u8, u8>::new();
}
