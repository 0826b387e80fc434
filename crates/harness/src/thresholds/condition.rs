//! Reads what must hold, such as `p95 < 800ms`: a figure, a comparison and a value with the figure's unit.
//! It must not know where it stands.

use measure::{Comparison, FigureUnit, ThresholdFigure};
use wire::{nearest, parse_duration};

/// A condition: figure, comparison, and bound in the figure's unit.
pub(super) type Condition = (ThresholdFigure, Comparison, f64);

/// A mistake: the problem and the remedy.
pub(super) type Wrong = (String, String);

/// Whole numbers from here on are not exact.
const COUNT_MAX: u64 = 1 << 53;

/// Reads a condition.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn condition(text: &str) -> Result<Condition, Vec<Wrong>> {
    let Some(at) = text.find(['<', '>', '=', '!']) else {
        return Err(vec![(format!("`{text}` compares nothing"), "write it like p95 < 800ms".to_owned())]);
    };
    let (left, rest) = text.split_at(at);
    let sign_end = rest.find(|c| !"<>=!".contains(c)).unwrap_or(rest.len());
    let (sign, right) = rest.split_at(sign_end);
    let (figure, comparison) = (figure(left.trim()), comparison(sign));
    let bound = figure.as_ref().ok().map(|figure| bound(*figure, right.trim())).transpose();
    let wrong: Vec<Wrong> =
        [figure.clone().err(), comparison.clone().err(), bound.clone().err()].into_iter().flatten().collect();
    let (Ok(figure), Ok(comparison), Ok(Some(bound))) = (figure, comparison, bound) else {
        return Err(wrong);
    };
    match (comparison, bound) {
        (Comparison::Below, 0.0) => Err(vec![never(text, "can never hold")]),
        (Comparison::AtLeast, 0.0) => Err(vec![never(text, "always holds")]),
        _ => Ok((figure, comparison, bound)),
    }
}

fn never(text: &str, what: &str) -> Wrong {
    (format!("`{text}` {what}"), "give a bound above 0, or another comparison".to_owned())
}

fn figure(word: &str) -> Result<ThresholdFigure, Wrong> {
    ThresholdFigure::named(word).ok_or_else(|| {
        let known: Vec<String> = ThresholdFigure::all().map(ThresholdFigure::word).collect();
        let words: Vec<&str> = known.iter().map(String::as_str).collect();
        // Of percentiles none is nearer than another.
        let near = nearest(word, &words).filter(|near| !near.starts_with('p'));
        let remedy = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", known.join(", ")),
        };
        (format!("`{word}` is no figure"), remedy)
    })
}

fn comparison(sign: &str) -> Result<Comparison, Wrong> {
    let found = Comparison::ALL.into_iter().find(|comparison| comparison.sign() == sign);
    found.ok_or_else(|| (format!("`{sign}` is no comparison"), "use <, <=, > or >=".to_owned()))
}

/// The value of a bound, in the figure's unit.
fn bound(figure: ThresholdFigure, text: &str) -> Result<f64, Wrong> {
    let wrong = |remedy: &str| (format!("`{text}` is no value of {}", figure.word()), remedy.to_owned());
    match figure.unit() {
        FigureUnit::Ms => {
            let remedy = "give a time with its unit, such as 800ms or 1.5s";
            let time = with_unit(text).and_then(|text| parse_duration(&text).ok());
            time.map(|time| time.as_secs_f64() * 1e3).ok_or_else(|| wrong(remedy))
        }
        FigureUnit::Ratio => {
            let percent = text.strip_suffix('%').and_then(number).filter(|percent| *percent <= 100.0);
            let ratio = percent.map(|percent| (percent * 1e6).round() / 1e8);
            ratio.ok_or_else(|| wrong("give 0 % to 100 %, such as 1 % or 0.5%"))
        }
        FigureUnit::PerS => {
            let rate = text.strip_suffix("/s").and_then(number);
            rate.ok_or_else(|| wrong("give successes a second, such as 50/s"))
        }
        FigureUnit::Count => {
            let count = text.parse::<u64>().ok().filter(|count| *count < COUNT_MAX);
            count.map(|count| count as f64).ok_or_else(|| wrong("give a whole number, such as 10"))
        }
    }
}

/// A time as the duration's reader takes it: `800 ms` without its blank. A bare number has no unit.
fn with_unit(text: &str) -> Option<String> {
    let joined = match text.split_once(' ') {
        Some((number, unit)) if !unit.starts_with(|c: char| c.is_ascii_digit()) => {
            format!("{number}{}", unit.trim())
        }
        Some(_) => return None,
        None => text.to_owned(),
    };
    joined.ends_with(|c: char| c.is_alphabetic()).then_some(joined)
}

/// A plain decimal number: no sign, no exponent.
fn number(text: &str) -> Option<f64> {
    let text = text.trim_end();
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|number: &f64| plain && number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, words: &str) {
        let (figure, comparison, bound) = condition(text).unwrap_or_else(|found| panic!("{text}: {found:?}"));
        let found = format!("{} {} {}", figure.word(), comparison.sign(), figure.unit().written(bound));
        assert_eq!(found, words);
    }

    #[test]
    fn what_must_hold() {
        check("p95 < 800ms", "p95 < 800ms");
        check("p99.9<=1.5 s", "p99.9 <= 1500ms");
        check("max < 1m30s", "max < 90000ms");
        check("failure_ratio < 1 %", "failure_ratio < 1%");
        check("throttled_ratio <= 0.07%", "throttled_ratio <= 0.07%");
        check("rps > 50/s", "rps > 50/s");
        check("rps >= 2.5 /s", "rps >= 2.5/s");
        check("failures <= 0", "failures <= 0");
    }

    #[test]
    fn mistakes_are_told_all_at_once() {
        let check = |text: &str, said: &[&str]| {
            let found = condition(text).expect_err(text);
            assert_eq!(found.len(), said.len(), "{text}: {found:?}");
            for ((problem, remedy), words) in found.iter().zip(said) {
                let told = format!("{problem}; {remedy}");
                assert!(told.contains(words), "{words} is not in {told}");
            }
        };
        check("p95", &["`p95` compares nothing; write it like p95 < 800ms"]);
        check("", &["`` compares nothing"]);
        check("p94 < 800ms", &["`p94` is no figure; known: p50, p66, "]);
        check("failure_rate < 1%", &["`failure_rate` is no figure; did you mean `failure_ratio`?"]);
        check(
            "p95 == 800",
            &["`==` is no comparison; use <, <=, > or >=", "`800` is no value of p95; give a time"],
        );
        check("p95 < 800 MS", &["`800 MS` is no value of p95"]);
        check("p95 < -1s", &["`-1s` is no value of p95"]);
        check("p95 < 1 %", &["`1 %` is no value of p95"]);
        check("mean < 1 2ms", &["`1 2ms` is no value of mean"]);
        check("failure_ratio < 0.01", &["`0.01` is no value of failure_ratio; give 0 % to 100 %"]);
        check("failure_ratio < 101%", &["`101%` is no value"]);
        check("rps > 50", &["`50` is no value of rps; give successes a second, such as 50/s"]);
        check("rps > 1e3/s", &["`1e3/s` is no value of rps"]);
        check("failures < 2.5", &["`2.5` is no value of failures; give a whole number"]);
        check("failures < 0", &["`failures < 0` can never hold"]);
        check("rps >= 0/s", &["`rps >= 0/s` always holds"]);
    }
}
