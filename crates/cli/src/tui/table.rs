//! The table of entries: the heads of the columns, all together, and the entries that there is room for. It must not know
//! how they came to their order.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::columns::{Column, fitting};
use super::draw::{Look, line};
use super::picture::{Entry, Picture};
use super::state::State;
use super::text;

/// Rows of the table above its entries: the heads of the columns, and all together.
pub(super) const TABLE_HEAD: u16 = 2;

/// Draws it.
pub(super) fn table(picture: &Picture, state: &State, look: Look, area: Rect, buffer: &mut Buffer) {
    let columns = fitting(area.width);
    let of_figures: usize = columns.iter().map(|column| column.cells()).sum();
    let of_name = usize::from(area.width).saturating_sub(of_figures);
    let row = |name: &str, cell: &dyn Fn(Column) -> String| {
        let mut text = text::fitted(name, of_name);
        let used = text::cells(&text);
        text.push_str(&" ".repeat(of_name.saturating_sub(used)));
        for column in &columns[1..] {
            text.push_str(&format!("{:>width$}", cell(*column), width = column.cells()));
        }
        text
    };
    let head = |column: Column| {
        let arrow = if state.sorting.by != column {
            ""
        } else if state.sorting.descending {
            "▾"
        } else {
            "▴"
        };
        format!("{}{arrow}", column.head())
    };
    line(&row(&head(Column::Name), &head), look.title(), area, 0, buffer);
    let entry = |name: &str, entry: &Entry| row(name, &|column| column.shown(entry));
    let hidden = picture.entries_hidden;
    let count = picture.entries.len();
    let all = if hidden > 0 { format!("all, {hidden} not shown") } else { format!("all {count} entries") };
    line(&entry(&all, &picture.total), look.title(), area, 1, buffer);
    let seen = picture.entries.iter().skip(state.above);
    for (at, shown) in (TABLE_HEAD..area.height).zip(seen) {
        let style = if shown.failures > 0 { look.bad() } else { Style::new() };
        line(&entry(&shown.name, shown), style, area, at, buffer);
    }
}
