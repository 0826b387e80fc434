//! Where the server says that the time went, as stacked bars and a table. It must not compute anything.

use plotly::common::{Marker, Orientation};
use plotly::layout::{Axis, BarMode, HoverMode, Legend, Margin, RangeMode};
use plotly::{Bar, Layout, Plot};

use super::block::{Block, Cell, Table, cut};
use super::chart::Chart;
use crate::export::figures::NONE;
use crate::export::stages::{Split, cells, notes, splits};
use crate::{RunError, StepRun, units};

/// Entries that are drawn; the table has more.
const ENTRIES_MAX: usize = 30;
/// Colours of stages, in turn; the style sheet has them. What is left has one of its own.
const COLOURS: [&str; 8] = ["p50", "p95", "p99", "success", "throttled", "generator", "in-flight", "failure"];
const REST: &str = "users";

/// A part of the page, and its chart; nothing where the server said nothing.
///
/// # Errors
/// [`RunError::Damaged`] when a histogram cannot be read.
pub(super) fn stages(step: &StepRun) -> Result<(Vec<Block>, Option<Chart>), RunError> {
    let found = splits(step)?;
    if found.is_empty() {
        return Ok((vec![], None));
    }
    let chart = bars(step, &found);
    let blocks = vec![
        Block::Part("Where the time went".to_owned()),
        Block::Note(
            "As the server says in Server-Timing of successes. Means are of all answers that said anything; what the \
             server does not account for is the network and the client."
                .to_owned(),
        ),
        super::step::chart_block(&chart),
        Block::Table(table(step, &found)),
    ];
    Ok((blocks, Some(chart)))
}

fn table(step: &StepRun, found: &[Split]) -> Table {
    let head = ["name", "stage", "answers", "mean ms", "% of it", "p95 ms", "max ms"];
    let mut table = Table::new("Stages by name", 2, &head);
    let rows: Vec<_> =
        found.iter().flat_map(|split| split.stages.iter().map(move |stage| (split, stage))).collect();
    table.fill("stages", &rows, |(split, stage)| {
        let mut row = vec![Cell::of(&split.entry), Cell::of(&stage.name)];
        row.extend(cells(split, stage, NONE).map(Cell::of));
        row
    });
    table.notes.extend(notes(step, found));
    table
}

fn bars(step: &StepRun, found: &[Split]) -> Chart {
    let drawn = &found[..found.len().min(ENTRIES_MAX)];
    let mut names: Vec<(&str, bool)> = vec![];
    for stage in drawn.iter().flat_map(|split| &split.stages) {
        if !names.iter().any(|(name, _)| *name == stage.name) {
            names.push((&stage.name, stage.count.is_none()));
        }
    }
    // What is left stands at the end of each bar.
    names.sort_by_key(|(_, is_rest)| *is_rest);
    let mut plot = Plot::new();
    for (at, (name, is_rest)) in names.iter().enumerate() {
        let of =
            |split: &Split| split.stages.iter().find(|stage| stage.name == *name).map_or(0, |s| s.share_ns);
        let x: Vec<f64> = drawn.iter().map(|split| units::ms(of(split))).collect();
        let y: Vec<String> = drawn.iter().map(|split| cut(&split.entry)).collect();
        let colour = if *is_rest { REST } else { COLOURS[at % COLOURS.len()] };
        let mut marker = Marker::new().color(colour);
        if *is_rest && *name != "network and client" {
            marker = marker.opacity(0.6);
        }
        let bar = Bar::new(x, y).name(cut(name)).orientation(Orientation::Horizontal).marker(marker);
        plot.add_trace(bar);
    }
    let legend = Legend::new()
        .orientation(Orientation::Horizontal)
        .x(0.0)
        .y(1.02)
        .y_anchor(plotly::common::Anchor::Bottom);
    let layout = Layout::new()
        .auto_size(true)
        .height(220 + 36 * drawn.len())
        .bar_mode(BarMode::Stack)
        .hover_mode(HoverMode::Closest)
        .show_legend(true)
        .legend(legend)
        .margin(Margin::new().left(62).right(16).top(36).bottom(48))
        .x_axis(Axis::new().title(plotly::common::Title::with_text("mean, ms")).range_mode(RangeMode::ToZero))
        .y_axis(Axis::new().auto_margin(true));
    plot.set_layout(layout);
    let more = found.len() - drawn.len();
    let more = if more > 0 { format!(" {more} more names stand in the table.") } else { String::new() };
    let caption = format!("Where the mean time of an answer went, in ms.{more}");
    Chart { id: format!("chart-stages-{}", step.name), caption, plot }
}
