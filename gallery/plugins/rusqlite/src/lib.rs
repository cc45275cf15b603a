//! A plugin with `SQLite` inside.

use plugin_core::plugin_export;
use rusqlite::Connection;

plugin_core::use_host_allocator!();

fn query() -> rusqlite::Result<i64> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch("CREATE TABLE numbers (n INTEGER); INSERT INTO numbers VALUES (40), (2);")?;
    connection.query_row("SELECT sum(n) FROM numbers", [], |row| row.get(0))
}

/// Asks a database in memory.
#[plugin_export]
fn database_in_memory() -> Result<(), String> {
    match query() {
        Ok(42) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}
