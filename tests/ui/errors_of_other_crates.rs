use std::{fmt, io, num, str, string};

use plugin_core::plugin_export;

/// As that of the crate `anyhow`, which is not among the dependencies here.
mod anyhow {
    pub struct Error(pub Box<dyn std::error::Error + Send + Sync>);
    pub type Result<T, E = Error> = std::result::Result<T, E>;
}

#[plugin_export]
fn read(path: &str) -> io::Result<String> {
    std::fs::read_to_string(path)
}

#[plugin_export]
fn parse(text: &str) -> anyhow::Result<u64> {
    text.parse().map_err(|error: num::ParseIntError| anyhow::Error(error.into()))
}

#[plugin_export]
fn number(text: &str) -> Result<u64, num::ParseIntError> {
    text.parse()
}

#[plugin_export]
fn real(text: &str) -> Result<f64, num::ParseFloatError> {
    text.parse()
}

#[plugin_export]
fn text(bytes: Vec<u8>) -> Result<String, string::FromUtf8Error> {
    String::from_utf8(bytes)
}

#[plugin_export]
fn length(bytes: &[u8]) -> Result<usize, str::Utf8Error> {
    str::from_utf8(bytes).map(str::len)
}

#[plugin_export]
fn write(of: u8) -> fmt::Result {
    _ = of;
    Ok(())
}

#[plugin_export]
fn kind() -> io::ErrorKind {
    io::ErrorKind::NotFound
}
