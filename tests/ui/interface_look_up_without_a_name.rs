use plugin_core::plugin_interface;
use plugin_host::Host;

#[plugin_interface]
trait Codec {
    fn name(&self) -> String;
}

#[plugin_interface]
trait Sends: Send {}

fn is_send<T: Send + ?Sized>() {}

fn main() {
    let host = Host::linked().unwrap();
    host.get::<fn(&dyn Codec)>("f").unwrap();
    is_send::<dyn Sends>();
    is_send::<dyn Codec>();
}
