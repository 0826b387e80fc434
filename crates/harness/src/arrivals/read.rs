//! Loads as files and command lines write them. It must not know where a replay's file is.

use std::sync::Arc;

use wire::{Mistakes, Table, Value, parse_duration};

use super::{Arrivals, Stage};
use crate::{IN_FLIGHT_MAX, Load};

/// Reads the replay of this name: whole microseconds, ascending.
pub type OpenReplay<'a> = &'a dyn Fn(&str) -> Result<Arc<[u64]>, Mistakes>;

/// The load of a suite's step: `users` and `spawn_rate`, or `arrivals` and `in_flight_max`.
pub(crate) fn load(table: &mut Table<'_>, open: OpenReplay<'_>, mistakes: &mut Mistakes) -> Load {
    let Some(value) = table.value("arrivals") else {
        return Load::Closed {
            users: table.need("users").unwrap_or(1),
            spawn_rate_per_s: table.need("spawn_rate").unwrap_or(1.0),
        };
    };
    for key in ["users", "spawn_rate"] {
        if let Some(value) = table.value(key) {
            value.mistake(
                "stands beside `arrivals`",
                "give one of the two: users wait for answers, arrivals do not",
            );
        }
    }
    let in_flight_max = table.get("in_flight_max").unwrap_or(IN_FLIGHT_MAX);
    let arrivals = value.table(|table| arrivals(table, open, mistakes)).flatten();
    Load::Open { arrivals: arrivals.unwrap_or(Arrivals::Constant(vec![Stage::steady(1.0)])), in_flight_max }
}

fn arrivals(table: &mut Table<'_>, open: OpenReplay<'_>, mistakes: &mut Mistakes) -> Option<Arrivals> {
    let (process, value) = table.variant(&["constant", "poisson", "replay"])?;
    Some(match process.as_str() {
        "constant" => Arrivals::Constant(stages(&value)?),
        "poisson" => Arrivals::Poisson(stages(&value)?),
        _ => Arrivals::Replay(open(&value.read::<String>()?).map_err(|found| mistakes.append(found)).ok()?),
    })
}

/// One rate, or a list of stages.
fn stages(value: &Value<'_>) -> Option<Vec<Stage>> {
    if !value.is_array() {
        return Some(vec![Stage::steady(value.read()?)]);
    }
    value.items().iter().map(|item| item.table(stage)?).collect()
}

fn stage(table: &mut Table<'_>) -> Option<Stage> {
    let lasts = table.get("for");
    let (from, to) = (table.get("from"), table.get("to"));
    let (from_per_s, to_per_s) = match (table.get("rate"), from, to) {
        (Some(rate), None, None) => (rate, rate),
        (None, Some(from), Some(to)) => (from, to),
        _ => {
            table.mistake("it has neither one `rate` nor both `from` and `to`", "give `rate = 100`, or both");
            return None;
        }
    };
    Some(Stage { from_per_s, to_per_s, lasts })
}

impl Stage {
    /// Stages as a command line writes them: `0-100/30s,100/60s`, or `100` to the end of the load.
    ///
    /// # Errors
    /// What is wrong with the text, in words.
    pub fn list(text: &str) -> Result<Vec<Self>, String> {
        text.split(',').map(|part| Self::one(part.trim())).collect()
    }

    fn one(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no rate; write 100, 100/60s or 0-100/30s");
        let (rates, lasts) = match text.split_once('/') {
            Some((rates, lasts)) => (rates, Some(parse_duration(lasts.trim()).map_err(|e| e.to_string())?)),
            None => (text, None),
        };
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|rate| rate.is_finite());
        let (from_per_s, to_per_s) = match rates.split_once('-') {
            Some((from, to)) => number(from).zip(number(to)).ok_or_else(wrong)?,
            None => number(rates).map(|rate| (rate, rate)).ok_or_else(wrong)?,
        };
        Ok(Self { from_per_s, to_per_s, lasts })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wire::Source;

    use super::*;

