//! Builds values of types without parts.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use plugin_core::descriptor::Tag;
use plugin_core::repr::BufferRepr;
use serde::de::{DeserializeSeed, Error};
use serde::{Deserialize, Deserializer};

use crate::untyped::buffer::{lower_buffer, os_units};
use crate::untyped::de::target::{Built, Target};
use crate::untyped::leaves::bytes::{BytesVisitor, lower_bytes};
use crate::untyped::leaves::json::JsonSeed;
use crate::untyped::leaves::uuid::UuidVisitor;
use crate::untyped::reprs::{
    DurationRepr, IpAddrRepr, SocketAddrRepr, SocketAddrV4Repr, SocketAddrV6Repr, SystemTimeRepr,
};

/// Writes an integer of the type with this tag. `$value!` reads a value of a given type.
macro_rules! write_integer {
    ($to:expr, $tag:expr, $value:ident) => {
        match $tag {
            Tag::U8 => $to.write($value!(u8)),
            Tag::U16 => $to.write($value!(u16)),
            Tag::U32 => $to.write($value!(u32)),
            Tag::U64 => $to.write($value!(u64)),
            Tag::U128 => $to.write($value!(u128).to_ne_bytes()),
            Tag::Usize => $to.write($value!(usize)),
            Tag::I8 => $to.write($value!(i8)),
            Tag::I16 => $to.write($value!(i16)),
            Tag::I32 => $to.write($value!(i32)),
            Tag::I64 => $to.write($value!(i64)),
            Tag::I128 => $to.write($value!(i128).to_ne_bytes()),
            Tag::Isize => $to.write($value!(isize)),
            _ => unreachable!("`Layouts` has no such type"),
        }
    };
}

impl<'a> Target<'a> {
    pub(super) fn leaf<'de, D: Deserializer<'de>>(self, tag: Tag, deserializer: D) -> Result<Built<'a>, D::Error> {
        macro_rules! value {
            ($ty:ty) => {
                <$ty>::deserialize(deserializer)?
            };
        }
        match tag {
            Tag::Unit => {
                value!(());
                self.write(0_u8);
            }
            Tag::Bool => self.write(u8::from(value!(bool))),
            Tag::Char => self.write(u32::from(value!(char))),
            Tag::F32 => self.write(value!(f32)),
            Tag::F64 => self.write(value!(f64)),
            Tag::PathBuf => self.write(lower_buffer(os_units(value!(PathBuf).into_os_string()))),
            Tag::OsString => self.write(lower_buffer(os_units(value!(OsString)))),
            Tag::Duration => {
                let duration = value!(Duration);
                self.write(DurationRepr { secs: duration.as_secs(), nanos: duration.subsec_nanos() });
            }
            Tag::SystemTime => {
                let since = value!(SystemTime).duration_since(SystemTime::UNIX_EPOCH).map_err(D::Error::custom)?;
                let secs = i64::try_from(since.as_secs()).map_err(D::Error::custom)?;
                self.write(SystemTimeRepr { secs, nanos: since.subsec_nanos() });
            }
            Tag::Ipv4Addr => self.write(value!(Ipv4Addr).octets()),
            Tag::Ipv6Addr => self.write(value!(Ipv6Addr).octets()),
            Tag::IpAddr => self.write(IpAddrRepr::new(value!(IpAddr))),
            Tag::SocketAddrV4 => self.write(SocketAddrV4Repr::new(value!(SocketAddrV4))),
            Tag::SocketAddrV6 => self.write(SocketAddrV6Repr::new(value!(SocketAddrV6))),
            Tag::SocketAddr => self.write(SocketAddrRepr::new(value!(SocketAddr))),
            Tag::Error => {
                let messages = value!(Vec<String>);
                if messages.is_empty() {
                    return Err(D::Error::invalid_length(0, &"at least one message"));
                }
                let messages: Vec<BufferRepr> =
                    messages.into_iter().map(|message| lower_buffer(message.into_bytes())).collect();
                self.write(lower_buffer(messages));
            }
            Tag::Bytes => {
                let bytes = deserializer.deserialize_byte_buf(BytesVisitor)?;
                self.write(lower_bytes(Arc::new(bytes)));
            }
            Tag::Json => {
                let json = JsonSeed(self.depth).deserialize(deserializer)?;
                self.write(json.into_inner());
            }
            Tag::Uuid => self.write(if deserializer.is_human_readable() {
                deserializer.deserialize_str(UuidVisitor)?
            } else {
                deserializer.deserialize_bytes(UuidVisitor)?
            }),
            tag => write_integer!(self, tag, value),
        }
        Ok(self.built())
    }

    pub(super) fn non_zero<'de, D: Deserializer<'de>>(self, tag: Tag, deserializer: D) -> Result<Built<'a>, D::Error> {
        macro_rules! value {
            ($ty:ty) => {
                NonZero::<$ty>::deserialize(deserializer)?.get()
            };
        }
        write_integer!(self, tag, value);
        Ok(self.built())
    }
}
