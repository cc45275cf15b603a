//! Values in JSON of a type, and texts that are almost such values.

use plugin_core::host::descriptor::{Tag, style};
use serde_json::{Map, Value as Json, json};

use super::Decisions;
use super::model::{Body, Fields, Model, Type};

impl Model {
    /// Returns a value of the type. Now and then, a part of the value has another type.
    pub(super) fn value(&self, decisions: &mut Decisions<'_>) -> Json {
        self.of(&self.root, decisions, 0)
    }

    fn of(&self, ty: &Type, decisions: &mut Decisions<'_>, depth: usize) -> Json {
        // Values of types that contain themselves end somewhere: at the end of the decisions, or below the deepest
        // level.
        if depth > 140 || decisions.is_empty() && depth > 4 || decisions.once_in(64) {
            return anything(decisions, 0);
        }
        let mut part = |ty: &Type| self.of(ty, decisions, depth + 1);
        match ty {
            Type::Array(count, element) => (0..*count).map(|_| part(element)).collect(),
            Type::Tuple(parts) => parts.iter().map(part).collect(),
            Type::Named(number) => self.of_body(&self.definitions[*number].body, decisions, depth),
            Type::Of(tag, parts) => match (*tag, parts.as_slice()) {
                (Tag::Option, [inner]) => {
                    if decisions.byte().is_multiple_of(3) {
                        Json::Null
                    } else {
                        self.of(inner, decisions, depth + 1)
                    }
                }
                (Tag::Box, [inner]) => part(inner),
                (Tag::Result, [ok, error]) => {
                    let (name, ty) = if decisions.byte().is_multiple_of(2) { ("Ok", ok) } else { ("Err", error) };
                    json!({ name: self.of(ty, decisions, depth + 1) })
                }
                (Tag::HashMap | Tag::BTreeMap, [key, value]) => {
                    let mut map = Map::new();
                    for _ in 0..decisions.below(4) {
                        let mut key = match self.of(key, decisions, depth + 1) {
                            Json::String(key) => key,
                            key => key.to_string(),
                        };
                        // Each map around this one would double the backslashes in its own key.
                        if key.len() > 1024 {
                            key.clear();
                        }
                        map.insert(key, self.of(value, decisions, depth + 1));
                    }
                    map.into()
                }
                (Tag::Range | Tag::RangeInclusive, [end]) => json!({ "start": part(end), "end": part(end) }),
                (Tag::RangeFrom, [end]) => json!({ "start": part(end) }),
                (Tag::RangeTo | Tag::RangeToInclusive, [end]) => json!({ "end": part(end) }),
                (Tag::PhantomData | Tag::RangeFull | Tag::Unit, _) => Json::Null,
                (Tag::NonZero, [integer]) => part(integer),
                (_, [element]) => (0..decisions.below(4)).map(|_| self.of(element, decisions, depth + 1)).collect(),
                (tag, _) => leaf(tag, decisions),
            },
        }
    }

    fn of_body(&self, body: &Body, decisions: &mut Decisions<'_>, depth: usize) -> Json {
        match body {
            Body::Struct { fields, .. } => self.of_fields(fields, decisions, depth),
            Body::Enum { variants, fallback } => {
                let (name, fields) = decisions.one_of(variants);
                match fallback {
                    Some(fallback) if decisions.once_in(4) => fallback.as_str().into(),
                    _ if fields.style == style::UNIT => name.as_str().into(),
                    _ => json!({ name: self.of_fields(fields, decisions, depth) }),
                }
            }
        }
    }

    fn of_fields(&self, Fields { style, fields }: &Fields, decisions: &mut Decisions<'_>, depth: usize) -> Json {
        let mut value = |ty: &Type| self.of(ty, decisions, depth + 1);
        match (*style, fields.as_slice()) {
            (style::UNIT, _) => Json::Null,
            (style::TUPLE, [(_, _, only)]) => value(only),
            (style::TUPLE, fields) => fields.iter().map(|(_, _, ty)| value(ty)).collect(),
            (_, fields) => {
                let mut map = Map::new();
                for (name, defaulted, ty) in fields {
                    if decisions.once_in(if *defaulted { 3 } else { 32 }) {
                        continue;
                    }
                    map.insert(name.clone(), self.of(ty, decisions, depth + 1));
                }
                map.into()
            }
        }
    }
}

