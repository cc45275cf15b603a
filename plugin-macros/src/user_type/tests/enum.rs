#[doc(hidden)]
#[allow(non_snake_case, deprecated)]
const _: () = {
    #[repr(C)]
    pub struct __PluginVariant1<T: ::plugin_core::PluginType> {
        f0: <T as ::plugin_core::PluginType>::Repr,
        f1: <f32 as ::plugin_core::PluginType>::Repr,
        parameters: ::core::marker::PhantomData<fn() -> (T,)>,
    }
    #[automatically_derived]
    impl<T: ::plugin_core::PluginType> ::core::clone::Clone for __PluginVariant1<T> {
        fn clone(&self) -> Self {
            *self
        }
    }
    impl<T: ::plugin_core::PluginType> ::core::marker::Copy for __PluginVariant1<T> {}
    #[repr(C)]
    pub union __PluginPayload<T: ::plugin_core::PluginType> {
        v1: __PluginVariant1<T>,
    }
    #[automatically_derived]
    impl<T: ::plugin_core::PluginType> ::core::clone::Clone for __PluginPayload<T> {
        fn clone(&self) -> Self {
            *self
        }
    }
    impl<T: ::plugin_core::PluginType> ::core::marker::Copy for __PluginPayload<T> {}
    #[repr(C)]
    pub struct __PluginRepr<T: ::plugin_core::PluginType> {
        number: ::core::primitive::u32,
        payload: ::core::mem::MaybeUninit<__PluginPayload<T>>,
    }
    #[automatically_derived]
    impl<T: ::plugin_core::PluginType> ::core::clone::Clone for __PluginRepr<T> {
        fn clone(&self) -> Self {
            *self
        }
    }
    impl<T: ::plugin_core::PluginType> ::core::marker::Copy for __PluginRepr<T> {}
    struct __PluginBody<T: ::plugin_core::PluginType>(
        ::core::marker::PhantomData<fn() -> (T,)>,
    );
    impl<T: ::plugin_core::PluginType> __PluginBody<T> {
        const BODY: &'static ::plugin_core::__private::Node = &::plugin_core::__private::Node::Of {
            head: &[],
            parts: &[
                &::plugin_core::__private::Node::Of {
                    head: b"T\0\x02\0\0\0\x07\0\0\0Nothing\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x06\0\0\0Circle",
                    parts: &[],
                },
                &::plugin_core::__private::Node::Of {
                    head: &({
                        const __PLUGIN_VALUE: ::core::primitive::isize = 1 + 1;
                        __PLUGIN_VALUE as ::core::primitive::i128 + 0
                    })
                        .to_le_bytes(),
                    parts: &[],
                },
                &::plugin_core::__private::Node::Of {
                    head: b"\x01\x02\0\0\0\x01\0\0\x000\0",
                    parts: &[],
                },
                <T as ::plugin_core::PluginType>::NODE,
                &::plugin_core::__private::Node::Of {
                    head: b"\x01\0\0\x001\0",
                    parts: &[],
                },
                <f32 as ::plugin_core::PluginType>::NODE,
            ],
        };
    }
    static __PLUGIN_DEFINITION: ::plugin_core::__private::Definition = ::plugin_core::__private::Definition {
        key: [1u64, 2u64],
        place: ::core::concat!(
            ::core::module_path!(), ::core::file!(), ':', ::core::line!(), ':',
            ::core::column!()
        ),
        name: "Shape",
        generic: true,
        body: <__PluginBody<::plugin_core::__private::Parameter<0>>>::BODY,
    };
    #[allow(drop_bounds)]
    trait ATypeThatCrossesHasNoDrop {}
    #[allow(drop_bounds)]
    impl<__T: ::core::ops::Drop> ATypeThatCrossesHasNoDrop for __T {}
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
        const PLAIN: ::core::primitive::bool = false;
        #[inline]
        fn lower(self) -> <Self as ::plugin_core::PluginType>::Repr {
            match self {
                Self::Nothing {} => {
                    __PluginRepr {
                        number: 0u32,
                        payload: ::core::mem::MaybeUninit::uninit(),
                    }
                }
                Self::Circle { 0: __plugin_f0, 1: __plugin_f1 } => {
                    __PluginRepr {
                        number: 1u32,
                        payload: ::core::mem::MaybeUninit::new(__PluginPayload {
                            v1: __PluginVariant1::<T> {
                                f0: <T as ::plugin_core::PluginType>::lower(__plugin_f0),
                                f1: <f32 as ::plugin_core::PluginType>::lower(__plugin_f1),
                                parameters: ::core::marker::PhantomData,
                            },
                        }),
                    }
                }
            }
        }
        #[inline]
        fn lend(&self) -> <Self as ::plugin_core::PluginType>::Repr {
            match self {
                Self::Nothing {} => {
                    __PluginRepr {
                        number: 0u32,
                        payload: ::core::mem::MaybeUninit::uninit(),
                    }
                }
                Self::Circle { 0: __plugin_f0, 1: __plugin_f1 } => {
                    __PluginRepr {
                        number: 1u32,
                        payload: ::core::mem::MaybeUninit::new(__PluginPayload {
                            v1: __PluginVariant1::<T> {
                                f0: <T as ::plugin_core::PluginType>::lend(__plugin_f0),
                                f1: <f32 as ::plugin_core::PluginType>::lend(__plugin_f1),
                                parameters: ::core::marker::PhantomData,
                            },
                        }),
                    }
                }
            }
        }
        #[inline]
        #[deny(unsafe_op_in_unsafe_fn)]
        unsafe fn lift(
            __lowered: <Self as ::plugin_core::PluginType>::Repr,
            __origin: &::plugin_core::Origin,
        ) -> Self {
            let _ = __origin;
            match __lowered.number {
                0u32 => Self::Nothing {},
                1u32 => {
                    let __fields = unsafe { __lowered.payload.assume_init().v1 };
                    let __plugin_f0 = unsafe {
                        <T as ::plugin_core::PluginType>::lift(__fields.f0, __origin)
                    };
                    let __plugin_f1 = unsafe {
                        <f32 as ::plugin_core::PluginType>::lift(__fields.f1, __origin)
                    };
                    Self::Circle {
                        0: __plugin_f0,
                        1: __plugin_f1,
                    }
                }
                __number => ::plugin_core::__private::unknown_variant("Shape", __number),
            }
        }
    }
};
