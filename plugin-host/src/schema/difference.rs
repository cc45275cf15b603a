//! The differences between the type that a host asks for and the type that a plugin exports.
//!
//! One comparison answers three questions: whether two types are equal, whether growth allows their differences, and
//! how a message describes a mismatch. So the three answers cannot disagree.
//!
//! **The problem.** A named type may contain itself behind a pointer. A comparison that simply followed all fields
//! would then never end. And each side may write the same type in another way, for example with two copies of it.
//!
//! **The idea.** The definitions of each side form a graph. The comparison looks at pairs of definitions, one of each
//! side. It compares each pair once: the names, the fields and the variants, but not the inside of named types in the
//! fields. These named types give new pairs, which wait in a queue. A pair that was met before is not added again.
//!
//! **Why this is right.** The comparison ends, because the number of pairs is finite. If no pair has a difference, then
//! each path from the top of one type leads to the same kind of type on both sides, however long the path is: each of
//! its steps is inside one compared pair. So the two types have no difference at any depth, except growth that is
//! allowed.

use std::collections::{HashMap, VecDeque};
use std::fmt::Display;

use plugin_core::host::descriptor::{Tag, form, style};

use crate::schema::text::are_implicit;
use crate::schema::{Argument, Body, Definition, Fields, Schema, Type, Variant};

mod aligned;
mod definitions;
mod interfaces;
mod step;

use aligned::{Aligned, is_prefix};
use definitions::{MetPairs, Names};
use step::{Step, step};

/// The most differences that a message lists.
const MAX_LINES: usize = 8;

const MAY_GROW_STRUCT: &str = "a struct that may grow is declared `#[non_exhaustive]` on both sides from the start, \
                               and its new, trailing fields get `#[plugin_type(default)]`";
const MAY_GROW_ENUM: &str = "an enum that may grow is declared `#[non_exhaustive]` on both sides from the start, \
                             with a `#[plugin_type(fallback)]` variant";
const GROWS_STRUCT: &str =
    "a struct that may grow gets new fields only after all others, and each with `#[plugin_type(default)]`";
const GROWS_ENUM: &str = "an enum that may grow gets new variants only after all others";

/// Returns true if the two types are equal, with all names, defaults and attributes.
pub(crate) fn are_equal(a: &Schema, b: &Schema) -> bool {
    Comparison::new(a, b, false, 0).run().count == 0
}

/// Returns true if a host that asks for `host` may use an export of type `plugin`: the two are equal, or differ only by
/// the growth of types that may grow.
pub(crate) fn accepts(host: &Schema, plugin: &Schema) -> bool {
    Comparison::new(host, plugin, true, 0).run().count == 0
}

/// Describes the reasons why [`accepts`] returns false, one on each line.
pub(crate) fn difference(host: &Schema, plugin: &Schema, sides: Sides) -> String {
    let mut comparison = Comparison::new(host, plugin, true, MAX_LINES);
    comparison.sides = sides;
    comparison.run().into_text()
}

/// Names the modules of the types that differ inside, one type on each line, if the two sides have a type from
/// different modules. These may be different types that happen to have the same name.
///
/// `modules` has the modules of each side's types, one on each line.
pub(crate) fn origins(host: &Schema, plugin: &Schema, sides: Sides, modules: [&str; 2]) -> String {
    let mut comparison = Comparison::new(host, plugin, true, MAX_LINES);
    comparison.sides = sides;
    comparison.modules = modules.map(|modules| modules.lines().collect());
    comparison.run().origins.join("\n")
}

/// The names of the two sides in messages: first the side that asks, then the side that exports.
#[derive(Clone, Copy)]
pub(crate) struct Sides(pub(crate) &'static str, pub(crate) &'static str);

impl Sides {
    pub(crate) const LOOK_UP: Sides = Sides("the host", "the plugin");
    pub(crate) const HANDLE: Sides = Sides("the handle", "the new version");
    pub(crate) const STATE: Sides = Sides("the new version", "the old version");

    fn both(self, host: impl Display, plugin: impl Display) -> String {
        format!("{host} in {}, {plugin} in {}", self.0, self.1)
    }

