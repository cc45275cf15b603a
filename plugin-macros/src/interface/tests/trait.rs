/// Writes texts in a code.
pub trait Codec: Send + ::plugin_core::__private::AnyObject {
    /// The codec's name.
    fn name(&self) -> String;
    fn encode(&mut self, text: &str, times: u32) -> Vec<u8>;
    #[must_use]
    fn finish(self: Box<Self>, to: Vec<String>) -> Vec<String> {
        <Self as __PluginCodecProvided>::__plugin_finish(self, to)
    }
}
#[doc(hidden)]
#[allow(deprecated)]
trait __PluginCodecProvided: Codec {
    fn __plugin_finish(self: Box<Self>, mut to: Vec<String>) -> Vec<String> {
        to.push(self.name());
        to
    }
}
#[allow(deprecated)]
impl<__T: Codec + ?::plugin_core::__private::core::marker::Sized> __PluginCodecProvided
for __T {}
#[doc(hidden)]
#[allow(deprecated)]
const _: () = {
    const __PLUGIN_TYPES: &[&::plugin_core::__private::Node] = &[
        ::plugin_core::__private::result_node::<String>(),
        <str as ::plugin_core::PluginRef>::REF_NODE,
        <u32 as ::plugin_core::PluginType>::NODE,
        ::plugin_core::__private::result_node::<Vec<u8>>(),
        <Vec<String> as ::plugin_core::PluginType>::NODE,
        ::plugin_core::__private::result_node::<Vec<String>>(),
    ];
    type __Checked<T> = <<[&'static T; __PLUGIN_TYPES
        .len()] as ::plugin_core::__private::core::iter::IntoIterator>::Item as ::plugin_core::__private::core::ops::Deref>::Target;
    enum __PluginMethod0 {}
    impl ::plugin_core::__private::Method for __PluginMethod0 {
        type Object = dyn Codec;
        type Receiver = ::plugin_core::__private::Shared;
        type Signature = __Checked<fn() -> String>;
        const NAME: &'static ::plugin_core::__private::core::primitive::str = "<dyn Codec>::name";
        const FUNCTION: <Self::Signature as ::plugin_core::__private::MethodSignature>::Pointer<
            Self::Object,
            Self::Receiver,
        > = <dyn Codec as Codec>::name;
    }
    enum __PluginMethod1 {}
    impl ::plugin_core::__private::Method for __PluginMethod1 {
        type Object = dyn Codec;
        type Receiver = ::plugin_core::__private::Exclusive;
        type Signature = __Checked<
            fn(
                ::plugin_core::__private::ByRef<str>,
                ::plugin_core::__private::ByValue<u32>,
            ) -> Vec<u8>,
        >;
        const NAME: &'static ::plugin_core::__private::core::primitive::str = "<dyn Codec>::encode";
        const FUNCTION: <Self::Signature as ::plugin_core::__private::MethodSignature>::Pointer<
            Self::Object,
            Self::Receiver,
        > = <dyn Codec as Codec>::encode;
    }
    enum __PluginMethod2 {}
    impl ::plugin_core::__private::Method for __PluginMethod2 {
        type Object = dyn Codec;
        type Receiver = ::plugin_core::__private::Consumed;
        type Signature = __Checked<
            fn(::plugin_core::__private::ByValue<Vec<String>>) -> Vec<String>,
        >;
        const NAME: &'static ::plugin_core::__private::core::primitive::str = "<dyn Codec>::finish";
        const FUNCTION: <Self::Signature as ::plugin_core::__private::MethodSignature>::Pointer<
            Self::Object,
            Self::Receiver,
        > = <dyn Codec as Codec>::finish;
    }
    #[repr(transparent)]
    struct __PluginProxy(::plugin_core::__private::Remote);
    impl Codec for __PluginProxy {
        #[inline]
        fn name(&self) -> String {
            unsafe {
                ::plugin_core::__private::call_method::<__PluginMethod0>(&self.0, 0, ())
            }
        }
        #[inline]
        fn encode(&mut self, __a0: &str, __a1: u32) -> Vec<u8> {
            unsafe {
                ::plugin_core::__private::call_method::<
                    __PluginMethod1,
                >(&self.0, 1, (__a0, __a1))
            }
        }
        #[inline]
        fn finish(
            self: ::plugin_core::__private::std::boxed::Box<Self>,
            __a0: Vec<String>,
        ) -> Vec<String> {
            if !self.0.has(2) {
                return <Self as __PluginCodecProvided>::__plugin_finish(self, __a0);
            }
            unsafe {
                ::plugin_core::__private::consume_method::<
                    __PluginMethod2,
                >((*self).0, 2, (__a0,))
            }
        }
    }
    static __PLUGIN_DEFINITION: ::plugin_core::__private::Definition = ::plugin_core::__private::Definition {
        number: 7u64,
        place: ::plugin_core::__private::core::concat!(
            ::plugin_core::__private::core::module_path!(), ' ',
            ::plugin_core::__private::core::file!(), ':',
            ::plugin_core::__private::core::line!(), ':',
            ::plugin_core::__private::core::column!(), ' ', "metadata=a"
        ),
        name: "Codec",
        generic: false,
        body: &::plugin_core::__private::Node::Of {
            head: ::plugin_core::__private::body::INTERFACE,
            parts: &[
                &::plugin_core::__private::Node::Of {
                    head: b"\x03\0\0\0\x04\0\0\0name\0",
                    parts: &[],
                },
                ::plugin_core::__private::MethodNode::<__PluginMethod0>::NODE,
                &::plugin_core::__private::Node::Of {
                    head: b"\x06\0\0\0encode\0",
                    parts: &[],
                },
                ::plugin_core::__private::MethodNode::<__PluginMethod1>::NODE,
                &::plugin_core::__private::Node::Of {
                    head: b"\x06\0\0\0finish\x01",
                    parts: &[],
                },
                ::plugin_core::__private::MethodNode::<__PluginMethod2>::NODE,
            ],
        },
    };
    const __PLUGIN_NODE: &'static ::plugin_core::__private::Node = &::plugin_core::__private::Node::Of {
        head: &::plugin_core::__private::Tag::DynTrait.head(),
        parts: &[
            &::plugin_core::__private::Node::Named {
                definition: ::plugin_core::__private::DefinitionRef::new(
                    &__PLUGIN_DEFINITION,
                ),
                arguments: &[],
            },
        ],
    };
    ::plugin_core::__interface! {
        unsafe Codec __PluginProxy __PLUGIN_NODE[__PluginMethod0 __PluginMethod1
        __PluginMethod2]
    }
};
