//! `Duration` and `SystemTime`.

use std::time::{Duration, SystemTime};

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::leaf::Leaf;
use crate::untyped::walk::{Depth, unknown_tag};

/// The `Repr` of `Duration`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct DurationRepr {
    pub(crate) secs: u64,
    pub(crate) nanos: u32,
}

// SAFETY: the `Repr` is `(u64, u32)`.
unsafe impl Leaf for Duration {
    type Repr = DurationRepr;

    unsafe fn write<S: Serializer>(
        DurationRepr { secs, nanos }: DurationRepr,
        _: Depth,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        if nanos > 999_999_999 {
            return Err(unknown_tag("`Duration`", nanos));
        }
        Duration::new(secs, nanos).serialize(to)
    }

    fn read<'de, D: Deserializer<'de>>(from: D, _: Depth) -> Result<DurationRepr, D::Error> {
        let duration = Duration::deserialize(from)?;
        Ok(DurationRepr { secs: duration.as_secs(), nanos: duration.subsec_nanos() })
    }
}

/// The `Repr` of `SystemTime`: the time since the Unix epoch, with the seconds rounded down.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct SystemTimeRepr {
    pub(crate) secs: i64,
    pub(crate) nanos: u32,
}

// SAFETY: the `Repr` is `(i64, u32)`.
unsafe impl Leaf for SystemTime {
    type Repr = SystemTimeRepr;

    unsafe fn write<S: Serializer>(
        SystemTimeRepr { secs, nanos }: SystemTimeRepr,
        _: Depth,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let whole = Duration::from_secs(secs.unsigned_abs());
        let second = if secs < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(whole)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(whole)
        };
        match second.and_then(|second| second.checked_add(Duration::from_nanos(nanos.into()))) {
            Some(time) => time.serialize(to),
            None => Err(S::Error::custom("the time is out of what this system can represent")),
        }
    }

    fn read<'de, D: Deserializer<'de>>(from: D, _: Depth) -> Result<SystemTimeRepr, D::Error> {
        let since = SystemTime::deserialize(from)?.duration_since(SystemTime::UNIX_EPOCH).map_err(D::Error::custom)?;
        let secs = i64::try_from(since.as_secs()).map_err(D::Error::custom)?;
        Ok(SystemTimeRepr { secs, nanos: since.subsec_nanos() })
    }
}
