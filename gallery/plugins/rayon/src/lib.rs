//! A plugin that uses rayon.

use std::sync::{Mutex, PoisonError};

use plugin_core::plugin_export;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use rayon::{ThreadPool, ThreadPoolBuilder};

plugin_core::use_host_allocator!();

static POOL: Mutex<Option<ThreadPool>> = Mutex::new(None);

fn sum() -> Result<(), String> {
    let sum: u64 = (0..10_000_u64).into_par_iter().sum();
    if sum == 49_995_000 { Ok(()) } else { Err(format!("the sum is {sum}")) }
}

fn pool() -> Result<ThreadPool, String> {
    ThreadPoolBuilder::new().num_threads(2).build().map_err(|error| error.to_string())
}

/// Adds on rayon's global pool, which nothing can stop.
#[plugin_export]
fn global_pool() -> Result<(), String> {
    sum()
}

/// Adds on a pool that ends with the call.
#[plugin_export]
fn pool_of_a_call() -> Result<(), String> {
    pool()?.install(sum)
}

/// Adds on a pool that ends in the shutdown hook.
#[plugin_export]
fn pool_until_shutdown() -> Result<(), String> {
    let mut kept = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.is_none() {
        *kept = Some(pool()?);
    }
    kept.as_ref().ok_or("no pool")?.install(sum)
}

#[plugin_export(shutdown)]
fn stop() {
    drop(POOL.lock().unwrap_or_else(PoisonError::into_inner).take());
}
