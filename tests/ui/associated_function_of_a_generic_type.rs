use plugin_core::plugin_export;

pub struct Stack<T>(Vec<T>);

impl<T> Stack<T> {
    #[plugin_export]
    fn depth(of: &str) -> usize {
        of.len()
    }

    #[plugin_export]
    fn first(of: T) -> T {
        of
    }
}
