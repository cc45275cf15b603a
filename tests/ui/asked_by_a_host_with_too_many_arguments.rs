use plugin_host::Host;

type Seven = fn(&str, u8, u8, u8, u8, u8, u8) -> u8;
type FiveWithMut = fn(&mut u8, u8, u8, u8, u8);

fn main() {
    let host = Host::linked().unwrap();
    host.get::<Seven>("seven").unwrap()("", 1, 2, 3, 4, 5, 6);
    host.get::<FiveWithMut>("five").unwrap();
    _ = host.get_all::<Seven>("seven");
    _ = host.plugin("p").unwrap().get::<Seven>("seven");
    _ = host.live::<Seven>("seven");
    _ = host.live::<FiveWithMut>("five");
    _ = host.live::<u64>("COUNT");
}
