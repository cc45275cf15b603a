//! The definition of an annotated type, as `plugin_core::descriptor` has it.

use proc_macro2::{Ident, Literal, TokenStream};
use syn::GenericParam;
use syn::ext::IdentExt;

use super::field_types::Types;
use super::model::{Body, Fields, Form, Style};
use super::shape::Shape;
use crate::tokens::without_self;

/// The numbers of `plugin_core::descriptor::Tag` and of its forms and styles, as far as they are written here.
const TAG_STRUCT: u8 = 83;
const TAG_ENUM: u8 = 84;

impl Form {
    fn number(self) -> u8 {
        match self {
            Form::Fixed => 0,
            Form::C => 1,
            Form::Grows => 2,
        }
    }
}

impl Style {
    fn number(self) -> u8 {
        match self {
            Style::Unit => 0,
            Style::Tuple => 1,
            Style::Named => 2,
        }
    }
}

/// The nodes of a definition's body: runs of bytes, and the descriptors of fields between them.
#[derive(Default)]
struct Nodes {
    bytes: Vec<u8>,
    parts: Vec<TokenStream>,
}

impl Nodes {
    fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    fn count(&mut self, count: usize) {
        self.bytes.extend((count as u32).to_le_bytes());
    }

    fn name(&mut self, name: &str) {
        self.count(name.len());
        self.bytes.extend(name.as_bytes());
    }

    fn bytes_so_far(&mut self) {
        if !self.bytes.is_empty() {
            let bytes = Literal::byte_string(&std::mem::take(&mut self.bytes));
            self.parts.push(mixed!(&::plugin_core::__private::Node::Of { head: #bytes, parts: &[] }));
        }
    }

    fn node(&mut self, node: TokenStream) {
        self.bytes_so_far();
        self.parts.push(node);
    }

    fn fields(&mut self, fields: &Fields, types: &Types) {
        self.byte(fields.style.number());
        self.count(fields.fields.len());
        for field in &fields.fields {
            self.name(&field.name);
            self.byte(field.default.is_some().into());
            self.node(types.of(field, "NODE"));
        }
    }

    fn finish(mut self) -> TokenStream {
        self.bytes_so_far();
        let parts = self.parts;
        mixed!(&::plugin_core::__private::Node::Of { head: &[], parts: &[#(#parts),*] })
    }
}

impl Shape<'_> {
    /// A definition with this body. It is `generic` if the body has stand-ins for the parameters.
    pub(super) fn definition_of(&self, body: TokenStream, generic: bool) -> TokenStream {
        let (name, number, metadata) = (self.model.ident.unraw().to_string(), self.number, self.metadata);
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
                nodes.byte(TAG_STRUCT);
                nodes.byte(self.model.form.number());
                nodes.fields(fields, self.types);
            }
            Body::Enum { variants, fallback, discriminant } => {
                nodes.byte(TAG_ENUM);
                nodes.byte(self.model.form.number());
                nodes.count(variants.len());
                for variant in variants {
                    nodes.name(&variant.ident.unraw().to_string());
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
                    nodes.fields(&variant.fields, self.types);
                }
                if let Some(fallback) = fallback {
                    nodes.name(&fallback.unraw().to_string());
                }
            }
        }
        nodes.finish()
    }
}

#[cfg(test)]
mod tests {
    use plugin_core::descriptor::{Tag, form, style};

    use super::*;

    /// The macro cannot depend on plugin-core, which depends on the macro. So the numbers are here a second time.
    #[test]
    fn the_numbers_are_those_of_plugin_core() {
        assert_eq!((TAG_STRUCT, TAG_ENUM), (Tag::Struct as u8, Tag::Enum as u8));
        assert_eq!([Form::Fixed, Form::C, Form::Grows].map(Form::number), [form::FIXED, form::C, form::GROWS]);
        assert_eq!(
            [Style::Unit, Style::Tuple, Style::Named].map(Style::number),
            [style::UNIT, style::TUPLE, style::NAMED]
        );
    }
}
