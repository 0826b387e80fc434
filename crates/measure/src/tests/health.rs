//! What the generator's health, its arrivals and Little's law make of a step.

use crate::testing::{Draw, asks, step_of};
use crate::*;

const MS: u64 = 1_000_000;
const S: u64 = 1_000 * MS;

/// 20 s of four users who ask, look at as a worker's pulse would, by a generator in good health.
fn healthy(seed: u64) -> StepRun {
    let mut draw = Draw(seed);
    let mut samples = asks(2_000, 10 * MS, 0);
    for sample in &mut samples {
        sample.done_ns = sample.sent_ns + 2 * MS + (draw.exponential() * 20e6) as u64;
    }
    let mut step = step_of("s", 4, &samples);
    step.classes[0].tasks[1].weight = 0;
    let (ended_ns, mut last) = (step.phases.ended_ns, 0);
    let mut begin_ns = 0;
    for interval in &mut step.intervals {
        let mut pulse = PulseRecord::default();
        for slot in begin_ns / PULSE_SLOT_NS..interval.end_ns.div_ceil(PULSE_SLOT_NS) {
            let at_ns = slot * PULSE_SLOT_NS + (draw.unit() * PULSE_SLOT_NS as f64) as u64;
            let held = |sample: &&Sample| (sample.sent_ns..sample.done_ns).contains(&at_ns);
            let seen = samples.iter().filter(held).count() as u32;
            pulse.samples += 1;
            pulse.in_flight.see(last, seen);
            pulse.users.see(4, 4);
            last = seen;
        }
        begin_ns = interval.end_ns;
        interval.pulse = Some(pulse);
        let thread = |name: &str, cpu_ns| ThreadRecord { name: name.to_owned(), cpu_ns, waited_ns: 0 };
        let threads = vec![thread("worker-0", 200 * MS), thread("stub", 999 * MS)];
        interval.generator = Some(GeneratorRecord { span_ns: S, threads, ..GeneratorRecord::default() });
    }
    let service_ns: u64 = samples.iter().map(Sample::service_ns).sum();
    step.intervals[0].pulse.as_mut().unwrap().waited_ns = 4 * ended_ns - service_ns;
    step
}

fn reasons(step: &StepRun, limits: &Limits) -> Vec<String> {
    let summary = Summary::of(step).unwrap();
    validity(step, &summary, limits, &checks(step, &summary, limits, 1)).reasons().to_vec()
}

/// The reasons begin as they should, in this order; a healthy step changed in no way has none.
fn check(what: &str, change: impl FnOnce(&mut StepRun), expected: &[&str]) {
    let mut step = healthy(1);
    assert_eq!(reasons(&step, &Limits::default()), Vec::<String>::new(), "before {what}");
    change(&mut step);
    let found = reasons(&step, &Limits::default());
    let fits = found.len() == expected.len()
        && found.iter().zip(expected).all(|(why, begin)| why.starts_with(begin));
    assert!(fits, "{what}: {found:#?}");
}

fn generator(step: &mut StepRun, second: usize) -> &mut GeneratorRecord {
    step.intervals[second].generator.as_mut().unwrap()
}

fn pulse(step: &mut StepRun, second: usize) -> &mut PulseRecord {
    step.intervals[second].pulse.as_mut().unwrap()
}

#[test]
fn a_generator_in_bad_health_is_named() {
    check(
        "a step of the clock",
        |step| generator(step, 4).clock_jump_ns = 2 * S as i64,
        &["the clock jumped forwards by 2 s before second 5"],
    );
    check(
        "a step back",
        |step| generator(step, 4).clock_jump_ns = -(S as i64) * 3_600,
        &["the clock jumped back by 3600 s"],
    );
    check("a small slew", |step| generator(step, 4).clock_jump_ns = -50 * MS as i64, &[]);
    check(
        "a stop",
        |step| pulse(step, 2).lag_ns_max = 2 * S,
        &["the generator stood still for 2 s before second 3"],
    );
    check(
        "a stop that the driver felt",
        |step| generator(step, 2).loop_lag_ns_max = 2 * S,
        &["the generator stood still for 2 s"],
    );
    check("a hiccup", |step| pulse(step, 2).lag_ns_max = 400 * MS, &[]);
    let busy = |cpu, waited, seconds| {
        move |step: &mut StepRun| {
            for second in 0..seconds {
                let thread = &mut generator(step, second).threads[0];
                (thread.cpu_ns, thread.waited_ns) = (cpu * MS, waited * MS);
            }
        }
    };
    let limit = &[
        "the generator's processor time was the limit: its thread worker-0 ran, or waited for a processor, 97 %",
    ];
    check("a worker that always runs", busy(970, 0, 20), limit);
    check("a worker that shares a processor", busy(480, 490, 20), limit);
    check("a worker that is busy now and then", busy(970, 0, 8), &[]);
    check("a worker that is busy most of the time", busy(970, 0, 14), limit);
    check("a worker that is well used", busy(800, 50, 20), &[]);
}

