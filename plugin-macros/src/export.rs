//! The whole macro: parse, check, report, expand.

use std::sync::atomic::{AtomicBool, Ordering};

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, ExprLit, Lit, LitStr, Type};

use crate::compiler::{self, Dependency};
use crate::crossing::{Crossing, Passing};
use crate::export_check::{Export, Target};
use crate::item;
use crate::mistakes::{Mistakes, explained};
use crate::options::{Options, Role};
use crate::sdk::Sdk;
use crate::tokens::ends;
use crate::types::advice;

/// The whole macro. `number` is different for each use of it in a crate, which has plugin-core by the name in `dependency`.
pub(crate) fn export(options: TokenStream, item: TokenStream, number: u64, dependency: &Dependency) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let mut options = Options::new(options, &mut mistakes);
    let sdk = Sdk::new(options.sdk.take(), dependency);
    let export = match syn::parse2::<item::Item>(sdk.marked(&item)) {
        Ok(parsed) => Export::new(options, parsed, &mut mistakes),
        Err(error) => {
            mistakes.push(explained(error));
            None
        }
    };
    let expansion = match export {
        Some(export) if mistakes.count() == 0 && export.target.crossings().iter().all(|ty| ty.askable) => {
            expand(&export, &sdk, number)
        }
        // This crate or the compiler refuses the item. The types are still checked, so that one compile reports all
        // mistakes.
        Some(export) => check_types(&export),
        None => TokenStream::new(),
    };
    let (errors, expansion) = (mistakes.to_compile_errors(), sdk.in_expansion(expansion));
    quote!(#item #errors #expansion)
}

/// A type of the author's under a name of the expansion's. The author's own words stand in one place only, because the
/// compiler reads them anew at each place, and a macro among the words may then mean something else.
struct Named<'a> {
    crossing: &'a Crossing,
    /// The name, placed where the author's words are, so that the compiler shows these.
    name: TokenStream,
    declaration: TokenStream,
}

