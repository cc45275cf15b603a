//! The conformance suite with plugins whose values all cross as bytes, as they do to another process.

use plugin_host::__private::{Loopback, loopback};
use tests::conformance::Mode;
use tests::host_with;

tests::conformance!(Mode {
    host: |fixture| loopback(host_with(&[fixture])).unwrap(),
    upgrade: Some(|host, name, file| {
        let far = tests::host();
        far.load(file)?;
        Loopback::new(far).upgrade(host, name)
    }),
    shares_memory: false,
});
