//! Hostile input, made from a stream of decisions: a fuzzer's, or pseudo-random ones for a test that ends.
//!
//! | target | what is attacked | with |
//! | --- | --- | --- |
//! | [`file()`] | looking at a file, and on Linux the search for its own symbols | a real library whose headers, symbols, records and table are changed |
//! | [`descriptor`] | reading, comparing and writing out types | types of every kind, and descriptors that are almost types |
//! | [`json`] | calls with arguments in JSON, of a real plugin | values of the arguments' types, and texts that are almost such values |
//! | [`postcard()`] | the same in postcard, which has no names and writes a unit as nothing | any bytes |
//! | [`message()`] | reading and writing messages with values of any type, as from another process | any bytes |
//!
//! `tests/tests/fuzz.rs` runs each for a while; `fuzz/` has them as targets for cargo-fuzz.

mod library;
mod model;
mod values;

use std::io::Write as _;
use std::sync::OnceLock;

use plugin_core::host::record::{Item, Kind, RawRecord};
#[cfg(target_os = "linux")]
use plugin_host::__private::own_symbols;
use plugin_host::__private::{compare, rebuild, resend};
use plugin_host::{CallError, Host, Memory, inspect};
use serde_json::Value as Json;

use crate::{fixture, host, hostile};
use model::Model;

/// The decisions that make an input. After the last, each is 0, which makes the simplest value.
pub struct Decisions<'a>(&'a [u8]);

impl<'a> Decisions<'a> {
    /// Decides by these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Decisions(bytes)
    }

    fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or_default()
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// A number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        let number = if end > 256 { u32::from_le_bytes(self.bytes()) as usize } else { self.byte().into() };
        number % end
    }

    /// Returns true once in `times` times, on average.
    fn once_in(&mut self, times: u8) -> bool {
        self.byte() % times == times - 1
    }

    fn one_of<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        &choices[self.below(choices.len())]
    }

    /// A number that readers may trip over.
    fn number(&mut self) -> u64 {
        let any = u64::from_le_bytes(self.bytes());
        match self.byte() % 8 {
            0 => any % 16,
            1 => any % 4096,
            2 => any % (1 << 24),
            3 => 1 << (any % 64),
            4 => (1 << (any % 64)) - 1,
            5 => u64::MAX - any % 4096,
            6 => u64::from(u32::MAX) - any % 4096,
            _ => any,
        }
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Changes bytes that have a structure only for their reader: some are replaced, left out, put in or repeated.
fn corrupt(decisions: &mut Decisions<'_>, bytes: &mut Vec<u8>) {
    for _ in 0..=decisions.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = decisions.below(bytes.len());
        let until = at + 1 + decisions.below((bytes.len() - at).min(16));
        match decisions.byte() % 6 {
            0 => bytes[at] = decisions.byte(),
            1 => bytes[at] ^= 1 << decisions.below(8),
            2 => bytes.insert(at, decisions.byte()),
            3 => _ = bytes.drain(at..until.min(bytes.len())),
            4 => bytes.truncate(at),
            _ => {
                let copy = bytes[at..until.min(bytes.len())].to_vec();
                bytes.splice(at..at, copy);
            }
        }
    }
}

/// Inspects a file with these bytes, and writes out its whole description.
fn look(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("room");
    match inspect(file.path()) {
        Ok(info) => {
            for export in &info.exports {
                let _ = (export.to_string(), export.signature.definitions());
            }
        }
        Err(error) => _ = error.to_string(),
    }
}

/// Changes a real library, and inspects it.
pub fn file(input: &[u8]) {
    static LIBRARY: OnceLock<Vec<u8>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| std::fs::read(fixture("rival")).expect("it is built"));
    let changed = library::changed(library, &mut Decisions::new(input));
    look(&changed);
    #[cfg(target_os = "linux")]
    assert_ne!(own_symbols(&changed), Some(false), "the change lies in the file");
}

/// Makes two types that are almost equal, inspects a file with both, and compares them.
pub fn descriptor(input: &[u8]) {
    let mut decisions = Decisions::new(input);
    let mut one = Model::any(&mut decisions).encoded();
    if decisions.once_in(4) {
        corrupt(&mut decisions, &mut one);
    }
    let mut two = one.clone();
    corrupt(&mut decisions, &mut two);
    let [first, second] = [&one, &two].map(|ty| hostile::takes(ty.clone()));
    look(&hostile::with_records([
        hostile::export("one", "", "a", &first),
        hostile::export("two", " of two", "a", &second),
    ]));
    // Properties of any two types.
    let (accepted, difference) = compare(&first, &second);
    let (accepted_back, _) = compare(&second, &first);
    assert_eq!(accepted, accepted_back, "growth goes both ways: {first:?} {second:?}");
    let is_known = !difference.contains("does not know");
    assert!(!is_known || accepted == (difference == "none"), "{difference}: {first:?} {second:?}");
    let (same, difference) = compare(&first, &first.clone());
    assert!(difference.contains("does not know") || same && difference == "none", "{difference}: {first:?}");
}

