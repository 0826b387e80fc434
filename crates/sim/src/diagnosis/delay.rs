//! Models of delay of the bench's agents, drawn from a stream: every family that a profile knows.
//!
//! It must not know agents or loads.

use wire::Stream;

use super::world::log_uniform;

/// A model with about this median, as a profile writes it, and whether it has two kinds of values.
pub(super) fn delay(stream: &mut Stream, median_ms: f64) -> (String, bool) {
    let us = |ms: f64| format!("\"{}us\"", (ms * 1e3).max(1.0) as u64);
    let plain =
        |median: f64, p99: f64| format!("{{ lognormal = {{ median = {}, p99 = {} }} }}", us(median), us(p99));
    let spread = log_uniform(stream, 2.0, 6.0);
    match stream.below(10) {
        0..=4 => (plain(median_ms, median_ms * spread), false),
        5 | 6 => {
            let shape = 2 + stream.below(8);
            (format!("{{ gamma = {{ shape = {shape}.0, mean = {} }} }}", us(median_ms * 1.1)), false)
        }
        7 => (format!("{{ exponential = {{ mean = {} }} }}", us(median_ms * 1.4)), false),
        8 => match stream.below(3) {
            0 => (format!("{{ fixed = {} }}", us(median_ms)), false),
            1 => (format!("{{ uniform = [{}, {}] }}", us(median_ms * 0.5), us(median_ms * 1.5)), false),
            _ => {
                let (scale, most) = (us(median_ms * 0.75), us(median_ms * 20.0));
                (format!("{{ pareto = {{ scale = {scale}, shape = 2.5, max = {most} }} }}"), false)
            }
        },
        _ => {
            let slow = plain(median_ms * spread, median_ms * spread * 3.0);
            let quick = plain(median_ms, median_ms * 2.5);
            let text = format!(
                "{{ mixture = [{{ weight = 9, model = {quick} }}, {{ weight = 1, model = {slow} }}] }}"
            );
            (text, true)
        }
    }
}
