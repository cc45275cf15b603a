//! A plugin that uses tokio.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use plugin_core::plugin_export;
use tokio::runtime::{Builder, Runtime};

plugin_core::use_host_allocator!();

static FOR_EVER: LazyLock<Runtime> = LazyLock::new(|| runtime().expect("a runtime"));
static UNTIL_SHUTDOWN: Mutex<Option<Runtime>> = Mutex::new(None);

fn runtime() -> Result<Runtime, String> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|error| error.to_string())
}

/// A task, a timer, and a blocking task.
fn work(runtime: &Runtime) -> Result<(), String> {
    let task = runtime.spawn(async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        tokio::task::spawn_blocking(|| 42).await
    });
    match runtime.block_on(task) {
        Ok(Ok(42)) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

/// Works on a runtime in a static, which is never dropped.
#[plugin_export]
fn runtime_in_a_static() -> Result<(), String> {
    work(&FOR_EVER)
}

/// Works on a runtime that ends with the call.
#[plugin_export]
fn runtime_of_a_call() -> Result<(), String> {
    work(&runtime()?)
}

/// Works on a runtime that ends in the shutdown hook.
#[plugin_export]
fn runtime_until_shutdown() -> Result<(), String> {
    let mut kept = UNTIL_SHUTDOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.is_none() {
        *kept = Some(runtime()?);
    }
    work(kept.as_ref().ok_or("no runtime")?)
}

#[plugin_export(shutdown)]
fn stop() {
    drop(UNTIL_SHUTDOWN.lock().unwrap_or_else(PoisonError::into_inner).take());
}
