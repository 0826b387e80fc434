//! How times are distributed: HdrHistogram's percentile plot, and the density.
//! It must not know of seconds.

use super::chart::{Across, Chart, Look, Role, Series, chart};
use crate::{Outcome, Row, StepRun, Times, TimesKind, units};

/// Points of a percentile line at most.
const POINTS_MAX: u64 = 1_500;
/// Points in each power of ten of 1 / (1 − p), if that is not too many.
const POINTS_A_DECADE: u64 = 200;
/// Parts of the density's axis at most.
const PARTS_MAX: u32 = 120;
/// A part is at least so wide, as a ratio: many times a bucket of the histogram.
const PART_RATIO_MIN: f64 = 1.02;
/// Shorter times stand at the left end of the density's axis.
const SHORTEST_NS: f64 = 1_000.0;

/// One line: what it is called, and the times.
struct Group<'a> {
    name: String,
    role: Role,
    times: &'a Times,
}

/// Both charts; `None` when nothing ended.
pub(super) fn spread(step: &StepRun, total: &Row) -> Vec<Chart> {
    let groups = groups(step, total);
    if groups.is_empty() {
        return vec![];
    }
    vec![percentiles(step, &groups), density(step, &groups)]
}

fn groups<'a>(step: &StepRun, total: &'a Row) -> Vec<Group<'a>> {
    let mut groups = vec![];
    let shown = step.load.times();
    for (outcome, role) in Outcome::ALL.into_iter().zip([Role::Success, Role::Throttled, Role::Failure]) {
        let name = format!("{}, {}", outcome.word(), shown.word());
        groups.push(Group { name, role, times: total.of(outcome) });
    }
    if shown == TimesKind::Response {
        let times = &total.service[Outcome::Success as usize];
        groups.insert(1, Group { name: "success, service".to_owned(), role: Role::P50, times });
    }
    groups.retain(|group| group.times.count > 0);
    groups
}

fn percentiles(step: &StepRun, groups: &[Group<'_>]) -> Chart {
    let line = |group: &Group<'_>| {
        let points = percentile_line(group.times);
        let labels = points.iter().map(|(inverse, _)| percentile_words(*inverse)).collect();
        Series { labels, ..Series::new(&group.name, group.role, 0, points) }
    };
    let count = groups.iter().map(|group| group.times.count).max().unwrap_or(1);
    let marks: Vec<(f64, String)> = marks(count);
    let (places, words) = marks.into_iter().unzip();
    let across = Across { title: "percentile", log: Some((places, words)) };
    let caption = "Percentiles, on an axis that gives every further nine as much room as the one before.";
    let series = groups.iter().map(line).collect();
    chart(format!("chart-percentiles-{}", step.name), caption, across, &[("ms", 1.0)], series)
}

/// Times at rising 1 / (1 − p), ending with the greatest at 1 / (1 − p) = count.
fn percentile_line(times: &Times) -> Vec<(f64, Option<f64>)> {
    let count = times.count;
    let decades = libm::log10(count as f64).max(f64::MIN_POSITIVE);
    let steps = ((decades * POINTS_A_DECADE as f64) as u64).clamp(1, POINTS_MAX);
    let mut places: Vec<(u64, f64)> = vec![];
    for at in 0..=steps {
        let inverse = libm::exp10(decades * at as f64 / steps as f64).min(count as f64);
        let above = (count as f64 / inverse) as u64;
        let rank = if at == steps { count } else { count.saturating_sub(above).max(1) };
        // Few requests stand for few ranks: the same one again would say nothing.
        if places.last().is_none_or(|(last, _)| *last != rank) {
            places.push((rank, (inverse * 10_000.0).round() / 10_000.0));
        }
    }
    let ranks: Vec<u64> = places.iter().map(|(rank, _)| *rank).collect();
    let found = times.at_ranks_ns(&ranks);
    places.into_iter().zip(found).map(|((_, inverse), ns)| (inverse, Some(units::ms(ns)))).collect()
}

/// `99.37 %` of 1 / (1 − p).
fn percentile_words(inverse: f64) -> String {
    format!("{} %", ((100.0 - 100.0 / inverse) * 1e6).round() / 1e6)
}

/// `50`, `90`, `99` and so on, as far as there are so many requests.
fn marks(count: u64) -> Vec<(f64, String)> {
    let mut marks = vec![(1.0, "0 %".to_owned()), (2.0, "50 %".to_owned())];
    let mut inverse = 10;
    while inverse <= count.max(10) && marks.len() < 12 {
        let nines = marks.len() - 1;
        let words = match nines {
            1 => "90 %".to_owned(),
            2 => "99 %".to_owned(),
            _ => format!("99.{} %", "9".repeat(nines - 2)),
        };
        marks.push((inverse as f64, words));
        inverse *= 10;
    }
    marks
}

