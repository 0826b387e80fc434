//! Talks to the page as scripts and browsers do: requests by hand, JSON, the stream of views.
//!
//! It must not know what any test is about.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread::yield_now;

use serde_json::Value;

use crate::common::{DEADLINE, Running, bench, words};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The binary with its page.
pub(crate) struct Page {
    pub(crate) process: Running,
    pub(crate) address: String,
}

impl Page {
    /// Starts `run` with these arguments; the page listens when this returns.
    #[track_caller]
    pub(crate) fn start(folder: &Path, args: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = bench(folder, words(&format!("run -P 0 {args}")));
        command.envs(variables.iter().copied());
        let mut process = Running::start(command);
        let line = process.line("the page is at http://");
        let (_, address) = line.trim().split_once("http://").expect("was asked for");
        Self { process, address: address.to_owned() }
    }

    /// One request with these lines in its head, and a body.
    #[track_caller]
    pub(crate) fn send(&self, method: &str, path: &str, lines: &[String], body: &str) -> Answer {
        let host = lines.iter().any(|line| line.starts_with("Host:"));
        let host = if host { String::new() } else { format!("Host: {}\r\n", self.address) };
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let length = body.len();
        let text = format!(
            "{method} {path} HTTP/1.1\r\n{host}{lines}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let mut stream = self.connect();
        stream.write_all(text.as_bytes()).expect("it reads");
        let mut answer = vec![];
        stream.read_to_end(&mut answer).expect("the answer comes in time");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.get(9..12).and_then(|digits| digits.parse().ok()).expect("a status line");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head ends");
        let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
        let body = if chunked { dechunked(body) } else { body.to_owned() };
        Answer { status, head: head.to_lowercase(), body }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a time limit can be set");
        stream
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    /// A form, as Locust's scripts send it.
    #[track_caller]
    pub(crate) fn form(&self, path: &str, body: &str) -> Value {
        let lines = ["Content-Type: application/x-www-form-urlencoded".to_owned()];
        self.send("POST", path, &lines, body).json()
    }

    /// JSON, as the page sends it.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        let lines = ["Content-Type: application/json".to_owned(), format!("Origin: http://{}", self.address)];
        self.send("POST", path, &lines, &body.to_string())
    }

    /// Asks until the answer is as wanted.
    #[track_caller]
    pub(crate) fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..20_000 {
            last = self.get(path).json();
            if wanted(&last) {
                return last;
            }
            yield_now();
        }
        panic!("{path} never is as wanted: {last}");
    }

    /// The stream of views.
    pub(crate) fn events(&self) -> Views {
        let mut stream = self.connect();
        let text = format!(
            "GET /api/events HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\n\r\n",
            self.address
        );
        stream.write_all(text.as_bytes()).expect("it reads");
        Views(BufReader::new(stream))
    }
}

/// A reader of the stream.
pub(crate) struct Views(BufReader<TcpStream>);

impl Views {
    /// The status that it began with.
    #[track_caller]
    pub(crate) fn status(&mut self) -> u16 {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("an answer comes in time");
        line.get(9..12).and_then(|digits| digits.parse().ok()).expect("a status line")
    }

    /// The next view.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Value {
        let mut line = String::new();
        loop {
            line.clear();
            let bytes = self.0.read_line(&mut line).expect("a view comes in time");
            assert!(bytes > 0, "the stream ends");
            if let Some(data) = line.strip_prefix("data: ")
                && let Ok(view) = serde_json::from_str::<Value>(data.trim())
                && view.get("state").is_some()
            {
                return view;
            }
        }
    }

    /// Reads views until one is as wanted.
    #[track_caller]
    pub(crate) fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..120 {
            let view = self.next();
            if wanted(&view) {
                return view;
            }
        }
        panic!("no view is as wanted");
    }
}

fn dechunked(body: &str) -> String {
    let (mut rest, mut text) = (body, String::new());
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).expect("a chunk's size");
        if size == 0 {
            break;
        }
        text.push_str(&after[..size]);
        rest = &after[size + 2..];
    }
    text
}
