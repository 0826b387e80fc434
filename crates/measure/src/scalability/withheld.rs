//! When the points cannot carry a law, and why: a fit always gives three numbers, and most of them mean nothing.
//! It must not know how the law is fitted.

use super::closed_loop::met;
use super::{FittedLaw, LeftOut, LoadPoint};
use crate::units::counted;

/// Different loads that it takes: three constants, and one to see whether they fit.
const LOADS_MIN: usize = 4;
/// Requests in the system at once that it takes, of the largest load …
const IN_SYSTEM_MIN: f64 = 2.0;
/// … and as a multiple of the least load's.
const RANGE_MIN: f64 = 3.0;
/// The largest load must make answers take so much longer, by the law.
const GROWTH_MIN: f64 = 1.1;
/// A step's time may lie so far from the law's, as a share; beyond it, and beyond chance, the law is another.
const OFF_RATIO_MAX: f64 = 0.1;
const OFF_ERRORS_MAX: f64 = 4.0;
/// What is not known of a constant may move the time under the largest load by this share.
const UNKNOWN_RATIO_MAX: f64 = 0.25;

/// Why these points cannot carry a law at all.
pub(crate) fn too_few(points: &[LoadPoint], left_out: &[LeftOut]) -> Option<String> {
    let mut users: Vec<u32> = points.iter().map(|point| point.users).collect();
    users.dedup();
    if users.len() < LOADS_MIN {
        let found = counted(users.len() as u64, "usable load");
        let first = left_out.first().map(|out| {
            let more = if left_out.len() > 1 {
                format!(", and {} more steps likewise", left_out.len() - 1)
            } else {
                String::new()
            };
            format!(" ({}: {}{more})", out.step, out.why)
        });
        return Some(format!(
            "{found}, it takes {LOADS_MIN}{}; run more steps with different users",
            first.unwrap_or_default()
        ));
    }
    let in_system =
        |pick: fn(f64, f64) -> f64, from: f64| points.iter().map(|point| point.in_system).fold(from, pick);
    let (least, most) = (in_system(f64::min, f64::INFINITY), in_system(f64::max, 0.0));
    (most < IN_SYSTEM_MIN || most < RANGE_MIN * least).then(|| {
        format!(
            "only {least:.2} to {most:.2} requests were in the system at once: users who wait between their requests are not load; run \
             more users, or users without a wait"
        )
    })
}

/// Why this law should not be believed.
pub(crate) fn doubtful(points: &[LoadPoint], fit: &FittedLaw) -> Option<String> {
    let law = &fit.law;
    let mets: Vec<_> = points.iter().map(|point| met(law, point.users, point.think_s)).collect();
    let others = mets.iter().map(|met| met.others).fold(0.0, f64::max);
    let pairs = mets.iter().map(|met| met.pairs).fold(0.0, f64::max);
    let slower = 1.0 + law.contention * others + law.coherency * pairs;
    if fit.off_ratio_max > OFF_RATIO_MAX && fit.off_errors_max > OFF_ERRORS_MAX {
        return Some(format!(
            "the law does not describe this target: a step's time lies {:.0} % from it, more than chance explains",
            fit.off_ratio_max * 100.0
        ));
    }
    if slower < GROWTH_MIN {
        return Some(format!(
            "the target keeps up: under the largest load answers take {:.1} % longer than alone, so that no limit was near; that \
             answers a second grow with the users says no more than that; run more load",
            (slower - 1.0) * 100.0
        ));
    }
    let wide = |(low, high): (f64, f64), by: f64| (high - low) / 2.0 * by / slower > UNKNOWN_RATIO_MAX;
    let names = [("σ", wide(fit.contention_95, others)), ("κ", wide(fit.coherency_95, pairs))];
    let unknown: Vec<&str> = names.iter().filter(|(_, is_wide)| *is_wide).map(|(name, _)| *name).collect();
    (!unknown.is_empty()).then(|| {
        format!(
            "{} cannot be told from chance by so few requests; run longer steps, or more of them",
            unknown.join(" and ")
        )
    })
}
