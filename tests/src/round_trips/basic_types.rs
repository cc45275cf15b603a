//! Numbers, text, sequences, options, results, tuples and boxes.

use std::collections::HashSet;
use std::marker::PhantomData;

use api::Unit;
use plugin_host::Host;
use proptest::prelude::*;

use super::round_trip;
use crate::echo;

/// Sends values of all these types through this host's plugin `zoo`.
pub fn basic_types(host: &Host) {
    plain_values(host);
    floats_cross_bit_by_bit(host);
    text_and_sequences(host);
    options_results_tuples_and_boxes(host);
}

fn plain_values(host: &Host) {
    host.get::<fn(())>("echo_unit").unwrap()(());
    echo!(host, "echo_bool", bool);
    echo!(host, "echo_char", char);
    echo!(host, "echo_u8", u8);
    echo!(host, "echo_u16", u16);
    echo!(host, "echo_u32", u32);
    echo!(host, "echo_u64", u64);
    echo!(host, "echo_u128", u128);
    echo!(host, "echo_usize", usize);
    echo!(host, "echo_i8", i8);
    echo!(host, "echo_i16", i16);
    echo!(host, "echo_i32", i32);
    echo!(host, "echo_i64", i64);
    echo!(host, "echo_i128", i128);
    echo!(host, "echo_isize", isize);
    echo!(host, "echo_array", [u32; 5]);
    echo!(host, "echo_grid", [[f32; 2]; 3]);
}

fn floats_cross_bit_by_bit(host: &Host) {
    let echo_f32 = host.get::<fn(f32) -> f32>("echo_f32").unwrap();
    round_trip(any::<u32>(), |bits| echo_f32(f32::from_bits(bits)).to_bits());
    let echo_f64 = host.get::<fn(f64) -> f64>("echo_f64").unwrap();
    round_trip(any::<u64>(), |bits| echo_f64(f64::from_bits(bits)).to_bits());
}

fn text_and_sequences(host: &Host) {
    echo!(host, "echo_string", String, ".*");
    echo!(host, "echo_bytes", Vec<u8>);
    echo!(host, "echo_floats", Vec<f64>, prop::collection::vec(-1e300..1e300, 0..200));
    echo!(host, "echo_wides", Vec<u128>);
    echo!(host, "echo_strings", Vec<String>, prop::collection::vec(".{0,20}", 0..20));
    echo!(host, "echo_array_strings", [String; 3]);
    echo!(
        host,
        "echo_nested",
        Vec<Vec<Option<String>>>,
        prop::collection::vec(prop::collection::vec(prop::option::of(".{0,9}"), 0..6), 0..6)
    );
}

fn options_results_tuples_and_boxes(host: &Host) {
    echo!(host, "echo_option", Option<u64>);
    echo!(host, "echo_option_string", Option<String>);
    echo!(host, "echo_result", Result<u64, String>);
    echo!(host, "echo_result_unit", Result<(), Vec<u8>>);
    echo!(host, "echo_tuple1", (u8,));
    echo!(host, "echo_tuple2", (u8, u64));
    echo!(host, "echo_tuple3", (String, bool, f32));
    echo!(host, "echo_tuple8", (u8, u16, u32, u64, i8, i16, i32, i64));
    echo!(host, "echo_box", Box<u64>);
    echo!(host, "echo_box_string", Box<String>);
    echo!(host, "echo_boxed_box", Box<Box<Option<u8>>>);
    echo!(host, "echo_box_unit", Box<()>);
    type WithoutSize = (PhantomData<String>, Box<PhantomData<u8>>, Box<Unit>, HashSet<()>, String);
    let set = prop_oneof![Just(HashSet::new()), Just(HashSet::from([()]))];
    let without_size =
        (set, any::<String>()).prop_map(|(set, text)| (PhantomData, Box::default(), Box::new(Unit), set, text));
    echo!(host, "echo_without_size", WithoutSize, without_size);
    type Everything = Option<Result<(Vec<[u16; 2]>, Box<String>), Vec<Option<char>>>>;
    echo!(host, "echo_everything", Everything);
}
