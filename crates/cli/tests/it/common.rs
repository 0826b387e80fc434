//! Starts the binary, follows it line by line with a deadline, and reads what it wrote.
//!
//! It must not know what any test is about.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{JoinHandle, spawn, yield_now};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// Nothing that is waited for takes longer, unless it hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(150);

/// How a process ended and what it said.
#[derive(Debug)]
pub(crate) struct Done {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n--- out\n{}\n--- err\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            let said = self.out.contains(part) || self.err.contains(part);
            assert!(said, "`{part}` is missing\n--- out\n{}\n--- err\n{}", self.out, self.err);
        }
        self
    }
}

/// The binary with these arguments, in `folder`, with no variable of the caller's.
pub(crate) fn bench<A: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weaver-bench"));
    command.args(args).current_dir(folder).env_clear();
    command
}

/// Arguments as one writes them in a shell, without quotes.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
}

/// Runs to the end.
#[track_caller]
pub(crate) fn run(folder: &Path, args: &str) -> Done {
    Running::start(bench(folder, words(args))).end()
}

enum Event {
    Line(String),
    /// Standard error was closed.
    Silence,
    Ended(Option<i32>),
}

/// A process that is followed; it does not outlive this.
pub(crate) struct Running {
    pid: Pid,
    ended: bool,
    events: Receiver<Event>,
    err: String,
    out: Option<JoinHandle<String>>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid is an i32"));
        let mut stdout = child.stdout.take().expect("is piped");
        let (events, received) = channel();
        let out = spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).expect("standard output is UTF-8");
            text
        });
        spawn(move || follow(child, &events));
        Self { pid, ended: false, events: received, err: String::new(), out: Some(out) }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid, signal).expect("the process is there");
    }

    /// Waits until the process has a handler for `signal`.
    #[track_caller]
    pub(crate) fn heeds(&self, signal: Signal) {
        let status = format!("/proc/{}/status", self.pid);
        let caught = || {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:").map(str::trim))?;
            u64::from_str_radix(mask, 16).ok()
        };
        let asked = (0..200_000).find(|_| {
            yield_now();
            caught().is_some_and(|mask| mask >> (signal as i32 - 1) & 1 == 1)
        });
        assert!(asked.is_some(), "it never heeds {signal}");
    }

    /// Waits for a line of standard error that holds `part`, and gives it.
    #[track_caller]
    pub(crate) fn line(&mut self, part: &str) -> String {
        loop {
            match self.events.recv_timeout(DEADLINE) {
                Ok(Event::Line(line)) => {
                    self.err.push_str(&line);
                    if line.contains(part) {
                        return line;
                    }
                }
                Ok(Event::Silence | Event::Ended(_)) => {
                    panic!("it ended without saying `{part}`:\n{}", self.err)
                }
                Err(_) => panic!("it does not say `{part}`:\n{}", self.err),
            }
        }
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Done {
        let code = loop {
            match self.events.recv_timeout(DEADLINE) {
                Ok(Event::Line(line)) => self.err.push_str(&line),
                Ok(Event::Silence) => {}
                Ok(Event::Ended(code)) => break code,
                Err(_) => panic!("it does not end:\n{}", self.err),
            }
        };
        self.ended = true;
        let out = self.out.take().expect("is read once").join().expect("standard output was read");
        Done { code, out, err: std::mem::take(&mut self.err) }
    }
}

/// Passes every line on, then the exit code.
fn follow(mut child: Child, events: &Sender<Event>) {
    let mut lines = BufReader::new(child.stderr.take().expect("is piped"));
    let mut line = String::new();
    while lines.read_line(&mut line).expect("standard error is UTF-8") > 0 {
        // Nobody listens any more when a test has failed.
        let _ = events.send(Event::Line(std::mem::take(&mut line)));
    }
    let _ = events.send(Event::Silence);
    let status = child.wait().expect("a child can be waited for");
    let _ = events.send(Event::Ended(status.code()));
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            // It may have ended by itself.
            let _ = kill(self.pid, Signal::SIGKILL);
        }
    }
}

/// A stub in a process of its own.
pub(crate) struct Server {
    pub(crate) process: Running,
    pub(crate) address: String,
    _folder: TempDir,
}

