#[doc(hidden)]
#[allow(non_snake_case, deprecated)]
const _: () = {
    const __PLUGIN_CHECKED: ::core::primitive::usize = {
        {
            const fn field_x<T: ::plugin_core::PluginType>() {}
            field_x::<f32>()
        };
        {
            const fn field_type<T: ::plugin_core::PluginType>() {}
            field_type::<Vec<Point>>()
        };
        1
    };
    type __PluginChecked<T> = <<[&'static T; __PLUGIN_CHECKED] as ::core::iter::IntoIterator>::Item as ::core::ops::Deref>::Target;
    #[repr(C)]
    pub struct __PluginRepr {
        f0: <__PluginChecked<f32> as ::plugin_core::PluginType>::Repr,
        f1: <__PluginChecked<Vec<Point>> as ::plugin_core::PluginType>::Repr,
    }
    #[automatically_derived]
    impl ::core::clone::Clone for __PluginRepr {
        fn clone(&self) -> Self {
            *self
        }
    }
    impl ::core::marker::Copy for __PluginRepr {}
    static __PLUGIN_DEFINITION: ::plugin_core::__private::Definition = ::plugin_core::__private::Definition {
        key: [1u64, 2u64],
        place: ::core::concat!(
            ::core::module_path!(), ::core::file!(), ':', ::core::line!(), ':',
            ::core::column!()
        ),
        name: "Point",
        generic: false,
        body: &::plugin_core::__private::Node::Of {
            head: &[],
            parts: &[
                &::plugin_core::__private::Node::Of {
                    head: b"S\x01\x02\x02\0\0\0\x01\0\0\0x\0",
                    parts: &[],
                },
                <__PluginChecked<f32> as ::plugin_core::PluginType>::NODE,
                &::plugin_core::__private::Node::Of {
                    head: b"\x04\0\0\0type\0",
                    parts: &[],
                },
                <__PluginChecked<Vec<Point>> as ::plugin_core::PluginType>::NODE,
            ],
        },
    };
    #[allow(drop_bounds)]
    trait ATypeThatCrossesHasNoDrop {}
    #[allow(drop_bounds)]
    impl<__T: ::core::ops::Drop> ATypeThatCrossesHasNoDrop for __T {}
    impl ATypeThatCrossesHasNoDrop for Point {}
    #[automatically_derived]
    unsafe impl ::plugin_core::PluginType for Point {
        type Repr = __PluginRepr;
        const NODE: &'static ::plugin_core::__private::Node = &::plugin_core::__private::Node::Named {
            definition: ::plugin_core::__private::DefinitionRef::new(
                &__PLUGIN_DEFINITION,
            ),
            arguments: &[],
        };
        const PLAIN: ::core::primitive::bool = <__PluginChecked<
            f32,
        > as ::plugin_core::PluginType>::PLAIN
            && <__PluginChecked<Vec<Point>> as ::plugin_core::PluginType>::PLAIN
            && ::core::mem::size_of::<Self>() == ::core::mem::size_of::<__PluginRepr>()
            && ::core::mem::align_of::<Self>()
                == ::core::mem::align_of::<__PluginRepr>();
        #[inline]
        fn lower(self) -> <Self as ::plugin_core::PluginType>::Repr {
            let Self { x: __plugin_f0, r#type: __plugin_f1 } = self;
            __PluginRepr {
                f0: <__PluginChecked<
                    f32,
                > as ::plugin_core::PluginType>::lower(__plugin_f0),
                f1: <__PluginChecked<
                    Vec<Point>,
                > as ::plugin_core::PluginType>::lower(__plugin_f1),
            }
        }
        #[inline]
        fn lend(&self) -> <Self as ::plugin_core::PluginType>::Repr {
            let Self { x: __plugin_f0, r#type: __plugin_f1 } = self;
            __PluginRepr {
                f0: <__PluginChecked<
                    f32,
                > as ::plugin_core::PluginType>::lend(__plugin_f0),
                f1: <__PluginChecked<
                    Vec<Point>,
                > as ::plugin_core::PluginType>::lend(__plugin_f1),
            }
        }
        #[inline]
        #[deny(unsafe_op_in_unsafe_fn)]
        unsafe fn lift(
            __lowered: <Self as ::plugin_core::PluginType>::Repr,
            __origin: &::plugin_core::Origin,
        ) -> Self {
            let __plugin_f0 = unsafe {
                <__PluginChecked<
                    f32,
                > as ::plugin_core::PluginType>::lift(__lowered.f0, __origin)
            };
            let __plugin_f1 = unsafe {
                <__PluginChecked<
                    Vec<Point>,
                > as ::plugin_core::PluginType>::lift(__lowered.f1, __origin)
            };
            Self {
                x: __plugin_f0,
                r#type: __plugin_f1,
            }
        }
    }
};
