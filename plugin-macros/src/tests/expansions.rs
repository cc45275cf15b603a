//! The whole expansions of a few items.

use quote::quote;

use super::expansion;

#[test]
fn expansion_of_a_function() {
    let greet = expansion(
        quote!(),
        quote! {
            /// Greets.
            pub fn greet(name: &str) -> String {
                format!("Hello, {name}!")
            }
        },
    );
    assert_eq!(
        greet,
        r#"#[doc(hidden)]
#[allow(deprecated)]
const __plugin_export_greet: () = {
    type __plugin_greet_0 = str;
    type __plugin_greet_1 = String;
    #[allow(unused_imports)]
    use ::plugin_core::__private::NotFree as __plugin_greet_is_free;
    const __plugin_greet_node: &[&::plugin_core::__private::Node] = {
        struct __plugin_free_0_greet {}
        use __plugin_free_0_greet as __plugin_greet_is_free;
        let _ = [
            __plugin_greet_is_free,
            <_ as ::plugin_core::__private::OutsideOfAnImpl>::FREE,
        ];
        &[
            <__plugin_greet_0 as ::plugin_core::PluginRef>::REF_NODE,
            <__plugin_greet_1 as ::plugin_core::PluginType>::NODE,
        ]
    };
    type __Checked<T> = <<[&'static T; __plugin_greet_node
        .len()] as ::plugin_core::__private::core::iter::IntoIterator>::Item as ::plugin_core::__private::core::ops::Deref>::Target;
    #[allow(unused_imports)]
    use ::plugin_core::__private::RemovedByAnotherMacro as __plugin_greet_found;
    enum __plugin_greet_item {}
    impl ::plugin_core::__private::Exported for __plugin_greet_item {
        type Signature = __Checked<
            fn(::plugin_core::__private::ByRef<__plugin_greet_0>) -> __plugin_greet_1,
        >;
        const EXPORTED: ::plugin_core::__private::Function<Self::Signature> = ::plugin_core::__private::Function {
            function: {
                struct greet {}
                use greet as __plugin_greet_found;
                __plugin_greet_found
            },
            source: ::plugin_core::__private::Source {
                package: b"(package)",
                module: ::plugin_core::__private::core::module_path!(),
                line: ::plugin_core::__private::core::line!(),
                column: ::plugin_core::__private::core::column!(),
                words: ::plugin_core::__private::Words::Encoded(
                    b"\x05\0\0\0greet\x08\0\0\0 Greets.\x04\0\0\0name\0\0\0\0",
                ),
            },
        };
    }
    #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__plugin"))]
    #[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".plugin"))]
    static __plugin_greet_record: [::plugin_core::__private::core::primitive::u8; ::plugin_core::__private::OfFunction::<
        __plugin_greet_item,
    >::record_len()] = ::plugin_core::__private::OfFunction::<
        __plugin_greet_item,
    >::record();
    static __plugin_greet_registration: ::plugin_core::__private::Registration = unsafe {
        ::plugin_core::__private::OfFunction::<
            __plugin_greet_item,
        >::registration(&__plugin_greet_record)
    };
    extern "C" fn __plugin_greet_register() {
        __plugin_greet_registration.register()
    }
    #[used]
    #[cfg_attr(
        target_vendor = "apple",
        unsafe(link_section = "__DATA,__mod_init_func,mod_init_funcs")
    )]
    #[cfg_attr(windows, unsafe(link_section = ".CRT$XCU"))]
    #[cfg_attr(
        not(any(target_vendor = "apple", windows)),
        unsafe(link_section = ".init_array")
    )]
    static __plugin_greet_constructor: extern "C" fn() = __plugin_greet_register;
};
#[doc(hidden)]
const __plugin_free_0_greet: ::plugin_core::__private::core::primitive::bool = true;
"#
    );
    assert_eq!(greet.lines().count(), 74);
}

