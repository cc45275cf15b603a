//! The definition of an annotated type, as `plugin_core::descriptor` has it.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use syn::GenericParam;

use super::field_types::Types;
use super::model::{Body, Fields, Form, Style};
use super::shape::Shape;
use crate::tokens::without_self;

/// The nodes of a definition's body: runs of bytes, and the descriptors of fields between them. The numbers of tags, forms
/// and styles are plugin-core's, so this crate names their constants, and leaves room in the bytes for the styles of
/// variants.
#[derive(Default)]
struct Nodes {
    bytes: Vec<u8>,
    /// For unit, tuple and named variants, where in `bytes` the style of each belongs.
    styles: [Vec<Literal>; 3],
    parts: Vec<TokenStream>,
}

impl Nodes {
    fn count(&mut self, count: usize) {
        self.bytes.extend((count as u32).to_le_bytes());
    }

    fn name(&mut self, name: &str) {
        self.count(name.len());
        self.bytes.extend(name.as_bytes());
    }

    /// Leaves room for a style.
    fn style(&mut self, style: Style) {
        let [unit, tuple, named] = &mut self.styles;
        let places = match style {
            Style::Unit => unit,
            Style::Tuple => tuple,
            Style::Named => named,
        };
        places.push(Literal::usize_unsuffixed(self.bytes.len()));
        self.bytes.push(0);
    }

