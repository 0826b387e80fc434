//! Baselines that are kept: `baseline --save`, `--against`, and the log of what each optimisation did.
//!
//! `log.jsonl` has a line a saved baseline; `LOG.md` is derived from it. It must not know how a run is made.

use std::fs;
use std::path::{Path, PathBuf};

use measure::Run;
use measure::compare::{Change, Comparison, RunLabel, Verdict, text, trouble};
use serde_json::{Value, json};

use crate::args::BaselineArgs;
use crate::compare::{Named, compared, exit, read};
use crate::exit::{Exit, Failure, both};
use crate::load::owner;
use crate::results::{Owner, Results, put};
use crate::say::Stream;

const LOG_FILE: &str = "log.jsonl";
const LOG_PAGE: &str = "LOG.md";

/// What was asked to be kept, checked before the run begins.
pub(crate) struct Keeping<'a> {
    args: &'a BaselineArgs,
    folder: PathBuf,
    log: Vec<Value>,
    against: Option<Named>,
}

impl<'a> Keeping<'a> {
    /// Shows everything that stands against it now, not after the run.
    pub(crate) fn prepare(args: &'a BaselineArgs) -> Result<Self, Failure> {
        let folder = args.out.join("baselines");
        let keep = &args.keep;
        let free = match keep.save.as_ref().map(|name| folder.join(name)) {
            Some(place) if place.exists() && !keep.force => Err(Failure::usage(format!(
                "--save: {} is there already; give another name, or --force to replace it",
                place.display()
            ))),
            _ => Ok(()),
        };
        let idle = keep.rules.fail_on.is_some() && keep.against.is_none();
        let rules = if idle {
            Err(Failure::usage("--fail-on: nothing to compare with; name a baseline with --against"))
        } else {
            Ok(())
        };
        let log = if keep.save.is_some() { read_log(&folder.join(LOG_FILE)) } else { Ok(vec![]) };
        let against = keep.against.as_ref().map(|name| {
            let mut against = read(&folder.join(name), Path::new(""))?;
            against.name.clone_from(name);
            Ok(against)
        });
        let (((), ()), (log, against)) = both(both(free, rules), both(log, against.transpose()))?;
        Ok(Self { args, folder, log, against })
    }

    /// Compares and saves, and says how to exit after a run that leads to `own` by itself.
    pub(crate) fn finish(&self, run: &Run, shown_as: &str, own: Exit) -> Result<Exit, Failure> {
        let named = Named { run: run.clone(), name: shown_as.to_owned() };
        let mut exit_code = own;
        let comparison =
            self.against.as_ref().map(|against| compared(against, &named, &self.args.keep.rules));
        match &comparison {
            Some(Ok(comparison)) => {
                Stream::Out.put(&format!("\n{}", text(comparison)));
                if own == Exit::PASSED {
                    exit_code = exit(comparison.decision.verdict, &self.args.keep.rules);
                }
            }
            // A run that is aborted or invalid says so by its own exit code.
            Some(Err(failure)) if own.is_untrusted() => {
                Stream::Error.line(&format!("not compared: {}", failure.text));
            }
            Some(Err(_)) | None => {}
        }
        if let Some(name) = &self.args.keep.save {
            self.save(name, &named, comparison.as_ref().and_then(|found| found.as_ref().ok()))?;
        }
        match comparison {
            Some(Err(failure)) if !own.is_untrusted() => Err(failure),
            _ => Ok(exit_code),
        }
    }

    fn save(&self, name: &str, run: &Named, against: Option<&Comparison>) -> Result<(), Failure> {
        let troubles = trouble(&run.run).map_err(Failure::usage)?;
        if !troubles.is_empty() && !self.args.keep.force {
            return Err(Failure::usage(format!(
                "--save: not saved, the run is not whole: {}; measure it again, or save it with --force",
                troubles.join("; ")
            )));
        }
        let place = self.folder.join(name);
        let owner = owner(&self.args.load);
        let made = || -> std::io::Result<()> {
            if self.args.keep.force && place.is_dir() {
                fs::remove_dir_all(&place)?;
            }
            fs::create_dir_all(&self.folder)?;
            fs::create_dir(&place)
        };
        made().map_err(|error| {
            Failure::usage(format!(
                "{}: cannot be made: {error}; give another name or --out",
                place.display()
            ))
        })?;
        Results { folder: place.clone(), owner }.write(&run.run)?;
        let mut log = self.log.clone();
        log.push(self.entry(name, run, against));
        write_log(&self.folder, &log, owner)?;
        Stream::Error.line(&format!("saved as baseline {name} in {}", place.display()));
        Ok(())
    }

