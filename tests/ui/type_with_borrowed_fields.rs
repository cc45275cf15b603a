use plugin_core::plugin_type;

#[plugin_type]
struct Entry<'a> {
    name: &'a str,
    tags: Vec<&'static str>,
    data: std::borrow::Cow<'a, [u8]>,
}

#[plugin_type]
struct Part<'a, T>
where
    T: Copy,
{
    of: std::marker::PhantomData<&'a T>,
}

#[plugin_type]
enum Token {
    Word(&'static str),
    End,
}