impl Server {
    /// Starts it on a free port, with the key that scenarios send; it listens when this returns.
    #[track_caller]
    pub(crate) fn start(args: &str, files: &[(&str, &str)]) -> Self {
        Self::start_with(args, files, &[])
    }

    /// The same with these variables.
    #[track_caller]
    pub(crate) fn start_with(args: &str, files: &[(&str, &str)], variables: &[(&str, &str)]) -> Self {
        let folder = folder(files);
        let args = format!("serve --host 127.0.0.1 --port 0 --seed 1 {args}");
        let mut command = bench(folder.path(), words(&args));
        command.env("WEAVER_ALLOWED_API_KEYS", "test-api-key").envs(variables.iter().copied());
        let mut process = Running::start(command);
        let line = process.line("stub of Weaver AI on http://");
        let (_, after) = line.split_once("http://").expect("was asked for");
        let (address, _) = after.split_once(',').expect("the seed follows");
        Self { address: address.to_owned(), process, _folder: folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it truly did.
    pub(crate) fn truth(&self) -> Value {
        let (status, body) = get(&self.address, "/_stub/truth");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("the truth is JSON")
    }

    /// The same once nothing is in flight: a client may have read its answer a moment before the stub has counted it.
    #[track_caller]
    pub(crate) fn settled(&self) -> Value {
        let settled = (0..100_000).map(|_| self.truth()).find(|truth| truth["in_flight"] == 0);
        settled.unwrap_or_else(|| panic!("requests stay in flight: {}", self.truth()))
    }
}

/// Sends `text` and reads all that comes until the other side closes.
pub(crate) fn talk(address: &str, text: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a time limit can be set");
    stream.write_all(text.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the answer is UTF-8 and comes in time");
    answer
}

/// One GET by hand: status and body.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    let answer = talk(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    let status = answer.get(9..12).and_then(|digits| digits.parse().ok()).expect("a status line");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head ends");
    (status, body.to_owned())
}

/// A class that asks, waits, and asks again; `more` are further lines of its only step.
pub(crate) fn asker(wait: &str, more: &str) -> String {
    format!(
        r#"
class = "Asker"
wait_time = {{ constant = "{wait}" }}
[headers]
X-API-Key = "{{{{ api_key }}}}"
[[task]]
name = "ask"
[[task.step]]
method = "POST"
path = "/ask"
json = {{ user_id = "u", query = "What is this?" }}
{more}
"#
    )
}

/// A profile whose only agent takes `delay` for every question, up to 1,000 at once.
pub(crate) fn profile(delay: &str) -> String {
    format!(
        r#"
[agent.slow]
concurrency = 1000
queue_max = 1000
delay = {{ fixed = "{delay}" }}
[[workflow]]
name = "any"
stages = ["slow"]
"#
    )
}

/// A new folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder can be made");
    for (name, text) in files {
        write(folder.path(), name, text);
    }
    folder
}

pub(crate) fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("lies in a folder")).expect("a folder can be made");
    fs::write(path, text).expect("a file can be written");
}

#[track_caller]
pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[track_caller]
pub(crate) fn json(path: impl AsRef<Path>) -> Value {
    serde_json::from_str(&read(path)).expect("is JSON")
}

/// Names of what is in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder can be read");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("is there").file_name();
    let mut names: Vec<_> = entries.map(|e| name(e).into_string().expect("is UTF-8")).collect();
    names.sort();
    names
}

/// The only results folder below `out`.
#[track_caller]
pub(crate) fn results(out: &Path) -> PathBuf {
    let names = names(out);
    assert_eq!(names.len(), 1, "one results folder in {names:?}");
    out.join(&names[0])
}

/// Every file of a folder.
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, String> {
    names(folder).into_iter().map(|name| (name.clone(), read(folder.join(name)))).collect()
}

/// Rows of a CSV file (RFC 4180), the header first; every row must end with CRLF.
#[track_caller]
pub(crate) fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (vec![], vec![], String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {
                assert_eq!(chars.next(), Some('\n'), "a row of `{text}` ends with CR alone");
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            '\n' if !quoted => panic!("a row of `{text}` ends with LF alone"),
            _ => cell.push(char),
        }
    }
    assert!(!quoted && row.is_empty() && cell.is_empty(), "the last row of `{text}` is whole");
    rows
}
