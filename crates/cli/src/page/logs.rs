//! The newest lines of the log, for the page. It must not know what is logged.

use std::collections::VecDeque;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use wire::Clock;

/// Lines that are kept.
const LINES_MAX: usize = 1_000;
/// Bytes of a line that are kept.
const LINE_BYTES_MAX: usize = 2_000;

struct Line {
    number: u64,
    at_unix_ms: u64,
    level: &'static str,
    text: String,
}

/// Keeps the newest lines.
#[derive(Clone, Default)]
pub(crate) struct Ring(Arc<Mutex<VecDeque<Line>>>);

/// Feeds a ring.
pub(crate) struct RingLayer(Ring);

impl Ring {
    /// What is to be added to the log's subscriber.
    pub(crate) fn layer(&self) -> RingLayer {
        RingLayer(self.clone())
    }

    fn push(&self, level: &'static str, mut text: String) {
        text.truncate(text.floor_char_boundary(LINE_BYTES_MAX));
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = lines.back().map_or(0, |last| last.number + 1);
        if lines.len() == LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(Line { number, at_unix_ms: Clock::wall_unix_ns() / 1_000_000, level, text });
    }

    /// The lines from number `since` on, and how many of them are gone.
    pub(crate) fn since(&self, since: u64) -> Value {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = lines.back().map_or(0, |last| last.number + 1);
        let dropped = lines.front().map_or(0, |first| first.number.saturating_sub(since));
        let line = |line: &Line| json!({"n": line.number, "at_unix_ms": line.at_unix_ms, "level": line.level, "text": line.text});
        let shown: Vec<Value> = lines.iter().filter(|line| line.number >= since).map(line).collect();
        json!({"next": next, "lines": shown, "dropped": dropped})
    }

    /// All that is kept, a text a line.
    pub(crate) fn texts(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|line| format!("{} {}", line.level, line.text)).collect()
    }
}

impl<S: Subscriber> Layer<S> for RingLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        self.0.push(event.metadata().level().as_str(), text.message + &text.fields);
    }
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // A String takes everything.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_kept_and_the_others_counted() {
        let ring = Ring::default();
        assert_eq!(ring.since(0), json!({"next": 0, "lines": [], "dropped": 0}));
        for number in 0..LINES_MAX + 5 {
            ring.push("INFO", format!("line {number}"));
        }
        let seen = ring.since(3);
        assert_eq!((&seen["next"], &seen["dropped"]), (&json!(1_005), &json!(2)));
        assert_eq!(seen["lines"].as_array().map(Vec::len), Some(LINES_MAX));
        assert_eq!(ring.since(1_004)["lines"][0]["text"], "line 1004");
        ring.push("WARN", "ä".repeat(LINE_BYTES_MAX));
        assert_eq!(ring.texts().last().map(String::len), Some(LINE_BYTES_MAX + 5));
    }
}
