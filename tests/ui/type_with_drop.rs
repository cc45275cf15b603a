use plugin_core::plugin_type;

#[plugin_type]
struct Handle(u32);

impl Drop for Handle {
    fn drop(&mut self) {}
}
