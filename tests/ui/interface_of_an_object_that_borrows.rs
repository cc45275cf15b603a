use plugin_core::plugin_interface;

#[plugin_interface]
trait Codec {
    fn name(&self) -> String;
}

struct Borrows<'a>(&'a str);

impl Codec for Borrows<'_> {
    fn name(&self) -> String {
        self.0.to_owned()
    }
}