impl<'a> Named<'a> {
    fn new(crossing: &'a Crossing, name: &Ident) -> Self {
        let ty = &crossing.ty;
        Named { crossing, name: placed_at(name, ty), declaration: quote!(type #name = #ty;) }
    }

    /// The type as it stands in a signature.
    fn in_signature(&self) -> TokenStream {
        let name = &self.name;
        match self.crossing.passing {
            Passing::Ref | Passing::RefObject => quote!(&#name),
            Passing::Mut | Passing::MutClosure => quote!(&mut #name),
            _ => quote!(#name),
        }
    }

    fn node(&self) -> TokenStream {
        node(self.crossing, &self.name)
    }
}

/// `name` as a path that begins and ends where `ty` does.
fn placed_at(name: &Ident, ty: &Type) -> TokenStream {
    let (first, last) = ends(ty);
    let mut path = Ident::new(&name.to_string(), first).into_token_stream();
    path.extend(quote_spanned!(last=> <>));
    path
}

/// The path of a type's descriptor, and so of the trait that the type must implement. Only the type itself, `name`, has the
/// author's place in that path, so the compiler shows an error there.
pub(crate) fn node(crossing: &Crossing, name: impl ToTokens) -> TokenStream {
    let (own, node, how) = match crossing.passing {
        Passing::Own => ("PluginType", "NODE", "Own"),
        Passing::Ref | Passing::RefObject => ("PluginRef", "REF_NODE", "Ref"),
        Passing::Mut | Passing::MutClosure => ("PluginMut", "MUT_NODE", "Mut"),
        Passing::Static => ("PluginStatic", "STATIC_NODE", "Static"),
        // All hooks have one descriptor. The results of the author's hooks differ.
        Passing::Hook => {
            return quote! {
                (<#name as ::plugin_core::__private::HookResult>::into_result, ::plugin_core::__private::HOOK_NODE).1
            };
        }
    };
    let [own, node, how] = [own, node, how].map(|word| Ident::new(word, Span::call_site()));
    match advice(&crossing.ty, crossing.passing) {
        Some(advice) => {
            quote!(<#name as ::plugin_core::__private::advice::#advice<::plugin_core::__private::#how>>::NODE)
        }
        None => quote!(<#name as ::plugin_core::#own>::#node),
    }
}

/// The descriptor of a function that saves a state.
fn saver(state: TokenStream) -> TokenStream {
    quote! {
        &::plugin_core::__private::Node::Of {
            head: &::plugin_core::__private::Tag::Fn.head_with(0),
            parts: &[::plugin_core::__private::of_state(#state)],
        }
    }
}

fn check_types(Export { target, ident, shared, .. }: &Export) -> TokenStream {
    let askable = target.crossings().into_iter().filter(|crossing| crossing.askable);
    let nodes = askable.map(|crossing| node(crossing, &crossing.ty));
    // The constant has a name because it may stand among methods, where a constant `_` is another mistake.
    let constant = format_ident!("__plugin_types_{}", ident.unraw(), span = Span::call_site());
    quote!(#(#shared)* const #constant: &[&::plugin_core::__private::Node] = &[#(#nodes),*];)
}

/// Makes the item's entry, and registers it. `number` is different for each export of a crate.
///
/// The author's words do not stand in an entry, because the entry is an unsafe function: the author's words could call
/// unsafe functions there without `unsafe`. The entry knows the types by their names, and the item as a constant: a
/// pointer to a safe function of exactly these types. The compiler refuses the constant if another macro has made the
/// item into something else.
///
/// The compiler reports a type `T` that does not cross in the descriptor only. Everywhere else the type is `__Checked<T>`,
/// which is `T` by way of an array as long as the descriptor. A descriptor with an error has no length, and the compiler does
/// not report types that depend on an error. So the descriptor is also where an item in an `impl` or a trait is reported. There,
/// the compiler does not find the item by its bare name, or finds another item: then the entry would call that.
///
/// The compiler spends most of its time on bodies: of functions, constants and statics. So the expansion has few of them. All
/// that can be generic is in plugin-core.
fn expand(export: &Export, sdk: &Sdk, number: u64) -> TokenStream {
    let Export { role, target, ident, name, shared, .. } = export;
    // Names that differ from the item's own name. The expansion stands beside the item and refers to it.
    let prefix = format_ident!("__plugin_{}", ident.unraw(), span = Span::call_site());
    let named = |what: &str| format_ident!("{prefix}_{what}");
    let free = free_constant(ident, number);
    let is_free = named("is_free");
    let constant = match role {
        Role::Export => unique_constant(name),
        Role::Init => named("init"),
        Role::Shutdown => named("shutdown"),
        Role::Save => named("save"),
        Role::Restore => named("restore"),
    };
    let crossings = target.crossings().into_iter().enumerate();
    let types: Vec<Named> =
        crossings.map(|(index, crossing)| Named::new(crossing, &named(&index.to_string()))).collect();
    let library = compiler::is_library();
    let source = source(export, library);
    let Item { node_type, node, items, record_len, record_of, registration_of } = match target {
        Target::Function { .. } => function(export, &types, &source, &named),
        _ => other(export, &types, &source, &named),
    };
    let declarations = types.iter().map(|ty| &ty.declaration);
    let find_free = find(&free, &is_free);
    let place = quote_spanned!(ident.span()=> <_ as ::plugin_core::__private::OutsideOfAnImpl>::FREE);
    // These functions must be in the library's own object files, and not in a program's. They are in a module, because neither an
    // `impl` nor a block has a place for them.
    let control = (library && brings_control(shared)).then(|| {
        quote!(
            mod __control {
                ::plugin_core::__control_threads! {}
            }
        )
    });
    let (descriptor, record) = (named("node"), named("record"));
    let (registration, register, constructor) = (named("registration"), named("register"), named("constructor"));
    let items = quote! {
        #(#declarations)*
        #[allow(unused_imports)]
        use ::plugin_core::__private::NotFree as #is_free;
        const #descriptor: #node_type = {
            #find_free
            let _ = [#is_free, #place];
            #node
        };
        type __Checked<T> =
            <<[&'static T; #descriptor.len()] as ::plugin_core::__private::core::iter::IntoIterator>::Item as ::plugin_core::__private::core::ops::Deref>::Target;
        #items
        #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__plugin"))]
        #[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".plugin"))]
        static #record: [::plugin_core::__private::core::primitive::u8; #record_len()] = #record_of();
        static #registration: ::plugin_core::__private::Registration = unsafe { #registration_of(&#record) };
        extern "C" fn #register() {
            #registration.register()
        }
        #[used]
        #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func,mod_init_funcs"))]
        #[cfg_attr(windows, unsafe(link_section = ".CRT$XCU"))]
        #[cfg_attr(not(any(target_vendor = "apple", windows)), unsafe(link_section = ".init_array"))]
        static #constructor: extern "C" fn() = #register;
        #control
    };
    let items = sdk.guarded("plugin_export", items);
    // The constant has the place of the export's name. So the compiler shows that name if two constants are equal. A
    // deprecated item may be exported, so the expansion may use it.
    let at_name = Span::call_site().located_at(name.span());
    // Outside of the guard, a path that leads nowhere has the compiler advise to import std's module `primitive`.
    let boolean = match sdk.is_told() {
        true => quote_spanned!(at_name=> ::plugin_core::__private::core::primitive::bool),
        false => quote_spanned!(at_name=> bool),
    };
    quote_spanned! {at_name=>
        #(#shared)* #[doc(hidden)] #[allow(deprecated)] const #constant: () = { #items };
        #(#shared)* #[doc(hidden)] const #free: #boolean = true;
    }
}

/// The facts about the item that its record contains beside its type. The macro encodes all fields that it knows. It does not know
/// a doc comment that a macro makes.
fn source(Export { target, name, docs, .. }: &Export, in_library: bool) -> TokenStream {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let arguments = match target {
        Target::Function { names, .. } => names.join("\n"),
        _ => String::new(),
    };
    let encoded = |fields: &[&str]| {
        let field = |text: &&str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
        Literal::byte_string(&fields.iter().flat_map(field).collect::<Vec<u8>>())
    };
    let (name, library) = (name.value(), if in_library { "library" } else { "" });
    let literals = docs.iter().map(|docs| match docs {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    });
    let words = match literals.collect::<Option<Vec<String>>>() {
        Some(lines) => {
            let words = encoded(&[&name, &lines.join("\n"), &arguments, library]);
            quote!(Encoded(#words))
        }
        None => {
            let (name, rest) = (encoded(&[&name]), encoded(&[&arguments, library]));
            quote!(Documented { name: #name, docs: &[#(#docs),*], rest: #rest })
        }
    };
    let package = encoded(&[&variable("CARGO_PKG_NAME"), &variable("CARGO_PKG_VERSION")]);
    quote! {
        ::plugin_core::__private::Source {
            package: #package,
            module: ::plugin_core::__private::core::module_path!(),
            line: ::plugin_core::__private::core::line!(),
            column: ::plugin_core::__private::core::column!(),
            words: ::plugin_core::__private::Words::#words,
        }
    }
}

/// The parts of an expansion that depend on the kind of the item.
struct Item {
    /// The type of the constant in which the compiler checks the author's types.
    node_type: TokenStream,
    /// The value of that constant.
    node: TokenStream,
    /// The items that promise the entry.
    items: TokenStream,
    /// The function that returns the length of the record.
    record_len: TokenStream,
    /// The function that returns the record.
    record_of: TokenStream,
    /// The function that makes the registration.
    registration_of: TokenStream,
}

/// The parts for a function. The expansion only names the function and its signature, so that the compiler reads little. A function
/// with an ABI of its own gets a function around it.
fn function(
    Export { ident, abi, .. }: &Export,
    types: &[Named],
    source: &TokenStream,
    named: &dyn Fn(&str) -> Ident,
) -> Item {
    let (item, found) = (named("item"), named("found"));
    let (returns, arguments) = types.split_last().expect("the result is the last type");
    let (nodes, result) = (types.iter().map(Named::node), &returns.name);
    let ways = arguments.iter().map(|Named { crossing, name, .. }| {
        let way = match crossing.passing {
            Passing::Ref => quote!(ByRef),
            Passing::Mut => quote!(ByMut),
            Passing::MutClosure => quote!(ByMutClosure),
            _ => quote!(ByValue),
        };
        quote!(::plugin_core::__private::#way<#name>)
    });
    let find = find(ident, &found);
    let shown = Ident::new(&found.to_string(), ident.span());
    let mut function = quote!({ #find #shown });
    let mut around = None;
    if abi.is_some() {
        let (caller, own) = (named("caller"), named("own"));
        let in_signature: Vec<_> = arguments.iter().map(Named::in_signature).collect();
        let parameters = (0..arguments.len()).map(|index| format_ident!("__a{index}", span = Span::mixed_site()));
        let parameters: Vec<_> = parameters.collect();
        around = Some(quote! {
            const #own: __Checked<#abi fn(#(#in_signature),*) -> #result> = #function;
            fn #caller(#(#parameters: #in_signature),*) -> #result {
                #own(#(#parameters),*)
            }
        });
        function = quote!(#caller);
    }
    Item {
        node_type: quote!(&[&::plugin_core::__private::Node]),
        node: quote!(&[#(#nodes),*]),
        items: quote! {
            #[allow(unused_imports)]
            use ::plugin_core::__private::RemovedByAnotherMacro as #found;
            #around
            enum #item {}
            impl ::plugin_core::__private::Exported for #item {
                type Signature = __Checked<fn(#(#ways),*) -> #result>;
                const EXPORTED: ::plugin_core::__private::Function<Self::Signature> =
                    ::plugin_core::__private::Function { function: #function, source: #source };
            }
        },
        record_len: quote!(::plugin_core::__private::OfFunction::<#item>::record_len),
        record_of: quote!(::plugin_core::__private::OfFunction::<#item>::record),
        registration_of: quote!(::plugin_core::__private::OfFunction::<#item>::registration),
    }
}

/// The parts for another item: the entry, a shim with the C ABI, stands beside the item.
fn other(
    Export { role, target, ident, abi, .. }: &Export,
    types: &[Named],
    source: &TokenStream,
    named: &dyn Fn(&str) -> Ident,
) -> Item {
    let (descriptor, described, own) = (named("node"), named("described"), named("item"));
    let (entry, promised, found) = (named("entry"), named("promised"), named("found"));
    let (returns, arguments) = types.split_last().expect("the result is the last type");
    let (kind, ty) = (format_ident!("{role:?}"), &returns.name);
    let mut parameter = None;
    let (node, outcome, body) = match target {
        Target::Save(_) => (saver(returns.node()), quote!(Saved), quote!(save::<__Checked<#ty>>(#own))),
        Target::Restore(_) => {
            let (state, hook, state_node) = (&arguments[0].name, returns.node(), arguments[0].node());
            let address = format_ident!("__state", span = Span::mixed_site());
            parameter = Some(quote!(#address: *const ::plugin_core::__private::core::ffi::c_void));
            // The hook's own descriptor has the compiler check the hook's result.
            let node = saver(quote!((#hook, #state_node).1));
            let received = quote!(unsafe { ::plugin_core::__private::restored::<__Checked<#state>>(#address) });
            (node, quote!(HookOutcome), quote!(hook::<__Checked<#ty>>(|| #own(#received))))
        }
        Target::Static(_) => {
            (returns.node(), quote!(Accessed<__Checked<#ty>>), quote!(access::<__Checked<#ty>>(#own())))
        }
        _ => (returns.node(), quote!(HookOutcome), quote!(hook::<__Checked<#ty>>(#own))),
    };
    let item = if let Target::Static(_) = target {
        // A tuple is not converted to another one, as a reference could be.
        let shown = Ident::new("item", ident.span());
        quote! {
            fn #own() -> &'static #ty {
                let #shown = (&#ident,);
                let (item,): (&'static #ty,) = #shown;
                item
            }
        }
    } else {
        let arguments = arguments.iter().map(Named::in_signature);
        let find = find(ident, &found);
        let shown = Ident::new(&found.to_string(), ident.span());
        quote! {
            #[allow(unused_imports)]
            use ::plugin_core::__private::RemovedByAnotherMacro as #found;
            const #own: __Checked<#abi fn(#(#arguments),*) -> #ty> = { #find #shown };
        }
    };
    Item {
        node_type: quote!(&::plugin_core::__private::Node),
        node,
        items: quote! {
            #item
            unsafe extern "C" fn #entry(
                _: ::plugin_core::__private::Context, #parameter
            ) -> ::plugin_core::__private::#outcome {
                ::plugin_core::__private::#body
            }
            const #described: ::plugin_core::__private::Described = ::plugin_core::__private::Described::of(#descriptor);
            const #promised: ::plugin_core::__private::Promised = unsafe {
                ::plugin_core::__private::Promised::new(
                    ::plugin_core::__private::Kind::#kind,
                    &#described,
                    #entry as *const ::plugin_core::__private::core::ffi::c_void,
                    &#source,
                )
            };
        },
        record_len: quote!(#promised.record_len),
        record_of: quote!(#promised.record),
        registration_of: quote!(#promised.registration),
    }
}

/// Returns true if an expansion must bring the functions that control threads. The library needs them once. An item with attributes
/// that the expansion repeats, such as `cfg`, may be left out. So it brings the functions, and the next item still does.
fn brings_control(shared: &[TokenStream]) -> bool {
    static BROUGHT: AtomicBool = AtomicBool::new(false);
    if shared.is_empty() { !BROUGHT.swap(true, Ordering::Relaxed) } else { !BROUGHT.load(Ordering::Relaxed) }
}

/// Statements that make `as_name` the value that `name` leads to. Without such a value, `as_name` stays what it is around the
/// statements, and the compiler reports nothing: an import is an error only if the name leads to nothing at all, and here it always
/// leads to a type.
fn find(name: &Ident, as_name: &Ident) -> TokenStream {
    let mut name = name.clone();
    name.set_span(Span::call_site().located_at(name.span()));
    quote!(struct #name {} use #name as #as_name;)
}

/// A constant beside the item, of a name that nothing else has. The compiler finds it by its bare name unless it is in an `impl` or
/// a trait.
fn free_constant(ident: &Ident, number: u64) -> Ident {
    format_ident!("__plugin_free_{number}_{}", ident.unraw(), span = Span::call_site())
}

/// The name of a constant. Two exports of one name in one module both define this constant, so the compiler reports an
/// error at both names.
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
