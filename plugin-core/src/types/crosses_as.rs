//! Types that cross as another type does.

/// Implements [`PluginType`](crate::PluginType) for a type that is `Copy` and owns nothing, by way of another that has
/// all there is to it.
macro_rules! crosses_as {
    ($ty:ty as $via:ty, $tag:ident, |$value:pat_param| $to:expr, |$back:pat_param| $from:expr) => {
        // SAFETY: crosses as the other type does, which has all there is to this one.
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
                // SAFETY: the caller promises what was lowered above.
                let $back = unsafe { <$via as crate::PluginType>::lift(repr, origin) };
                $from
            }
            #[inline]
            unsafe fn hold(
                repr: &Self::Repr,
                origin: &crate::Origin,
                _: &mut crate::Arena,
            ) -> std::mem::ManuallyDrop<Self> {
                // SAFETY: the caller's promise. The type owns nothing, so a value that was lent is as one that was lowered.
                std::mem::ManuallyDrop::new(unsafe { <Self as crate::PluginType>::lift(*repr, origin) })
            }
        }
    };
}
