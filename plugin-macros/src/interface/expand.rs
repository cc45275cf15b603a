//! The expansion: the author's trait, a proxy that implements it, and the trait's descriptor.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;

use super::model::{Interface, Method, MethodArgument, Receiver};
use crate::crossing::{Crossing, Passing};
use crate::export::node;
use crate::sdk::Sdk;

/// Works like `quote!`, with variables that the author's expressions do not see.
macro_rules! mixed {
    ($($tokens:tt)*) => { ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*) };
}

pub(super) fn expand(interface: &Interface, sdk: &Sdk, number: u64, metadata: &str) -> TokenStream {
    let Interface { attributes, shared, visibility, ident, supertraits, methods, skipped, .. } = interface;
    let provided = format_ident!("__Plugin{}Provided", ident.unraw(), span = Span::call_site());
    let trait_methods = methods.iter().map(|method| in_trait(method, &provided));
    let of_trait = quote! {
        #(#attributes)*
        #visibility trait #ident: #(#supertraits +)* ::plugin_core::__private::AnyObject {
            #(#trait_methods)*
            #(#skipped)*
        }
    };
    let bodies = methods.iter().filter_map(|method| {
        let body = method.body.as_ref()?;
        let (name, receiver, output) = (provided_name(method), &method.receiver_words, &method.output);
        let arguments = method.arguments.iter().map(|argument| &argument.written);
        let allowed = allowed(method);
        Some(quote!(#(#allowed)* fn #name(#receiver #(, #arguments)*) #output #body))
    });
    // A body stands in a trait of its own, so that both the author's trait and the proxy can use it.
    let has_bodies = methods.iter().any(|method| method.body.is_some());
    let bodies = has_bodies.then(|| {
        quote! {
            #(#shared)*
            #[doc(hidden)]
            #[allow(deprecated)]
            trait #provided: #ident { #(#bodies)* }
            #(#shared)*
            #[allow(deprecated)]
            impl<__T: #ident + ?::plugin_core::__private::core::marker::Sized> #provided for __T {}
        }
    });
    let items = sdk.guarded("plugin_interface", items(interface, &provided, number, metadata));
    quote! {
        #of_trait
        #bodies
        #(#shared)*
        #[doc(hidden)]
        #[allow(deprecated)]
        const _: () = { #items };
    }
}

/// The items beside the trait.
fn items(interface: &Interface, provided: &Ident, number: u64, metadata: &str) -> TokenStream {
    let Interface { ident, name, methods, .. } = interface;
    let kinds: Vec<Ident> =
        (0..methods.len()).map(|index| format_ident!("__PluginMethod{index}", span = Span::mixed_site())).collect();
    let implementations = methods.iter().zip(&kinds).map(|(method, kind)| {
        let ways = method.arguments.iter().map(|argument| {
            let way = match argument.passing {
                Passing::Ref => mixed!(ByRef),
                Passing::RefObject => mixed!(ByRefObject),
                Passing::Mut => mixed!(ByMut),
                Passing::MutClosure => mixed!(ByMutClosure),
                _ => mixed!(ByValue),
            };
            let ty = &argument.ty;
            mixed!(::plugin_core::__private::#way<#ty>)
        });
        let receiver = Ident::new(
            match method.receiver {
                Receiver::Shared => "Shared",
                Receiver::Exclusive => "Exclusive",
                Receiver::Consumed => "Consumed",
            },
            Span::mixed_site(),
        );
        let (function, returns) = (&method.ident, &method.returns);
        let shown = format!("<dyn {}>::{}", name.value(), function.unraw());
        mixed! {
            enum #kind {}
            impl ::plugin_core::__private::Method for #kind {
                type Object = dyn #ident;
                type Receiver = ::plugin_core::__private::#receiver;
                type Signature = __Checked<fn(#(#ways),*) -> #returns>;
                const NAME: &'static ::plugin_core::__private::core::primitive::str = #shown;
                const FUNCTION: <Self::Signature as ::plugin_core::__private::MethodSignature>::Pointer<Self::Object, Self::Receiver> =
                    <dyn #ident as #ident>::#function;
            }
        }
    });
    let calls =
        methods.iter().zip(&kinds).enumerate().map(|(index, (method, kind))| call(method, kind, index, provided));
    let types = methods.iter().flat_map(|method| {
        let of_argument = |argument: &MethodArgument| {
            let crossing = Crossing { passing: argument.passing, ty: argument.ty.clone(), askable: true };
            node(&crossing, &argument.ty)
        };
        let returns = &method.returns;
        let of_result = mixed!(::plugin_core::__private::result_node::<#returns>());
        method.arguments.iter().map(of_argument).chain([of_result])
    });
    let mut bytes = (methods.len() as u32).to_le_bytes().to_vec();
    let mut parts = Vec::new();
    for (method, kind) in methods.iter().zip(&kinds) {
        let name = method.ident.unraw().to_string();
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend(name.as_bytes());
        bytes.push(method.body.is_some().into());
        let head = Literal::byte_string(&std::mem::take(&mut bytes));
        parts.push(mixed!(&::plugin_core::__private::Node::Of { head: #head, parts: &[] }));
        parts.push(mixed!(::plugin_core::__private::MethodNode::<#kind>::NODE));
    }
    if !bytes.is_empty() {
        let head = Literal::byte_string(&bytes);
        parts.push(mixed!(&::plugin_core::__private::Node::Of { head: #head, parts: &[] }));
    }
    mixed! {
        // The compiler reports a type that does not cross here, and not where the type is `__Checked`.
        const __PLUGIN_TYPES: &[&::plugin_core::__private::Node] = &[#(#types),*];
        type __Checked<T> =
            <<[&'static T; __PLUGIN_TYPES.len()] as ::plugin_core::__private::core::iter::IntoIterator>::Item as ::plugin_core::__private::core::ops::Deref>::Target;
        #(#implementations)*
        #[repr(transparent)]
        struct __PluginProxy(::plugin_core::__private::Remote);
        impl #ident for __PluginProxy { #(#calls)* }
        static __PLUGIN_DEFINITION: ::plugin_core::__private::Definition = ::plugin_core::__private::Definition {
            number: #number,
            place: ::plugin_core::__private::core::concat!(
                ::plugin_core::__private::core::module_path!(), ' ', ::plugin_core::__private::core::file!(), ':', ::plugin_core::__private::core::line!(), ':', ::plugin_core::__private::core::column!(), ' ', #metadata
            ),
            name: #name,
            generic: false,
            body: &::plugin_core::__private::Node::Of { head: ::plugin_core::__private::body::INTERFACE, parts: &[#(#parts),*] },
        };
        const __PLUGIN_NODE: &'static ::plugin_core::__private::Node = &::plugin_core::__private::Node::Of {
            head: &::plugin_core::__private::Tag::DynTrait.head(),
            parts: &[&::plugin_core::__private::Node::Named {
                definition: ::plugin_core::__private::DefinitionRef::new(&__PLUGIN_DEFINITION),
                arguments: &[],
            }],
        };
        ::plugin_core::__interface! { unsafe #ident __PluginProxy __PLUGIN_NODE [#(#kinds)*] }
    }
}

/// The method of the proxy.
fn call(method: &Method, kind: &Ident, index: usize, provided: &Ident) -> TokenStream {
    let Method { ident, receiver, output, arguments, .. } = method;
    let index = Literal::usize_unsuffixed(index);
    let names: Vec<Ident> =
        (0..arguments.len()).map(|index| format_ident!("__a{index}", span = Span::mixed_site())).collect();
    let parameters = names.iter().zip(arguments).map(|(name, argument)| {
        let ty = &argument.written.ty;
        mixed!(#name: #ty)
    });
    let (this, function, remote) = match receiver {
        Receiver::Shared => (mixed!(&self), mixed!(call_method), mixed!(&self.0)),
        Receiver::Exclusive => (mixed!(&mut self), mixed!(call_method), mixed!(&self.0)),
        Receiver::Consumed => {
            (mixed!(self: ::plugin_core::__private::std::boxed::Box<Self>), mixed!(consume_method), mixed!((*self).0))
        }
    };
    let fallback = method.body.as_ref().map(|_| {
        let name = provided_name(method);
        mixed! {
            if !self.0.has(#index) {
                return <Self as #provided>::#name(self #(, #names)*);
            }
        }
    });
    mixed! {
        #[inline]
        fn #ident(#this #(, #parameters)*) #output {
            #fallback
            unsafe { ::plugin_core::__private::#function::<#kind>(#remote, #index, (#(#names,)*)) }
        }
    }
}

/// The method as it stands in the author's trait.
fn in_trait(method: &Method, provided: &Ident) -> TokenStream {
    let Method { attributes, ident, receiver_words, arguments, output, body, .. } = method;
    if body.is_none() {
        let arguments = arguments.iter().map(|argument| &argument.written);
        return quote!(#(#attributes)* fn #ident(#receiver_words #(, #arguments)*) #output;);
    }
    let name = provided_name(method);
    // The names of arguments show in the documentation.
    let names: Vec<Ident> = arguments
        .iter()
        .enumerate()
        .map(|(index, argument)| argument.written.name().unwrap_or_else(|| format_ident!("__a{index}")))
        .map(|name| if name == "_" { format_ident!("__a") } else { name })
        .collect();
    let types = arguments.iter().map(|argument| &argument.written.ty);
    let receiver: TokenStream =
        receiver_words.clone().into_iter().skip_while(|token| token.to_string() == "mut").collect();
    // The body is elsewhere, so the lint is expected there.
    let attributes = attributes.iter().filter(|attribute| !attribute.path().is_ident("expect"));
    quote! {
        #(#attributes)*
        fn #ident(#receiver #(, #names: #types)*) #output {
            <Self as #provided>::#name(self #(, #names)*)
        }
    }
}

/// The name of the function with a provided method's body.
fn provided_name(method: &Method) -> Ident {
    format_ident!("__plugin_{}", method.ident.unraw(), span = Span::call_site())
}

/// The attributes of a provided method that its body needs.
fn allowed(method: &Method) -> impl Iterator<Item = TokenStream> {
    let is_lint = |name: &str| ["allow", "expect", "warn", "deny", "forbid"].contains(&name);
    method
        .attributes
        .iter()
        .filter(move |attribute| {
            attribute.path().segments.first().is_some_and(|first| is_lint(&first.ident.to_string()))
        })
        .map(ToTokens::to_token_stream)
}

/// Implementations for a trait that has mistakes. They cause no further errors.
pub(super) fn stub(_: &Interface) -> TokenStream {
    TokenStream::new()
}
