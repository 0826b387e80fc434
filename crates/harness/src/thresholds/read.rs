//! Reads `[[threshold]]` of a suite or of one of its steps. It must not know the sentences of flags.

use std::time::Duration;

use measure::{Comparison, Over, Threshold, ThresholdFigure};
use wire::{Table, Value};

use super::ThresholdPlan;
use super::condition::condition;
use super::sentence::{span, window_s};

/// All of a table's; `step` is the step that they are for.
pub(crate) fn read_thresholds(table: &mut Table<'_>, step: Option<&str>) -> Vec<ThresholdPlan> {
    table.tables("threshold", |table| read(table, step))
}

fn read(table: &mut Table<'_>, step: Option<&str>) -> ThresholdPlan {
    let place = table.place();
    let condition = table.need_value("expect").and_then(|value| {
        let found = condition(&value.read::<String>()?);
        found
            .map_err(|wrong| wrong.iter().for_each(|(problem, remedy)| value.mistake_in(problem, remedy)))
            .ok()
    });
    // A mistake has been left where there is none.
    let nothing = (ThresholdFigure::Mean, Comparison::Below, 1.0);
    let (figure, comparison, bound) = condition.unwrap_or(nothing);
    let rule = Threshold {
        figure,
        comparison,
        bound,
        over: table.value("over").and_then(|value| over(&value)).unwrap_or_default(),
        entries: vec![],
        window_s: time(table, "window").and_then(|(value, text)| told(&value, window_s(&text))),
        abort_after_s: table.value("abort").and_then(|value| abort(&value)),
        gate: table.get("gate").unwrap_or(true),
    };
    ThresholdPlan { place, step: step.map(str::to_owned), rule }
}

fn time<'a>(table: &mut Table<'a>, key: &'static str) -> Option<(Value<'a>, String)> {
    let value = table.value(key)?;
    let text = value.read()?;
    Some((value, text))
}

/// A name, or `{ tag = "…" }`.
fn over(value: &Value<'_>) -> Option<Over> {
    if !value.is_table() {
        return value.read().map(Over::Name);
    }
    value.table(|table| table.need("tag").map(Over::Tag))?
}

/// `true`, `false`, or `{ after = "1m" }`; in seconds.
fn abort(value: &Value<'_>) -> Option<f64> {
    if !value.is_table() {
        return value.read::<bool>()?.then_some(0.0);
    }
    let after = value.table(|table| time(table, "after").or_else(|| need_after(table)))?;
    let (value, text) = after?;
    told(&value, span(&text, "after = \"1m\"")).map(|time: Duration| time.as_secs_f64())
}

fn need_after<'a>(table: &mut Table<'a>) -> Option<(Value<'a>, String)> {
    table.mistake("`after` is missing", "add `after = \"1m\"`, or write abort = true");
    None
}

/// What was read, or a mistake.
fn told<T>(value: &Value<'_>, found: Result<T, (String, String)>) -> Option<T> {
    found.map_err(|(problem, remedy)| value.mistake_in(&problem, &remedy)).ok()
}
