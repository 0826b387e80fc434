//! Reads a threshold that stands on one line, as a flag gives it:
//! `p95 < 800ms on /ask every 30s abort after 1m without gate`. It must not know what is done about it.

use std::time::Duration;

use measure::{Over, Threshold};
use wire::{Mistakes, parse_duration};

use super::ThresholdPlan;
use super::condition::{Wrong, condition};

/// The longest window and the longest patience.
const SPAN_MAX: Duration = Duration::from_secs(24 * 3600);

/// A word of the sentence.
struct Word {
    text: String,
    quoted: bool,
}

impl Word {
    fn is(&self, keyword: &str) -> bool {
        !self.quoted && self.text == keyword
    }

    fn begins_clause(&self) -> bool {
        ["on", "every", "abort", "without"].iter().any(|keyword| self.is(keyword))
    }
}

/// Reads `FIGURE COMPARISON VALUE [on NAME | on tag TAG] [every TIME] [abort [after TIME]] [without gate]`; the name or
/// tag stands in double quotes where it holds one of these words.
///
/// # Errors
/// Every mistake; `place` is what messages call it.
pub fn read_threshold(place: &str, text: &str) -> Result<ThresholdPlan, Mistakes> {
    let mut mistakes = Mistakes::default();
    let mut wrong = |(problem, remedy): Wrong| mistakes.push(place, problem, remedy);
    let words = words(text);
    let head_end = words.iter().position(Word::begins_clause).unwrap_or(words.len());
    let head = condition(&joined(&words[..head_end]));
    let head = head.map_err(|found| found.into_iter().for_each(&mut wrong)).ok();
    let mut read = Clauses::default();
    let mut rest = &words[head_end..];
    while let Some((keyword, after)) = rest.split_first() {
        let end = after.iter().position(Word::begins_clause).unwrap_or(after.len());
        let (clause, next) = after.split_at(end);
        if let Err(found) = read.take(&keyword.text, clause) {
            wrong(found);
        }
        rest = next;
    }
    mistakes.or(())?;
    let (figure, comparison, bound) = head.expect("a condition without mistakes is whole");
    let rule = Threshold {
        figure,
        comparison,
        bound,
        over: read.over.unwrap_or_default(),
        entries: vec![],
        window_s: read.window_s,
        abort_after_s: read.abort_after_s,
        gate: !read.without_gate,
    };
    Ok(ThresholdPlan { place: place.to_owned(), step: None, rule })
}

#[derive(Default)]
struct Clauses {
    over: Option<Over>,
    window_s: Option<u32>,
    abort_after_s: Option<f64>,
    without_gate: bool,
}

impl Clauses {
    fn take(&mut self, keyword: &str, clause: &[Word]) -> Result<(), Wrong> {
        let is_told = match keyword {
            "on" => self.over.is_some(),
            "every" => self.window_s.is_some(),
            "abort" => self.abort_after_s.is_some(),
            _ => self.without_gate,
        };
        if is_told {
            let remedy = "say it once; a name that holds the word stands in quotes";
            return Err((format!("`{keyword}` is told twice"), remedy.to_owned()));
        }
        match (keyword, clause) {
            ("on", [tag, name @ ..]) if tag.is("tag") && !name.is_empty() => {
                self.over = Some(Over::Tag(joined(name)));
            }
            ("on", [_, ..]) => self.over = Some(Over::Name(joined(clause))),
            ("on", []) => return Err(("`on` names nothing".to_owned(), "write it like on /ask".to_owned())),
            ("every", [time]) => self.window_s = Some(window_s(&time.text)?),
            ("abort", []) => self.abort_after_s = Some(0.0),
            ("abort", [after, time]) if after.is("after") => {
                self.abort_after_s = Some(span(&time.text, "abort after 1m")?.as_secs_f64());
            }
            ("without", [gate]) if gate.is("gate") => self.without_gate = true,
            _ => {
                let remedy = "write it like every 30s, abort after 1m, without gate";
                let text = format!("{keyword} {}", joined(clause));
                return Err((format!("`{}` says nothing", text.trim_end()), remedy.to_owned()));
            }
        }
        Ok(())
    }
}