fn density(step: &StepRun, groups: &[Group<'_>]) -> Chart {
    let least = groups.iter().filter_map(|group| group.times.min_ns()).min().unwrap_or(0);
    let most = groups.iter().filter_map(|group| group.times.max_ns()).max().unwrap_or(0);
    let low = (least as f64).max(SHORTEST_NS);
    let ratio = (most as f64 / low).max(PART_RATIO_MIN);
    let parts = (libm::log(ratio) / libm::log(PART_RATIO_MIN)).clamp(1.0, f64::from(PARTS_MAX)) as u32;
    let line = |(at, group): (usize, &Group<'_>)| {
        let points = density_line(group.times, low, ratio, parts);
        // Refusals that all take the same time would flatten the rest.
        Series { hidden: at > 0, ..Series::new(&group.name, group.role, 0, points).look(Look::Area) }
    };
    let across = Across { title: "ms", log: Some((vec![], vec![])) };
    let caption = format!(
        "Density: the share of requests in each of {} of the axis. A click on a name in the legend adds its line.",
        units::counted(u64::from(parts), "equal part")
    );
    let series = groups.iter().enumerate().map(line).collect();
    chart(format!("chart-density-{}", step.name), caption, across, &[("% of requests", 1.0)], series)
}

/// The share of requests in each part, from its lower end on.
fn density_line(times: &Times, low: f64, ratio: f64, parts: u32) -> Vec<(f64, Option<f64>)> {
    let mut counts = vec![0; parts as usize];
    let greatest = times.max_ns().unwrap_or(0);
    for (ns, count) in times.histogram.iter() {
        let above = libm::log(ns.min(greatest) as f64 / low).max(0.0);
        let part = (above / libm::log(ratio) * f64::from(parts)) as usize;
        counts[part.min(parts as usize - 1)] += count;
    }
    let edge = |at: usize| {
        let ns = low * libm::pow(ratio, at as f64 / f64::from(parts));
        units::ms(ns as u64)
    };
    let share = |count: &u64| (units::ratio(*count, times.count) * 1e6).round() / 1e4;
    let mut line: Vec<_> = counts.iter().enumerate().map(|(at, n)| (edge(at), Some(share(n)))).collect();
    line.push((edge(parts as usize), Some(0.0)));
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Draw, asks, sample, step_of};
    use crate::{Sample, Summary};

    fn times_of(samples: &[Sample]) -> Times {
        Summary::of(&step_of("s", 1, samples)).unwrap().total.success().clone()
    }

    #[test]
    fn a_percentile_line_rises_to_the_greatest() {
        let mut draw = Draw(5);
        for count in [1, 2, 10, 5_000] {
            let one = |at: u64| sample(0, Outcome::Success, at * 1_000, (draw.exponential() * 1e7) as u64);
            let times = times_of(&(0..count).map(one).collect::<Vec<_>>());
            let line = percentile_line(&times);
            assert!(line.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1), "{line:?}");
            assert_eq!(line.last(), Some(&(count as f64, times.max_ns().map(units::ms))));
            assert!(line.len() as u64 <= POINTS_MAX + 1);
            // A percentile that tables show lies on the line.
            if count == 5_000 {
                let p99 = times.quantile_ns(crate::Quantile::P99).map(units::ms);
                let near = line.iter().filter(|(inverse, _)| (95.0..105.0).contains(inverse));
                let (least, most) =
                    near.fold((f64::MAX, 0.0f64), |(l, m), (_, ms)| (l.min(ms.unwrap()), m.max(ms.unwrap())));
                assert!((Some(least)..=Some(most)).contains(&p99), "{least} {p99:?} {most}");
            }
        }
    }

    #[test]
    fn a_density_sums_up_to_all() {
        for samples in [asks(7, 1_000_000, 0), asks(7, 1_000_000, 5_000_000), {
            let mut mixed = asks(50, 1_000_000, 5_000);
            mixed.extend(asks(50, 1_000_000, 4_000_000_000_000));
            mixed
        }] {
            let step = step_of("s", 1, &samples);
            let total = Summary::of(&step).unwrap().total;
            for chart in spread(&step, &total) {
                assert!(!chart.plot.to_json().contains("NaN"));
            }
            let (low, ratio) = (1e3, 1e10);
            let sum: f64 = density_line(total.success(), low, ratio, 50).iter().filter_map(|(_, y)| *y).sum();
            assert!((sum - 100.0).abs() < 0.01, "{sum}");
        }
    }

    #[test]
    fn marks_reach_as_far_as_there_are_requests() {
        let words = |count| marks(count).into_iter().map(|(_, words)| words).collect::<Vec<_>>();
        assert_eq!(words(1), ["0 %", "50 %", "90 %"]);
        assert_eq!(words(99_999), ["0 %", "50 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
        assert!(words(u64::MAX).len() <= 12);
    }
}
