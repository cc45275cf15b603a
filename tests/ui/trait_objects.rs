use std::fmt::Display;
use std::sync::Arc;

use plugin_core::plugin_export;

trait Shape {
    fn area(&self) -> f64;
}

#[plugin_export]
fn boxed(shape: Box<dyn Shape>) -> f64 {
    shape.area()
}

#[plugin_export]
fn shared(shape: Arc<dyn Shape>) -> f64 {
    shape.area()
}

#[plugin_export]
fn by_ref(shape: &dyn Shape) -> f64 {
    shape.area()
}

#[plugin_export]
fn all(shapes: Vec<Box<dyn Shape>>) -> usize {
    shapes.len()
}

#[plugin_export]
fn shown() -> Box<dyn Display> {
    Box::new(1)
}
