use plugin_core::__private::Parameter;
use plugin_core::plugin_type;

trait Leak {
    type Out;
}

struct Of;

/// A default stands in the expansion, but not where the expansion has its template.
#[plugin_type]
#[non_exhaustive]
struct Pair<T> {
    of: T,
    other: Option<<Of as Leak>::Out>,
    #[plugin_type(default = {
        impl Leak for Of {
            type Out = Parameter<__PluginTemplate, 0>;
        }
        0
    })]
    more: u8,
}
