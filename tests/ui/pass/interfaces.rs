//! Awkward interfaces.

#![deny(warnings)]
#![allow(dead_code)]

use std::sync::Arc;

use plugin_core::{Fault, plugin_export, plugin_interface};
use plugin_host::{Host, lent};

mod shadows {
    //! Names of the standard library that mean something else.

    pub struct String;
    pub struct Option;
    pub struct Box;
    pub trait Send {}
    pub trait Sized {}
    pub enum Shared {}

    #[plugin_core::plugin_interface]
    pub trait Shadow {
        fn text(&self, number: u32) -> u32;
        fn twice(&self, number: u32) -> u32 {
            self.text(number) * 2
        }
    }
}

macro_rules! interface {
    ($name:ident $method:ident $ty:ty) => {
        #[plugin_interface]
        trait $name {
            fn $method(&self, value: $ty) -> $ty;
        }
    };
}

interface!(FromMacro get (u8, std::string::String));

#[plugin_interface(name = "Known")]
#[allow(clippy::all)]
#[must_use]
pub(crate) trait r#Renamed: core::marker::Send + Sync {
    #[deprecated]
    fn r#match(&self) -> Result<(), Fault>;
    #[must_use]
    #[inline]
    #[doc(hidden)]
    #[expect(unused_variables)]
    fn provided(&self, _: u8, number: u32, (a, b): (u8, u8)) -> u8 {
        a + b
    }
    fn this(self: std::boxed::Box<Self>, other: Box<dyn Renamed>, visit: &mut dyn FnMut(&str)) -> Option<Box<dyn Renamed>> {
        visit("this");
        drop(other);
        None
    }
    fn generic<T>(&self, value: T) -> T
    where
        Self: Sized,
    {
        value
    }
}

/// An interface without methods.
#[plugin_interface]
trait Empty {}

struct Own(u32);

impl Renamed for Own {
    fn r#match(&self) -> Result<(), Fault> {
        Ok(())
    }
}

impl shadows::Shadow for Own {
    fn text(&self, number: u32) -> u32 {
        number + self.0
    }
}

impl<T: shadows::Shadow + 'static + ?Sized> shadows::Shadow for Arc<T> {
    fn text(&self, number: u32) -> u32 {
        (**self).text(number)
    }
}

impl Empty for Own {}

#[plugin_export]
fn shadow(one: &dyn shadows::Shadow, two: &mut dyn shadows::Shadow) -> u32 {
    one.text(1) + two.twice(2)
}

#[plugin_export]
fn renamed() -> Box<dyn Renamed> {
    Box::new(Own(1))
}

#[plugin_export]
fn empty() -> Arc<dyn Empty + Send> {
    Arc::new(Own(1))
}

fn main() {
    type Shadow = dyn shadows::Shadow;
    let host = Host::linked().unwrap();
    let shadow = host.get::<fn(&Shadow, &mut Shadow) -> u32>("shadow").unwrap();
    assert_eq!(shadow(&Own(1), &mut Arc::new(Own(2))), 10);
    assert_eq!(shadow(lent::<Shadow>(&Own(1)), &mut Own(2)), 10);
    // The auto traits that a trait has already may be written or not.
    let renamed = host.get::<fn() -> Box<dyn Renamed + Send>>("renamed").unwrap()();
    assert!(renamed.this(Box::new(Own(2)), &mut |text| assert_eq!(text, "this")).is_none());
    host.get::<fn() -> Arc<dyn Empty + Send>>("empty").unwrap()();
    assert!(host.get::<fn() -> Arc<dyn Empty>>("empty").is_err());
}
