//! Answers that end together: more between two looks at the generator than its other seconds let expect.
//! It must not know what held them.

use super::scores::Scored;

/// Answers that end between two looks of a second, the most of them, as a Poisson law tells it: its mean, from what most
/// seconds of a step show, so that users in step with each other or answers in bunches are no surprise.
fn per_look(step: &Scored<'_>) -> Option<f64> {
    let pulses = step.step.seconds.iter().take(step.bins).filter_map(|second| second.record.pulse.as_ref());
    let mut most: Vec<(u32, u64)> =
        pulses.filter(|pulse| pulse.samples > 0).map(|pulse| (pulse.ended_max, pulse.samples)).collect();
    most.sort_unstable();
    let (ended, looks) = *most.get(most.len() * 3 / 5)?;
    // The mean at which every other second has a look with as many.
    let (mut low, mut high) = (1e-4, f64::from(ended) + 2.0);
    for _ in 0..40 {
        let mean = (low * high).sqrt();
        if looks as f64 * poisson_from(ended.max(1), mean) < std::f64::consts::LN_2 {
            low = mean;
        } else {
            high = mean;
        }
    }
    Some(high)
}

/// The chance that a Poisson variable of this mean is `least` or more.
fn poisson_from(least: u32, mean: f64) -> f64 {
    let least = f64::from(least);
    let mut term = libm::exp(least * libm::log(mean) - mean - libm::lgamma(least + 1.0));
    let (mut sum, mut at) = (term, least);
    while term > sum * 1e-12 && at < least + 1_000.0 {
        at += 1.0;
        term *= mean / at;
        sum += term;
    }
    sum.min(1.0)
}

/// −ln of the chance that answers end together as they do in each second of a step, all its looks together. Where more
/// seconds surprise than should, as with answers in bunches, none surprises by as much as it seems to.
pub(super) fn surprises(step: &Scored<'_>) -> Vec<f64> {
    let per_look = per_look(step);
    let found: Vec<f64> = (0..step.bins).map(|bin| surprise(step, bin, per_look)).collect();
    let mut sorted = found.clone();
    sorted.sort_by(f64::total_cmp);
    // Of exponential surprises four fifths are below ln 5.
    let usual = sorted.get(sorted.len() * 4 / 5).copied().unwrap_or(0.0) / libm::log(5.0);
    found.into_iter().map(|surprise| surprise / usual.max(1.0)).collect()
}

fn surprise(step: &Scored<'_>, bin: usize, per_look: Option<f64>) -> f64 {
    let Some((mean, pulse)) = per_look.zip(step.step.seconds[bin].record.pulse.as_ref()) else {
        return 0.0;
    };
    if pulse.ended_max < 2 {
        return 0.0;
    }
    let chance = pulse.samples.max(1) as f64 * poisson_from(pulse.ended_max, mean);
    (-libm::log(chance.max(1e-300))).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_those_of_the_tables() {
        // Pearson, Hartley: Biometrika Tables for Statisticians, vol. 1, 3rd ed., 1966, table 7: 1 − Σ of the terms below.
        for (least, mean, expected) in
            [(1, 0.5, 0.393_469), (3, 1.0, 0.080_301), (5, 2.0, 0.052_653), (10, 4.0, 0.008_132)]
        {
            let got = poisson_from(least, mean);
            assert!((got - expected).abs() < 1e-6, "{least} of {mean}: {got}");
        }
    }
}
