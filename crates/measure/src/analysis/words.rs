//! What the analysis says in the same words in every document. It must not know how a document is laid out.

use crate::bursts::{Burst, BurstKind};
use crate::diagnosis::{Evidence, Finding};
use crate::scalability::{Bounds, FittedLaw, LoadPoint, Scaling};

/// `latency grows with load (confidence medium)`.
pub(crate) fn finding(finding: &Finding) -> String {
    format!("{} (confidence {})", finding.sign.words(), finding.confidence.word())
}

/// `heavy_load, seconds 10 to 20: p95 rose …`.
pub(crate) fn evidence(evidence: &Evidence) -> String {
    let Evidence { step, seconds, words } = evidence;
    match seconds {
        None => format!("{step}: {words}"),
        Some((first, last)) if first == last => format!("{step}, second {first}: {words}"),
        Some((first, last)) => format!("{step}, seconds {first} to {last}: {words}"),
    }
}

/// What to do next, as name and words.
pub(crate) fn advice(finding: &Finding) -> [(&'static str, &str); 3] {
    let advice = &finding.advice;
    [("change", &advice.change), ("should", &advice.effect), ("shown by", &advice.command)]
}

/// The columns of the table of bursts; the first two are text.
pub(crate) const BURST_HEAD: [&str; 7] =
    ["Step", "What rose", "Seconds", "Before", "Height", "Latency back after", "Errors back after"];

/// What the table of bursts has where there was none.
pub(crate) const NO_BURST: &str =
    "no burst: neither the load nor the share of errors rose by half within two seconds";

/// One burst, in these columns.
pub(crate) fn burst(burst: &Burst) -> [String; 7] {
    let (what, height): (_, fn(f64) -> String) = match burst.kind {
        BurstKind::Load => ("load", |rate| format!("{rate:.1}/s")),
        BurstKind::Errors => ("errors", |share| format!("{:.1} %", share * 100.0)),
    };
    let back = |s: Option<u64>| s.map_or_else(|| "not by the end".to_owned(), |s| format!("{s} s"));
    let (first, last) = burst.seconds;
    [
        burst.step.clone(),
        what.to_owned(),
        format!("{first} to {last}"),
        height(burst.height.0),
        height(burst.height.1),
        back(burst.latency_back_s),
        back(burst.errors_back_s),
    ]
}

/// What is known of how answers follow the load, as names and words.
pub(crate) fn scaling(scaling: &Scaling) -> Vec<(&'static str, String)> {
    let mut lines = match &scaling.law {
        Ok(fit) => law(fit, scaling),
        Err(why) => vec![("Scalability law", format!("withheld: {why}"))],
    };
    let Some(bounds) = &scaling.bounds else { return lines };
    let crossing = match scaling.knee.users {
        Some(users) => format!("at {users:.0} users the line of an idle target crosses the most it gives"),
        None => "not reached: the target kept up with all that was offered".to_owned(),
    };
    let left = scaling.knee.left_line_at.as_ref().map_or_else(
        || "no step lies below that line by more than chance".to_owned(),
        |(step, users)| format!("{step} ({users} users) is the first below that line by more than chance"),
    );
    lines.push(("Knee", format!("{crossing}; {left}")));
    lines.push(("Bounds", self::bounds(bounds)));
    let met = scaling.met.as_ref();
    let met = met.map_or_else(|| "none".to_owned(), |(step, users)| format!("{users} users ({step})"));
    lines.push(("Largest load that met the targets", met));
    lines
}

fn law(fit: &FittedLaw, scaling: &Scaling) -> Vec<(&'static str, String)> {
    let law = &fit.law;
    let range =
        |(low, high): (f64, f64), digits: usize| format!("{} to {}", short(low, digits), short(high, digits));
    let constants = format!(
        "contention σ = {} ({}), coherency κ = {} ({}), alone λ = {} a second ({}); 95 % intervals in brackets",
        short(law.contention, 3),
        range(fit.contention_95, 3),
        short(law.coherency, 3),
        range(fit.coherency_95, 3),
        short(law.rate_per_s, 4),
        range(fit.rate_95, 4),
    );
    let quality = format!(
        "it explains {:.2} % of how the times differ (R²); the furthest step lies {:.1} % from it",
        fit.explained * 100.0,
        fit.off_ratio_max * 100.0
    );
    vec![("Scalability law", constants), ("Fit", quality), ("Peak", peak(fit, scaling))]
}

fn peak(fit: &FittedLaw, scaling: &Scaling) -> String {
    let most_seen = scaling.points.iter().map(|point| point.in_system).fold(0.0, f64::max);
    let Some(peak) = fit.law.peak().filter(|_| fit.coherency_95.0 > 0.0) else {
        return match fit.law.most_per_s().filter(|_| fit.contention_95.0 > 0.0) {
            Some(most) => format!(
                "none that can be told from chance; contention alone ends at {} a second",
                short(most, 3)
            ),
            None => "none that can be told from chance".to_owned(),
        };
    };
    let beyond = if peak > most_seen {
        format!("; beyond the {most_seen:.0} that were measured, so a guess")
    } else {
        String::new()
    };
    format!("{} a second with {peak:.0} requests in the system at once{beyond}", short(fit.law.at(peak), 4))
}

fn bounds(bounds: &Bounds) -> String {
    let line = format!(
        "answers a second ≤ users / ({} ms + {} ms of waiting)",
        short(bounds.time_s_min * 1e3, 4),
        short(bounds.think_s * 1e3, 4)
    );
    match bounds.most_per_s {
        Some(most) => format!(
            "{line} and ≤ {}; mean time ≥ users / {} − {} ms",
            short(most, 4),
            short(most, 4),
            short(bounds.think_s * 1e3, 4)
        ),
        None => format!(
            "{line}; no other was seen: with users who wait, answers that rise with the users say that the target keeps up"
        ),
    }
}

/// What a table shows of a step's load.
pub(crate) const POINT_HEAD: [&str; 7] =
    ["step", "users", "in system", "successes/s", "± 95 %", "mean ms", "bound/s"];

/// A step's load, in the order of the head.
pub(crate) fn point(point: &LoadPoint, bounds: Option<&Bounds>) -> [String; 7] {
    let most = bounds.map_or(f64::NAN, |bounds| bounds.rate_per_s_max(point.users.into(), point.think_s));
    [
        point.step.clone(),
        point.users.to_string(),
        format!("{:.2}", point.in_system),
        format!("{:.2}", point.rate_per_s),
        format!("{:.2}", point.rate_error_per_s()),
        format!("{:.3}", point.time_s * 1e3),
        format!("{most:.2}"),
    ]
}

/// To so many significant digits, without an exponent.
pub(crate) fn short(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let size = libm::floor(libm::log10(value.abs())) as i32;
    let decimals = (digits as i32 - 1 - size).clamp(0, 12) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn numbers_are_short() {
        for (value, digits, expected) in [
            (0.0, 3, "0"),
            (0.03, 3, "0.0300"),
            (0.000_512_34, 3, "0.000512"),
            (1_360.4, 4, "1360"),
            (99.96, 3, "100.0"),
        ] {
            assert_eq!(short(value, digits), expected, "{value}");
        }
    }
}
