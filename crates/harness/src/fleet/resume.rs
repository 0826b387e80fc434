//! A run whose coordinator is gone, as its journal tells it.
//!
//! It must not know where the journal stands, nor how the run is shown.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::time::UNIX_EPOCH;

use measure::Run;
use wire::{Clock, Mistakes};

use super::errand::Errand;
use super::journal::{FORMAT, Head, Journal, Line, lock};
use super::message::once_kept;
use super::past::Replay;
use super::seal::RunSecret;
use super::state::State;
use crate::Plan;

/// A line's length at most: that of a letter.
const LINE_BYTES_MAX: u64 = 32 << 20;

/// A journal whose run has no coordinator.
#[derive(Debug)]
pub struct Unfinished {
    file: File,
    name: String,
    pub(super) head: Head,
    over: bool,
    /// When it was last written to, by the wall clock.
    pub(super) quiet_unix_ns: u64,
}

impl Unfinished {
    /// Opens a journal that was opened to be read and appended to, and keeps others from it; `name` is what mistakes call it.
    ///
    /// # Errors
    /// When it is none of this version, or its run has a coordinator still.
    pub fn open(mut file: File, name: &str) -> Result<Self, Mistakes> {
        let wrong = |problem: String, remedy: &str| {
            let mut mistakes = Mistakes::default();
            mistakes.push(name, problem, remedy);
            mistakes
        };
        lock(&file).map_err(|words| wrong(words, "there can be one at a time"))?;
        let unread = |error: std::io::Error| wrong(format!("cannot be read: {error}"), "give another folder");
        let mut first = vec![];
        BufReader::new(&mut file).take(LINE_BYTES_MAX).read_until(b'\n', &mut first).map_err(unread)?;
        let remedy = "resume it with the version of weaver-bench that wrote it";
        if !first.ends_with(b"\n") {
            return Err(wrong("the coordinator died before its run began".to_owned(), "start it again"));
        }
        let head = match serde_json::from_slice(&first) {
            Ok(Line::Head(head)) if head.format == FORMAT => *head,
            Ok(Line::Head(head)) => {
                return Err(wrong(format!("line 1: the format is {}, not {FORMAT}", head.format), remedy));
            }
            Ok(_) | Err(_) => {
                return Err(wrong(format!("line 1: no journal of the format {FORMAT}"), remedy));
            }
        };
        let meta = file.metadata().map_err(unread)?;
        let quiet = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let quiet_unix_ns = quiet.map_or(0, |at| u64::try_from(at.as_nanos()).unwrap_or(u64::MAX));
        let last = serde_json::to_vec(&Line::Over).expect("a line is JSON");
        let mut tail = vec![];
        let from = meta.len().saturating_sub(last.len() as u64 + 1);
        file.seek(SeekFrom::Start(from)).and_then(|_| file.read_to_end(&mut tail)).map_err(unread)?;
        let over = tail.trim_ascii_end() == last;
        Ok(Self { file, name: name.to_owned(), head, over, quiet_unix_ns })
    }

    /// Whether the run file is whole: there is nothing to resume.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Which of several fleets on the bus its workers belong to.
    pub fn fleet(&self) -> &str {
        &self.head.fleet
    }

    /// When the run began, nanoseconds since 1970.
    pub fn started_unix_ns(&self) -> u64 {
        self.head.file.started_unix_ns
    }

    /// The run file as it was when the run began.
    pub fn run_file(&self) -> Run {
        self.head.file.clone()
    }

    /// Whether its workers' secret was drawn, so that nobody can speak to them any more.
    pub fn is_cut_off(&self) -> bool {
        self.head.drawn
    }

    /// Whether this is the secret of its workers.
    pub fn knows(&self, secret: &RunSecret) -> bool {
        secret.proof(self.head.run) == self.head.proof
    }

    /// Reads the whole of it, and takes away a last line that was not written to its end; what is worth saying of it.
    ///
    /// # Errors
    /// When the journal is damaged.
    pub fn check(&mut self) -> Result<Vec<String>, Mistakes> {
        let state = State::new(Clock::system(), self.head.run, RunSecret::drawn(b"nobody"), None, None);
        self.replay(&mut Replay::new(state, false)).map(|(_, notes)| notes)
    }

