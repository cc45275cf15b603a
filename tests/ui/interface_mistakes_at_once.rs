use plugin_core::plugin_interface;

trait Named {}

#[plugin_interface]
unsafe trait Codec<T>: Clone + Named + Send + 'static
where
    T: Copy,
{
    type Item;
    const LIMIT: u32;
    fn generic<U>(&self, value: U);
    fn any(&self, value: impl Fn()) -> Self;
    fn nested(&self, texts: &[&str], option: Option<&u8>) -> &str;
    fn lives<'a>(&'a self, text: &'a str);
    async fn later(&self);
    unsafe fn risky(&self);
    extern "C" fn foreign(&self);
    fn new() -> Box<dyn Named>;
    fn by_value(self);
    fn pinned(self: std::sync::Arc<Self>);
    fn sized(&self)
    where
        Self: Sized;
    fn many(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8);
    #[cfg(unix)]
    fn sometimes(&self);
    fn marked(&self, #[allow(unused)] number: u8);
}

#[plugin_interface(name = "a\nb", other)]
trait Wrong {}

#[plugin_interface]
struct Type;
