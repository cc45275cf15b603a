#[doc(hidden)]
#[allow(non_snake_case, deprecated, clippy::multiple_bound_locations)]
const _: () = {
    type __Field1 = f32;
    trait __PluginParts: ::plugin_core::__private::core::marker::Sized {
        type __Field0;
        const BODY: &'static ::plugin_core::__private::Node;
        const PROVEN: ();
    }
    impl<T: ::plugin_core::PluginType> __PluginParts for Shape<T> {
        type __Field0 = T;
        const BODY: &'static ::plugin_core::__private::Node = &::plugin_core::__private::Node::Of {
            head: ::plugin_core::__private::body::ENUM,
            parts: &[
                &::plugin_core::__private::Node::Of {
                    head: &::plugin_core::__private::with_styles(
                        *b"\x02\0\0\0\x07\0\0\0Nothing\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x06\0\0\0Circle",
                        &[31],
                        &[],
                        &[],
                    ),
                    parts: &[],
                },
                &::plugin_core::__private::Node::Of {
                    head: &({
                        const __PLUGIN_VALUE: ::plugin_core::__private::core::primitive::isize = 1
                            + 1;
                        __PLUGIN_VALUE as ::plugin_core::__private::core::primitive::i128
                            + 0
                    })
                        .to_le_bytes(),
                    parts: &[],
                },
                &::plugin_core::__private::Node::Of {
                    head: &::plugin_core::__private::with_styles(
                        *b"\0\x02\0\0\0\x01\0\0\x000\0",
                        &[],
                        &[0],
                        &[],
                    ),
                    parts: &[],
                },
                <<Shape<
                    T,
                > as __PluginParts>::__Field0 as ::plugin_core::PluginType>::NODE,
                &::plugin_core::__private::Node::Of {
                    head: b"\x01\0\0\x001\0",
                    parts: &[],
                },
                <__Field1 as ::plugin_core::PluginType>::NODE,
            ],
        };
        const PROVEN: () = ::plugin_core::__private::assert_described(
            <Self as ::plugin_core::PluginType>::NODE,
            <Self as __PluginParts>::BODY,
        );
    }
    fn __exact<T: ::plugin_core::PluginType>(__value: Shape<T>) {
        match __value {
            Shape::Nothing {} => {}
            Shape::Circle { 0: __plugin_f0, 1: __plugin_f1 } => {
                let __plugin_f0 = (__plugin_f0,);
                let _: (<Shape<T> as __PluginParts>::__Field0,) = __plugin_f0;
                let __plugin_f1 = (__plugin_f1,);
                let _: (__Field1,) = __plugin_f1;
            }
        }
    }
    #[repr(C)]
    pub struct __PluginVariant1<T: ::plugin_core::PluginType> {
        f0: <<Shape<T> as __PluginParts>::__Field0 as ::plugin_core::PluginType>::Repr,
        f1: <__Field1 as ::plugin_core::PluginType>::Repr,
        parameters: ::plugin_core::__private::core::marker::PhantomData<fn() -> (T,)>,
    }
    #[automatically_derived]
    impl<T: ::plugin_core::PluginType> ::plugin_core::__private::core::clone::Clone
    for __PluginVariant1<T> {
        fn clone(&self) -> Self {
            *self
        }
    }
    impl<T: ::plugin_core::PluginType> ::plugin_core::__private::core::marker::Copy
    for __PluginVariant1<T> {}
    #[repr(C)]
    pub union __PluginPayload<T: ::plugin_core::PluginType> {
        v1: __PluginVariant1<T>,
    }
    #[automatically_derived]
    impl<T: ::plugin_core::PluginType> ::plugin_core::__private::core::clone::Clone
    for __PluginPayload<T> {
        fn clone(&self) -> Self {
            *self
        }
    }
    impl<T: ::plugin_core::PluginType> ::plugin_core::__private::core::marker::Copy
    for __PluginPayload<T> {}
    #[repr(C)]
    pub struct __PluginRepr<T: ::plugin_core::PluginType> {
        number: ::plugin_core::__private::core::primitive::u32,
        payload: ::plugin_core::__private::core::mem::MaybeUninit<__PluginPayload<T>>,
    }
    #[automatically_derived]
    impl<T: ::plugin_core::PluginType> ::plugin_core::__private::core::clone::Clone
    for __PluginRepr<T> {
        fn clone(&self) -> Self {
            *self
        }
    }
    impl<T: ::plugin_core::PluginType> ::plugin_core::__private::core::marker::Copy
    for __PluginRepr<T> {}
    static __PLUGIN_DEFINITION: ::plugin_core::__private::Definition = {
        struct __PluginTemplate;
        unsafe impl ::plugin_core::__private::Template for __PluginTemplate {}
        const fn __plugin_body<T: ::plugin_core::PluginType>() -> &'static ::plugin_core::__private::Node {
            <Shape<T> as __PluginParts>::BODY
        }
        ::plugin_core::__private::Definition {
            number: 7u64,
            place: ::plugin_core::__private::core::concat!(
                ::plugin_core::__private::core::module_path!(), ' ',
                ::plugin_core::__private::core::file!(), ':',
                ::plugin_core::__private::core::line!(), ':',
                ::plugin_core::__private::core::column!(), ' ', "metadata=a"
            ),
            name: "Shape",
            generic: true,
            body: __plugin_body::<
                ::plugin_core::__private::Parameter<__PluginTemplate, 0>,
            >(),
        }
    };
    #[allow(drop_bounds)]
    trait ATypeThatCrossesHasNoDrop {}
    #[allow(drop_bounds)]
    impl<__T: ::plugin_core::__private::core::ops::Drop> ATypeThatCrossesHasNoDrop
    for __T {}
    impl<T: ::plugin_core::PluginType> ATypeThatCrossesHasNoDrop for Shape<T> {}
    #[automatically_derived]
    unsafe impl<T: ::plugin_core::PluginType> ::plugin_core::PluginType for Shape<T> {
        type Repr = __PluginRepr<T>;
        const NODE: &'static ::plugin_core::__private::Node = &::plugin_core::__private::Node::Named {
            definition: ::plugin_core::__private::DefinitionRef::new(
                &__PLUGIN_DEFINITION,
            ),
            arguments: &[<T as ::plugin_core::PluginType>::NODE],
        };
        const PLAIN: ::plugin_core::__private::core::primitive::bool = false;
        #[inline]
        fn lower(self) -> <Self as ::plugin_core::PluginType>::Repr {
            let () = <Self as __PluginParts>::PROVEN;
            match self {
                Self::Nothing {} => {
                    __PluginRepr {
                        number: 0u32,
                        payload: ::plugin_core::__private::core::mem::MaybeUninit::uninit(),
                    }
                }
                Self::Circle { 0: __plugin_f0, 1: __plugin_f1 } => {
                    __PluginRepr {
                        number: 1u32,
                        payload: ::plugin_core::__private::core::mem::MaybeUninit::new(__PluginPayload {
                            v1: __PluginVariant1::<T> {
                                f0: <<Shape<
                                    T,
                                > as __PluginParts>::__Field0 as ::plugin_core::PluginType>::lower(
                                    __plugin_f0,
                                ),
                                f1: <__Field1 as ::plugin_core::PluginType>::lower(
                                    __plugin_f1,
                                ),
                                parameters: ::plugin_core::__private::core::marker::PhantomData,
                            },
                        }),
                    }
                }
            }
        }
        #[inline]
        fn lend(
            &self,
            __arena: &mut ::plugin_core::Arena,
        ) -> <Self as ::plugin_core::PluginType>::Repr {
            let () = <Self as __PluginParts>::PROVEN;
            match self {
                Self::Nothing {} => {
                    __PluginRepr {
                        number: 0u32,
                        payload: ::plugin_core::__private::core::mem::MaybeUninit::uninit(),
                    }
                }
                Self::Circle { 0: __plugin_f0, 1: __plugin_f1 } => {
                    __PluginRepr {
                        number: 1u32,
                        payload: ::plugin_core::__private::core::mem::MaybeUninit::new(__PluginPayload {
                            v1: __PluginVariant1::<T> {
                                f0: <<Shape<
                                    T,
                                > as __PluginParts>::__Field0 as ::plugin_core::PluginType>::lend(
                                    __plugin_f0,
                                    __arena,
                                ),
                                f1: <__Field1 as ::plugin_core::PluginType>::lend(
                                    __plugin_f1,
                                    __arena,
                                ),
                                parameters: ::plugin_core::__private::core::marker::PhantomData,
                            },
                        }),
                    }
                }
            }
        }
        #[inline]
        unsafe fn lift(
            __lowered: <Self as ::plugin_core::PluginType>::Repr,
            __origin: &::plugin_core::Origin,
        ) -> Self {
            let () = <Self as __PluginParts>::PROVEN;
            let _ = __origin;
            match __lowered.number {
                0u32 => Self::Nothing {},
                1u32 => {
                    let __fields = unsafe { __lowered.payload.assume_init().v1 };
                    let __plugin_f0 = unsafe {
                        <<Shape<
                            T,
                        > as __PluginParts>::__Field0 as ::plugin_core::PluginType>::lift(
                            __fields.f0,
                            __origin,
                        )
                    };
                    let __plugin_f1 = unsafe {
                        <__Field1 as ::plugin_core::PluginType>::lift(
                            __fields.f1,
                            __origin,
                        )
                    };
                    Self::Circle {
                        0: __plugin_f0,
                        1: __plugin_f1,
                    }
                }
                __number => ::plugin_core::__private::unknown_variant("Shape", __number),
            }
        }
        #[inline]
        unsafe fn hold(
            __lowered: &<Self as ::plugin_core::PluginType>::Repr,
            __origin: &::plugin_core::Origin,
            __arena: &mut ::plugin_core::Arena,
        ) -> ::plugin_core::__private::core::mem::ManuallyDrop<Self> {
            let () = <Self as __PluginParts>::PROVEN;
            ::plugin_core::__private::core::mem::ManuallyDrop::new(
                match __lowered.number {
                    0u32 => Self::Nothing {},
                    1u32 => {
                        let __fields = unsafe {
                            &__lowered.payload.assume_init_ref().v1
                        };
                        {
                            let __plugin_f0 = unsafe {
                                <<Shape<
                                    T,
                                > as __PluginParts>::__Field0 as ::plugin_core::PluginType>::hold(
                                    &__fields.f0,
                                    __origin,
                                    __arena,
                                )
                            };
                            let __plugin_f1 = unsafe {
                                <__Field1 as ::plugin_core::PluginType>::hold(
                                    &__fields.f1,
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
                            Self::Circle {
                                0: __plugin_f0,
                                1: __plugin_f1,
                            }
                        }
                    }
                    __number => {
                        ::plugin_core::__private::unknown_variant("Shape", __number)
                    }
                },
            )
        }
    }
};
