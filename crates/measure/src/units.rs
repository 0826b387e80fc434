//! The one place where stored integers become shown numbers, so that no two outputs disagree.
//! It must not know what the numbers count.

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// Nanoseconds as shown milliseconds: rounded to 3 decimals.
pub fn ms(ns: u64) -> f64 {
    ns.saturating_add(500).div_euclid(1_000) as f64 / 1_000.0
}

/// Nanoseconds as shown seconds: rounded to 6 decimals.
pub fn seconds(ns: u64) -> f64 {
    ns.saturating_add(500).div_euclid(1_000) as f64 / 1_000_000.0
}

/// A rate as shown: `count` in `elapsed_ns`, a second, rounded to 6 decimals; 0 when no time passed.
pub fn per_s(count: u64, elapsed_ns: u64) -> f64 {
    quotient(u128::from(count) * 1_000_000_000, u128::from(elapsed_ns))
}

/// A share as shown: rounded to 6 decimals; 0 of nothing.
pub fn ratio(part: u64, whole: u64) -> f64 {
    quotient(u128::from(part), u128::from(whole))
}

/// `1 request`, `2 requests`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Integers up to the last step, so that every platform rounds alike.
fn quotient(dividend: u128, divisor: u128) -> f64 {
    if divisor == 0 {
        return 0.0;
    }
    ((dividend * 1_000_000 + divisor / 2) / divisor) as f64 / 1_000_000.0
}

/// `20261123_094548`, in UTC: a date as file names carry it.
pub fn file_stamp(unix_ns: u64) -> String {
    written(unix_ns, format_description!("[year][month][day]_[hour][minute][second]"))
}

/// `2026-11-23T09:45:48Z`.
pub(crate) fn utc_second(unix_ns: u64) -> String {
    written(unix_ns, format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z"))
}

/// `2026-11-23T09:45:48.123456+00:00`, which every reader of ISO 8601 takes, old Pythons too.
pub(crate) fn iso(unix_ns: u64) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]+00:00");
    written(unix_ns, format)
}

fn written(unix_ns: u64, format: &[BorrowedFormatItem<'_>]) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ns));
    // 64 bits of nanoseconds end in the year 2554, which has four digits as every year before it.
    at.ok().and_then(|at| at.format(format).ok()).expect("64 bits of nanoseconds are a date")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_numbers() {
        assert_eq!(ms(1_234_567), 1.235);
        assert_eq!(ms(499), 0.0);
        assert_eq!(ms(500), 0.001);
        assert_eq!(ms(200_000_000), 200.0);
        assert_eq!(per_s(1, 3_000_000_000), 0.333333);
        assert_eq!(per_s(7, 0), 0.0);
        assert_eq!(ratio(2, 3), 0.666667);
        assert_eq!(ratio(0, 0), 0.0);
        assert_eq!(seconds(1_500_000_000), 1.5);
    }

    #[test]
    fn shown_dates() {
        let at = 1_795_427_148_123_456_789;
        assert_eq!(file_stamp(at), "20261123_094548");
        assert_eq!(utc_second(at), "2026-11-23T09:45:48Z");
        assert_eq!(iso(at), "2026-11-23T09:45:48.123456+00:00");
        assert_eq!(&iso(u64::MAX)[..4], "2554");
    }
}
