//! Reads `[validity]` of a suite: the limits beyond which numbers may not be trusted.
//! It must not know how they are applied.

use std::time::Duration;

use measure::Limits;
use wire::Table;

/// What is not given is as by default.
pub(crate) fn read_limits(table: &mut Table<'_>) -> Limits {
    let mut limits = Limits::default();
    for (key, limit) in [
        ("lateness_share", &mut limits.lateness_ratio_max),
        ("busy_share", &mut limits.busy_ratio_max),
        ("dropped_share", &mut limits.dropped_ratio_max),
        ("rate_error", &mut limits.rate_error_ratio_max),
        ("fit_distance", &mut limits.fit_distance_max),
        ("little_error", &mut limits.little_error_ratio_max),
        ("false_alarm", &mut limits.false_alarm_ratio),
    ] {
        let Some(value) = table.value(key) else { continue };
        match value.read::<f64>() {
            Some(share) if (0.0..=1.0).contains(&share) => *limit = share,
            Some(_) => value.mistake("is no share", "give 0 to 1, such as 0.01"),
            None => {}
        }
    }
    for (key, limit_ns) in [
        ("lateness_floor", &mut limits.lateness_floor_ns),
        ("stopped", &mut limits.stopped_ns_max),
        ("clock_jump", &mut limits.clock_jump_ns_max),
        ("fit_jitter", &mut limits.fit_jitter_ns),
    ] {
        if let Some(time) = table.get::<Duration>(key) {
            *limit_ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        }
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Source;

    fn check(text: &str, expected: Result<Limits, &str>) {
        match (Source::read("suite.toml", text, read_limits), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(found), Err(words)) => assert!(found.to_string().contains(words), "{found}"),
            (found, _) => panic!("{text}: {found:?}"),
        }
    }

    #[test]
    fn limits_are_shares_and_durations() {
        check("", Ok(Limits::default()));
        let given = Limits { lateness_ratio_max: 0.5, fit_jitter_ns: 300_000, ..Limits::default() };
        check("lateness_share = 0.5\nfit_jitter = \"300us\"", Ok(given));
        check("busy_share = 1.5", Err("is no share; give 0 to 1"));
        check("stopped = \"soon\"", Err("suite.toml:1"));
        check("latenes_floor = \"1s\"", Err("lateness_floor"));
    }
}
