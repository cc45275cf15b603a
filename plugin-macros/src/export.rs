//! The whole macro: parse, check, report, expand.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Item, Type};

use crate::model::{Export, Mistakes, Options, Passing, Role, Target};

pub(crate) fn export(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let options = syn::parse2::<Options>(options).unwrap_or_else(|error| {
        mistakes.push(error);
        Options::default()
    });
    let export = match syn::parse2::<Item>(item.clone()) {
        Ok(parsed) => Export::new(options, &parsed, &mut mistakes),
        Err(error) => {
            mistakes.push(error);
            None
        }
    };
    let expansion = match (mistakes.into_error(), export) {
        (None, Some(export)) => expand(&export),
        (Some(error), export) => {
            let errors = error.to_compile_error();
            // The types are still checked, so that what is wrong with them is said in the same compile.
            let types = export.filter(|export| !export.generic).map(|export| check_types(&export));
            quote!(#errors #types)
        }
        (None, None) => TokenStream::new(),
    };
    quote!(#item #expansion)
}

/// The path of what an argument's or result's type goes through, at the type's own place.
fn typed(function: &str, ty: &Type) -> TokenStream {
    let function = Ident::new(function, Span::call_site());
    quote_spanned!(ty.span()=> ::plugin_core::__private::#function::<#ty>)
}

fn node(passing: Passing, ty: &Type) -> TokenStream {
    let function = match passing {
        Passing::Own => "own_node",
        Passing::Ref => "ref_node",
        Passing::Mut => "mut_node",
    };
    let path = typed(function, ty);
    quote!(#path())
}

fn check_types(export: &Export) -> TokenStream {
    let nodes = match &export.target {
        Target::Function { arguments, returns } => {
            let arguments = arguments.iter().map(|argument| node(argument.passing, &argument.ty));
            arguments.chain([node(Passing::Own, returns)]).collect()
        }
        Target::Static { ty } => {
            let path = typed("static_node", ty);
            vec![quote!(#path())]
        }
        Target::Hook => Vec::new(),
    };
    quote!(#(const _: &::plugin_core::__private::Node = #nodes;)*)
}

/// Makes the entry, a shim with the C ABI, and registers it.
fn expand(export: &Export) -> TokenStream {
    let Export { role, target, ident, name, docs, cfgs, .. } = export;
    let kind = match role {
        Role::Export => quote!(Export),
        Role::Init => quote!(Init),
        Role::Shutdown => quote!(Shutdown),
    };
    let (entry, names, node) = match target {
        Target::Function { arguments, returns } => {
            let (mut parameters, mut values, mut nodes, mut names) = (vec![], vec![], vec![], vec![]);
            for (index, argument) in arguments.iter().enumerate() {
                let ty = &argument.ty;
                let parameter = format_ident!("a{index}", span = Span::mixed_site());
                let (repr, receive, access) = match argument.passing {
                    Passing::Own => ("OwnRepr", "own", quote!()),
                    Passing::Ref => ("RefRepr", "by_ref", quote!(&*)),
                    Passing::Mut => ("MutRepr", "by_mut", quote!(&mut *)),
                };
                let (repr, receive) = (typed(repr, ty), typed(receive, ty));
                parameters.push(quote!(#parameter: #repr));
                values.push(quote!(#access unsafe { #receive(#parameter) }));
                nodes.push(node(argument.passing, ty));
                names.push(&argument.name);
            }
            let returned = typed("Returned", returns);
            let result = node(Passing::Own, returns);
            let count = arguments.len();
            let entry = quote! {
                unsafe extern "C" fn __plugin_entry(
                    _: ::plugin_core::__private::Context, #(#parameters),*
                ) -> #returned {
                    ::plugin_core::__private::outcome(|| #ident(#(#values),*))
                }
            };
            let node = quote! {
                &::plugin_core::__private::Node {
                    head: &::plugin_core::__private::Tag::Fn.head_with(#count),
                    parts: &[#(#nodes,)* #result],
                }
            };
            (entry, names, node)
        }
        Target::Static { ty } => {
            let (accessed, node) = (typed("Accessed", ty), typed("static_node", ty));
            let entry = quote! {
                unsafe extern "C" fn __plugin_entry(_: ::plugin_core::__private::Context) -> #accessed {
                    ::plugin_core::__private::access(&#ident)
                }
            };
            (entry, vec![], quote!(#node()))
        }
        Target::Hook => {
            let entry = quote! {
                unsafe extern "C" fn __plugin_entry(
                    _: ::plugin_core::__private::Context
                ) -> ::plugin_core::__private::HookOutcome {
                    ::plugin_core::__private::hook(#ident)
                }
            };
            (entry, vec![], quote!(::plugin_core::__private::HOOK_NODE))
        }
    };
    let constant = match role {
        Role::Export => unique_constant(&name.value(), name.span()),
        Role::Init | Role::Shutdown => quote!(_),
    };
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        const #constant: () = {
            #entry
            ::plugin_core::__register! {
                #kind #name __plugin_entry, docs: [#(#docs),*], arguments: [#(#names),*], node: #node
            }
        };
    }
}

/// A name that two exports of one name in one module both define, which the compiler reports.
fn unique_constant(name: &str, span: Span) -> TokenStream {
    let mut ident = String::from("__plugin_export_");
    for c in name.chars() {
        match c {
            '_' | '0'..='9' | 'a'..='z' | 'A'..='Z' => ident.push(c),
            // No identifier character of its own may be mistaken for an escape: `ʹ` is a letter nobody names things.
            c => ident.push_str(&format!("\u{2b9}{:x}", u32::from(c))),
        }
    }
    let ident = Ident::new(&ident, Span::call_site().located_at(span));
    quote!(#ident)
}
