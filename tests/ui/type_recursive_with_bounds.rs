use plugin_core::plugin_type;

trait Weight {}

#[plugin_type]
struct Tree<T: Weight> {
    weight: T,
    children: Vec<Tree<T>>,
}

#[plugin_type]
struct Ring<const N: usize> {
    next: Option<Box<Ring<N>>>,
}
