//! The conformance suite with plugins whose values all cross as bytes, as they do to another process.

use plugin_host::__private::loopback;
use tests::conformance::Mode;
use tests::host_with;

tests::conformance!(Mode { host: |fixture| loopback(host_with(&[fixture])).unwrap(), shares_memory: false });
