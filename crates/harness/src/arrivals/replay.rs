//! Replayed arrivals: a text with a time a line. It must not know where the text comes from.

use std::sync::Arc;
use std::time::Duration;

use wire::{Mistakes, parse_duration};

/// Lines with a time at most: request ids are made for them, and they are held in memory.
const LINES_MAX: usize = 10_000_000;
/// The latest arrival.
const OFFSET_MAX: Duration = Duration::from_secs(24 * 3600);
/// Lines that are told of; the rest is counted.
const TOLD_MAX: usize = 20;

/// Reads a replay: a line for each arrival with its time since the begin, as seconds (`0.25`) or as a duration
/// (`250ms`). Empty lines and those that begin with `#` do not count, and the order does not matter. Gives whole
/// microseconds, ascending. `file` is what messages call it.
///
/// # Errors
/// Every line that is no such time, and a text with none or too many.
pub fn read_replay(file: &str, text: &str) -> Result<Arc<[u64]>, Mistakes> {
    let mut mistakes = Mistakes::default();
    let (mut due_us, mut wrong) = (vec![], 0);
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match offset_us(line) {
            Some(offset_us) if due_us.len() < LINES_MAX => due_us.push(offset_us),
            Some(_) => {
                mistakes.push(format!("{file}:{number}"), "more than 10000000 arrivals", "give fewer");
                break;
            }
            None => {
                wrong += 1;
                if wrong <= TOLD_MAX {
                    let shown: String = line.chars().take(60).collect();
                    let problem = format!("`{shown}` is no time between 0 and 24h");
                    mistakes.push(format!("{file}:{number}"), problem, "give seconds like 0.25, or 250ms");
                }
            }
        }
    }
    if wrong > TOLD_MAX {
        mistakes.push(file, format!("{} more such lines", wrong - TOLD_MAX), "mend them like the others");
    }
    if due_us.is_empty() && wrong == 0 {
        mistakes.push(file, "no arrival", "add lines with a time each, such as 0.25");
    }
    due_us.sort_unstable();
    mistakes.or(due_us.into())
}

fn offset_us(line: &str) -> Option<u64> {
    let seconds = || line.parse().ok().and_then(|s: f64| Duration::try_from_secs_f64(s).ok());
    let offset = parse_duration(line).ok().or_else(seconds)?;
    let rounded = offset.checked_add(Duration::from_nanos(500))?;
    (offset <= OFFSET_MAX).then(|| u64::try_from(rounded.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_sorted() {
        let text = "# begin\n0\n 1.5 \n\n250ms\n0.0000004\n1e-3\n1m\n";
        let due_us = read_replay("r.txt", text).expect("times");
        assert_eq!(due_us[..], [0, 0, 1_000, 250_000, 1_500_000, 60_000_000]);
    }

    #[test]
    fn all_mistakes_at_once() {
        for (text, expected) in [
            ("", vec!["r.txt: no arrival; add lines with a time each, such as 0.25"]),
            (
                "1\n-1\nsoon\n25h\nNaN\n",
                vec![
                    "r.txt:2: `-1` is no time between 0 and 24h; give seconds like 0.25, or 250ms",
                    "r.txt:3: `soon` is no time between 0 and 24h; give seconds like 0.25, or 250ms",
                    "r.txt:4: `25h` is no time between 0 and 24h; give seconds like 0.25, or 250ms",
                    "r.txt:5: `NaN` is no time between 0 and 24h; give seconds like 0.25, or 250ms",
                ],
            ),
        ] {
            let found = read_replay("r.txt", text).expect_err(text);
            assert_eq!(found.0.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        }
        let found = read_replay("r.txt", &"x\n".repeat(50)).expect_err("mistakes");
        assert_eq!(found.0.len(), TOLD_MAX + 1);
        assert_eq!(found.0[TOLD_MAX].to_string(), "r.txt: 30 more such lines; mend them like the others");
    }
}