#[test]
fn expansion_of_a_static() {
    let counter = expansion(
        quote!(name = "number of calls"),
        quote!(
            static CALLS: AtomicU64 = AtomicU64::new(0);
        ),
    );
    assert_eq!(
        counter,
        r#"#[doc(hidden)]
#[allow(deprecated)]
const __plugin_named_export_number_20_of_20_calls: () = {
    type __plugin_CALLS_0 = AtomicU64;
    #[allow(unused_imports)]
    use ::plugin_core::__private::NotFree as __plugin_CALLS_is_free;
    const __plugin_CALLS_node: &::plugin_core::__private::Node = {
        struct __plugin_free_0_CALLS {}
        use __plugin_free_0_CALLS as __plugin_CALLS_is_free;
        let _ = [
            __plugin_CALLS_is_free,
            <_ as ::plugin_core::__private::OutsideOfAnImpl>::FREE,
        ];
        <__plugin_CALLS_0 as ::plugin_core::PluginStatic>::STATIC_NODE
    };
    type __Checked<T> = <<[&'static T; __plugin_CALLS_node
        .len()] as ::plugin_core::__private::core::iter::IntoIterator>::Item as ::plugin_core::__private::core::ops::Deref>::Target;
    fn __plugin_CALLS_item() -> &'static __plugin_CALLS_0 {
        let item = (&CALLS,);
        let (item,): (&'static __plugin_CALLS_0,) = item;
        item
    }
    unsafe extern "C" fn __plugin_CALLS_entry(
        _: ::plugin_core::__private::Context,
    ) -> ::plugin_core::__private::Accessed<__Checked<__plugin_CALLS_0>> {
        ::plugin_core::__private::access::<
            __Checked<__plugin_CALLS_0>,
        >(__plugin_CALLS_item())
    }
    const __plugin_CALLS_described: ::plugin_core::__private::Described = ::plugin_core::__private::Described::of(
        __plugin_CALLS_node,
    );
    const __plugin_CALLS_promised: ::plugin_core::__private::Promised = unsafe {
        ::plugin_core::__private::Promised::new(
            ::plugin_core::__private::Kind::Export,
            &__plugin_CALLS_described,
            __plugin_CALLS_entry as *const ::plugin_core::__private::core::ffi::c_void,
            &::plugin_core::__private::Source {
                package: b"(package)",
                module: ::plugin_core::__private::core::module_path!(),
                line: ::plugin_core::__private::core::line!(),
                column: ::plugin_core::__private::core::column!(),
                words: ::plugin_core::__private::Words::Encoded(
                    b"\x0F\0\0\0number of calls\0\0\0\0\0\0\0\0\0\0\0\0",
                ),
            },
        )
    };
    #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__plugin"))]
    #[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".plugin"))]
    static __plugin_CALLS_record: [::plugin_core::__private::core::primitive::u8; __plugin_CALLS_promised
        .record_len()] = __plugin_CALLS_promised.record();
    static __plugin_CALLS_registration: ::plugin_core::__private::Registration = unsafe {
        __plugin_CALLS_promised.registration(&__plugin_CALLS_record)
    };
    extern "C" fn __plugin_CALLS_register() {
        __plugin_CALLS_registration.register()
    }
    #[used]
    #[cfg_attr(
        target_vendor = "apple",
        unsafe(link_section = "__DATA,__mod_init_func,mod_init_funcs")
    )]
    #[cfg_attr(windows, unsafe(link_section = ".CRT$XCU"))]
    #[cfg_attr(
        not(any(target_vendor = "apple", windows)),
        unsafe(link_section = ".init_array")
    )]
    static __plugin_CALLS_constructor: extern "C" fn() = __plugin_CALLS_register;
};
#[doc(hidden)]
const __plugin_free_0_CALLS: ::plugin_core::__private::core::primitive::bool = true;
"#
    );
}

#[test]
fn expansion_of_a_hook() {
    let hook = expansion(
        quote!(init),
        quote!(
            #[cfg(unix)]
            fn start() -> Result<(), String> {
                Ok(())
            }
        ),
    );
    assert_eq!(
        hook,
        r#"#[cfg(unix)]
#[doc(hidden)]
#[allow(deprecated)]
const __plugin_start_init: () = {
    type __plugin_start_0 = Result<(), String>;
    #[allow(unused_imports)]
    use ::plugin_core::__private::NotFree as __plugin_start_is_free;
    const __plugin_start_node: &::plugin_core::__private::Node = {
        struct __plugin_free_0_start {}
        use __plugin_free_0_start as __plugin_start_is_free;
        let _ = [
            __plugin_start_is_free,
            <_ as ::plugin_core::__private::OutsideOfAnImpl>::FREE,
        ];
        (
            <__plugin_start_0 as ::plugin_core::__private::HookResult>::into_result,
            ::plugin_core::__private::HOOK_NODE,
        )
            .1
    };
    type __Checked<T> = <<[&'static T; __plugin_start_node
        .len()] as ::plugin_core::__private::core::iter::IntoIterator>::Item as ::plugin_core::__private::core::ops::Deref>::Target;
    #[allow(unused_imports)]
    use ::plugin_core::__private::RemovedByAnotherMacro as __plugin_start_found;
    const __plugin_start_item: __Checked<fn() -> __plugin_start_0> = {
        struct start {}
        use start as __plugin_start_found;
        __plugin_start_found
    };
    unsafe extern "C" fn __plugin_start_entry(
        _: ::plugin_core::__private::Context,
    ) -> ::plugin_core::__private::HookOutcome {
        ::plugin_core::__private::hook::<
            __Checked<__plugin_start_0>,
        >(__plugin_start_item)
    }
    const __plugin_start_described: ::plugin_core::__private::Described = ::plugin_core::__private::Described::of(
        __plugin_start_node,
    );
    const __plugin_start_promised: ::plugin_core::__private::Promised = unsafe {
        ::plugin_core::__private::Promised::new(
            ::plugin_core::__private::Kind::Init,
            &__plugin_start_described,
            __plugin_start_entry as *const ::plugin_core::__private::core::ffi::c_void,
            &::plugin_core::__private::Source {
                package: b"(package)",
                module: ::plugin_core::__private::core::module_path!(),
                line: ::plugin_core::__private::core::line!(),
                column: ::plugin_core::__private::core::column!(),
                words: ::plugin_core::__private::Words::Encoded(
                    b"\x05\0\0\0start\0\0\0\0\0\0\0\0\0\0\0\0",
                ),
            },
        )
    };
    #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__plugin"))]
    #[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".plugin"))]
    static __plugin_start_record: [::plugin_core::__private::core::primitive::u8; __plugin_start_promised
        .record_len()] = __plugin_start_promised.record();
    static __plugin_start_registration: ::plugin_core::__private::Registration = unsafe {
        __plugin_start_promised.registration(&__plugin_start_record)
    };
    extern "C" fn __plugin_start_register() {
        __plugin_start_registration.register()
    }
    #[used]
    #[cfg_attr(
        target_vendor = "apple",
        unsafe(link_section = "__DATA,__mod_init_func,mod_init_funcs")
    )]
    #[cfg_attr(windows, unsafe(link_section = ".CRT$XCU"))]
    #[cfg_attr(
        not(any(target_vendor = "apple", windows)),
        unsafe(link_section = ".init_array")
    )]
    static __plugin_start_constructor: extern "C" fn() = __plugin_start_register;
};
#[cfg(unix)]
#[doc(hidden)]
const __plugin_free_0_start: ::plugin_core::__private::core::primitive::bool = true;
"#
    );
}