#[test]
fn the_root_comes_first() {
    let stopped = |step: &mut StepRun| {
        pulse(step, 2).lag_ns_max = 2 * S;
        generator(step, 2).clock_jump_ns = S as i64;
        pulse(step, 2).in_flight.sum = 100_000;
        for second in 0..20 {
            generator(step, second).threads[0].cpu_ns = S;
        }
    };
    check(
        "all at once",
        stopped,
        &["the clock jumped", "the generator stood still", "the generator's processor", "Little's law"],
    );
}

/// Samples that are lost, or whose times are wrong, do not add up to what the timer saw.
#[test]
fn a_broken_law_is_found() {
    let law = &["Little's law does not hold"];
    let less = |share: u64| {
        move |step: &mut StepRun| {
            for pulse in step.intervals.iter_mut().flat_map(|interval| &mut interval.pulse) {
                pulse.in_flight.sum -= pulse.in_flight.sum / share;
            }
        }
    };
    check("a third less than was seen", less(3), law);
    check("a hundredth less", less(100), &[]);
    check("users that waited for longer than they lived", |step| pulse(step, 0).waited_ns *= 2, law);
    check("nobody looked", |step| step.intervals.iter_mut().for_each(|interval| interval.pulse = None), &[]);
    for seed in 0..20 {
        assert_eq!(reasons(&healthy(seed), &Limits::default()), Vec::<String>::new(), "seed {seed}");
    }
}

/// A Poisson process of 100 a second for 20 s.
fn arrivals(step: &mut StepRun) -> &mut ArrivalsRecord {
    let stages = vec![RateStage { from_per_s: 100.0, to_per_s: 100.0, duration_s: None }];
    step.load = LoadRecord::Open { process: Process::Poisson, stages, in_flight_max: 50 };
    let gaps = GapsRecord { count: 2_000, bins: vec![2; 1_000] };
    step.arrivals.insert(ArrivalsRecord {
        due: 2_000,
        due_mean: 2_000.0,
        sent: 2_000,
        dropped: 0,
        unsent: 0,
        lateness: None,
        gaps: Some(gaps),
    })
}

#[test]
fn arrivals_that_were_not_sent_as_asked_are_named() {
    check("arrivals as asked", |step| assert_eq!(arrivals(step).due, 2_000), &[]);
    check(
        "one that was dropped",
        |step| {
            let arrivals = arrivals(step);
            (arrivals.sent, arrivals.dropped) = (1_999, 1);
        },
        &["1 of 2000 arrivals were dropped, since 50 were in progress"],
    );
    check(
        "a tenth that was never come to",
        |step| {
            let arrivals = arrivals(step);
            (arrivals.sent, arrivals.unsent) = (1_700, 300);
        },
        &["300 of 2000 arrivals were due and not sent", "the rate was not the one asked for"],
    );
    check("a Poisson count by chance", |step| arrivals(step).sent = 2_120, &[]);
    check(
        "a count beyond chance",
        |step| arrivals(step).sent = 2_400,
        &["the rate was not the one asked for"],
    );
    check(
        "evenly spaced arrivals",
        |step| {
            let gaps = arrivals(step).gaps.as_mut().unwrap();
            gaps.bins = vec![0; 1_000];
            gaps.bins[632] = 2_000;
        },
        &["the arrivals sent are not those asked for"],
    );
}

#[test]
fn the_level_is_shared_among_all_tests_of_a_run() {
    let step = healthy(3);
    let summary = Summary::of(&step).unwrap();
    for (steps, level) in [(1, 2.5e-5), (6, 1e-4 / 24.0)] {
        let found = checks(&step, &summary, &Limits::default(), steps);
        assert_eq!(found.len(), 2, "requests and users");
        assert!(found.iter().all(|check| (check.level - level).abs() < 1e-12 && check.holds()), "{found:?}");
    }
}