    fn lists(self, host: &[&str], plugin: &[&str]) -> String {
        let [here, there] = [self.0, self.1].map(|side| side.trim_start_matches("the "));
        format!("{here} {}; {there} {}", host.join(", "), plugin.join(", "))
    }

    fn one(self, host: bool) -> String {
        format!("only in {}", if host { self.0 } else { self.1 })
    }
}

/// A comparison of two schemas.
struct Comparison<'a> {
    host: &'a Schema,
    plugin: &'a Schema,
    sides: Sides,
    /// The names of the definitions, with their arguments.
    host_names: Names,
    plugin_names: Names,
    /// Whether the comparison accepts the growth of types that may grow.
    growth: bool,
    /// The most differences that are written out. If it is 0, the first difference ends the comparison.
    max_lines: usize,

    /// The modules of each side's definitions, as far as they are known.
    modules: [Vec<&'a str>; 2],

    lines: Vec<String>,
    origins: Vec<String>,
    hints: Vec<&'static str>,
    count: usize,

    /// The pairs of definitions that were met.
    met: MetPairs,
    /// The pairs that are still to be compared, each with the place where it was met. Pairs that were met first are
    /// compared first, so that messages have the shortest paths.
    queue: VecDeque<(usize, usize, Option<usize>)>,

    /// The part of the signature that is being compared, such as "argument 1", and its type in the host.
    label: String,
    top: Type,
    /// The steps that led to pairs of definitions, each with the index of the step before it.
    places: Vec<(Option<usize>, Step<'a>)>,
    /// The last step to the definition that is being compared, and the steps from there.
    base: Option<usize>,
    steps: Vec<Step<'a>>,
}

fn field_names(fields: &Fields) -> Vec<&str> {
    fields.fields.iter().map(|field| field.name.as_str()).collect()
}

fn variant_names(variants: &[Variant]) -> Vec<&str> {
    variants.iter().map(|variant| variant.name.as_str()).collect()
}

/// Describes the shape of a struct or variant with this style.
fn shape_text(name: &str, style: u8) -> String {
    match style {
        style::UNIT => format!("`{name}`"),
        style::TUPLE => format!("`{name}(..)`"),
        _ => format!("`{name} {{ .. }}`"),
    }
}

fn arguments(count: u64) -> String {
    if count == 1 { "1 argument".to_owned() } else { format!("{count} arguments") }
}

/// Returns the inner type of a wrapper such as `Box`. A path in a message has no step for a wrapper.
fn wrapped(schema: &Schema, ty: &Type) -> Option<Type> {
    match *schema.parts(ty) {
        [inner] if ty.tag != Tag::Fn && step(ty.tag, 0).is_none() => Some(inner),
        _ => None,
    }
}

impl<'a> Comparison<'a> {
    fn new(host: &'a Schema, plugin: &'a Schema, growth: bool, max_lines: usize) -> Self {
        let mut known = HashMap::new();
        Comparison {
            host,
            plugin,
            sides: Sides::LOOK_UP,
            host_names: Names::new(host, &mut known),
            plugin_names: Names::new(plugin, &mut known),
            growth,
            max_lines,
            modules: [Vec::new(), Vec::new()],
            lines: Vec::new(),
            origins: Vec::new(),
            hints: Vec::new(),
            count: 0,
            met: MetPairs::new(host, plugin, growth),
            queue: VecDeque::new(),
            label: String::new(),
            top: host.root,
            places: Vec::new(),
            base: None,
            steps: Vec::new(),
        }
    }

    fn run(mut self) -> Self {
        let (host, plugin) = (&self.host.root, &self.plugin.root);
        let (host_parts, plugin_parts) = (self.host.parts(host), self.plugin.parts(plugin));
        match (host.tag, plugin.tag) {
            (Tag::Fn, Tag::Fn) if host.count != plugin.count => {
                self.report("", |this| this.sides.both(arguments(host.count), arguments(plugin.count)));
                if let (Some(host), Some(plugin)) = (host_parts.last(), plugin_parts.last()) {
                    self.top("what it returns", host, plugin);
                }
            }
            (Tag::Fn, Tag::Fn) => {
                for (index, (host, plugin)) in host_parts.iter().zip(plugin_parts).enumerate() {
                    let last = index + 1 == host_parts.len();
                    let argument = || format!("argument {}", index + 1);
                    let label = if last { "what it returns".to_owned() } else { argument() };
                    self.top(&label, host, plugin);
                }
            }
            (Tag::Fn, _) => self.report("", |this| {
                this.sides.both("a function", format!("a static (`{}`)", this.plugin.type_text(plugin)))
            }),
            (_, Tag::Fn) => self.report("", |this| {
                this.sides.both(format!("a static (`{}`)", this.host.type_text(host)), "a function")
            }),
            (Tag::Static, Tag::Static) => {
                for (host, plugin) in host_parts.iter().zip(plugin_parts) {
                    self.top("", host, plugin);
                }
            }
            _ => self.top("", host, plugin),
        }
        self
    }

    fn into_text(mut self) -> String {
        if self.count > self.lines.len() {
            self.lines.push(format!("and {} more", self.count - self.lines.len()));
        }
        self.lines.extend(self.hints.iter().map(|hint| format!("hint: {hint}")));
        if self.lines.is_empty() { "none".to_owned() } else { self.lines.join("\n") }
    }

    /// Returns true if only a yes or no is wanted, and a difference was found.
    fn is_done(&self) -> bool {
        self.max_lines == 0 && self.count > 0
    }

    /// Reports a difference, `what`, at the place that is being compared. `between` separates the place from `what`; it
    /// is left out if the place is empty.
    fn report(&mut self, between: &str, what: impl FnOnce(&Self) -> String) {
        self.count += 1;
        if self.lines.len() < self.max_lines {
            let (label, place, what) = (&self.label, self.place(), what(self));
            let label = if label.is_empty() { String::new() } else { format!("{label}: ") };
            let between = if place.is_empty() { "" } else { between };
            self.lines.push(format!("{label}{place}{between}{what}"));
        }
    }

    fn hint(&mut self, hint: &'static str) {
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
    }

    /// Returns the path to the type that is being compared. The path begins with the outermost named type. Without a
    /// named type, it begins with the whole type.
    fn place(&self) -> String {
        let mut steps: Vec<Step<'_>> = self.steps.iter().rev().copied().collect();
        let mut at = self.base;
        while let Some(place) = at {
            let (before, step) = self.places[place];
            steps.push(step);
            at = before;
        }
        steps.reverse();
        // A difference inside a generic type's argument is the same wherever the argument is used. So the path begins
        // there.
        let is_named = |step: &Step<'_>| matches!(step, Step::Named(_));
        let argument = steps.iter().rposition(|step| matches!(step, Step::Argument(_))).unwrap_or(0);
        let start = steps[argument..].iter().position(is_named).map(|start| argument + start);
        let start = start.or_else(|| steps.iter().position(is_named));
        let (mut path, steps) = match start.map(|start| (steps[start], &steps[start + 1..])) {
            Some((Step::Named(index), rest)) => (self.host_names.text(self.host, index).to_owned(), rest),
            _ if steps.is_empty() => return String::new(),
            _ => (self.host.type_text(&self.top), steps.as_slice()),
        };
        for step in steps {
            match step {
                Step::Named(_) => {}
                Step::Field(name) => path += &format!(".{name}"),
                Step::Element(index) => path += &format!(".{index}"),
                Step::Variant(name) => path += &format!("::{name}"),
                Step::Container(text) => path += text,
                Step::Argument(index) => path += &format!("<argument {}>", index + 1),
            }
        }
        path
    }

    /// Calls `inside` with one more step on the path.
    fn within(&mut self, step: impl Into<Option<Step<'a>>>, inside: impl FnOnce(&mut Self)) {
        let step = step.into();
        self.steps.extend(step);
        inside(self);
        if step.is_some() {
            self.steps.pop();
        }
    }

    /// Compares an argument, the result, or a static's type, with everything inside it.
    fn top(&mut self, label: &str, host: &Type, plugin: &Type) {
        label.clone_into(&mut self.label);
        let is_lock = matches!(host.tag, Tag::RwLock | Tag::Mutex);
        self.top = *self.host.parts(host).first().filter(|_| is_lock).unwrap_or(host);
        self.types(host, plugin);
        while let Some((host, plugin, base)) = self.queue.pop_front() {
            if self.is_done() {
                return;
            }
            self.base = base;
            let before = self.lines.len();
            self.definitions(host, plugin);
            if self.lines.len() > before {
                self.note_origins(host, plugin);
            }
        }
        self.places.clear();
        self.base = None;
    }

    fn types(&mut self, host: &Type, plugin: &Type) {
        if self.is_done() {
            return;
        }
        if self.differ_at_top(host, plugin) {
            return self.report(": ", |this| this.both(host, plugin));
        }
        if host.tag == Tag::Named {
            return self.meet(host.count as usize, plugin.count as usize);
        }
        for (index, (inner, other)) in self.host.parts(host).iter().zip(self.plugin.parts(plugin)).enumerate() {
            self.within(step(host.tag, index), |this| this.types(inner, other));
        }
    }

    /// Returns true if the types themselves differ, and not only their parts.
    fn differ_at_top(&self, host: &Type, plugin: &Type) -> bool {
        if host.tag != plugin.tag {
            return true;
        }
        if host.tag == Tag::Named {
            return self.names_differ(host.count as usize, plugin.count as usize);
        }
        match (wrapped(self.host, host), wrapped(self.plugin, plugin)) {
            (Some(host), Some(plugin)) => self.differ_at_top(&host, &plugin),
            _ => host.count != plugin.count,
        }
    }

    /// Returns true if two definitions have different names.
    fn names_differ(&self, host: usize, plugin: usize) -> bool {
        let (here, there) = (&self.host_names, &self.plugin_names);
        // If both names have the same text, a message here would show no difference. The comparison of the arguments
        // finds it.
        here.numbers[host] != there.numbers[plugin]
            && (self.max_lines == 0 || here.text(self.host, host) != there.text(self.plugin, plugin))
    }

    /// Names both types of a difference.
    fn both(&self, host: &Type, plugin: &Type) -> String {
        let (mut host, mut plugin) = (*host, *plugin);
        let (mut here, mut there) = (self.host.type_text(&host), self.plugin.type_text(&plugin));
        if here == there {
            // A user's type may have the same name as one of the SDK's types.
            while let (true, Some(a), Some(b)) =
                (host.tag == plugin.tag, wrapped(self.host, &host), wrapped(self.plugin, &plugin))
            {
                (host, plugin) = (a, b);
            }
            let own = |ty: Type| if ty.tag == Tag::Named { " (with `#[plugin_type]`)" } else { " (of the SDK)" };
            here += own(host);
            there += own(plugin);
        }
        self.sides.both(here, there)
    }

    /// Adds a pair of definitions to the queue, unless the pair was met before.
    fn meet(&mut self, host: usize, plugin: usize) {
        if !self.met.insert(host, plugin) {
            return;
        }
        let mut place = self.base;
        if self.max_lines > 0 {
            for &step in self.steps.iter().chain(&[Step::Named(host)]) {
                self.places.push((place, step));
                place = Some(self.places.len() - 1);
            }
        }
        self.queue.push_back((host, plugin, place));
    }

    /// Notes the modules of two definitions with the same name, if they are not in the same module.
    fn note_origins(&mut self, host: usize, plugin: usize) {
        let [here, there] = &self.modules;
        if let (Some(here), Some(there)) = (here.get(host), there.get(plugin))
            && here != there
        {
            let name = &self.host.definitions[host].name;
            let both = self.sides.both(format!("`{here}::{name}`"), format!("`{there}::{name}`"));
            self.origins.push(format!("`{name}` is {both}"));
        }
    }

    fn definitions(&mut self, host: usize, plugin: usize) {
        let (here, there): (&'a Definition, &'a Definition) =
            (&self.host.definitions[host], &self.plugin.definitions[plugin]);
        let grow = here.body.grows() && there.body.grows();
        match (&here.body, &there.body) {
            (
                Body::Struct { form: form::INTERFACE, fields: host },
                Body::Struct { form: form::INTERFACE, fields: plugin },
            ) => {
                self.interfaces(host, plugin);
            }
            (Body::Struct { form: form::INTERFACE, .. }, _) => {
                self.report(": ", |this| this.sides.both("an interface", "a type"));
            }
            (_, Body::Struct { form: form::INTERFACE, .. }) => {
                self.report(": ", |this| this.sides.both("a type", "an interface"));
            }
            (Body::Struct { form: host_form, fields: host }, Body::Struct { form: plugin_form, fields: plugin }) => {
                for (form, attribute) in [(form::C, "#[repr(C)]"), (form::GROWS, "#[non_exhaustive]")] {
                    if (*host_form == form) != (*plugin_form == form) {
                        self.report(": ", |this| format!("`{attribute}` {}", this.sides.one(*host_form == form)));
                    }
                }
                // A struct with `#[repr(C)]` is plain memory, which cannot grow.
                let is_plain = [*host_form, *plugin_form].contains(&form::C);
                let hint = if grow { GROWS_STRUCT } else { MAY_GROW_STRUCT };
                self.fields(&here.name, host, plugin, grow && self.growth, (!is_plain).then_some(hint));
            }
            (
                Body::Enum { variants: host, fallback: host_fallback },
                Body::Enum { variants: plugin, fallback: plugin_fallback },
            ) => {
                match (host_fallback, plugin_fallback) {
                    (Some(host), Some(plugin)) if host != plugin => self.report(": ", |this| {
                        let names = this.sides.both(format!("`{host}`"), format!("`{plugin}`"));
                        format!("the fallback variant is {names}")
                    }),
                    (Some(name), None) | (None, Some(name)) => self.report(": ", |this| {
                        format!("the fallback variant `{name}` {}", this.sides.one(host_fallback.is_some()))
                    }),
                    _ => {}
                }
                self.variants(host, plugin, grow);
            }
            (Body::Struct { .. }, _) => self.report(": ", |this| this.sides.both("a struct", "an enum")),
            (Body::Enum { .. }, _) => self.report(": ", |this| this.sides.both("an enum", "a struct")),
        }
        // The names of the arguments are equal, or the pair would have been reported. The types inside the arguments
        // are compared last: most of them are in the fields too, and a path through a field says more.
        for (index, arguments) in here.arguments.iter().zip(&there.arguments).enumerate() {
            self.within(Step::Argument(index), |this| match arguments {
                (Argument::Type(host), Argument::Type(plugin)) => this.types(host, plugin),
                (Argument::Constant(host), Argument::Constant(plugin)) if host == plugin => {}
                _ => this.report(": ", |this| format!("another argument in {} than in {}", this.sides.0, this.sides.1)),
            });
        }
        if here.arguments.len() != there.arguments.len() {
            self.report(": ", |_| "more arguments on one side".to_owned());
        }
    }

    /// Returns true, and counts a difference, if only a yes or no is wanted and one list has a name that the other
    /// lacks. The comparison of the two lists can then end.
    fn ends_early(&mut self, aligned: &Aligned<'_>) -> bool {
        let ends_early = self.max_lines == 0 && aligned.has_unmatched();
        self.count += usize::from(ends_early);
        ends_early
    }

    /// Compares the fields of the struct or variant `name`. If the fields may `grow`, one side may have more fields,
    /// and that side must have defaults for them.
    fn fields(&mut self, name: &str, host: &'a Fields, plugin: &'a Fields, grow: bool, hint: Option<&'static str>) {
        if host.style != plugin.style {
            return self
                .report(": ", |this| this.sides.both(shape_text(name, host.style), shape_text(name, plugin.style)));
        }
        let (host_names, plugin_names) = (field_names(host), field_names(plugin));
        let mut aligned = Aligned::new(&host_names, &plugin_names);
        if grow && is_prefix(&host_names, &plugin_names) {
            aligned.only_host.retain(|&place| !host.fields[place].defaulted);
            aligned.only_plugin.retain(|&place| !plugin.fields[place].defaulted);
        }
        if self.ends_early(&aligned) {
            return;
        }
        if let Some((host, plugin)) = &aligned.order {
            self.report(": ", |this| format!("fields in another order: {}", this.sides.lists(host, plugin)));
        }
        let renamed = aligned.renamed(|place| {
            self.host.type_text(&host.fields[place].ty) == self.plugin.type_text(&plugin.fields[place].ty)
        });
        for &place in &renamed {
            self.report(": ", |this| {
                let here = this.host.field_text(&host.fields[place]);
                let there = this.plugin.field_text(&plugin.fields[place]);
                format!("field {} is {}", place + 1, this.sides.both(format!("`{here}`"), format!("`{there}`")))
            });
        }
        for (in_host, places) in [(true, &aligned.only_host), (false, &aligned.only_plugin)] {
            for &place in places {
                self.report(": ", |this| {
                    let (schema, fields) = if in_host { (this.host, host) } else { (this.plugin, plugin) };
                    let field = &fields.fields[place];
                    let default = if grow && !field.defaulted { ", and without a default" } else { "" };
                    format!("field `{}` {}{default}", schema.field_text(field), this.sides.one(in_host))
                });
            }
        }
        let is_alike =
            |&(here, there): &(usize, usize)| !self.differ_at_top(&host.fields[here].ty, &plugin.fields[there].ty);
        if let Some(hint) = hint.filter(|_| aligned.is_extended(&renamed) && aligned.common.iter().all(is_alike)) {
            self.hint(hint);
        }
        let common = aligned.common.iter().copied().chain(renamed.iter().map(|&place| (place, place)));
        for (here, there) in common {
            let (host, plugin) = (&host.fields[here], &plugin.fields[there]);
            self.within(Step::Field(&host.name), |this| {
                if host.defaulted != plugin.defaulted && !grow {
                    this.report(": ", |this| format!("a default {}", this.sides.one(host.defaulted)));
                }
                this.types(&host.ty, &plugin.ty);
            });
        }
    }

    /// Compares the variants of an enum. If the variants may `grow`, one side may have more variants.
    fn variants(&mut self, host: &'a [Variant], plugin: &'a [Variant], grow: bool) {
        let (host_names, plugin_names) = (variant_names(host), variant_names(plugin));
        let mut aligned = Aligned::new(&host_names, &plugin_names);
        if grow && self.growth && is_prefix(&host_names, &plugin_names) {
            aligned.only_host.clear();
            aligned.only_plugin.clear();
        }
        if self.ends_early(&aligned) {
            return;
        }
        if let Some((host, plugin)) = &aligned.order {
            self.report(": ", |this| format!("variants in another order: {}", this.sides.lists(host, plugin)));
        }
        let renamed = aligned.renamed(|place| {
            let rest = |schema: &Schema, variant: &Variant| {
                schema.variant_text(variant, place).strip_prefix(variant.name.as_str()).map(str::to_owned)
            };
            rest(self.host, &host[place]) == rest(self.plugin, &plugin[place])
        });
        for &place in &renamed {
            self.report(": ", |this| {
                let (host, plugin) = (&host[place].name, &plugin[place].name);
                format!("variant {} is {}", place + 1, this.sides.both(format!("`{host}`"), format!("`{plugin}`")))
            });
        }
        for (in_host, places) in [(true, &aligned.only_host), (false, &aligned.only_plugin)] {
            for &place in places {
                self.report(": ", |this| {
                    let (schema, variants) = if in_host { (this.host, host) } else { (this.plugin, plugin) };
                    format!("variant `{}` {}", schema.variant_text(&variants[place], place), this.sides.one(in_host))
                });
            }
        }
        if aligned.is_extended(&renamed) {
            self.hint(if grow { GROWS_ENUM } else { MAY_GROW_ENUM });
        }
        // Implicit discriminants differ only if the lists of variants differ, and that is already reported.
        let has_explicit = !are_implicit(host) || !are_implicit(plugin);
        let common = aligned.common.iter().copied().chain(renamed.iter().map(|&place| (place, place)));
        for (here, there) in common {
            let (host, plugin) = (&host[here], &plugin[there]);
            self.within(Step::Variant(&host.name), |this| {
                if has_explicit && host.discriminant != plugin.discriminant {
                    let (host, plugin) = (host.discriminant, plugin.discriminant);
                    this.report(" = ", |this| this.sides.both(host, plugin));
                }
                this.fields(&host.name, &host.fields, &plugin.fields, false, None);
            });
        }
    }
}

#[cfg(test)]
mod tests;
