//! Exported statics and locks.

#[cfg(feature = "host")]
mod handle;
mod locks;
mod plugin_static;

#[cfg(feature = "host")]
pub use handle::Static;
pub use locks::{ReadGuard, RemoteMutex, RemoteRwLock, WriteGuard};
pub use plugin_static::{AccessRepr, Borrowed, PluginStatic, access};
