//! Words that several rules about time use. It must not know any rule.

use super::scores::Scored;
use crate::diagnosis::Observed;
use crate::{LoadRecord, Outcome, RunKind};

/// The command that shows whether a change helped: the same load again, and a comparison.
pub(super) fn again(observed: &Observed<'_>) -> String {
    let run = observed.run;
    if run.kind == RunKind::Baseline {
        return "weaver-bench baseline --save after && weaver-bench compare RESULTS results/baselines/after"
            .to_owned();
    }
    let load = run.steps.first().map(|step| match &step.load {
        LoadRecord::Closed { users, spawn_rate_per_s } => {
            let time = step.run_time_s.map_or(String::new(), |s| format!(" -t {s:.0}s"));
            format!("-u {users} -r {spawn_rate_per_s}{time}")
        }
        LoadRecord::Open { .. } => "with the same --arrivals and --rate".to_owned(),
    });
    let load = load.unwrap_or_default();
    format!("weaver-bench run {load} --seed {} --out results && weaver-bench compare BEFORE AFTER", run.seed)
}

/// The longest success that ended in a bin, ms.
pub(super) fn longest_ms(scored: &Scored<'_>, bin: usize) -> f64 {
    let seconds = scored.step.seconds.iter().skip(bin * scored.bin_s).take(scored.bin_s);
    let cells = seconds.flat_map(|second| &second.cells).filter(|cell| cell.outcome == Outcome::Success);
    cells.filter_map(|cell| cell.service.max_ns()).max().unwrap_or(0) as f64 / 1e6
}

/// A change of latency in words, from the shift of scores and their spread: `+12 %`.
pub(super) fn percent(ratio: f64) -> String {
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}

/// A factor in words: `1.23 times`.
pub(super) fn factor(ratio: f64) -> String {
    format!("{ratio:.2} times")
}
