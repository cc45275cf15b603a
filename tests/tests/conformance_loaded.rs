//! The conformance suite with plugins that are loaded.

use tests::conformance::Mode;
use tests::host_with;

tests::conformance!(Mode {
    host: |fixture| host_with(&[fixture]),
    upgrade: Some(|host, _, file| host.reload(file).map(drop)),
    shares_memory: true,
});
