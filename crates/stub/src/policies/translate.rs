//! A regex of Python in the words of `regex`, as far as both can say the same.
//!
//! It must not know what it is for. What `\w`, `\b`, `\d` and `\s` mean is levelled in the text instead.

/// Letters that Python knows after a backslash.
const ESCAPES: &str = "AbBdDfnrsStvwWxuUZ";

/// The pattern, or `None` if Python would refuse an escape in it. Other mistakes are left for `regex` to find.
pub(super) fn translated(pattern: &str) -> Option<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    // Within brackets, and how many characters after the first.
    let mut class: Option<usize> = None;
    while let Some(c) = chars.next() {
        let place = class;
        class = class.map(|n| n + 1);
        match (c, place) {
            ('\\', _) => {
                let escaped = chars.next()?;
                if escaped.is_ascii_alphabetic() && !ESCAPES.contains(escaped) {
                    return None;
                }
                match escaped {
                    'Z' => out.push_str("\\z"),
                    // For `regex` only signs and letters may stand there.
                    _ if !escaped.is_ascii() => out.push(escaped),
                    _ => out.extend(['\\', escaped]),
                }
            }
            ('[', None) => {
                out.push('[');
                class = Some(0);
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                // A bracket that comes first does not close.
                if chars.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                    class = Some(1);
                }
            }
            (']', Some(_)) => {
                out.push(']');
                class = None;
            }
            // Sets in sets and their operators are unknown to Python.
            ('[' | '&' | '~', Some(_)) => out.extend(['\\', c]),
            ('-', Some(0)) => out.push_str("\\-"),
            _ => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs() {
        for (pattern, expected) in [
            (r"\bemp-\d+\Z", Some(r"\bemp-\d+\z")),
            (r"[][&&a-z~]", Some(r"[\]\[\&\&a-z\~]")),
            (r"[^]\w.-]+", Some(r"[^\]\w.-]+")),
            (r"[-a]", Some(r"[\-a]")),
            (r"\é\.", Some(r"é\.")),
            (r"\p{L}", None),
            (r"a\", None),
            (r"\z", None),
        ] {
            let got = translated(pattern);
            assert_eq!(got.as_deref(), expected, "{pattern}");
            assert!(got.is_none_or(|pattern| regex::Regex::new(&pattern).is_ok()), "{pattern}");
        }
    }
}
