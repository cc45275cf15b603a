use plugin_host::Host;

struct Config;

fn main() {
    let host = Host::linked().unwrap();
    host.get::<fn(&Config)>("set").unwrap();
    host.get::<fn(Config) -> u8>("take").unwrap();
    host.get::<fn() -> Config>("config").unwrap();
    host.get::<fn(&str) -> &str>("trim").unwrap();
    host.get::<fn(u8, u8, u8, u8, u8, u8, u8)>("seven").unwrap();
    host.get::<Config>("CONFIG").unwrap();
    host.get::<str>("NAME").unwrap();
    host.get::<fn(&dyn Fn(u8) -> u8)>("closure").unwrap();
    host.get::<unsafe fn(u8)>("peek").unwrap();
    host.get::<extern "C" fn(u8)>("c").unwrap();
    host.get::<fn(std::rc::Rc<u8>)>("shared").unwrap();
}
