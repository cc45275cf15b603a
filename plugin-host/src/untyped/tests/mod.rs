//! Tests with values of every type. The descriptors are written by hand, and the results are compared with those of
//! Rust and serde for the types themselves.

// Descriptors are built from other descriptors, which are cloned for each use.
#![allow(clippy::cloned_ref_to_slice_refs, clippy::single_range_in_vec_init)]

mod limits;
mod std_types;
mod user_types;

use std::fmt::Debug;
use std::sync::Arc;

use plugin_core::PluginType;
use plugin_core::host::descriptor::{Tag, form};
use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed};
use serde_json::Value as Json;

use crate::schema::Schema;
use crate::untyped::de::target::Target;
use crate::untyped::free::Place;
use crate::untyped::layout::{Id, Layouts};
use crate::untyped::ser::Value;
use crate::untyped::walk::WalkState;

// Descriptors.

pub(super) fn leaf(tag: Tag) -> Vec<u8> {
    vec![tag as u8]
}

pub(super) fn of(tag: Tag, parts: &[Vec<u8>]) -> Vec<u8> {
    [leaf(tag), parts.concat()].concat()
}

pub(super) fn counted(tag: Tag, count: usize, parts: &[Vec<u8>]) -> Vec<u8> {
    [tag.head_with(count).to_vec(), parts.concat()].concat()
}

pub(super) fn again(number: u32) -> Vec<u8> {
    [vec![Tag::Again as u8], number.to_le_bytes().to_vec()].concat()
}

pub(super) fn name(name: &str) -> Vec<u8> {
    [(name.len() as u32).to_le_bytes().to_vec(), name.into()].concat()
}

/// A field's name, whether it has a default, and its type.
pub(super) type Field<'a> = (&'a str, bool, Vec<u8>);

