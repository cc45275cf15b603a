//! A web service whose routes are a plugin, which is replaced while it serves.
//!
//! `web-service` builds the routes beside it, and builds them again whenever their source changes. `web-service
//! DIRECTORY` does the same with the crate in that directory. `web-service LIBRARY` serves the routes in that file. The
//! routes are upgraded when the library's file changes, and by a `POST` to `/admin/reload`. The environment variable
//! `LISTEN` has the address on which the service listens.

mod admin;
mod development;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use plugin_host::{Fault, Host, Live, Memory, Trust};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use web_api::Request;

const ROUTES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/routes");

/// The state that every request can use.
struct Service {
    host: Host,
    /// The handle follows the upgrades. A panic in the routes becomes a value.
    respond: Live<fn(Request) -> Result<web_api::Response, Fault>>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let routes = std::env::args_os().nth(1).map_or_else(|| PathBuf::from(ROUTES), PathBuf::from);
    let library = if routes.is_dir() { development::build_and_keep_building(routes)? } else { routes };

    // SAFETY: the routes are our own. A user who starts this program with another library vouches for that library, and
    // for everyone who can write to its file.
    let host = Host::new(unsafe { Trust::any() })
        .with_memory(Memory::Tracked)
        .with_leak_handler(|leak| eprintln!("`{}` left {} bytes, which are freed", leak.plugin, leak.bytes))
        .with_event_handler(|event| eprintln!("{event}"));
    host.load(library)?;
    let _watch = host.watch("routes")?;
    let respond = host.live("respond")?;
    let service = Arc::new(Service { host, respond });

    let app = Router::new().merge(admin::router()).fallback(respond_to).with_state(service);
    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    Ok(())
}

/// Calls the routes, on a thread that they may block.
async fn respond_to(State(service): State<Arc<Service>>, method: Method, uri: Uri, body: Bytes) -> Response {
    let mut request = Request::default();
    request.method = method.to_string();
    request.path = uri.path().to_owned();
    request.query = uri.query().unwrap_or_default().to_owned();
    request.body = body.into();
    match spawn_blocking(move || (service.respond)(request)).await {
        Ok(Ok(response)) => match StatusCode::from_u16(response.status) {
            Ok(status) => (status, [(CONTENT_TYPE, response.content_type)], response.body).into_response(),
            Err(error) => failed(&error),
        },
        Ok(Err(fault)) => failed(&fault),
        Err(error) => failed(&error),
    }
}

/// The log has the details. The client gets none of them.
fn failed(error: &dyn Error) -> Response {
    eprintln!("{}", with_sources(error));
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

fn with_sources(error: &dyn Error) -> String {
    let sources = std::iter::successors(error.source(), |error| (*error).source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}
