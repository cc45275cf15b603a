//! `Duration` and `SystemTime`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const NANOS_PER_SECOND: u32 = 1_000_000_000;

crosses_as!(Duration as (u64, u32), Duration, |duration| (duration.as_secs(), duration.subsec_nanos()), |(
    seconds,
    nanos,
)| {
    Duration::new(seconds, nanos)
});

crosses_as!(SystemTime as (i64, u32), SystemTime, |time| since_epoch(time), |(seconds, nanos)| at(seconds, nanos));

/// Returns the seconds since the epoch, rounded down, and the nanoseconds since that second.
fn since_epoch(time: SystemTime) -> (i64, u32) {
    match time.duration_since(UNIX_EPOCH) {
        // Operating systems count seconds in an `i64` or less, so the number fits.
        Ok(after) => (after.as_secs() as i64, after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            let seconds = 0_i64.wrapping_sub_unsigned(before.as_secs());
            match before.subsec_nanos() {
                0 => (seconds, 0),
                nanos => (seconds.wrapping_sub(1), NANOS_PER_SECOND - nanos),
            }
        }
    }
}

fn at(seconds: i64, nanos: u32) -> SystemTime {
    // The whole seconds are added first. So no intermediate time is out of range if the result is in range.
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let whole = if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
    let time = whole.and_then(|time| time.checked_add(Duration::from_nanos(nanos.into())));
    time.unwrap_or_else(|| panic!("a lowered `SystemTime` is out of this system's range: its sender is broken or lies"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_down() {
        let before = |nanos| since_epoch(UNIX_EPOCH - Duration::from_nanos(nanos));
        assert_eq!(before(0), (0, 0));
        assert_eq!(before(100), (-1, 999_999_900));
        assert_eq!(before(1_000_000_000), (-1, 0));
        assert_eq!(before(1_000_000_100), (-2, 999_999_900));
        assert_eq!(since_epoch(UNIX_EPOCH + Duration::from_nanos(1_000_000_100)), (1, 100));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_first_and_the_last_time() {
        let first = UNIX_EPOCH - Duration::from_secs(1 << 63);
        let last = UNIX_EPOCH + Duration::new(i64::MAX as u64, NANOS_PER_SECOND - 1);
        for time in [first, first + Duration::from_nanos(1), first + Duration::new(0, NANOS_PER_SECOND - 1), last] {
            let (seconds, nanos) = since_epoch(time);
            assert_eq!(at(seconds, nanos), time);
        }
        assert_eq!(since_epoch(first), (i64::MIN, 0));
        assert_eq!(since_epoch(first + Duration::from_nanos(5)), (i64::MIN, 5));
        assert_eq!(since_epoch(last), (i64::MAX, NANOS_PER_SECOND - 1));
    }
}