pub(super) fn fields(style: u8, fields: &[Field<'_>]) -> Vec<u8> {
    let mut bytes = vec![style];
    bytes.extend((fields.len() as u32).to_le_bytes());
    for (field, defaulted, ty) in fields {
        bytes.extend([name(field), vec![u8::from(*defaulted)], ty.clone()].concat());
    }
    bytes
}

pub(super) fn named(type_name: &str, body: Vec<u8>) -> Vec<u8> {
    [vec![Tag::Named as u8], name(type_name), 0_u32.to_le_bytes().to_vec(), body].concat()
}

pub(super) fn a_struct(type_name: &str, form: u8, style: u8, of: &[Field<'_>]) -> Vec<u8> {
    named(type_name, [vec![Tag::Struct as u8, form], fields(style, of)].concat())
}

pub(super) fn an_enum(type_name: &str, variants: &[(&str, u8, &[Field<'_>])], fallback: Option<&str>) -> Vec<u8> {
    let form = if fallback.is_some() { form::GROWS } else { form::FIXED };
    let mut body = vec![Tag::Enum as u8, form];
    body.extend((variants.len() as u32).to_le_bytes());
    for (index, (variant, style, of)) in variants.iter().enumerate() {
        // Discriminants that are different from the variants' numbers.
        body.extend([name(variant), (index as i128 * 10).to_le_bytes().to_vec(), fields(*style, of)].concat());
    }
    body.extend(fallback.map(name).unwrap_or_default());
    named(type_name, body)
}

pub(super) fn field(name: &str, ty: Vec<u8>) -> Field<'_> {
    (name, false, ty)
}

// Values.

/// The layouts of a descriptor's types.
pub(super) struct Types {
    layouts: Arc<Layouts>,
    id: Id,
}

impl Types {
    pub(super) fn new(descriptor: &[u8]) -> Self {
        let schema = Schema::decode(descriptor).expect("a descriptor");
        let (layouts, ids) = Layouts::new(&schema, &[&schema.root]).expect("data");
        Types { layouts: Arc::new(layouts), id: ids[0] }
    }

    pub(super) fn has_layout_of<R>(self) -> Self {
        let node = self.layouts.get(self.id);
        assert_eq!((node.size, node.align), (size_of::<R>(), align_of::<R>()));
        self
    }

    /// Makes the layouts for the descriptor that plugin-core makes for `T`.
    pub(super) fn real<T: PluginType>() -> Self {
        Types::new(&T::NODE.to_bytes()).is::<T>()
    }

    /// Expects the layout of the `Repr` of `T`.
    pub(super) fn is<T: PluginType>(self) -> Self {
        self.has_layout_of::<T::Repr>()
    }

    /// Checks both directions for each value and its JSON. A value that plugin-core lowers is read as the JSON, and
    /// dropped. A value that is built from the JSON is equal to the first value after plugin-core has lifted it.
    pub(super) fn crosses_as<T: PluginType + Clone + PartialEq + Debug>(values: &[(T, Json)]) {
        let types = Types::real::<T>();
        for (value, json) in values {
            assert_eq!(types.show(&types.lowered(value.clone())), *json, "{value:?}");
            let mut place = types.build(json);
            place.mark_empty();
            // SAFETY: `build` has built a value of `T`, and `has_layout_of` has compared the layout with that of its `Repr`. The
            // value is moved out once: `mark_empty` keeps the place from dropping it.
            let lifted = unsafe { T::lift(read(&place), &plugin_core::Origin::HOST) };
            assert_eq!(lifted, *value);
        }
    }

    /// Does the same as [`crosses_as`](Self::crosses_as), with the JSON that serde writes for the values.
    pub(super) fn crosses<T: PluginType + Clone + PartialEq + Debug + Serialize>(values: &[T]) {
        let values: Vec<_> = values.iter().map(|value| (value.clone(), serde_json::to_value(value).unwrap())).collect();
        Types::crosses_as(&values);
    }

    /// Returns a place with a value that plugin-core lowers. `self` must be the layouts for `T`.
    pub(super) fn lowered<T: PluginType>(&self, value: T) -> Place<'_> {
        let node = self.layouts.get(self.id);
        assert_eq!((node.size, node.align), (size_of::<T::Repr>(), align_of::<T::Repr>()));
        let mut place = Place::new(&self.layouts, node.size, node.align).unwrap();
        // SAFETY: the assertion has compared the place's layout with that of the `Repr`. It contains a whole value after
        // `write`, which no other code owns.
        unsafe {
            place.at().cast::<T::Repr>().write(value.lower());
            place.mark_filled(self.id, 0);
        }
        place
    }

    pub(super) fn try_build<'de, D: serde::Deserializer<'de>>(&self, deserializer: D) -> Result<Place<'_>, String> {
        let node = self.layouts.get(self.id);
        let place = Place::new(&self.layouts, node.size, node.align).map_err(|error| error.to_string());
        let (mut place, state) = (place?, WalkState::default());
        // SAFETY: `place` was just made with the size and the alignment of the type.
        let target = unsafe { Target::new(&self.layouts, self.id, place.at(), &state) };
        target.deserialize(deserializer).map_err(|error| format!("{}: {error}", state.take()))?.keep();
        // SAFETY: `deserialize` has built a value of the type at the start of `place`, and `keep` has left it there.
        unsafe { place.mark_filled(self.id, 0) };
        Ok(place)
    }

    pub(super) fn build(&self, json: &Json) -> Place<'_> {
        self.try_build(json).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    pub(super) fn refuses(&self, json: Json) -> String {
        self.try_build(&json).err().expect("refused")
    }

    pub(super) fn try_show<S: serde::Serializer>(&self, place: &Place<'_>, serializer: S) -> Result<S::Ok, String> {
        let state = WalkState::default();
        // SAFETY: each test passes a place from `build` or `lowered` of the same `Types`, or one that it has filled itself.
        // `place` is borrowed, so nothing changes the value.
        let value = unsafe { Value::new(&self.layouts, self.id, place.at(), &state) };
        value.serialize(serializer).map_err(|error| format!("{}: {error}", state.take()))
    }

    pub(super) fn show(&self, place: &Place<'_>) -> Json {
        self.try_show(place, serde_json::value::Serializer).unwrap()
    }

    /// Expects that a value that is built from the JSON is shown as the same JSON.
    pub(super) fn echoes(&self, json: Json) {
        let place = self.build(&json);
        assert_eq!(self.show(&place), json);
    }

    /// Expects the same output as serde's, in JSON and in a binary format.
    pub(super) fn writes_as_serde<T: Serialize + DeserializeOwned + PartialEq + Debug>(&self, values: &[T]) -> &Self {
        for value in values {
            self.echoes(serde_json::to_value(value).unwrap());
            let bytes = postcard::to_stdvec(value).unwrap();
            let place = self.try_build(&mut postcard::Deserializer::from_bytes(&bytes)).unwrap();
            let mut output = postcard::Serializer { output: postcard::ser_flavors::StdVec::new() };
            self.try_show(&place, &mut output).unwrap();
            assert_eq!(postcard::ser_flavors::Flavor::finalize(output.output).unwrap(), bytes, "{value:?}");
        }
        self
    }
}

/// Reads the `Repr` in a place, as a plugin would.
pub(super) fn read<R: Copy>(place: &Place<'_>) -> R {
    // SAFETY: each test reads the `Repr` of the type that the place was made for, or the `Repr`'s beginning. A place is
    // aligned for it, and its memory is zeroed, so all of it is set.
    unsafe { place.at().cast::<R>().read() }
}

pub(super) fn texts() -> [String; 3] {
    ["".to_owned(), "text".to_owned(), "größer".to_owned()]
}
