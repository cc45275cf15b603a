use std::rc::Rc;

use plugin_core::plugin_interface;

struct Own;

trait Other {}

#[plugin_interface]
trait Codec {
    fn takes(&self, own: Own);
    fn borrows(&self, own: &Own);
    fn changes(&self, own: &mut Own);
    fn returns(&self) -> Rc<u8>;
    fn object(&self, other: &dyn Other, others: Vec<Box<dyn Other>>);
}
