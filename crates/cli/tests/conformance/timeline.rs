//! Requests at recorded times against rate limits of the wall clock: what may waver, and what may not.
//!
//! Where a pause is about as long as one request takes to refill, a replay falls on this side or that. So the index of
//! a refusal may differ in some rows, but neither who refuses nor in which order. It must not know sockets.

use std::collections::BTreeMap;

use crate::recording::{Recording, Row};

/// Of so many rows of a timeline one may differ.
const ROWS_PER_WAVER: usize = 32;

/// Status and detail of an answer.
pub(crate) type Verdict = (u16, Option<String>);

/// The timelines of a recording as they went this time.
#[derive(Debug, Default)]
pub(crate) struct Verdicts(BTreeMap<String, Vec<Verdict>>);

impl Verdicts {
    /// Adds the verdict on a timeline's next request.
    pub(crate) fn push(&mut self, timeline: &str, verdict: Verdict) {
        self.0.entry(timeline.to_owned()).or_default().push(verdict);
    }

    /// How many requests of a timeline were sent.
    pub(crate) fn sent(&self, timeline: &str) -> usize {
        self.0.get(timeline).map_or(0, Vec::len)
    }

    /// What went differently in a way that no wavering explains, by timeline.
    pub(crate) fn differences(&self, recording: &Recording) -> Vec<(String, Vec<String>)> {
        let checked = self.0.iter().map(|(name, got)| {
            let found = differences(&recording.timelines[name], got);
            (format!("{} {name}", recording.mode), found)
        });
        checked.filter(|(_, found)| !found.is_empty()).collect()
    }
}

fn differences(rows: &[Row], got: &[Verdict]) -> Vec<String> {
    let recorded: Vec<_> = rows.iter().take(got.len()).map(verdict).collect();
    let differ = recorded.iter().zip(got).filter(|(recorded, got)| recorded != got).count();
    let mut found = vec![];
    if differ > got.len() / ROWS_PER_WAVER {
        found.push(format!("{differ} of {} rows differ: {got:?} instead of {recorded:?}", got.len()));
    }
    if order(&recorded) != order(got) {
        found.push(format!("in the order {:?} instead of {:?}", order(got), order(&recorded)));
    }
    found
}

/// The verdict that was recorded.
pub(crate) fn verdict((_, _, status, detail): &Row) -> Verdict {
    (*status, detail.clone())
}

/// The different verdicts in the order in which they first come.
fn order(verdicts: &[Verdict]) -> Vec<&Verdict> {
    let mut order = vec![];
    for verdict in verdicts {
        if !order.contains(&verdict) {
            order.push(verdict);
        }
    }
    order
}

#[test]
fn some_rows_may_waver_but_not_their_order() {
    let row = |(n, kind): (usize, char)| {
        let detail = match kind {
            'i' => Some("IP".to_owned()),
            'u' => Some("user".to_owned()),
            _ => None,
        };
        (n, n as f64, if kind == '.' { 200 } else { 429 }, detail)
    };
    let before = ".".repeat(24);
    let rows = |text: &str| format!("{before}{text}").chars().enumerate().map(row).collect::<Vec<Row>>();
    for (recorded, got, expected) in [
        ("....iiiu", "....iiiu", 0),
        ("....iiiu", "...iiiiu", 0),
        ("....iiiu", "..iiiiuu", 1),
        ("....iiiu", "....iiii", 1),
        ("....iiiu", "....uiii", 2),
        ("....iiiu", "....ii", 0),
        ("....", "...i", 2),
    ] {
        let got: Vec<_> = rows(got).iter().map(verdict).collect();
        assert_eq!(differences(&rows(recorded), &got).len(), expected, "{recorded} {got:?}");
    }
}