    fn read(text: &str) -> Result<Load, String> {
        let mut more = Mistakes::default();
        let open: OpenReplay<'_> = &|name| match name {
            "there.txt" => Ok([1, 2].into()),
            _ => {
                let mut mistakes = Mistakes::default();
                mistakes.push(name, "cannot be read", "give a file that is there");
                Err(mistakes)
            }
        };
        let load = Source::read("s.toml", text, |table| load(table, open, &mut more));
        let told = |mistakes: Mistakes| mistakes.to_string();
        let load = load.map_err(told)?;
        load.check("s.toml", &mut more);
        more.or(load).map_err(told)
    }

    fn stage(from_per_s: f64, to_per_s: f64, lasts_s: Option<u64>) -> Stage {
        Stage { from_per_s, to_per_s, lasts: lasts_s.map(Duration::from_secs) }
    }

    #[test]
    fn suites_write_loads() {
        let open = |arrivals, in_flight_max| Ok(Load::Open { arrivals, in_flight_max });
        let ramp = vec![stage(0.0, 100.0, Some(30)), stage(100.0, 100.0, Some(60))];
        for (text, expected) in [
            ("users = 5\nspawn_rate = 2.5", Ok(Load::Closed { users: 5, spawn_rate_per_s: 2.5 })),
            ("arrivals = { poisson = 100 }", open(Arrivals::Poisson(vec![Stage::steady(100.0)]), 10_000)),
            (
                "arrivals = { constant = 0.5 }\nin_flight_max = 7",
                open(Arrivals::Constant(vec![Stage::steady(0.5)]), 7),
            ),
            (
                "arrivals = { poisson = [{ from = 0, to = 100, for = \"30s\" }, { rate = 100, for = \"60s\" }] }",
                open(Arrivals::Poisson(ramp), 10_000),
            ),
            ("arrivals = { replay = \"there.txt\" }", open(Arrivals::Replay([1, 2].into()), 10_000)),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn mistakes_say_what_and_how() {
        for (text, words) in [
            (
                "arrivals = { poisson = 1 }\nusers = 5",
                ["`users` = 5 stands beside `arrivals`", "one of the two"],
            ),
            ("arrivals = { poison = 1 }", ["`poison` chooses no variant", "constant, poisson, replay"]),
            ("arrivals = 5", ["`arrivals` = 5 has the wrong type", "a table"]),
            ("arrivals = { constant = 0 }", ["never reaches 0.001/s", "above 0"]),
            ("arrivals = { constant = -1 }", ["rate = -1 is out of range", "0 to 1000000"]),
            ("arrivals = { constant = [] }", ["0 stages", "1 to 1000"]),
            ("arrivals = { constant = [{ rate = 1, to = 2 }] }", ["`arrivals.constant[0]`", "neither"]),
            ("arrivals = { constant = [{ rate = 1 }, { rate = 2 }] }", ["has no time", "how long"]),
            ("arrivals = { constant = [{ rate = 1, for = \"0s\" }] }", ["a stage of 0s", "at most 24h"]),
            ("arrivals = { constant = [{ rate = 1, fro = \"1s\" }] }", ["unknown key `fro`", "`from`"]),
            ("arrivals = { replay = \"gone.txt\" }", ["gone.txt: cannot be read", "that is there"]),
            ("arrivals = { poisson = 1 }\nin_flight_max = 0", ["in_flight_max = 0", "1 to 1000000"]),
            ("spawn_rate = 1", ["`users` is missing", "add `users"]),
        ] {
            let found = read(text).expect_err(text);
            assert!(words.iter().all(|word| found.contains(word)), "{text}\n{found}");
        }
    }

    #[test]
    fn command_lines_write_stages() {
        for (text, expected) in [
            ("0-100/30s, 100/1m", Ok(vec![stage(0.0, 100.0, Some(30)), stage(100.0, 100.0, Some(60))])),
            ("12.5", Ok(vec![Stage::steady(12.5)])),
            ("5/x", Err("x")),
            ("a-b/1s", Err("`a-b/1s` is no rate")),
            ("", Err("`` is no rate")),
        ] {
            match (Stage::list(text), expected) {
                (Err(got), Err(part)) => assert!(got.contains(part), "{text}: {got}"),
                (got, expected) => assert_eq!(got, expected.map_err(str::to_owned), "{text}"),
            }
        }
    }
}
