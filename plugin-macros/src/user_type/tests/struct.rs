#[doc(hidden)]
#[allow(non_snake_case, deprecated, clippy::multiple_bound_locations)]
const _: () = {
    type __Field0 = f32;
    trait __PluginParts: ::plugin_core::__private::core::marker::Sized {
        type __Field1;
    }
    impl __PluginParts for Point {
        type __Field1 = Vec<Self>;
    }
    fn __exact(__value: Point) {
        let Point { x: __plugin_f0, r#type: __plugin_f1 } = __value;
        let __plugin_f0 = (__plugin_f0,);
        let _: (__Field0,) = __plugin_f0;
        let __plugin_f1 = (__plugin_f1,);
        let _: (<Point as __PluginParts>::__Field1,) = __plugin_f1;
    }
    const __PLUGIN_CHECKED: ::plugin_core::__private::core::primitive::usize = {
        {
            const fn field_x<T: ::plugin_core::PluginType>() {}
            field_x::<__Field0>()
        };
        {
            const fn field_type<T: ::plugin_core::PluginType>() {}
            field_type::<<Point as __PluginParts>::__Field1>()
        };
        1
    };
    type __PluginChecked<T> = <<[&'static T; __PLUGIN_CHECKED] as ::plugin_core::__private::core::iter::IntoIterator>::Item as ::plugin_core::__private::core::ops::Deref>::Target;
    #[repr(C)]
    pub struct __PluginRepr {
        f0: <__PluginChecked<__Field0> as ::plugin_core::PluginType>::Repr,
        f1: <__PluginChecked<
            <Point as __PluginParts>::__Field1,
        > as ::plugin_core::PluginType>::Repr,
    }
    #[automatically_derived]
    impl ::plugin_core::__private::core::clone::Clone for __PluginRepr {
        fn clone(&self) -> Self {
            *self
        }
    }
    impl ::plugin_core::__private::core::marker::Copy for __PluginRepr {}
    static __PLUGIN_DEFINITION: ::plugin_core::__private::Definition = ::plugin_core::__private::Definition {
        number: 7u64,
        place: ::plugin_core::__private::core::concat!(
            ::plugin_core::__private::core::module_path!(), ' ',
            ::plugin_core::__private::core::file!(), ':',
            ::plugin_core::__private::core::line!(), ':',
            ::plugin_core::__private::core::column!(), ' ', "metadata=a"
        ),
        name: "Point",
        generic: false,
        body: &::plugin_core::__private::Node::Of {
            head: ::plugin_core::__private::body::C_NAMED,
            parts: &[
                &::plugin_core::__private::Node::Of {
                    head: b"\x02\0\0\0\x01\0\0\0x\0",
                    parts: &[],
                },
                <__PluginChecked<__Field0> as ::plugin_core::PluginType>::NODE,
                &::plugin_core::__private::Node::Of {
                    head: b"\x04\0\0\0type\0",
                    parts: &[],
                },
                <__PluginChecked<
                    <Point as __PluginParts>::__Field1,
                > as ::plugin_core::PluginType>::NODE,
            ],
        },
    };
    #[allow(drop_bounds)]
    trait ATypeThatCrossesHasNoDrop {}
    #[allow(drop_bounds)]
    impl<__T: ::plugin_core::__private::core::ops::Drop> ATypeThatCrossesHasNoDrop
    for __T {}
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
        const PLAIN: ::plugin_core::__private::core::primitive::bool = <__PluginChecked<
            __Field0,
        > as ::plugin_core::PluginType>::PLAIN
            && ::plugin_core::__private::core::mem::offset_of!(Self, x)
                == ::plugin_core::__private::core::mem::offset_of!(__PluginRepr, f0)
            && <__PluginChecked<
                <Point as __PluginParts>::__Field1,
            > as ::plugin_core::PluginType>::PLAIN
            && ::plugin_core::__private::core::mem::offset_of!(Self, r#type)
                == ::plugin_core::__private::core::mem::offset_of!(__PluginRepr, f1)
            && ::plugin_core::__private::core::mem::size_of::<Self>()
                == ::plugin_core::__private::core::mem::size_of::<__PluginRepr>()
            && ::plugin_core::__private::core::mem::align_of::<Self>()
                == ::plugin_core::__private::core::mem::align_of::<__PluginRepr>();
        #[inline]
        fn lower(self) -> <Self as ::plugin_core::PluginType>::Repr {
            let Self { x: __plugin_f0, r#type: __plugin_f1 } = self;
            __PluginRepr {
                f0: <__PluginChecked<
                    __Field0,
                > as ::plugin_core::PluginType>::lower(__plugin_f0),
                f1: <__PluginChecked<
                    <Point as __PluginParts>::__Field1,
                > as ::plugin_core::PluginType>::lower(__plugin_f1),
            }
        }
        #[inline]
        fn lend(
            &self,
            __arena: &mut ::plugin_core::Arena,
        ) -> <Self as ::plugin_core::PluginType>::Repr {
            let Self { x: __plugin_f0, r#type: __plugin_f1 } = self;
            __PluginRepr {
                f0: <__PluginChecked<
                    __Field0,
                > as ::plugin_core::PluginType>::lend(__plugin_f0, __arena),
                f1: <__PluginChecked<
                    <Point as __PluginParts>::__Field1,
                > as ::plugin_core::PluginType>::lend(__plugin_f1, __arena),
            }
        }
        #[inline]
        unsafe fn lift(
            __lowered: <Self as ::plugin_core::PluginType>::Repr,
            __origin: &::plugin_core::Origin,
        ) -> Self {
            let __plugin_f0 = unsafe {
                <__PluginChecked<
                    __Field0,
                > as ::plugin_core::PluginType>::lift(__lowered.f0, __origin)
            };
            let __plugin_f1 = unsafe {
                <__PluginChecked<
                    <Point as __PluginParts>::__Field1,
                > as ::plugin_core::PluginType>::lift(__lowered.f1, __origin)
            };
            Self {
                x: __plugin_f0,
                r#type: __plugin_f1,
            }
        }
        #[inline]
        unsafe fn hold(
            __lowered: &<Self as ::plugin_core::PluginType>::Repr,
            __origin: &::plugin_core::Origin,
            __arena: &mut ::plugin_core::Arena,
        ) -> ::plugin_core::__private::core::mem::ManuallyDrop<Self> {
            ::plugin_core::__private::core::mem::ManuallyDrop::new({
                let __plugin_f0 = unsafe {
                    <__PluginChecked<
                        __Field0,
                    > as ::plugin_core::PluginType>::hold(
                        &__lowered.f0,
                        __origin,
                        __arena,
                    )
                };
                let __plugin_f1 = unsafe {
                    <__PluginChecked<
                        <Point as __PluginParts>::__Field1,
                    > as ::plugin_core::PluginType>::hold(
                        &__lowered.f1,
                        __origin,
                        __arena,
                    )
                };
                let __plugin_f0 = ::plugin_core::__private::core::mem::ManuallyDrop::into_inner(
                    __plugin_f0,
                );
                let __plugin_f1 = ::plugin_core::__private::core::mem::ManuallyDrop::into_inner(
                    __plugin_f1,
                );
                Self {
                    x: __plugin_f0,
                    r#type: __plugin_f1,
                }
            })
        }
    }
};