/// A plugin that returns its argument, with an export for every type.
fn plugin() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        let host = host().with_memory(Memory::Tracked).with_fault_handler(|_| ());
        host.load(fixture("zoo")).unwrap_or_else(|error| panic!("{error}"));
        host
    })
}

/// The exports that return their argument, and their descriptors.
fn echoes() -> &'static [(String, Vec<u8>)] {
    static ECHOES: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    ECHOES.get_or_init(|| {
        let library = std::fs::read(fixture("zoo")).expect("it is built");
        let (mut echoes, mut rest) = (Vec::new(), &*library::records(&library));
        while let Some((record, after)) = RawRecord::read(rest).expect("a compiler made them") {
            rest = after;
            if let Some(item) = Item::read(&record)
                && item.kind == Kind::Export
                && item.name.starts_with("echo_")
            {
                echoes.push((item.name.to_owned(), item.descriptor.to_vec()));
            }
        }
        assert!(!echoes.is_empty());
        echoes
    })
}

/// Calls an export with a value that is, or almost is, of its argument's type. Called again with its own result, the
/// export must return that result unchanged.
pub fn json(input: &[u8]) {
    let mut decisions = Decisions::new(input);
    let (name, descriptor) = decisions.one_of(echoes());
    let model = Model::of_argument(descriptor);
    let value = model.value(&mut decisions);
    // JSON writes a float that is not finite as `null`. A large `f64` is not finite when it becomes an `f32`. A float
    // that is a key is read from its digits, and this gives a neighbouring float now and then.
    let is_whole = |returned: &Json| !returned.to_string().contains("null") && !has_float_as_key(returned);
    if let Some(returned) = called(name, Json::Array(vec![value])).ok().filter(is_whole) {
        let again = called(name, Json::Array(vec![returned.clone()])).expect("what it returns is of its type");
        // A hash set may have another order each time.
        let set = |value: Json| if name.contains("hash") { sorted(value) } else { value };
        assert_eq!(set(again), set(returned), "{name}");
    }
    // Then a type that no plugin has. Its values are only built, shown and freed.
    let model = Model::any(&mut decisions);
    let value = model.value(&mut decisions);
    if let Some(shown) = rebuild(&model.encoded(), &value).and_then(Result::ok).filter(is_whole) {
        assert_eq!(rebuild(&model.encoded(), &shown).expect("as before").expect("it is of the type"), shown);
    }
}

/// Calls an export with any bytes.
pub fn postcard(input: &[u8]) {
    let mut decisions = Decisions::new(input);
    let (name, _) = decisions.one_of(echoes());
    let model = Model::any(&mut Decisions::new(&decisions.bytes::<64>()));
    let serializer = serde_json::value::Serializer;
    let returned = plugin().call_serde(name, &mut postcard::Deserializer::from_bytes(decisions.0), serializer);
    assert_no_fault(name, &returned);
    rebuild(&model.encoded(), &mut postcard::Deserializer::from_bytes(decisions.0));
}

/// Reads a value of any type from a message, and sends it on.
pub fn message(input: &[u8]) {
    let mut decisions = Decisions::new(input);
    let model = Model::any(&mut Decisions::new(&decisions.bytes::<64>())).encoded();
    let Some(Ok(sent)) = resend(&model, decisions.0) else { return };
    // Numbers may have had more bytes than they need.
    assert_eq!(resend(&model, &sent).expect("as before").expect("it was written"), sent);
}

/// Returns true if a key of an object in the value is a float.
fn has_float_as_key(value: &Json) -> bool {
    match value {
        Json::Array(elements) => elements.iter().any(has_float_as_key),
        Json::Object(fields) => fields.iter().any(|(name, value)| {
            name.parse::<f64>().is_ok() && name.parse::<i128>().is_err() || has_float_as_key(value)
        }),
        _ => false,
    }
}

/// Returns the value with the elements of its arrays sorted.
fn sorted(value: Json) -> Json {
    match value {
        Json::Array(elements) => {
            let mut elements: Vec<Json> = elements.into_iter().map(sorted).collect();
            elements.sort_by_key(ToString::to_string);
            elements.into()
        }
        Json::Object(fields) => Json::Object(fields.into_iter().map(|(name, value)| (name, sorted(value))).collect()),
        other => other,
    }
}

fn called(name: &str, arguments: Json) -> Result<Json, CallError> {
    let returned = plugin().call_json(name, &arguments);
    assert_no_fault(name, &returned);
    returned
}

/// The functions that are called do not panic with any argument.
fn assert_no_fault(name: &str, returned: &Result<Json, CallError>) {
    if let Err(error) = returned {
        assert!(!matches!(error, CallError::Fault(_)), "{name}: {error}");
        _ = error.to_string();
    }
}
