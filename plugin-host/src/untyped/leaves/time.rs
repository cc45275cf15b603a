//! `Duration` and `SystemTime`.

use std::time::{Duration, SystemTime};

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::leaf::Leaf;
use crate::untyped::walk::{Form, Here, unknown_tag};

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
        _: Here,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        if nanos > 999_999_999 {
            return Err(unknown_tag("`Duration`", nanos));
        }
        Duration::new(secs, nanos).serialize(to)
    }

    fn read<'de, D: Deserializer<'de>>(from: D, _: Here) -> Result<DurationRepr, D::Error> {
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

const OUT_OF_RANGE: &str = "the time is out of what this system can represent";

impl SystemTimeRepr {
    /// Returns the time, if this system can represent it.
    fn time(self) -> Option<SystemTime> {
        let whole = Duration::from_secs(self.secs.unsigned_abs());
        let second = if self.secs < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(whole)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(whole)
        };
        second?.checked_add(Duration::from_nanos(self.nanos.into()))
    }
}

// SAFETY: the `Repr` is `(i64, u32)`.
unsafe impl Leaf for SystemTime {
    type Repr = SystemTimeRepr;

    unsafe fn write<S: Serializer>(
        SystemTimeRepr { secs, nanos }: SystemTimeRepr,
        here: Here,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        // Serde's form has no time before the epoch.
        if here.form == Form::Wire {
            return (secs, nanos).serialize(to);
        }
        SystemTimeRepr { secs, nanos }.time().ok_or_else(|| S::Error::custom(OUT_OF_RANGE))?.serialize(to)
    }

    fn read<'de, D: Deserializer<'de>>(from: D, here: Here) -> Result<SystemTimeRepr, D::Error> {
        if here.form == Form::Wire {
            let (secs, nanos) = Deserialize::deserialize(from)?;
            let repr = SystemTimeRepr { secs, nanos };
            return if repr.time().is_some() { Ok(repr) } else { Err(D::Error::custom(OUT_OF_RANGE)) };
        }
        let since = SystemTime::deserialize(from)?.duration_since(SystemTime::UNIX_EPOCH).map_err(D::Error::custom)?;
        let secs = i64::try_from(since.as_secs()).map_err(D::Error::custom)?;
        Ok(SystemTimeRepr { secs, nanos: since.subsec_nanos() })
    }
}
