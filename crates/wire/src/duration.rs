//! Durations as Locust's users write them: `30s`, `20m`, `1h30m`, `0.5s`, `250ms`; a bare number is seconds.

use std::time::Duration;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration: write it like 30s, 250ms, 20m or 1h30m")]
pub struct DurationError {
    text: String,
}

const UNITS: [(&str, f64); 6] = [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9)];
const HOUR_NS: f64 = 3600e9;
/// Longest duration that is accepted: ten years.
const LONGEST_NS: f64 = 10.0 * 366.0 * 24.0 * HOUR_NS;

/// Reads a duration.
///
/// # Errors
/// When the text has no number, an unknown unit, a sign, or is longer than ten years.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let error = || DurationError { text: text.to_owned() };
    let mut rest = text.trim();
    if let Ok(seconds) = rest.parse::<f64>()
        && rest.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    {
        return in_range(seconds * 1e9).ok_or_else(error);
    }
    if rest.is_empty() {
        return Err(error());
    }
    let mut total_ns = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(error)?;
        let number: f64 = rest[..digits].parse().map_err(|_| error())?;
        let unit_end = rest[digits..]
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .map_or(rest.len(), |at| digits + at);
        total_ns += number * unit_ns(&rest[digits..unit_end]).ok_or_else(error)?;
        rest = &rest[unit_end..];
    }
    in_range(total_ns).ok_or_else(error)
}

fn unit_ns(unit: &str) -> Option<f64> {
    match unit {
        "h" => Some(HOUR_NS),
        "d" => Some(24.0 * HOUR_NS),
        _ => UNITS.iter().find(|(name, _)| *name == unit).map(|(_, ns)| *ns),
    }
}

fn in_range(ns: f64) -> Option<Duration> {
    (ns.is_finite() && (0.0..=LONGEST_NS).contains(&ns)).then(|| Duration::from_nanos(ns.round() as u64))
}

/// Writes a duration as [`parse_duration`] reads it, in the largest units that keep it exact.
pub fn format_duration(duration: Duration) -> String {
    let ns = duration.as_nanos();
    for (unit, unit_ns) in [("us", 1_000u128), ("ms", 1_000_000)] {
        let next = unit_ns * 1_000;
        if ns != 0 && !ns.is_multiple_of(next) && ns.is_multiple_of(unit_ns) && ns < 1_000_000_000 {
            return format!("{}{unit}", ns / unit_ns);
        }
    }
    if !ns.is_multiple_of(1_000_000_000) {
        return if ns < 1_000_000 { format!("{ns}ns") } else { format!("{}s", duration.as_secs_f64()) };
    }
    let seconds = duration.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let text: String = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if text.is_empty() { "0s".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_locust_users_write() {
        for (text, ms) in [
            ("30s", 30_000.0),
            ("20m", 1_200_000.0),
            ("1h30m", 5_400_000.0),
            ("0.5s", 500.0),
            ("250ms", 250.0),
            ("15", 15_000.0),
            ("1.5", 1_500.0),
            ("0s", 0.0),
            ("40us", 0.04),
            ("1d", 86_400_000.0),
        ] {
            let got = parse_duration(text).map(|d| d.as_secs_f64() * 1e3);
            assert_eq!(got, Ok(ms), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_and_names_it() {
        for text in ["", "s", "-1s", "1x", "1s2", "1..2s", "inf", "nan", "1e3", "99999999d", "1 s"] {
            let error = parse_duration(text).expect_err(text).to_string();
            assert!(error.contains(&format!("`{text}`")) && error.contains("30s"), "{error}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["30s", "20m", "1h30m", "1.5s", "250ms", "40us", "7ns", "0s", "2h"] {
            assert_eq!(parse_duration(text).map(format_duration).as_deref(), Ok(text));
        }
    }
}
