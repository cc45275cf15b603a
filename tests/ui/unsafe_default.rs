use plugin_core::plugin_type;

#[plugin_type]
#[non_exhaustive]
struct Settings {
    width: u32,
    #[plugin_type(default = String::from_utf8_unchecked(vec![255]))]
    title: String,
}

fn main() {}
