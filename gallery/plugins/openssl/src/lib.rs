//! A plugin that uses `OpenSSL`.

use openssl::error::ErrorStack;
use openssl::sha::sha256;
use openssl::ssl::{Ssl, SslConnector, SslMethod};
use plugin_core::plugin_export;

plugin_core::use_host_allocator!();

fn client() -> Result<Ssl, ErrorStack> {
    let connector = SslConnector::builder(SslMethod::tls_client())?.build();
    connector.configure()?.into_ssl("localhost")
}

/// Digests some bytes, and makes a TLS client.
#[plugin_export]
fn digest_and_client() -> Result<(), String> {
    if sha256(b"abc")[0] != 0xba {
        return Err("another digest".to_owned());
    }
    client().map(drop).map_err(|error| error.to_string())
}
