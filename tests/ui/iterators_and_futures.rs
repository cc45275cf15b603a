use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::Receiver;

use plugin_core::plugin_export;

#[plugin_export]
fn numbers() -> impl Iterator<Item = u32> {
    0..3
}

#[plugin_export]
fn mapped() -> std::vec::IntoIter<u32> {
    vec![1].into_iter()
}

#[plugin_export]
fn future() -> Pin<Box<dyn Future<Output = u32> + Send>> {
    Box::pin(async { 1 })
}

#[plugin_export]
fn receive(from: Receiver<u32>) -> u32 {
    from.recv().unwrap()
}
