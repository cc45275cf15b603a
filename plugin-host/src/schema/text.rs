//! Types as text, written as in Rust, without paths.

use std::fmt;

use plugin_core::host::descriptor::{Tag, form, style};

use crate::schema::{Argument, Body, Definition, Field, Fields, Schema, Type, Variant};

/// The most bytes in the text of a type. Without a limit, the text of a short descriptor could have any length: a named
/// type may be in several arguments of another named type, that type in several arguments of the next, and so on.
const MAX_TYPE_LENGTH: usize = 1 << 12;

/// The most bytes in the text of a definition.
const MAX_DEFINITION_LENGTH: usize = 1 << 16;

/// The most levels of types inside one another that are shown.
const MAX_DEPTH: usize = 128;

/// The text in place of a part that is not shown.
const MORE: &str = "..";

impl Schema {
    /// Writes a type: `Vec<Page<u32>>`.
    pub(crate) fn type_text(&self, ty: &Type) -> String {
        self.text(MAX_TYPE_LENGTH, |text| text.ty(ty))
    }

    /// Writes the name of a named type, with its arguments: `Page<u32>`.
    pub(crate) fn name_text(&self, definition: &Definition) -> String {
        self.text(MAX_TYPE_LENGTH, |text| text.name(definition))
    }

    /// Writes a field: `timeout: u64`.
    pub(crate) fn field_text(&self, field: &Field) -> String {
        self.text(MAX_TYPE_LENGTH, |text| text.field(field))
    }

    /// Writes a method of an interface: `fn name(&self) -> String`.
    pub(crate) fn method_text(&self, method: &Field) -> String {
        self.text(MAX_TYPE_LENGTH, |text| text.method(method))
    }

    /// Writes a variant: `Open { path: String }`. Its discriminant is written unless it is equal to `place`.
    pub(crate) fn variant_text(&self, variant: &Variant, place: usize) -> String {
        self.text(MAX_TYPE_LENGTH, |text| text.variant(variant, variant.discriminant != place as i128))
    }

    /// Writes a definition in at most `max_length` bytes: `struct Page<u32> { items: Vec<u32> }`.
    pub(crate) fn definition_text(&self, definition: &Definition, max_length: usize) -> String {
        self.text(MAX_DEFINITION_LENGTH.min(max_length), |text| text.definition(definition))
    }

    /// Writes an export: `fn add(a: u64, b: u64) -> u64`, or `static LIMIT: u32`.
    pub(crate) fn declaration_text(&self, name: &str, arguments: &[String]) -> String {
        self.text(MAX_TYPE_LENGTH, |text| text.declaration(name, arguments))
    }

    fn text(&self, max_length: usize, write: impl FnOnce(&mut Text<'_>) -> fmt::Result) -> String {
        let mut text = Text { schema: self, out: String::new(), max_length, depth: 0 };
        if write(&mut text).is_err() {
            text.out.push_str(MORE);
        }
        text.out
    }
}

/// Returns true if an enum has the discriminants that Rust gives to variants without explicit ones: 0, 1, 2 and so on.
pub(crate) fn are_implicit(variants: &[Variant]) -> bool {
    variants.iter().enumerate().all(|(place, variant)| variant.discriminant == place as i128)
}

/// A text that is being written. A write returns [`fmt::Error`] when the text has reached `max_length`.
struct Text<'a> {
    schema: &'a Schema,
    out: String,
    max_length: usize,
    depth: usize,
}

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.out.len() + text.len() > self.max_length {
            return Err(fmt::Error);
        }
        self.out.push_str(text);
        Ok(())
    }
}

