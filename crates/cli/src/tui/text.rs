//! Text that fits and harms no terminal: names are cut to a width in cells, and what would move the cursor or turn the
//! direction of writing is shown as its code. It must not know what it shows.

use ratatui::text::Span;

/// How many cells it takes.
pub(super) fn cells(text: &str) -> usize {
    Span::raw(text).width()
}

/// Whether it would be seen for what it is.
fn is_harmless(char: char) -> bool {
    !char.is_control()
        && !matches!(
            u32::from(char),
            0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfe00..=0xfe0f | 0xfeff
                | 0xfff9..=0xfffb | 0xe0000..=0xe0fff
        )
}

/// In at most `width` cells; what is cut off ends in `…`.
pub(super) fn fitted(text: &str, width: usize) -> String {
    // One char more than fits tells that something is cut off.
    let (mut out, mut used) = (String::new(), 0);
    // Where the `…` would go: bytes and cells.
    let mut keep = 0;
    for char in text.chars() {
        let piece = if is_harmless(char) { char.to_string() } else { char.escape_unicode().to_string() };
        let more = cells(&piece);
        if used + more > width {
            out.truncate(keep);
            if width > 0 {
                out.push('…');
            }
            return out;
        }
        out.push_str(&piece);
        used += more;
        if used < width {
            keep = out.len();
        }
    }
    out
}

/// Milliseconds in at most six cells: `0.42`, `9.9`, `830`, `12.3s`.
pub(super) fn ms(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(ms) if ms < 0.995 => format!("{ms:.2}"),
        Some(ms) if ms < 99.95 => format!("{ms:.1}"),
        Some(ms) if ms < 9_999.5 => format!("{ms:.0}"),
        Some(ms) => format!("{:.1}s", ms / 1e3),
    }
}

/// A count in at most six cells.
pub(super) fn count(value: u64) -> String {
    match value {
        0..=99_999 => value.to_string(),
        100_000..=9_999_999 => format!("{}k", value / 1_000),
        _ => format!("{:.1}M", (value / 100_000) as f64 / 10.0),
    }
}

/// A rate a second in at most six cells.
pub(super) fn rate(value: f64) -> String {
    if value < 9_999.5 { format!("{value:.1}") } else { count(value.round() as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit_and_are_harmless() {
        for (text, width, expected) in [
            ("/ask", 4, "/ask"),
            ("/asks", 4, "/as…"),
            ("/ask", 1, "…"),
            ("/ask", 0, ""),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("a\u{1b}[2J", 20, "a\\u{1b}[2J"),
            ("a\nb", 20, "a\\u{a}b"),
            ("\u{202e}x", 20, "\\u{202e}x"),
            ("a\u{1b}[2J", 5, "a…"),
            ("\u{200b}", 20, "\\u{200b}"),
        ] {
            let found = fitted(text, width);
            assert_eq!(found, expected, "{text:?} in {width}");
            assert!(cells(&found) <= width, "{text:?} in {width}");
        }
    }

    #[test]
    fn figures_take_six_cells() {
        for (found, expected) in [
            (ms(None), "–"),
            (ms(Some(0.421)), "0.42"),
            (ms(Some(9.94)), "9.9"),
            (ms(Some(99.97)), "100"),
            (ms(Some(9_999.6)), "10.0s"),
            (count(99_999), "99999"),
            (count(1_234_567), "1234k"),
            (count(12_345_678), "12.3M"),
            (rate(0.04), "0.0"),
            (rate(9_999.4), "9999.4"),
            (rate(123_456.0), "123k"),
        ] {
            assert_eq!(found, expected);
        }
    }
}
