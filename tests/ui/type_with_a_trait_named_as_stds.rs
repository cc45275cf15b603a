#![forbid(unsafe_code)]

use plugin_core::{PluginType, plugin_type};

/// The author's own trait. The definition knows nothing of it.
pub trait Display {
    type Out: PluginType;
}

impl<T: Copy> Display for T {
    type Out = u8;
}

#[plugin_type]
pub struct L {
    pub a: u8,
}

impl Display for L {
    type Out = [u64; 64];
}

#[plugin_type]
pub struct S<T: Display> {
    pub x: <T as Display>::Out,
}

pub type Hidden<T> = <T as Display>::Out;

#[plugin_type]
pub enum InAnAlias<T>
where
    T: Display,
{
    X(Vec<Hidden<T>>),
}

/// The parameters are of a trait that std does not know, by a name that std has.
pub trait Clone: PluginType {
    type Out: PluginType;
}

#[plugin_type]
pub struct Shorthand<T: Clone> {
    pub x: T::Out,
}
