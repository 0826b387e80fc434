//! Charts as data: lines, axes and ids that do not depend on chance. Colours are names that the page's style sheet
//! gives a value, so that one page serves light and dark. It must not know what is drawn.

use plotly::common::{
    DashType, ErrorData, ErrorType, Fill, Line, LineShape, Mode, Orientation, Title, Visible,
};
use plotly::layout::{Axis, AxisType, HoverMode, Legend, Margin, RangeMode};
use plotly::{Layout, Plot, Scatter};

/// A chart, its element's id and what it shows.
pub(super) struct Chart {
    pub(super) id: String,
    pub(super) caption: String,
    pub(super) plot: Plot,
}

/// What a line stands for; the style sheet has a colour of each name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    P50,
    P95,
    P99,
    Success,
    Throttled,
    Failure,
    Requests,
    Users,
    InFlight,
    Generator,
    Target,
    Lateness,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Success => "success",
            Self::Throttled => "throttled",
            Self::Failure => "failure",
            Self::Requests => "requests",
            Self::Users => "users",
            Self::InFlight => "in-flight",
            Self::Generator => "generator",
            Self::Target => "target",
            Self::Lateness => "lateness",
        }
    }

    /// Lines differ in more than their colour.
    fn dash(self) -> DashType {
        match self {
            Self::P95 | Self::Throttled | Self::InFlight | Self::Target => DashType::Dash,
            Self::P99 | Self::Failure => DashType::Dot,
            _ => DashType::Solid,
        }
    }
}

/// One line; where a value is missing it is broken.
pub(super) struct Series {
    pub(super) name: String,
    pub(super) role: Role,
    /// Which of the chart's vertical axes it belongs to, from 0.
    pub(super) axis: usize,
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<Option<f64>>,
    pub(super) look: Look,
    /// Drawn only once its name in the legend is clicked.
    pub(super) hidden: bool,
    /// Shown at each point, if anything.
    pub(super) labels: Vec<String>,
    /// Half the interval at each point, if there are any.
    pub(super) errors: Vec<f64>,
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Line,
    Steps,
    Area,
    Points,
    Markers,
}

impl Series {
    pub(super) fn new(
        name: &str,
        role: Role,
        axis: usize,
        points: impl IntoIterator<Item = (f64, Option<f64>)>,
    ) -> Self {
        let (x, y) = points.into_iter().unzip();
        Self {
            name: name.to_owned(),
            role,
            axis,
            x,
            y,
            look: Look::Line,
            hidden: false,
            labels: vec![],
            errors: vec![],
        }
    }

    pub(super) fn look(self, look: Look) -> Self {
        Self { look, ..self }
    }

    fn trace(self) -> Box<Scatter<f64, Option<f64>>> {
        let shape =
            if matches!(self.look, Look::Steps | Look::Area) { LineShape::Hv } else { LineShape::Linear };
        let line = Line::new().width(1.8).dash(self.role.dash()).shape(shape);
        let mode = match self.look {
            Look::Points => Mode::LinesMarkers,
            Look::Markers => Mode::Markers,
            Look::Line | Look::Steps | Look::Area => Mode::Lines,
        };
        let axis = if self.axis == 0 { "y".to_owned() } else { format!("y{}", self.axis + 1) };
        let trace = Scatter::new(self.x, self.y).name(self.name).mode(mode).line(line).meta(self.role.word());
        let trace = if self.look == Look::Area { trace.fill(Fill::ToZeroY) } else { trace };
        let trace = match self.labels.is_empty() {
            true => trace,
            false => trace.text_array(self.labels).hover_template("%{text}: %{y}"),
        };
        let trace = match self.errors.is_empty() {
            true => trace,
            false => trace.error_y(ErrorData::new(ErrorType::Data).array(self.errors)),
        };
        let trace = if self.hidden { trace.visible(Visible::LegendOnly) } else { trace };
        trace.y_axis(axis)
    }
}

