//! The definitions of two schemas during a comparison: their names, and the pairs that were met.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use plugin_core::host::descriptor::Tag;

use crate::schema::{Argument, Schema, Type};

/// The names of a schema's definitions, with their arguments.
pub(super) struct Names {
    /// A number for each definition. Two definitions of one name have the same number, even if their contents differ.
    pub(super) numbers: Vec<usize>,
    /// The names as text, each made when it is first needed.
    texts: Vec<OnceCell<String>>,
}

impl Names {
    /// Numbers the names in `schema`. `known` has the names so far, also those of the other schema.
    pub(super) fn new(schema: &Schema, known: &mut HashMap<Vec<u8>, usize>) -> Self {
        let mut numbers = vec![0; schema.definitions.len()];
        for &index in schema.by_name() {
            let definition = &schema.definitions[index];
            // Names contain no zero byte, so it marks the end.
            let mut name = [definition.name.as_bytes(), &[0]].concat();
            for argument in &definition.arguments {
                match argument {
                    Argument::Type(ty) => write_name(schema, ty, &numbers, &mut name),
                    Argument::Constant(value) => {
                        name.push(Tag::Constant as u8);
                        name.extend(value.to_le_bytes());
                    }
                }
            }
            let next = known.len();
            numbers[index] = *known.entry(name).or_insert(next);
        }
        Names { numbers, texts: vec![OnceCell::new(); schema.definitions.len()] }
    }

    pub(super) fn text(&self, schema: &Schema, index: usize) -> &str {
        self.texts[index].get_or_init(|| schema.name_text(&schema.definitions[index]))
    }
}

/// Appends bytes for a type to `name`. Different types have different bytes. A named type is written as its number.
fn write_name(schema: &Schema, ty: &Type, numbers: &[usize], name: &mut Vec<u8>) {
    let count = if ty.tag == Tag::Named { numbers[ty.count as usize] as u64 } else { ty.count };
    name.push(ty.tag as u8);
    name.extend(count.to_le_bytes());
    schema.parts(ty).iter().for_each(|part| write_name(schema, part, numbers, name));
}

/// The pairs of definitions that were met, one of each side.
pub(super) enum MetPairs {
    /// For equality. Equality is transitive, so the definitions of both sides form classes of equal ones. A pair within
    /// one class need not be compared. Each comparison joins two classes, so there are fewer comparisons than
    /// definitions.
    ///
    /// For each definition, `classes` has another definition of the same class, or the definition itself. The
    /// definitions of the host come first, and `host` is their number.
    Equal { classes: Vec<usize>, host: usize },
    /// For growth. Growth is not transitive: if definition A fits B, and B fits C, then A may still not fit C. So
    /// each pair is compared.
    Grown(HashSet<(usize, usize)>),
}

impl MetPairs {
    pub(super) fn new(host: &Schema, plugin: &Schema, growth: bool) -> Self {
        let (host, plugin) = (host.definitions.len(), plugin.definitions.len());
        if growth {
            MetPairs::Grown(HashSet::new())
        } else {
            MetPairs::Equal { classes: (0..host + plugin).collect(), host }
        }
    }

    /// Notes a pair, and returns true if it must be compared.
    pub(super) fn insert(&mut self, host: usize, plugin: usize) -> bool {
        let (classes, plugin) = match self {
            MetPairs::Grown(pairs) => return pairs.insert((host, plugin)),
            MetPairs::Equal { classes, host } => (classes, *host + plugin),
        };
        let mut class = |mut one: usize| {
            while classes[one] != one {
                // Shortens the chain for the next search.
                classes[one] = classes[classes[one]];
                one = classes[one];
            }
            one
        };
        let (host, plugin) = (class(host), class(plugin));
        classes[host] = plugin;
        host != plugin
    }
}
