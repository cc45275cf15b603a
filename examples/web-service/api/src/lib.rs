//! The types that cross between the web service and its routes.

use plugin_core::plugin_type;

/// A request to the service. A later version may add fields, and routes that were built before still work.
#[plugin_type]
#[non_exhaustive]
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `GET`, `POST` or another.
    pub method: String,
    /// The path after the host's name: `/articles/7`.
    pub path: String,
    /// The query after the `?`, or an empty text.
    pub query: String,
    /// The body of the request.
    pub body: Vec<u8>,
}

/// The answer of the service.
#[plugin_type]
#[derive(Clone, Debug)]
pub struct Response {
    /// The status: 200 if all is well.
    pub status: u16,
    /// The media type of the body.
    pub content_type: String,
    /// The body of the answer.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer in plain text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        let content_type = "text/plain; charset=utf-8".to_owned();
        Response { status, content_type, body: text.into().into_bytes() }
    }
}