#[test]
fn expansion_of_a_mutable_argument() {
    let sort = expansion(
        quote!(),
        quote!(
            fn r#move((from, to): (usize, usize), r#in: &mut [String]) {}
        ),
    );
    assert_eq!(
        sort,
        r#"#[doc(hidden)]
#[allow(deprecated)]
const __plugin_export_move: () = {
    type __plugin_move_0 = (usize, usize);
    type __plugin_move_1 = [String];
    type __plugin_move_2 = ();
    #[allow(unused_imports)]
    use ::plugin_core::__private::NotFree as __plugin_move_is_free;
    const __plugin_move_node: &[&::plugin_core::__private::Node] = {
        struct __plugin_free_0_move {}
        use __plugin_free_0_move as __plugin_move_is_free;
        let _ = [
            __plugin_move_is_free,
            <_ as ::plugin_core::__private::OutsideOfAnImpl>::FREE,
        ];
        &[
            <__plugin_move_0 as ::plugin_core::PluginType>::NODE,
            <__plugin_move_1 as ::plugin_core::PluginMut>::MUT_NODE,
            <__plugin_move_2 as ::plugin_core::PluginType>::NODE,
        ]
    };
    type __Checked<T> = <<[&'static T; __plugin_move_node
        .len()] as ::plugin_core::__private::core::iter::IntoIterator>::Item as ::plugin_core::__private::core::ops::Deref>::Target;
    #[allow(unused_imports)]
    use ::plugin_core::__private::RemovedByAnotherMacro as __plugin_move_found;
    enum __plugin_move_item {}
    impl ::plugin_core::__private::Exported for __plugin_move_item {
        type Signature = __Checked<
            fn(
                ::plugin_core::__private::ByValue<__plugin_move_0>,
                ::plugin_core::__private::ByMut<__plugin_move_1>,
            ) -> __plugin_move_2,
        >;
        const EXPORTED: ::plugin_core::__private::Function<Self::Signature> = ::plugin_core::__private::Function {
            function: {
                struct r#move {}
                use r#move as __plugin_move_found;
                __plugin_move_found
            },
            source: ::plugin_core::__private::Source {
                package: b"(package)",
                module: ::plugin_core::__private::core::module_path!(),
                line: ::plugin_core::__private::core::line!(),
                column: ::plugin_core::__private::core::column!(),
                words: ::plugin_core::__private::Words::Encoded(
                    b"\x04\0\0\0move\0\0\0\0\x04\0\0\0_\nin\0\0\0\0",
                ),
            },
        };
    }
    #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__plugin"))]
    #[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".plugin"))]
    static __plugin_move_record: [::plugin_core::__private::core::primitive::u8; ::plugin_core::__private::OfFunction::<
        __plugin_move_item,
    >::record_len()] = ::plugin_core::__private::OfFunction::<
        __plugin_move_item,
    >::record();
    static __plugin_move_registration: ::plugin_core::__private::Registration = unsafe {
        ::plugin_core::__private::OfFunction::<
            __plugin_move_item,
        >::registration(&__plugin_move_record)
    };
    extern "C" fn __plugin_move_register() {
        __plugin_move_registration.register()
    }
    #[used]
    #[cfg_attr(
        target_vendor = "apple",
        unsafe(link_section = "__DATA,__mod_init_func,mod_init_funcs")
    )]
    #[cfg_attr(windows, unsafe(link_section = ".CRT$XCU"))]
    #[cfg_attr(
        not(any(target_vendor = "apple", windows)),
        unsafe(link_section = ".init_array")
    )]
    static __plugin_move_constructor: extern "C" fn() = __plugin_move_register;
};
#[doc(hidden)]
const __plugin_free_0_move: ::plugin_core::__private::core::primitive::bool = true;
"#
    );
}
