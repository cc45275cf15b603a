#![forbid(unsafe_code)]

use plugin_core::__private::Parameter;
use plugin_core::plugin_type;

struct Mine;

/// Would describe its second field as its first.
#[plugin_type]
struct Pair<T> {
    of: T,
    other: Parameter<Mine, 0>,
}
