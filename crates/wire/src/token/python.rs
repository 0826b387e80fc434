//! How Python writes values down: the canonical form that is signed is Python's.
//!
//! It must not know what is signed.

use std::fmt::Write;

use serde_json::Value;

/// A float as Python's `repr` writes it: `1.5`, `300.0`, `1e+16`, `1e-05`, `-0.0`, `inf`, `nan`.
pub fn python_float(float: f64) -> String {
    if !float.is_finite() {
        let sign = if float < 0.0 { "-" } else { "" };
        return if float.is_nan() { "nan".to_owned() } else { format!("{sign}inf") };
    }
    // The shortest digits that mean this number, and of two such the even one, as in Python; only their layout differs.
    let shortest = Value::from(float.abs()).to_string();
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    // The number is 0.DIGITS times ten to the power of `point`.
    let point = exponent.parse().unwrap_or(0) + whole.len() as i32 - (all.len() - digits.len()) as i32;
    let digits = digits.trim_end_matches('0');
    let sign = if float.is_sign_negative() { "-" } else { "" };
    sign.to_owned() + &laid_out(digits, point)
}

/// 0.`digits` times ten to the power of `point`, as Python lays it out.
fn laid_out(digits: &str, point: i32) -> String {
    let places = point.unsigned_abs() as usize;
    let or_zero = |digits: &str| if digits.is_empty() { "0" } else { digits }.to_owned();
    match point {
        _ if digits.is_empty() => "0.0".to_owned(),
        -3..=0 => format!("0.{}{digits}", "0".repeat(places)),
        1..=16 if digits.len() > places => format!("{}.{}", &digits[..places], or_zero(&digits[places..])),
        1..=16 => format!("{digits}{}.0", "0".repeat(places - digits.len())),
        _ => {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            let sign = if point > 0 { '+' } else { '-' };
            format!("{first}{dot}{rest}e{sign}{:02}", (point - 1).unsigned_abs())
        }
    }
}

/// Appends a text in quotes as Python's `json.dumps` does: all ASCII, by UTF-16 units.
pub fn ascii_text(units: impl IntoIterator<Item = u16>, out: &mut String) {
    out.push('"');
    for unit in units {
        match u8::try_from(unit) {
            Ok(b'"') => out.push_str("\\\""),
            Ok(b'\\') => out.push_str("\\\\"),
            Ok(b'\n') => out.push_str("\\n"),
            Ok(b'\r') => out.push_str("\\r"),
            Ok(b'\t') => out.push_str("\\t"),
            Ok(0x08) => out.push_str("\\b"),
            Ok(0x0c) => out.push_str("\\f"),
            Ok(plain @ b' '..=b'~') => out.push(plain.into()),
            // Writing to a String cannot fail.
            _ => drop(write!(out, "\\u{unit:04x}")),
        }
    }
    out.push('"');
}

/// A JSON value in the canonical form: names in order, no blanks, all ASCII.
pub fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    append(value, &mut out);
    out
}

fn append(value: &Value, out: &mut String) {
    let float = |number: &serde_json::Number| number.as_f64().filter(|_| number.is_f64());
    match value {
        Value::Number(number) => match float(number) {
            Some(float) => out.push_str(&python_float(float)),
            None => out.push_str(&number.to_string()),
        },
        Value::String(text) => ascii_text(text.encode_utf16(), out),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                out.push(if i == 0 { '[' } else { ',' });
                append(item, out);
            }
            out.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Value::Object(fields) => {
            let mut names: Vec<_> = fields.iter().collect();
            names.sort_unstable_by_key(|(name, _)| *name);
            for (i, (name, item)) in names.into_iter().enumerate() {
                out.push(if i == 0 { '{' } else { ',' });
                ascii_text(name.encode_utf16(), out);
                out.push(':');
                append(item, out);
            }
            out.push_str(if fields.is_empty() { "{}" } else { "}" });
        }
        plain @ (Value::Null | Value::Bool(_)) => out.push_str(&plain.to_string()),
    }
}

/// A Unix time as Python's `isoformat` writes it in UTC: microseconds unless they are 0, and `+00:00`.
pub fn utc_iso(unix_ns: u64) -> String {
    let (seconds, us) = (unix_ns / 1_000_000_000, unix_ns / 1_000 % 1_000_000);
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let fraction = if us == 0 { String::new() } else { format!(".{us:06}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}+00:00")
}

/// Year, month and day of a day since 1970 (Hinnant, *chrono-Compatible Low-Level Date Algorithms*).
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = (from_march + 2) % 12 + 1;
    (year_of_era + era * 400 + u64::from(month < 3), month, day_of_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn floats_are_laid_out_as_in_python() {
        for (float, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (300.0, "300.0"),
            (-0.005, "-0.005"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.234_567_890_123_456_8e17, "1.2345678901234568e+17"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (0.1 + 0.2, "0.30000000000000004"),
            (-12.5, "-12.5"),
            (1_234_567_890_123_456.0, "1234567890123456.0"),
            (1e22, "1e+22"),
            (1.5e-5, "1.5e-05"),
            // Halfway between two texts of 17 digits.
            (491_767_808_268_585.0 / 16.0, "30735488016786.562"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(python_float(float), expected);
        }
    }

    #[test]
    fn the_canonical_form_is_sorted_and_ascii() {
        let value =
            json!({"z": [1, 1.5, 1e20, null, true], "Z": {"é": "❤\u{1f600}\u{7f}\n\"\\", "a": {}}, "a": []});
        let expected =
            r#"{"Z":{"a":{},"\u00e9":"\u2764\ud83d\ude00\u007f\n\"\\"},"a":[],"z":[1,1.5,1e+20,null,true]}"#;
        assert_eq!(canonical_json(&value), expected);
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (unix_ns, expected) in [
            (0, "1970-01-01T00:00:00+00:00"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00+00:00"),
            (1_795_426_124_212_381_999, "2026-11-23T09:28:44.212381+00:00"),
            (4_107_542_399_000_001_000, "2100-02-28T23:59:59.000001+00:00"),
        ] {
            assert_eq!(utc_iso(unix_ns), expected);
        }
    }
}
