//! A plugin that asks a server over HTTP.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread;

use plugin_core::plugin_export;

plugin_core::use_host_allocator!();

/// Answers one request.
fn serve(listener: &TcpListener) -> std::io::Result<()> {
    let (mut stream, _) = listener.accept()?;
    for line in BufReader::new(&stream).lines() {
        if line?.is_empty() {
            break;
        }
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
}

/// Asks a server on this machine.
#[plugin_export]
fn request() -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    thread::scope(|scope| {
        scope.spawn(|| serve(&listener));
        let mut response = ureq::get(format!("http://{address}/")).call().map_err(|error| error.to_string())?;
        match response.body_mut().read_to_string() {
            Ok(text) if text == "hello" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
}
