//! A macro for types that cross as another type does.

/// Implements [`PluginType`](crate::PluginType) for a type that is `Copy` and owns nothing. The type crosses as another
/// type with the same information.
macro_rules! crosses_as {
    ($ty:ty as $via:ty, $tag:ident, |$value:pat_param| $to:expr, |$back:pat_param| $from:expr) => {
        // SAFETY: the type crosses as the other type does, which has all its information.
        #[diagnostic::do_not_recommend]
        unsafe impl crate::PluginType for $ty {
            type Repr = <$via as crate::PluginType>::Repr;
            const NODE: &'static crate::describe::Node =
                &crate::describe::Node::Of { head: &crate::describe::Tag::$tag.head(), parts: &[] };

            #[inline]
            fn lower(self) -> Self::Repr {
                let $value = self;
                <$via as crate::PluginType>::lower($to)
            }
            #[inline]
            fn lend(&self, _: &mut crate::Arena) -> Self::Repr {
                crate::PluginType::lower(*self)
            }
            #[inline]
            unsafe fn lift(repr: Self::Repr, origin: &crate::Origin) -> Self {
                // SAFETY: by `# Safety` of `PluginType::lift`, `repr` came from `lower` or `lend` above. Both make the
                // `Repr` of a `$via`, which may be lifted as this one may.
                let $back = unsafe { <$via as crate::PluginType>::lift(repr, origin) };
                $from
            }
            #[inline]
            unsafe fn hold(
                repr: &Self::Repr,
                origin: &crate::Origin,
                _: &mut crate::Arena,
            ) -> std::mem::ManuallyDrop<Self> {
                // SAFETY: by `# Safety` of `PluginType::hold`, `repr` came from `lower` or `lend` above. The type owns
                // nothing, so each copy of its `Repr` may be lifted.
                std::mem::ManuallyDrop::new(unsafe { <Self as crate::PluginType>::lift(*repr, origin) })
            }
        }
    };
}
