//! What the web service and its routes say to each other.

use plugin_core::plugin_type;

/// What somebody asks of the service. It may get more fields, and routes that were built before then go on to work.
#[plugin_type]
#[non_exhaustive]
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `GET`, `POST` or another.
    pub method: String,
    /// What comes after the host's name: `/articles/7`.
    pub path: String,
    /// What comes after the `?`, or nothing.
    pub query: String,
    /// What was sent along.
    pub body: Vec<u8>,
}

/// What the service answers.
#[plugin_type]
#[derive(Clone, Debug)]
pub struct Response {
    /// 200 if all is well.
    pub status: u16,
    /// What the body is.
    pub content_type: String,
    /// The answer.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer in plain text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        let content_type = "text/plain; charset=utf-8".to_owned();
        Response { status, content_type, body: text.into().into_bytes() }
    }
}
