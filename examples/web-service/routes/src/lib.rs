//! The answers of the web service. Change this file while the service runs.

use std::sync::atomic::{AtomicU64, Ordering};

use plugin_core::plugin_export;
use web_api::{Request, Response};

// Requests and responses cross without a copy, and when a version is unmapped, the host frees the memory that the
// version has left.
plugin_core::use_host_allocator!();

static VISITS: AtomicU64 = AtomicU64::new(0);

#[plugin_export]
fn respond(request: Request) -> Response {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/") => {
            let visit = VISITS.fetch_add(1, Ordering::Relaxed) + 1;
            Response::text(200, format!("Welcome! You are visitor {visit} of the first edition.\n"))
        }
        ("POST", "/shout") => match String::from_utf8(request.body) {
            Ok(text) => Response::text(200, text.to_uppercase()),
            Err(_) => Response::text(400, "That is not text.\n"),
        },
        ("GET", "/bug") => panic!("nobody is perfect"),
        (_, path) => Response::text(404, format!("There is nothing at {path}.\n")),
    }
}

/// The state for the next version. No request is answered until the next version has this state.
#[plugin_export(save)]
fn save() -> u64 {
    VISITS.load(Ordering::Relaxed)
}

#[plugin_export(restore)]
fn restore(visits: u64) {
    VISITS.store(visits, Ordering::Relaxed);
}
