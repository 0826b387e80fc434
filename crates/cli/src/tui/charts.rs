//! The newest seconds as bars. It must not know where they come from.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Sparkline, SparklineBar, Widget};

use super::draw::{Look, line};
use super::picture::Second;
use super::text;

/// Steps between nothing and the highest bar.
const SCALE: f64 = 10_000.0;

/// Requests a second on the left, the 95th percentile on the right.
pub(super) fn charts(seconds: &[Second], look: Look, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let gap = 2.min(area.width);
    let left = Rect { width: (area.width - gap) / 2, ..area };
    let right = Rect { x: area.x + left.width + gap, width: area.width - gap - left.width, ..area };
    chart("rps", seconds, |second| Some(second.rps), text::rate, look, left, buffer);
    chart("p95 ms", seconds, |second| second.p95_ms, |ms| text::ms(Some(ms)), look, right, buffer);
}

fn chart(
    title: &str,
    seconds: &[Second],
    value: impl Fn(&Second) -> Option<f64>,
    shown: impl Fn(f64) -> String,
    look: Look,
    area: Rect,
    buffer: &mut Buffer,
) {
    let seconds = &seconds[seconds.len().saturating_sub(usize::from(area.width))..];
    let highest = seconds.iter().filter_map(&value).fold(0.0, f64::max);
    let now = seconds.last().and_then(&value).map_or("–".to_owned(), &shown);
    let doubtful = seconds.iter().filter(|second| !second.valid).count();
    let mut head = format!("{title} {now}, highest {}", shown(highest));
    if doubtful > 0 {
        head.push_str(&format!(", {doubtful} s doubtful"));
    }
    line(&head, look.title(), area, 0, buffer);
    let bars = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let bar = |second: &Second| {
        let height = value(second).map(|value| (value / highest.max(f64::MIN_POSITIVE) * SCALE).round());
        let style = if second.valid { look.bar() } else { look.bad() };
        SparklineBar::from(height.map(|height| height as u64)).style(style)
    };
    Sparkline::default()
        .data(seconds.iter().map(bar))
        .max(SCALE as u64)
        .absent_value_symbol(" ")
        .style(Style::default())
        .render(bars, buffer);
}