/// A horizontal axis.
pub(super) struct Across {
    pub(super) title: &'static str,
    /// Values by power of ten; with the places of marks and their words, if they are not the usual ones.
    pub(super) log: Option<(Vec<f64>, Vec<String>)>,
}

/// Puts a chart together: vertical axes from top to bottom, each with its title and share of the height.
pub(super) fn chart(
    id: String,
    caption: impl Into<String>,
    across: Across,
    up: &[(&str, f64)],
    series: Vec<Series>,
) -> Chart {
    let mut plot = Plot::new();
    series.into_iter().for_each(|series| plot.add_trace(series.trace()));
    let height = 300 + 110 * (up.len() - 1);
    let legend = Legend::new()
        .orientation(Orientation::Horizontal)
        .x(0.0)
        .y(1.02)
        .y_anchor(plotly::common::Anchor::Bottom);
    // Places on a logarithmic axis are seldom shared, and read badly as a head.
    let hover = if across.log.is_some() { HoverMode::Closest } else { HoverMode::XUnified };
    let mut layout = Layout::new()
        .auto_size(true)
        .height(height)
        .hover_mode(hover)
        .show_legend(true)
        .legend(legend)
        .margin(Margin::new().left(62).right(16).top(36).bottom(48))
        .x_axis(across.axis(up.len()));
    let mut top = 1.0;
    for (at, (title, share)) in up.iter().enumerate() {
        let bottom = (top - share).max(0.0);
        let gap = if at + 1 == up.len() { 0.0 } else { 0.06 };
        let axis = Axis::new()
            .title(Title::with_text(*title))
            .domain(&[rounded(bottom + gap), rounded(top)])
            .range_mode(RangeMode::ToZero)
            .auto_margin(true);
        top = bottom;
        layout = match at {
            0 => layout.y_axis(axis),
            1 => layout.y_axis2(axis),
            _ => layout.y_axis3(axis),
        };
    }
    plot.set_layout(layout);
    Chart { id, caption: caption.into(), plot }
}

impl Across {
    fn axis(self, rows: usize) -> Axis {
        let anchor = if rows == 1 { "y".to_owned() } else { format!("y{rows}") };
        let axis = Axis::new().title(Title::with_text(self.title)).anchor(&anchor);
        match self.log {
            None => axis.range_mode(RangeMode::ToZero),
            Some((places, _)) if places.is_empty() => axis.type_(AxisType::Log),
            Some((places, words)) => axis.type_(AxisType::Log).tick_values(places).tick_text(words),
        }
    }
}

/// To 4 decimals: sums of shares should not show how floating point works.
fn rounded(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}

/// The charts' data by id, as JSON that is safe inside a script element: no `<`, `>`, `&` and none of the line ends
/// that JavaScript knows and JSON does not.
pub(super) fn figures_json(charts: &[Chart]) -> String {
    let mut json = "{".to_owned();
    for (at, chart) in charts.iter().enumerate() {
        let id = serde_json::Value::from(chart.id.as_str());
        json.push_str(&format!("{}\n{id}:{}", if at > 0 { "," } else { "" }, chart.plot.to_json()));
    }
    json.push_str("\n}");
    let escape = [
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ];
    escape
        .iter()
        .fold(json, |json, (from, to)| if json.contains(*from) { json.replace(*from, to) } else { json })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_leave_its_element() {
        let text = "</script><!--\u{2028}\u{2029}&\"'";
        let series = Series::new(text, Role::P50, 0, [(0.0, Some(1.0)), (1.0, None)]);
        let across = Across { title: "s", log: None };
        let made = chart("chart-x".to_owned(), "c", across, &[("ms", 1.0)], vec![series]);
        let json = figures_json(&[made]);
        assert!(!json.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{json}");
        let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(read["chart-x"]["data"][0]["name"], text);
        assert_eq!(read["chart-x"]["data"][0]["y"], serde_json::json!([1.0, null]));
    }
}
