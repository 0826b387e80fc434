//! Whole numbers as the real server's validation takes them: of any length, out of texts and round floats too.
//!
//! It must not know what they count.

use super::problem::Kind;
use crate::json::{INT_DIGITS_MAX, Json};

/// The number's digits, with a minus before them where it is negative.
pub(crate) fn whole(value: &Json) -> Result<String, Kind> {
    match value {
        Json::Int(digits) => Ok(digits.clone()),
        Json::Bool(yes) => Ok(if *yes { "1" } else { "0" }.to_owned()),
        Json::Float(float) if float.is_finite() && float.fract() != 0.0 => Err(Kind::Fraction),
        // The library goes through 64 bits; a float that is 2⁶³ or its negative no longer fits.
        Json::Float(float) if float.abs() < i64::MAX as f64 => Ok((*float as i64).to_string()),
        Json::Float(_) => Err(Kind::IntTooLong),
        Json::Text(text) => text.whole().ok_or(Kind::NotIntText).and_then(from_text),
        Json::Null | Json::List(_) | Json::Object(_) => Err(Kind::NotInt),
    }
}

/// Blanks around it, one sign, zeros before it, single underscores within it, and a fraction of zeros are taken.
fn from_text(text: &str) -> Result<String, Kind> {
    let text = text.trim();
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let text = match text.split_once('.') {
        Some((before, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => before,
        Some(_) => return Err(Kind::NotIntText),
        None => text,
    };
    let begins_with_zero = text.starts_with('0');
    let digits = if begins_with_zero { text.trim_start_matches(['0', '_']) } else { text };
    if digits.is_empty() && begins_with_zero && !text.ends_with('_') {
        return Ok("0".to_owned());
    }
    // The library looks for a minus once more where it has taken zeros away: `0-3` is minus three.
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) if sign.is_empty() && begins_with_zero && (rest == "0" || !rest.starts_with('0')) => {
            ("-", rest)
        }
        _ => (sign, digits),
    };
    let grouped =
        digits.split('_').all(|group| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit()));
    let digits = digits.replace('_', "");
    match grouped {
        false => Err(Kind::NotIntText),
        true if digits.len() > INT_DIGITS_MAX => Err(Kind::IntTooLong),
        true if digits == "0" => Ok(digits),
        true => Ok(format!("{sign}{digits}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn what_is_a_whole_number() {
        for (text, expected) in [
            ("true", Ok("1")),
            ("-5", Ok("-5")),
            ("12345678901234567890123", Ok("12345678901234567890123")),
            ("1e3", Ok("1000")),
            ("-0.0", Ok("0")),
            ("9007199254740993.0", Ok("9007199254740992")),
            ("9223372036854774784.0", Ok("9223372036854774784")),
            ("9223372036854775807.0", Err(Kind::IntTooLong)),
            ("-9223372036854775808.0", Err(Kind::IntTooLong)),
            ("1.5", Err(Kind::Fraction)),
            ("5e-324", Err(Kind::Fraction)),
            ("null", Err(Kind::NotInt)),
            ("[1]", Err(Kind::NotInt)),
            (r#"" +1_000.00\n""#, Ok("1000")),
            (r#""\u00a05\u2003""#, Ok("5")),
            (r#""\u001c5""#, Err(Kind::NotIntText)),
            (r#""-00_1""#, Ok("-1")),
            (r#""0__1""#, Ok("1")),
            (r#""0_0""#, Ok("0")),
            (r#""-0""#, Ok("0")),
            (r#""00.0""#, Ok("0")),
            (r#""+0_-1_0""#, Ok("-10")),
            (r#""0-0""#, Ok("0")),
            (r#""0-""#, Err(Kind::NotIntText)),
            (r#""0-00""#, Err(Kind::NotIntText)),
            (r#""-0-3""#, Err(Kind::NotIntText)),
            (r#""0+3""#, Err(Kind::NotIntText)),
            (r#""-12345678901234567890""#, Ok("-12345678901234567890")),
            (r#""""#, Err(Kind::NotIntText)),
            (r#""-""#, Err(Kind::NotIntText)),
            (r#""+-5""#, Err(Kind::NotIntText)),
            (r#""1__0""#, Err(Kind::NotIntText)),
            (r#""1_""#, Err(Kind::NotIntText)),
            (r#""5.""#, Err(Kind::NotIntText)),
            (r#"".0""#, Err(Kind::NotIntText)),
            (r#""5.5""#, Err(Kind::NotIntText)),
            (r#""1e3""#, Err(Kind::NotIntText)),
            (r#""٣""#, Err(Kind::NotIntText)),
        ] {
            let value = parse(text.as_bytes()).expect(text);
            assert_eq!(whole(&value).as_deref(), expected.as_ref().copied(), "{text}");
        }
        assert_eq!(
            whole(&parse(format!("\"{}\"", "1".repeat(4301)).as_bytes()).expect("JSON")),
            Err(Kind::IntTooLong)
        );
    }
}
