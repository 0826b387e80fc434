//! Sums of two whole numbers, such as `2 + 2`: what is one, and what comes out.
//!
//! It must not know who may ask for them.

use std::sync::LazyLock;

use regex::Regex;

use crate::python::{digit, levelled};
use crate::quirk::{Quirk, Repairs};

static SUM: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*(\d+)\s*([-+*/])\s*(\d+)\s*$"));
/// Without telephone numbers and dates.
static CLEAR_SUM: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\s*(\d+)(?:\s*([+*])\s*|\s+([-/])\s+)(\d+)\s*$"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a right pattern")
}

/// A sum as it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sum<'a> {
    left: &'a str,
    operator: char,
    right: &'a str,
}

/// A sum and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Solved {
    /// A whole number, or for a division a float as Python writes it.
    pub(crate) result: String,
    /// Such as `2 + 2 = 4`.
    pub(crate) equation: String,
}

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsolvable {
    DivisionByZero,
    /// A number or the result is beyond 128 bits.
    TooLarge,
}

/// The sum that the whole query is.
pub(crate) fn parse(query: &str, repairs: Repairs) -> Option<Sum<'_>> {
    let first = query.trim_start().bytes().next()?;
    if first.is_ascii() && !first.is_ascii_digit() {
        return None;
    }
    let level = levelled(query);
    let pattern = if repairs.has(Quirk::SumMatch) { &CLEAR_SUM } else { &SUM };
    let found = pattern.captures(&level)?;
    let parts: Vec<_> = found.iter().skip(1).flatten().map(|part| &query[part.range()]).collect();
    let [left, operator, right] = parts[..] else { return None };
    Some(Sum { left, operator: operator.chars().next()?, right })
}

impl Sum<'_> {
    /// What comes out.
    pub(crate) fn solve(&self) -> Result<Solved, Unsolvable> {
        let number = |digits| value(digits).ok_or(Unsolvable::TooLarge);
        let (left, right) = (number(self.left)?, number(self.right)?);
        let whole = match self.operator {
            '+' => left.checked_add(right),
            '-' => left.checked_sub(right),
            '*' => left.checked_mul(right),
            _ if right == 0 => return Err(Unsolvable::DivisionByZero),
            _ => return Ok(self.solved(left, right, float(left as f64 / right as f64))),
        };
        Ok(self.solved(left, right, whole.ok_or(Unsolvable::TooLarge)?.to_string()))
    }

    fn solved(&self, left: i128, right: i128, result: String) -> Solved {
        Solved { equation: format!("{left} {} {right} = {result}", self.operator), result }
    }
}

fn value(digits: &str) -> Option<i128> {
    digits.chars().try_fold(0_i128, |n, c| n.checked_mul(10)?.checked_add(i128::from(digit(c)?)))
}

/// The shortest decimal that is this float, in Python's form: `2.0`, `1e+16`, `1e-05`.
fn float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(-4..16) | Err(_) => format!("{value:?}"),
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_sum() {
        for (query, real, clear) in [
            ("2 + 2", true, true),
            ("2+2", true, true),
            (" 3 *\n4 ", true, true),
            ("3 - 4", true, true),
            ("3-4", true, false),
            ("12/25", true, false),
            (" 123-4567 ", true, false),
            ("10 -3", true, false),
            ("٣*٤", true, true),
            ("\u{3000}1\u{a0}+ 1", true, true),
            ("2 + 2?", false, false),
            ("1+1+1", false, false),
            ("2**3", false, false),
            ("1.5+2", false, false),
            ("2 + -2", false, false),
            ("½ + 1", false, false),
            ("hi", false, false),
            ("", false, false),
        ] {
            let is_sum = |repairs| parse(query, repairs).is_some();
            assert_eq!((is_sum(Repairs::NONE), is_sum(Repairs::ALL)), (real, clear), "{query:?}");
        }
    }

    #[test]
    fn what_comes_out() {
        let nines = "9".repeat(39);
        for (query, expected) in [
            ("2 + 2", "2 + 2 = 4"),
            ("007-10", "7 - 10 = -3"),
            ("9999999999*9999999999", "9999999999 * 9999999999 = 99999999980000000001"),
            ("4/2", "4 / 2 = 2.0"),
            ("10/3", "10 / 3 = 3.3333333333333335"),
            ("1/100000", "1 / 100000 = 1e-05"),
            ("1/10000", "1 / 10000 = 0.0001"),
            ("100000000000000000/3", "100000000000000000 / 3 = 3.3333333333333332e+16"),
            ("9007199254740992/1", "9007199254740992 / 1 = 9007199254740992.0"),
            ("10000000000000000/1", "10000000000000000 / 1 = 1e+16"),
            ("٣*𝟟", "3 * 7 = 21"),
            ("2/0", "DivisionByZero"),
            (&format!("{nines}+1"), "TooLarge"),
            ("99999999999999999999*99999999999999999999", "TooLarge"),
        ] {
            let solved = parse(query, Repairs::NONE).expect("a sum").solve();
            let got = solved.map_or_else(|why| format!("{why:?}"), |solved| solved.equation);
            assert_eq!(got, expected, "{query}");
        }
    }
}