impl Text<'_> {
    fn put(&mut self, text: &str) -> fmt::Result {
        fmt::Write::write_str(self, text)
    }

    fn show(&mut self, value: impl fmt::Display) -> fmt::Result {
        fmt::Write::write_fmt(self, format_args!("{value}"))
    }

    /// Writes each of `items`, with commas between them.
    fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T) -> fmt::Result) -> fmt::Result {
        for (index, item) in items.iter().enumerate() {
            if index != 0 {
                self.put(", ")?;
            }
            write(self, item)?;
        }
        Ok(())
    }

    fn types(&mut self, before: &str, types: &[Type], after: &str) -> fmt::Result {
        self.put(before)?;
        self.list(types, Self::ty)?;
        self.put(after)
    }

    fn ty(&mut self, ty: &Type) -> fmt::Result {
        if self.depth == MAX_DEPTH {
            return self.put(MORE);
        }
        self.depth += 1;
        self.ty_here(ty)?;
        self.depth -= 1;
        Ok(())
    }

    fn ty_here(&mut self, ty: &Type) -> fmt::Result {
        let parts = self.schema.parts(ty);
        match (ty.tag, parts) {
            (Tag::Named, _) => self.name(self.schema.definition(ty)),
            (Tag::Array, _) => {
                self.types("[", parts, "; ")?;
                self.show(ty.count)?;
                self.put("]")
            }
            (Tag::Tuple, [_]) => self.types("(", parts, ",)"),
            (Tag::Tuple, _) => self.types("(", parts, ")"),
            (Tag::Fn, [arguments @ .., returns]) => {
                self.types("fn(", arguments, ")")?;
                self.returns(returns)
            }
            (Tag::DynFn | Tag::DynFnMut | Tag::DynFnOnce, [arguments @ .., returns]) => {
                self.put(ty.tag.spelling())?;
                self.types("(", arguments, ")")?;
                self.returns(returns)
            }
            // The sign of a reference binds more tightly than `+`.
            (Tag::Ref, [object]) if matches!(object.tag, Tag::WithSend | Tag::WithSync) => self.types("&(", parts, ")"),
            (Tag::Mut, [object]) if matches!(object.tag, Tag::WithSend | Tag::WithSync) => {
                self.types("&mut (", parts, ")")
            }
            (Tag::Static | Tag::Atomic | Tag::RwLock | Tag::Mutex, _) => {
                self.put("static ")?;
                self.static_type(ty)
            }
            (tag, parts) => match tag.spelling().split_once("{}") {
                Some((before, after)) => self.types(before, parts, after),
                None => {
                    self.put(tag.spelling())?;
                    if parts.is_empty() { Ok(()) } else { self.types("<", parts, ">") }
                }
            },
        }
    }

    fn returns(&mut self, returns: &Type) -> fmt::Result {
        if returns.tag == Tag::Unit {
            return Ok(());
        }
        self.put(" -> ")?;
        self.ty(returns)
    }

    /// Writes the type of a static as in its declaration.
    fn static_type(&mut self, ty: &Type) -> fmt::Result {
        match (ty.tag, self.schema.parts(ty)) {
            (Tag::Static, [inner]) => self.ty(inner),
            // `AtomicU64` for `U64`.
            (Tag::Atomic, [inner]) => self.show(format!("Atomic{:?}", inner.tag)),
            (Tag::RwLock, parts) => self.types("RwLock<", parts, ">"),
            (Tag::Mutex, parts) => self.types("Mutex<", parts, ">"),
            _ => self.ty(ty),
        }
    }

    fn declaration(&mut self, name: &str, names: &[String]) -> fmt::Result {
        let root = &self.schema.root;
        if let (Tag::Fn, [types @ .., returns]) = (root.tag, self.schema.parts(root)) {
            self.show(format_args!("fn {name}("))?;
            let mut names = names.iter();
            self.list(types, |text, ty| {
                text.show(format_args!("{}: ", names.next().map_or("_", String::as_str)))?;
                text.ty(ty)
            })?;
            self.put(")")?;
            return self.returns(returns);
        }
        self.show(format_args!("static {name}: "))?;
        self.static_type(root)
    }

    fn name(&mut self, definition: &Definition) -> fmt::Result {
        self.put(&definition.name)?;
        if definition.arguments.is_empty() {
            return Ok(());
        }
        self.put("<")?;
        self.list(&definition.arguments, |text, argument| match argument {
            Argument::Type(ty) => text.ty(ty),
            Argument::Constant(value) => text.show(value),
        })?;
        self.put(">")
    }

    fn definition(&mut self, definition: &Definition) -> fmt::Result {
        match &definition.body {
            Body::Struct { form: form::INTERFACE, fields } => self.interface(definition, &fields.fields),
            Body::Struct { form, fields } => {
                match *form {
                    form::C => self.put("#[repr(C)] ")?,
                    form::GROWS => self.put("#[non_exhaustive] ")?,
                    _ => {}
                }
                self.put("struct ")?;
                self.name(definition)?;
                self.fields(fields)?;
                self.put(if fields.style == style::NAMED { "" } else { ";" })
            }
            Body::Enum { variants, fallback } => {
                if fallback.is_some() {
                    self.put("#[non_exhaustive] ")?;
                }
                self.put("enum ")?;
                self.name(definition)?;
                if variants.is_empty() && fallback.is_none() {
                    return self.put(" {}");
                }
                self.put(" { ")?;
                let explicit = !are_implicit(variants);
                self.list(variants, |text, variant| text.variant(variant, explicit))?;
                if let Some(fallback) = fallback {
                    self.put(if variants.is_empty() { "" } else { ", " })?;
                    self.show(format_args!("{fallback} /* fallback */"))?;
                }
                self.put(" }")
            }
        }
    }

    fn interface(&mut self, definition: &Definition, methods: &[Field]) -> fmt::Result {
        self.put("trait ")?;
        self.name(definition)?;
        self.put(" {")?;
        for method in methods {
            self.put(" ")?;
            self.method(method)?;
            self.put(if method.defaulted { " { .. }" } else { ";" })?;
        }
        self.put(" }")
    }

    /// Writes a method: `fn name(&self, u32) -> u32`.
    fn method(&mut self, method: &Field) -> fmt::Result {
        let [function] = self.schema.parts(&method.ty) else { return self.field(method) };
        let [arguments @ .., returns] = self.schema.parts(function) else { return self.field(method) };
        self.show(format_args!("fn {}(", method.name))?;
        self.put(match method.ty.tag {
            Tag::Ref => "&self",
            Tag::Mut => "&mut self",
            _ => "self: Box<Self>",
        })?;
        for argument in arguments {
            self.put(", ")?;
            self.ty(argument)?;
        }
        self.put(")")?;
        self.returns(returns)
    }

    fn variant(&mut self, variant: &Variant, explicit: bool) -> fmt::Result {
        self.put(&variant.name)?;
        self.fields(&variant.fields)?;
        if explicit {
            self.show(format_args!(" = {}", variant.discriminant))?;
        }
        Ok(())
    }

    /// Writes the fields of a struct or variant, as they follow its name.
    fn fields(&mut self, Fields { style, fields }: &Fields) -> fmt::Result {
        match *style {
            style::UNIT => Ok(()),
            style::TUPLE => {
                self.put("(")?;
                self.list(fields, |text, field| {
                    text.ty(&field.ty)?;
                    text.default(field)
                })?;
                self.put(")")
            }
            _ if fields.is_empty() => self.put(" {}"),
            _ => {
                self.put(" { ")?;
                self.list(fields, |text, field| {
                    text.field(field)?;
                    text.default(field)
                })?;
                self.put(" }")
            }
        }
    }

    fn field(&mut self, field: &Field) -> fmt::Result {
        self.show(format_args!("{}: ", field.name))?;
        self.ty(&field.ty)
    }

    fn default(&mut self, field: &Field) -> fmt::Result {
        self.put(if field.defaulted { " = .." } else { "" })
    }
}
