use plugin_core::plugin_interface;
use tricks::faster;

#[plugin_interface]
trait Codec {
    fn name(&self) -> String;
    #[faster]
    fn other(&self);
}
