//! The conformance suite with plugins that are linked into the program.

use grown_1 as _;
use grown_2 as _;
use plugin_host::Host;
use tests::conformance::Mode;
use zoo as _;

tests::conformance!(Mode { host: |_| Host::linked().unwrap(), upgrade: None, shares_memory: true });
