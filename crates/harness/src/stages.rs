//! Reads `Server-Timing`, strictly: what is not by the letter is counted and not guessed at.
//! (W3C, Server Timing, 2023: a list of `metric;dur=NUMBER;desc=TEXT`, in milliseconds.) It must not know what is made
//! of it.

use http::HeaderValue;

/// Bytes of a header that are read; a longer one is unreadable.
const HEADER_BYTES_MAX: usize = 4_096;
/// Bytes of a stage's name.
const NAME_BYTES_MAX: usize = 64;
/// Metrics that an answer may have.
const METRICS_MAX: usize = 64;
/// The longest time: an hour, as of all times.
const DURATION_MS_MAX: u64 = 3_600_000;

/// The stages of one answer and their times in ns, each stage once; metrics without a time are left out.
/// `None`: it cannot be read.
pub(crate) fn read_stages(values: &[HeaderValue]) -> Option<Vec<(&str, u64)>> {
    let mut stages: Vec<(&str, u64)> = vec![];
    let mut metrics = 0;
    for value in values {
        let text = value.to_str().ok().filter(|text| text.len() <= HEADER_BYTES_MAX)?;
        let mut rest = text.trim_matches(BLANK);
        // A header may be empty; a list may not have holes.
        while !rest.is_empty() {
            let (name, ns, after) = metric(rest)?;
            metrics += 1;
            if metrics > METRICS_MAX {
                return None;
            }
            if let Some(ns) = ns {
                match stages.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, sum)) => *sum += ns,
                    None => stages.push((name, ns)),
                }
            }
            rest = match after.strip_prefix(',') {
                Some(next) if !next.trim_matches(BLANK).is_empty() => next.trim_start_matches(BLANK),
                Some(_) => return None,
                None if after.is_empty() => after,
                None => return None,
            };
        }
    }
    Some(stages)
}

const BLANK: [char; 2] = [' ', '\t'];

/// A metric: its name, its time if it has one, and what follows.
fn metric(text: &str) -> Option<(&str, Option<u64>, &str)> {
    let (name, mut rest) = token(text)?;
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let mut ns = None;
    while let Some(after) = rest.trim_start_matches(BLANK).strip_prefix(';') {
        let (key, after) = token(after.trim_start_matches(BLANK))?;
        let after = after.trim_start_matches(BLANK).strip_prefix('=')?.trim_start_matches(BLANK);
        let (value, after) = if after.starts_with('"') { quoted(after)? } else { token(after)? };
        if key.eq_ignore_ascii_case("dur") {
            // Said twice, it says nothing.
            if ns.replace(milliseconds(value)?).is_some() {
                return None;
            }
        }
        rest = after;
    }
    Some((name, ns, rest.trim_start_matches(BLANK)))
}

/// A token of RFC 9110, 5.6.2, and what follows.
fn token(text: &str) -> Option<(&str, &str)> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let end = text.bytes().position(|byte| !is_part(byte)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// What stands in quotes, escapes left as they are, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some((&text[1..at], &text[at + 1..])),
            _ => {}
        }
    }
    None
}

/// Plain decimal milliseconds as ns: no sign, no exponent; digits beyond the sixth after the point are cut off.
fn milliseconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: u64 = whole.parse().ok().filter(|ms| *ms <= DURATION_MS_MAX)?;
    let padded = format!("{fraction:0<6}");
    let fraction: u64 = padded[..6].parse().ok()?;
    Some(whole * 1_000_000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], expected: Option<&[(&str, u64)]>) {
        let values: Vec<HeaderValue> = values.iter().map(|v| HeaderValue::from_str(v).expect(v)).collect();
        assert_eq!(read_stages(&values).as_deref(), expected, "{values:?}");
    }

    #[test]
    fn by_the_letter() {
        check(
            &["queue;dur=0.000, router;dur=5.120, total;dur=5.140"],
            Some(&[("queue", 0), ("router", 5_120_000), ("total", 5_140_000)]),
        );
        check(&["a;dur=1", "b;dur=2"], Some(&[("a", 1_000_000), ("b", 2_000_000)]));
        check(&["a;dur=1,a;dur=2"], Some(&[("a", 3_000_000)]));
        check(
            &["cache;desc=hit;dur=1.0, replica;desc=\"2, \\\"x\\\";dur=9\""],
            Some(&[("cache", 1_000_000)]),
        );
        check(&["a ; DUR = \"0.5\""], Some(&[("a", 500_000)]));
        check(&["a;dur=0.1234567"], Some(&[("a", 123_456)]));
        check(&["miss, db"], Some(&[]));
        check(&[""], Some(&[]));
        check(&[], Some(&[]));
    }

    #[test]
    fn garbage_is_nothing() {
        for text in [
            ",",
            "a,",
            "a,,b",
            ";dur=1",
            "a;dur",
            "a;dur=",
            "a;dur=-1",
            "a;dur=1e3",
            "a;dur=NaN",
            "a;dur=.5",
            "a;dur=1.",
            "a;dur=1;dur=2",
            "a b",
            "a;desc=\"x",
            "a;dur=3600001",
            "a;dur=99999999999999999999999",
            "(a);dur=1",
        ] {
            check(&[text], None);
        }
        check(&[&format!("{};dur=1", "x".repeat(65))], None);
        check(&[&"a;dur=1,".repeat(600)], None);
        check(&[&vec!["a;dur=1"; 65].join(",")], None);
        check(&["ok;dur=1", "a;dur=soon"], None);
    }
}
