//! The whole macro: parse, check, report, expand.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::LitStr;
use syn::ext::IdentExt;

use crate::model::{Crossing, Export, Item, Mistakes, Options, Passing, Role, Target};
use crate::types::explained;

pub(crate) fn export(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let options = Options::new(options, &mut mistakes);
    let export = match syn::parse2::<Item>(item.clone()) {
        Ok(parsed) => Export::new(options, parsed, &mut mistakes),
        Err(error) => {
            mistakes.push(explained(error));
            None
        }
    };
    let expansion = match export {
        Some(export) if mistakes.count() == 0 && export.target.crossings().iter().all(|ty| ty.askable) => {
            expand(&export)
        }
        // There is something that this crate or the compiler refuses. The types are still checked, so that what is wrong
        // with them is said in the same compile.
        Some(export) => check_types(&export),
        None => TokenStream::new(),
    };
    let errors = mistakes.to_compile_errors();
    quote!(#item #errors #expansion)
}

/// Refers to a type's descriptor, and so to the trait that it must implement, by a path in which only the type itself
/// is the author's: that is where an error is shown.
fn node(Crossing { passing, ty, .. }: &Crossing) -> TokenStream {
    match passing {
        Passing::Own => quote!(<#ty as ::plugin_core::PluginType>::NODE),
        Passing::Ref => quote!(<#ty as ::plugin_core::PluginRef>::REF_NODE),
        Passing::Mut => quote!(<#ty as ::plugin_core::PluginMut>::MUT_NODE),
        Passing::Static => quote!(<#ty as ::plugin_core::PluginStatic>::STATIC_NODE),
        // All hooks have one descriptor, whatever they return.
        Passing::Hook => quote! {
            (<#ty as ::plugin_core::__private::HookResult>::into_result, ::plugin_core::__private::HOOK_NODE).1
        },
    }
}

/// The descriptor of a function that saves a state.
fn saver(state: TokenStream) -> TokenStream {
    quote! {
        &::plugin_core::__private::Node::Of { head: &::plugin_core::__private::Tag::Fn.head_with(0), parts: &[#state] }
    }
}

fn check_types(Export { target, ident, shared, .. }: &Export) -> TokenStream {
    let nodes = target.crossings().into_iter().filter(|ty| ty.askable).map(node);
    // It has a name because it may stand among methods, where `_` is another mistake.
    let constant = format_ident!("__plugin_types_{}", ident.unraw(), span = Span::call_site());
    quote!(#(#shared)* const #constant: &[&::plugin_core::__private::Node] = &[#(#nodes),*];)
}

/// What an argument arrives as, and what is passed on.
fn argument(index: usize, Crossing { passing, ty, .. }: &Crossing) -> (TokenStream, TokenStream) {
    let parameter = format_ident!("__a{index}", span = Span::mixed_site());
    let (repr, receive, access) = match passing {
        Passing::Ref => (quote!(RefRepr), quote!(by_ref), quote!(&*)),
        Passing::Mut => (quote!(MutRepr), quote!(by_mut), quote!(&mut *)),
        _ => (quote!(OwnRepr), quote!(own), quote!()),
    };
    (
        quote!(#parameter: ::plugin_core::__private::#repr<__Checked<#ty>>),
        quote!(#access unsafe { ::plugin_core::__private::#receive::<__Checked<#ty>>(#parameter) }),
    )
}

/// Makes the entry, a shim with the C ABI, and registers it.
///
/// Each type `T` has its error in the descriptor and nowhere else: further on it is `__Checked<T>`, which is `T` by way
/// of an array as long as the descriptor. Where the descriptor has an error there is no such length, and the compiler
/// says nothing more of what depends on it.
fn expand(export: &Export) -> TokenStream {
    let Export { role, target, ident, name, docs, shared } = export;
    // Names that are not the item's own, which the shim refers to from beside them.
    let entry = format_ident!("__plugin_{}", ident.unraw(), span = Span::call_site());
    let descriptor = format_ident!("{entry}_node");
    let (kind, constant) = match role {
        Role::Export => (quote!(Export), unique_constant(name)),
        Role::Init => (quote!(Init), format_ident!("{entry}_init")),
        Role::Shutdown => (quote!(Shutdown), format_ident!("{entry}_shutdown")),
        Role::Save => (quote!(Save), format_ident!("{entry}_save")),
        Role::Restore => (quote!(Restore), format_ident!("{entry}_restore")),
    };
    let (mut names, mut parameters) = (&[][..], Vec::new());
    let mut parameter_indices = None;
    let (node, outcome, body) = match target {
        Target::Function { arguments, names: all, returns } => {
            let (received, values): (Vec<_>, Vec<_>) =
                arguments.iter().enumerate().map(|(index, of)| argument(index, of)).unzip();
            (names, parameters) = (all, received);
            let (count, nodes, result, ty) = (values.len(), arguments.iter().map(node), node(returns), &returns.ty);
            let node = quote! {
                &::plugin_core::__private::Node::Of {
                    head: &::plugin_core::__private::Tag::Fn.head_with(#count),
                    parts: &[#(#nodes,)* #result],
                }
            };
            let body = quote!(outcome::<__Checked<#ty>>(|| #ident(#(#values),*)));
            let indices = (0..count).map(proc_macro2::Literal::usize_unsuffixed);
            parameter_indices = Some(quote!((#(#indices)*)));
            (node, quote!(Returned<__Checked<#ty>>), body)
        }
        Target::Static(of) => {
            let ty = &of.ty;
            (node(of), quote!(Accessed<__Checked<#ty>>), quote!(access::<__Checked<#ty>>(&#ident)))
        }
        Target::Hook(returns) => {
            let ty = &returns.ty;
            (node(returns), quote!(HookOutcome), quote!(hook::<__Checked<#ty>>(#ident)))
        }
        Target::Save(state) => {
            let ty = &state.ty;
            (saver(node(state)), quote!(Saved), quote!(save::<__Checked<#ty>>(#ident)))
        }
        Target::Restore(crossings) => {
            let [state, returns] = &**crossings;
            let (ty, result, state, hook) = (&state.ty, &returns.ty, node(state), node(returns));
            let parameter = format_ident!("__state", span = Span::mixed_site());
            parameters.push(quote!(#parameter: *const ::core::ffi::c_void));
            // The hook's own descriptor is not needed, but has the compiler look at what it returns.
            let node = saver(quote!((#hook, #state).1));
            let received = quote!(unsafe { ::plugin_core::__private::restored::<__Checked<#ty>>(#parameter) });
            (node, quote!(HookOutcome), quote!(hook::<__Checked<#result>>(|| #ident(#received))))
        }
    };
    let library = crate::is_cdylib().then(|| format_ident!("library"));
    let items = quote! {
        const #descriptor: &::plugin_core::__private::Node = #node;
        type __Checked<T> =
            <<[&'static T; #descriptor.len()] as ::core::iter::IntoIterator>::Item as ::core::ops::Deref>::Target;
        #[inline(never)]
        unsafe extern "C" fn #entry(
            _: ::plugin_core::__private::Context, #(#parameters),*
        ) -> ::plugin_core::__private::#outcome {
            ::plugin_core::__private::#body
        }
        ::plugin_core::__register! {
            #kind #name #entry #parameter_indices #library, docs: [#(#docs),*], arguments: [#(#names),*], node: #descriptor
        }
    };
    // At the name, so that the compiler shows it when there are two of the constant.
    let at_name = Span::call_site().located_at(name.span());
    quote_spanned!(at_name=> #(#shared)* #[doc(hidden)] const #constant: () = { #items };)
}

/// A name that two exports of one name in one module both define, which the compiler reports at the two names.
fn unique_constant(name: &LitStr) -> Ident {
    let value = name.value();
    let plain = value.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    let mut ident = String::from(if plain { "__plugin_export_" } else { "__plugin_named_export_" });
    for c in value.chars() {
        match c {
            _ if plain || c.is_ascii_alphanumeric() => ident.push(c),
            '_' => ident.push_str("__"),
            // ASCII only: a crate may forbid other identifiers.
            c => ident.push_str(&format!("_{:x}_", u32::from(c))),
        }
    }
    Ident::new(&ident, Span::call_site())
}