    /// A line of the log: what changed since the last saved baseline that can be compared, or since `--against`.
    fn entry(&self, name: &str, run: &Named, against: Option<&Comparison>) -> Value {
        let label = RunLabel::of(&run.run, name);
        let before = match against {
            Some(comparison) => Some(comparison.clone()),
            None => self.log.iter().rev().find_map(|entry| {
                let name = entry["name"].as_str()?;
                let mut before = read(&self.folder.join(name), Path::new("")).ok()?;
                before.name = name.to_owned();
                compared(&before, run, &self.args.keep.rules).ok()
            }),
        };
        let time = before.as_ref().and_then(|before| before.decision.time);
        let of = |value: fn(&Change) -> f64| time.as_ref().map(value);
        json!({
            "name": name,
            "started": label.started,
            "note": self.args.keep.note,
            "seed": label.seed,
            "version": label.version,
            "target_url": label.target_url,
            "against": before.as_ref().map(|before| &before.a.name),
            "verdict": before.as_ref().map(|before| before.decision.verdict),
            "change": of(|time| time.change),
            "low": of(|time| time.low),
            "high": of(|time| time.high),
        })
    }
}

fn read_log(path: &Path) -> Result<Vec<Value>, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => {
            return Err(Failure::usage(format!("{}: cannot be read: {error}; repair it", path.display())));
        }
    };
    let line = |(at, line): (usize, &str)| {
        let entry: Option<Value> = serde_json::from_str(line).ok();
        entry.filter(|entry| entry["name"].is_string()).ok_or_else(|| {
            let place = path.display();
            Failure::usage(format!("{place}:{}: is no entry of the log; repair or remove the line", at + 1))
        })
    };
    text.lines().enumerate().map(line).collect()
}

fn write_log(folder: &Path, log: &[Value], owner: Owner) -> Result<(), Failure> {
    let lines: String = log.iter().map(|entry| format!("{entry}\n")).collect();
    put(&folder.join(LOG_FILE), lines.as_bytes(), owner)?;
    put(&folder.join(LOG_PAGE), page(log).as_bytes(), owner)
}

/// The log as a table.
fn page(log: &[Value]) -> String {
    let mut page = "# Baselines: what each change did\n\n\
        | baseline | started | what changed | against | time of the judged requests | 95 % interval | verdict |\n\
        | --- | --- | --- | --- | ---: | ---: | --- |\n"
        .to_owned();
    for entry in log {
        let word = |key: &str| escaped(entry[key].as_str().unwrap_or("-"));
        let percent = |key: &str| entry[key].as_f64().map(|ratio| format!("{:+.1}", ratio * 100.0));
        let change = percent("change").map_or_else(|| "-".to_owned(), |change| format!("{change} %"));
        let interval = percent("low").zip(percent("high"));
        let interval = interval.map_or_else(|| "-".to_owned(), |(low, high)| format!("{low} to {high}"));
        let verdict: Option<Verdict> = [Verdict::Better, Verdict::Worse, Verdict::Same, Verdict::CannotTell]
            .into_iter()
            .find(|verdict| json!(verdict) == entry["verdict"]);
        page.push_str(&format!(
            "| {} | {} | {} | {} | {change} | {interval} | {} |\n",
            word("name"),
            word("started"),
            word("note"),
            word("against"),
            verdict.map_or("-", Verdict::words),
        ));
    }
    page
}

/// Nothing in a note may end a cell or begin a tag.
fn escaped(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('|', "\\|")
}
