//! A plugin that speaks TLS with rustls.

use std::sync::Arc;

use plugin_core::plugin_export;
#[cfg(feature = "aws-lc-rs")]
use rustls::crypto::aws_lc_rs as crypto;
#[cfg(not(feature = "aws-lc-rs"))]
use rustls::crypto::ring as crypto;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

plugin_core::use_host_allocator!();

fn hello() -> Result<Vec<u8>, rustls::Error> {
    // This fails if a provider is installed already. Any provider is good enough.
    _ = crypto::default_provider().install_default();
    let config = ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let name = "localhost".try_into().map_err(|_| rustls::Error::General("no name".to_owned()))?;
    let mut client = ClientConnection::new(Arc::new(config), name)?;
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).map_err(|error| rustls::Error::General(error.to_string()))?;
    Ok(bytes)
}

/// Writes a client's first message, with keys made for it.
#[plugin_export]
fn client() -> Result<(), String> {
    match hello() {
        Ok(bytes) if bytes.first() == Some(&22) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}
