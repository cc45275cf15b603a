use plugin_core::{plugin_export, plugin_type};
use serde_json::Value;
use uuid::Uuid;

#[plugin_export]
fn find(id: Uuid) -> Option<Value> {
    _ = id;
    None
}

#[plugin_export]
fn show(value: &Value) -> String {
    value.to_string()
}

#[plugin_type]
struct Order {
    id: Uuid,
    numbers: serde_json::Map<String, Value>,
}

#[plugin_export]
fn open(file: std::fs::File) -> std::net::TcpStream {
    _ = file;
    todo!()
}
