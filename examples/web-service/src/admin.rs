//! The status of the service, and its upgrade by hand.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::task::spawn_blocking;

use crate::{Service, failed, with_sources};

pub(crate) fn router() -> Router<Arc<Service>> {
    Router::new()
        .route("/admin/status", get(status))
        .route("/admin/reload", post(reload))
        .route_layer(from_fn(only_from_this_machine))
}

/// Returns true if a request comes from this machine. This check is enough if no one else uses the machine. Behind a
/// proxy, all requests come from this machine, so the proxy must not pass these requests on.
async fn only_from_this_machine(ConnectInfo(from): ConnectInfo<SocketAddr>, request: Request, next: Next) -> Response {
    if from.ip().to_canonical().is_loopback() { next.run(request).await } else { StatusCode::FORBIDDEN.into_response() }
}

async fn status(State(service): State<Arc<Service>>) -> Response {
    let routes = match service.host.plugin("routes") {
        Ok(routes) => routes,
        Err(error) => return failed(&error),
    };
    let mut text = format!("revision: {}\nversion: {}\n", routes.revision(), routes.version());
    for old in service.host.draining() {
        _ = writeln!(text, "draining: {old}");
    }
    if let Some(kib) = resident() {
        _ = writeln!(text, "memory: {kib} KiB");
    }
    text.into_response()
}

/// The resident memory of this process, on systems that tell it easily.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Upgrades to the library that is in the file now, and answers with the outcome.
async fn reload(State(service): State<Arc<Service>>) -> Response {
    match spawn_blocking(move || service.host.reload("routes").map(|routes| routes.revision())).await {
        Ok(Ok(revision)) => format!("revision: {revision}\n").into_response(),
        Ok(Err(error)) => (StatusCode::CONFLICT, with_sources(&error) + "\n").into_response(),
        Err(error) => failed(&error),
    }
}