fn text(decisions: &mut Decisions<'_>) -> String {
    let letters = [
        "",
        "a",
        "0",
        "-1",
        "ü",
        "\0",
        "\u{10FFFF}",
        "127.0.0.1",
        "::1",
        "[::1]:80",
        "Less",
        "a text that is too long to be anywhere but on the heap",
    ];
    (0..1 + decisions.below(3)).map(|_| *decisions.one_of(&letters)).collect()
}

fn leaf(tag: Tag, decisions: &mut Decisions<'_>) -> Json {
    match tag {
        Tag::Bool => decisions.byte().is_multiple_of(2).into(),
        Tag::Char => char::from(decisions.byte()).to_string().into(),
        Tag::U8 | Tag::I8 => (decisions.byte() / 2).into(),
        Tag::U16 | Tag::I16 => (u16::from_le_bytes(decisions.bytes()) / 2).into(),
        Tag::U32 | Tag::I32 => (u32::from_le_bytes(decisions.bytes()) / 2).into(),
        Tag::U64 | Tag::I64 | Tag::Usize | Tag::Isize | Tag::U128 | Tag::I128 => {
            let number = decisions.number();
            if decisions.once_in(4) { (number as i64).into() } else { number.into() }
        }
        Tag::F32 | Tag::F64 => f64::from_bits(decisions.number()).into(),
        Tag::Duration => json!({ "secs": decisions.number(), "nanos": decisions.number() % (1 << 31) }),
        Tag::SystemTime => {
            json!({ "secs_since_epoch": decisions.number(), "nanos_since_epoch": decisions.number() % (1 << 31) })
        }
        Tag::Ordering => (*decisions.one_of(&["Less", "Equal", "Greater"])).into(),
        Tag::Ipv4Addr => format!("{}.0.{}.1", decisions.byte(), decisions.byte()).into(),
        Tag::Ipv6Addr => format!("::{:x}", decisions.number() % 65536).into(),
        Tag::IpAddr => (*decisions.one_of(&["1.2.3.4", "::ffff:1.2.3.4"])).into(),
        Tag::SocketAddrV4 => format!("1.2.3.4:{}", decisions.number() % 65536).into(),
        Tag::SocketAddrV6 => format!("[::1%{}]:{}", decisions.number() % 9, decisions.number() % 65536).into(),
        Tag::SocketAddr => (*decisions.one_of(&["1.2.3.4:5", "[::1]:6"])).into(),
        Tag::Error => (0..1 + decisions.below(3)).map(|_| text(decisions)).collect(),
        Tag::Bytes => (0..decisions.below(9)).map(|_| decisions.byte()).collect(),
        Tag::Json => anything(decisions, 0),
        Tag::Uuid => format!("{:032x}", decisions.number()).into(),
        Tag::OsString if cfg!(unix) => json!({ "Unix": text(decisions).into_bytes() }),
        Tag::OsString => json!({ "Windows": text(decisions).encode_utf16().collect::<Vec<_>>() }),
        _ => text(decisions).into(),
    }
}

/// Any JSON.
fn anything(decisions: &mut Decisions<'_>, depth: usize) -> Json {
    if decisions.is_empty() || depth > 8 {
        return Json::Null;
    }
    match decisions.byte() % 10 {
        0 => Json::Null,
        1 => true.into(),
        2 => decisions.number().into(),
        3 => (decisions.number() as i64).into(),
        4 => f64::from_bits(decisions.number()).into(),
        5 | 6 => text(decisions).into(),
        7 | 8 => (0..decisions.below(5)).map(|_| anything(decisions, depth + 1)).collect(),
        _ => {
            let fields = (0..decisions.below(4)).map(|_| (text(decisions), anything(decisions, depth + 1)));
            Json::Object(fields.collect())
        }
    }
}