    fn bytes_so_far(&mut self) {
        if !self.bytes.is_empty() {
            let bytes = Literal::byte_string(&std::mem::take(&mut self.bytes));
            let styles = std::mem::take(&mut self.styles);
            let head = if styles.iter().all(Vec::is_empty) {
                mixed!(#bytes)
            } else {
                let [unit, tuple, named] = styles.map(|places| mixed!(&[#(#places),*]));
                mixed!(&::plugin_core::__private::with_styles(*#bytes, #unit, #tuple, #named))
            };
            self.parts.push(mixed!(&::plugin_core::__private::Node::Of { head: #head, parts: &[] }));
        }
    }

    fn node(&mut self, node: TokenStream) {
        self.bytes_so_far();
        self.parts.push(node);
    }

    fn fields(&mut self, fields: &Fields, types: &Types) {
        self.count(fields.fields.len());
        for field in &fields.fields {
            self.name(&field.name.text);
            self.bytes.push(field.default.is_some().into());
            self.node(types.of(field, "NODE"));
        }
    }

    /// The whole body. It begins with the constant `head` of plugin-core's module `body`.
    fn finish(mut self, head: &str) -> TokenStream {
        self.bytes_so_far();
        let (head, parts) = (Ident::new(head, Span::mixed_site()), self.parts);
        mixed!(&::plugin_core::__private::Node::Of { head: ::plugin_core::__private::body::#head, parts: &[#(#parts),*] })
    }
}

impl Shape<'_> {
    /// A definition with this body. It is `generic` if the body has stand-ins for the parameters.
    pub(super) fn definition_of(&self, body: TokenStream, generic: bool) -> TokenStream {
        let (name, number, metadata) = (&self.model.name.text, self.number, self.metadata);
        mixed! {
            ::plugin_core::__private::Definition {
                number: #number,
                place: ::plugin_core::__private::core::concat!(
                    ::plugin_core::__private::core::module_path!(), ' ', ::plugin_core::__private::core::file!(), ':', ::plugin_core::__private::core::line!(), ':', ::plugin_core::__private::core::column!(), ' ', #metadata
                ),
                name: #name,
                generic: #generic,
                body: #body,
            }
        }
    }

    /// The definition, where there is one for all arguments, and the node that refers to the definition.
    pub(super) fn definition(&self) -> (TokenStream, TokenStream) {
        let generics = &self.model.generics;
        let arguments = generics.params.iter().map(|param| match param {
            GenericParam::Const(param) => {
                let ident = &param.ident;
                mixed! {
                    &::plugin_core::__private::Node::Of {
                        head: &::plugin_core::__private::constant(#ident as ::plugin_core::__private::core::primitive::i128),
                        parts: &[],
                    }
                }
            }
            GenericParam::Type(param) => {
                let ident = &param.ident;
                mixed!(<#ident as ::plugin_core::PluginType>::NODE)
            }
            GenericParam::Lifetime(_) => mixed!(),
        });
        let node = |definition: TokenStream| {
            mixed! {
                &::plugin_core::__private::Node::Named {
                    definition: ::plugin_core::__private::DefinitionRef::new(#definition),
                    arguments: &[#(#arguments),*],
                }
            }
        };
        let definition = if generics.params.is_empty() {
            self.definition_of(self.body(), false)
        } else {
            match self.template {
                None => return (mixed!(), node(mixed!(<Self as __PluginParts>::DEFINITION))),
                Some(parameters) => self.template(parameters),
            }
        };
        let item = mixed!(static __PLUGIN_DEFINITION: ::plugin_core::__private::Definition = #definition;);
        (item, node(mixed!(&__PLUGIN_DEFINITION)))
    }

    /// A definition with stand-ins for the parameters, which describes the type for all arguments.
    ///
    /// In `__plugin_body` the compiler knows nothing of the parameters but that they cross, and that they have some traits of
    /// the standard library's, which are named by paths that lead nowhere else. The only associated type among these traits is
    /// `Repr`, and the compiler knows of `Repr` that `Repr` is `Copy`. So if the compiler finds that the type has a body, then
    /// each field's type follows from implementations that hold for every argument with these traits. The implementation for the
    /// type asks its arguments for the same traits. An argument with an implementation of its own would be a second one, which
    /// the compiler refuses.
    ///
    /// The feature `specialization` of the nightly compiler permits the second one. Therefore the conversions compare the
    /// definition with the body for the real arguments (see [`Shape::parts`]).
    ///
    /// No author can name the stand-ins, because `__PluginTemplate` is an item of this inner block. The only word of the
    /// author's in this block is the type's name.
    fn template(&self, parameters: &[(&Ident, Vec<TokenStream>)]) -> TokenStream {
        let whole = &self.types.whole;
        let bounds = parameters.iter().map(|(ident, bounds)| mixed!(#ident: ::plugin_core::PluginType #(+ #bounds)*));
        let stand_ins = (0..parameters.len()).map(|index| {
            let index = Literal::usize_unsuffixed(index);
            mixed!(::plugin_core::__private::Parameter<__PluginTemplate, #index>)
        });
        let definition = self.definition_of(mixed!(__plugin_body::<#(#stand_ins),*>()), true);
        mixed! {{
            struct __PluginTemplate;
            unsafe impl ::plugin_core::__private::Template for __PluginTemplate {}
            const fn __plugin_body<#(#bounds),*>() -> &'static ::plugin_core::__private::Node {
                <#whole as __PluginParts>::BODY
            }
            #definition
        }}
    }

    /// The contents of the definition, in the form of its module in `plugin_core::descriptor`.
    pub(super) fn body(&self) -> TokenStream {
        let mut nodes = Nodes::default();
        match &self.model.body {
            Body::Struct(fields) => {
                nodes.fields(fields, self.types);
                nodes.finish(match (self.model.form, fields.style) {
                    (Form::Fixed, Style::Unit) => "STRUCT_UNIT",
                    (Form::Fixed, Style::Tuple) => "STRUCT_TUPLE",
                    (Form::Fixed, Style::Named) => "STRUCT_NAMED",
                    (Form::C, Style::Unit) => "C_UNIT",
                    (Form::C, Style::Tuple) => "C_TUPLE",
                    (Form::C, Style::Named) => "C_NAMED",
                    (Form::Grows, Style::Unit) => "GROWING_UNIT",
                    (Form::Grows, Style::Tuple) => "GROWING_TUPLE",
                    (Form::Grows, Style::Named) => "GROWING_NAMED",
                })
            }
            Body::Enum { variants, fallback, discriminant } => {
                nodes.count(variants.len());
                for variant in variants {
                    nodes.name(&variant.name.text);
                    let (last, since) = &variant.discriminant;
                    match last {
                        None => nodes.bytes.extend(since.to_le_bytes()),
                        Some(value) => {
                            // The constant is not in an implementation for the type.
                            let value = without_self(value, &self.model.ident);
                            let since = Literal::i128_unsuffixed(*since);
                            nodes.node(mixed! {
                                &::plugin_core::__private::Node::Of {
                                    head: &({
                                        const __PLUGIN_VALUE: ::plugin_core::__private::core::primitive::#discriminant = #value;
                                        __PLUGIN_VALUE as ::plugin_core::__private::core::primitive::i128 + #since
                                    }).to_le_bytes(),
                                    parts: &[],
                                }
                            });
                        }
                    }
                    nodes.style(variant.fields.style);
                    nodes.fields(&variant.fields, self.types);
                }
                if let Some(fallback) = fallback {
                    nodes.name(&fallback.name.text);
                }
                nodes.finish(if fallback.is_some() { "GROWING_ENUM" } else { "ENUM" })
            }
        }
    }
}