    /// The plan, for those who know the secret.
    ///
    /// # Errors
    /// When it cannot be read again.
    pub fn plan(&self, secret: &RunSecret) -> Result<Plan, Mistakes> {
        let plan = self.errand(secret).ok_or_else(|| {
            let mut mistakes = Mistakes::default();
            let remedy = "resume it with the version of weaver-bench that wrote it, and its run secret";
            mistakes.push(self.name.as_str(), "line 1: the plan cannot be read", remedy);
            mistakes
        })?;
        plan.plan().map(|plan| self.head.rest.clone().onto(plan))
    }

    /// What workers are told.
    pub(super) fn errand(&self, secret: &RunSecret) -> Option<Errand> {
        Errand::unsealed(secret, once_kept(self.head.run), &self.head.errand)
    }

    /// Carries out what stands in the file, and takes away a last line that was not written to its end. The reign that
    /// begins, and notes.
    pub(super) fn replay(&mut self, replay: &mut Replay) -> Result<(u64, Vec<String>), Mistakes> {
        let (mut reign, mut at, mut number, mut notes) = (1, 0, 0, vec![]);
        let wrong = |number: u64, problem: String, remedy: &str| {
            let mut mistakes = Mistakes::default();
            mistakes.push(format!("{}: line {number}", self.name), problem, remedy);
            mistakes
        };
        let unread =
            |error: std::io::Error| wrong(0, format!("cannot be read: {error}"), "give another folder");
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0)).map_err(unread)?;
        let length = file.metadata().map_err(unread)?.len();
        let mut reader = BufReader::new(file);
        let mut line = vec![];
        loop {
            line.clear();
            let read = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(unread)?;
            if read == 0 {
                return Ok((reign + 1, notes));
            }
            number += 1;
            let found = serde_json::from_slice::<Line>(&line);
            let last = at + read as u64 == length;
            match found {
                Ok(found) if line.ends_with(b"\n") => {
                    if let Line::Reign { reign: before } = found {
                        reign = before;
                    }
                    replay.take(found);
                }
                Ok(_) | Err(_) if last => {
                    notes.push(format!(
                        "line {number} of the journal was not written to its end, and is dropped"
                    ));
                    self.file.set_len(at).map_err(unread)?;
                    return Ok((reign + 1, notes));
                }
                Ok(_) | Err(_) => {
                    let remedy = "put the file back as it was written, or take the run as lost";
                    return Err(wrong(number, "is no line of a journal".to_owned(), remedy));
                }
            }
            at += read as u64;
        }
    }

    /// The journal, to go on with.
    pub(super) fn journal(&self, reign: u64) -> Result<Journal, Mistakes> {
        let wrong = |problem: String| {
            let mut mistakes = Mistakes::default();
            mistakes.push(self.name.as_str(), problem, "make room, or give the file to this user");
            mistakes
        };
        let failed = |error: std::io::Error| wrong(format!("cannot be written: {error}"));
        let mut line = serde_json::to_vec(&Line::Reign { reign }).expect("a line is JSON");
        line.push(b'\n');
        (&self.file).write_all(&line).map_err(failed)?;
        Journal::on(self.file.try_clone().map_err(failed)?).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use measure::{FORMAT as RUN_FORMAT, Limits, RunKind};

    use super::*;
    use crate::fleet::journal::close_journal;
    use crate::fleet::rest::Rest;

    const RUN: u64 = 7;

    fn head(format: &str) -> Head {
        let file = Run {
            format: RUN_FORMAT.to_owned(),
            kind: RunKind::Run,
            version: "0".to_owned(),
            seed: 5,
            started_unix_ns: 1_000,
            simulated: false,
            target_url: None,
            host: None,
            targets: None,
            limits: Limits::default(),
            target_source: None,
            plan: serde_json::Value::Null,
            planned_steps: vec!["run".to_owned()],
            steps: vec![],
            aborted: None,
            workers: vec![],
        };
        let (proof, fleet) = (RunSecret::new(b"sesame").proof(RUN), "default".to_owned());
        Head {
            format: format.to_owned(),
            fleet,
            run: RUN,
            proof,
            drawn: false,
            tolerate_loss: false,
            move_users: true,
            errand: String::new(),
            rest: Rest::default(),
            file,
        }
    }

    fn text(lines: &[Line]) -> Vec<u8> {
        let line = |line: &Line| [serde_json::to_vec(line).expect("a line is JSON"), b"\n".to_vec()].concat();
        lines.iter().flat_map(line).collect()
    }

    fn journal(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().expect("a file can be made");
        file.write_all(content).expect("there is room");
        file.seek(SeekFrom::Start(0)).expect("it is a file");
        file
    }

    #[test]
    fn what_is_no_journal_of_this_version_is_not_resumed() {
        let whole = text(&[Line::Head(Box::new(head(FORMAT)))]);
        let older = text(&[Line::Head(Box::new(head("weaver-bench.journal/0")))]);
        let ceiling = text(&[Line::Ceiling { worker: 1, ceiling: 2 }]);
        for (content, part) in [
            (&b""[..], "died before its run began"),
            (&whole[..whole.len() - 1], "died before its run began"),
            (b"x\n", "line 1: no journal"),
            (&ceiling, "line 1: no journal"),
            (&older, "the format is weaver-bench.journal/0"),
        ] {
            let words = Unfinished::open(journal(content), "j").expect_err(part).to_string();
            assert!(words.contains("j: ") && words.contains(part), "{words}");
        }
        let unfinished = Unfinished::open(journal(&whole), "j").expect("it is whole");
        assert!(!unfinished.is_over() && !unfinished.is_cut_off());
        assert!(
            unfinished.knows(&RunSecret::new(b"sesame")) && !unfinished.knows(&RunSecret::new(b"mustard"))
        );
    }

    #[test]
    fn one_that_is_closed_is_over() {
        let file =
            journal(&text(&[Line::Head(Box::new(head(FORMAT))), Line::Ended { index: 0, absence: None }]));
        (&file).seek(SeekFrom::End(0)).expect("it is a file");
        close_journal(&file).expect("there is room");
        (&file).seek(SeekFrom::Start(0)).expect("it is a file");
        assert!(Unfinished::open(file, "j").expect("it is whole").is_over());
    }

    #[test]
    fn a_last_line_that_was_cut_is_dropped_and_any_other_is_a_mistake() {
        let lines = [
            Line::Head(Box::new(head(FORMAT))),
            Line::Reign { reign: 2 },
            Line::Ceiling { worker: 9, ceiling: 40 },
            Line::Ceiling { worker: 9, ceiling: 4_000 },
        ];
        let content = text(&lines);
        let whole = text(&lines[..3]).len();
        let clock = Clock::at(1_000);
        for cut in whole..=content.len() {
            let mut unfinished = Unfinished::open(journal(&content[..cut]), "j").expect("its head is whole");
            let state = State::new(clock, RUN, RunSecret::new(b"sesame"), None, None);
            let mut replay = Replay::new(state, false);
            let (reign, notes) = unfinished.replay(&mut replay).expect("only its end is cut");
            let (ceiling, left) = if cut == content.len() { (4_000, cut) } else { (40, whole) };
            assert_eq!((reign, replay.state.members[0].ceiling), (3, ceiling), "{cut}");
            assert_eq!(notes.len(), usize::from(cut != left), "{cut}: {notes:?}");
            assert_eq!(unfinished.file.metadata().expect("it is a file").len(), left as u64, "{cut}");
        }
        let damaged = [&content[..whole - 1], &content[whole..]].concat();
        let mut unfinished =
            Unfinished::open(journal(&[&damaged[..], b"{}\n"].concat()), "j").expect("a head");
        let state = State::new(clock, RUN, RunSecret::new(b"sesame"), None, None);
        let words =
            unfinished.replay(&mut Replay::new(state, false)).expect_err("a damaged line").to_string();
        assert!(words.contains("j: line 3: is no line of a journal"), "{words}");
    }
}