/// A window is whole seconds: those that a run is recorded in.
pub(super) fn window_s(text: &str) -> Result<u32, Wrong> {
    let time = span(text, "every 30s")?;
    let whole = time.subsec_nanos() == 0 && !time.is_zero();
    let seconds = u32::try_from(time.as_secs()).ok().filter(|_| whole);
    seconds.ok_or_else(|| (format!("a window of {text}"), "give whole seconds, from 1s to 24h".to_owned()))
}

/// A time that has a unit.
pub(super) fn span(text: &str, example: &str) -> Result<Duration, Wrong> {
    let has_unit = text.ends_with(|c: char| c.is_alphabetic());
    let time = parse_duration(text).ok().filter(|time| has_unit && *time <= SPAN_MAX);
    time.ok_or_else(|| (format!("`{text}` is no time up to 24h"), format!("write it like {example}")))
}

/// Words between blanks; a text in double quotes is one, with \" and \\ in it for " and \.
fn words(text: &str) -> Vec<Word> {
    let mut words = vec![];
    let mut chars = text.chars().peekable();
    while let Some(first) = chars.next() {
        if first.is_whitespace() {
            continue;
        }
        let quoted = first == '"';
        let mut word = Word { text: String::new(), quoted };
        if !quoted {
            word.text.push(first);
        }
        while let Some(c) = chars.next_if(|c| quoted || !c.is_whitespace()) {
            match c {
                '"' if quoted => break,
                '\\' if quoted => word.text.extend(chars.next()),
                _ => word.text.push(c),
            }
        }
        words.push(word);
    }
    words
}

fn joined(words: &[Word]) -> String {
    words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences() {
        let check = |text: &str, words: &str| {
            let found = read_threshold("f", text).unwrap_or_else(|found| panic!("{text}: {found}"));
            assert_eq!(found.rule.words(), words);
            // What is shown is read back as the same.
            assert_eq!(read_threshold("f", words).map(|again| again.rule), Ok(found.rule), "{words}");
        };
        check("p95 < 800ms", "p95 < 800ms");
        check(
            "p95 < 800ms on /ask every 30s abort after 1m",
            "p95 < 800ms on /ask every 30s abort after 60s",
        );
        check("failures<3 abort", "failures < 3 abort");
        check("max < 1s on tag slow without gate", "max < 1000ms on tag \"slow\" without gate");
        check("max < 1s on POST /ask (deep)", "max < 1000ms on \"POST /ask (deep)\"");
        check(
            "max < 1s on \"/a every \\\"b\\\"\" every 2s",
            "max < 1000ms on \"/a every \\\"b\\\"\" every 2s",
        );
        check("max < 1s on tag", "max < 1000ms on \"tag\"");
        check("rps > 5/s abort after 500ms", "rps > 5/s abort after 0.5s");
    }

    #[test]
    fn mistakes() {
        let check = |text: &str, said: &[&str]| {
            let found = read_threshold("f", text).expect_err(text);
            let told: Vec<String> = found.0.iter().map(ToString::to_string).collect();
            assert_eq!(told, said, "{text}");
        };
        check("p95 < 800ms on", &["f: `on` names nothing; write it like on /ask"]);
        check(
            "p94 < 800ms every 1.5s abort soon",
            &[
                "f: `p94` is no figure; known: p50, p66, p75, p80, p90, p95, p98, p99, p99.9, p99.99, p100, mean, max, \
                 min, failure_ratio, throttled_ratio, rps, failures",
                "f: a window of 1.5s; give whole seconds, from 1s to 24h",
                "f: `abort soon` says nothing; write it like every 30s, abort after 1m, without gate",
            ],
        );
        check(
            "p95 < 1s on /a on /b",
            &["f: `on` is told twice; say it once; a name that holds the word stands in quotes"],
        );
        check("p95 < 1s every 30", &["f: `30` is no time up to 24h; write it like every 30s"]);
        check("p95 < 1s abort after 25h", &["f: `25h` is no time up to 24h; write it like abort after 1m"]);
        check(
            "p95 < 1s please",
            &["f: `1s please` is no value of p95; give a time with its unit, such as 800ms or 1.5s"],
        );
    }
}
