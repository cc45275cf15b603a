//! Decimal numbers in the notation of JSON.

/// A number without regard to its notation.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    /// The digits. Neither the first nor the last is a zero. The number zero has no digits.
    digits: Vec<u8>,
    /// The exponent: the digits, read as a whole number, are multiplied by this power of ten.
    exponent: i64,
}

/// The parts of a text that is a number in JSON.
struct Parts<'a> {
    is_negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: &'a str,
}

impl<'a> Parts<'a> {
    /// Splits a text, if it is a number in JSON as RFC 8259 defines it in section 6.
    fn of(text: &'a str) -> Option<Self> {
        let is_whole = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (is_negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let is_number = is_whole(whole)
            && (whole == "0" || !whole.starts_with('0'))
            && is_whole(fraction)
            && is_whole(exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
        is_number.then_some(Parts { is_negative, whole, fraction, exponent })
    }
}

impl Decimal {
    /// Reads a number, if the text is a number and its exponent fits.
    fn read(text: &str) -> Option<Self> {
        let Parts { is_negative, whole, fraction, exponent } = Parts::of(text)?;
        let digits = [whole, fraction].concat();
        let digits = digits.trim_start_matches('0');
        let significant = digits.trim_end_matches('0');
        let exponent = exponent.parse::<i64>().ok()?.checked_sub(fraction.len() as i64)?;
        let exponent = exponent.checked_add((digits.len() - significant.len()) as i64)?;
        Some(Decimal {
            is_negative,
            digits: significant.as_bytes().to_vec(),
            exponent: if significant.is_empty() { 0 } else { exponent },
        })
    }
}

/// Returns true if a text is a number in JSON.
pub fn is_number(text: &str) -> bool {
    Parts::of(text).is_some()
}

/// Returns true if two texts are the same number, also in different notations.
pub fn are_equal(a: &str, b: &str) -> bool {
    matches!((Decimal::read(a), Decimal::read(b)), (Some(a), Some(b)) if a == b)
}

/// Returns true if a text is exactly this number, or is the shortest text for it.
pub fn is_float(text: &str, float: f64) -> bool {
    let is_written = are_equal(text, &format!("{float:?}"));
    // The shortest text of a large whole number has only its first digits, so the text with all digits is compared too.
    is_written || float.is_finite() && float.fract() == 0.0 && are_equal(text, &format!("{float:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_what_they_are_written_as() {
        for (text, float) in [
            ("0.1", 0.1),
            ("1e2", 100.0),
            ("-0", -0.0),
            ("1e300", 1e300),
            ("18446744073709551616", 18_446_744_073_709_551_616.0),
            ("1.8446744073709552e19", 18_446_744_073_709_551_616.0),
        ] {
            assert!(is_float(text, float), "{text}");
        }
        for (text, float) in [
            ("0.10000000000000000001", 0.1),
            ("18446744073709551617", 18_446_744_073_709_551_616.0),
            ("0", -0.0),
            ("1e400", f64::INFINITY),
            ("NaN", f64::NAN),
        ] {
            assert!(!is_float(text, float), "{text}");
        }
    }

    #[test]
    fn numbers_are_equal_however_they_are_written() {
        for (a, b) in [
            ("0", "0.0"),
            ("-0", "-0.0e5"),
            ("100", "1e2"),
            ("0.5", "5E-1"),
            ("1.50", "15e-1"),
            ("18446744073709551616", "18446744073709551616.0"),
            ("1e400", "0.1e+401"),
        ] {
            assert!(are_equal(a, b) && are_equal(b, a), "{a} {b}");
        }
        for (a, b) in [("0", "-0"), ("1", "10"), ("0.1", "0.10000000000000001"), ("1e400", "1e401"), ("5", "-5")] {
            assert!(!are_equal(a, b), "{a} {b}");
        }
        for text in
            ["", "-", "+1", "01", "1.", ".5", "1e", "1e+", "1e+-1", "NaN", "inf", "1 ", "0x1", "1e99999999999999999999"]
        {
            assert!(!are_equal(text, text), "{text}");
            assert_eq!(is_number(text), text == "1e99999999999999999999", "{text}");
        }
    }
}
