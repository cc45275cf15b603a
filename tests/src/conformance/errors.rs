//! Errors as values.

use std::error::Error;
use std::fmt;

use super::Mode;

/// The texts of an error and its causes.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> Vec<String> {
    let mut messages = Vec::new();
    let mut next: Option<&'a (dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        messages.push(error.to_string());
        next = error.source();
    }
    messages
}

pub fn errors_keep_what_they_say_and_their_causes(mode: &Mode) {
    let host = mode.host("zoo");
    let fail = host.get::<fn(u32) -> Result<u32, Box<dyn Error + Send + Sync>>>("fail_below_ten").unwrap();
    assert_eq!(fail(11).unwrap(), 11);
    let error = fail(9).unwrap_err();
    // The errors are the host's own.
    drop((fail, host));
    assert_eq!(error.to_string(), "no answer");
    assert_eq!(chain(&*error), ["no answer", "bad number", "too small"]);
    assert_eq!(format!("{error:?}"), "no answer\n  caused by: bad number\n  caused by: too small");
}

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("größe is no number")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

pub fn errors_of_every_kind_cross(mode: &Mode) {
    let host = mode.host("zoo");
    let outer = || Outer("größe".parse::<u8>().unwrap_err());
    let expected = ["größe is no number", "invalid digit found in string"];
    macro_rules! error {
        ($name:literal $ty:ty) => {
            let back = host.get::<fn($ty) -> $ty>($name).unwrap()(Box::new(outer()));
            assert_eq!(chain(&*back), expected);
            // An error that has crossed crosses again like any other.
            let back = host.get::<fn($ty) -> $ty>($name).unwrap()(back);
            assert_eq!(chain(&*back), expected);
            assert_eq!(chain(&*host.get::<fn($ty) -> $ty>($name).unwrap()("".into())), [""]);
        };
    }
    error!("echo_error" Box<dyn Error>);
    error!("echo_error_send_sync" Box<dyn Error + Send + Sync>);
    let echo = host.get::<fn(Box<dyn Error + Send>) -> Box<dyn Error + Send>>("echo_error_send").unwrap();
    assert_eq!(chain(&*echo(Box::new(outer()))), expected);
    // The other side cannot tell them apart.
    assert!(host.get::<fn(u32) -> Result<u32, Box<dyn Error>>>("fail_below_ten").is_ok());
}
