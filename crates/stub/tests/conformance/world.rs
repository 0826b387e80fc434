//! The stub in the surroundings of a recording: its clock, its environment, its files, its Redis.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http_body_util::BodyExt;
use stub::redis::Condition;
use stub::{Profile, Settings, Stub};
use tempfile::TempDir;
use tower::ServiceExt;
use wire::{Clock, Seed};

use super::compare::{Got, Tokens, differences};
use super::policies;
use super::recording::{Exchange, Recording, Request, Row, unix_s};

/// One agent that takes no time: latencies are not compared.
const PROFILE: &str = "[agent.a]\nconcurrency = 1\ndelay = { fixed = \"0ms\" }\n[[workflow]]\nname = \"all\"\nstages = [\"a\"]\n";
/// Public keys that were files.
const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded/keys");
/// From the decision to the recorded time of the answer, in a timeline.
const ANSWERING_NS: u64 = 1_000_000;

pub(crate) struct World {
    stub: Stub,
    clock: Clock,
    tokens: Tokens,
    /// When the recording began.
    start_ns: u64,
    /// The timeline under way: its name, when it began, and how many of its requests were sent.
    timeline: (String, u64, usize),
    policies: TempDir,
}

impl World {
    pub(crate) fn new(recording: &Recording) -> Self {
        let start_s = unix_s(&recording.recorded_at).expect("a time");
        let clock = Clock::at(start_s * 1_000_000_000);
        let policies = TempDir::new().expect("a folder");
        let mut variables: Vec<_> = recording.env.clone().into_iter().map(with_key_file).collect();
        let redis = if recording.redis { "memory" } else { "memory-down" };
        variables.push(("WEAVER_STUB_REDIS".to_owned(), redis.to_owned()));
        if let Some(folder) = policies::folder(&recording.mode, policies.path()) {
            variables.push(("WEAVER_STUB_POLICIES".to_owned(), folder.display().to_string()));
        }
        let settings = Settings::from_variables(variables).unwrap_or_else(|wrong| panic!("{wrong}"));
        let profile = Profile::parse("conformance.toml", PROFILE).unwrap_or_else(|wrong| panic!("{wrong}"));
        let stub = Stub::new(settings, profile, clock, Seed(1));
        if recording.mode == "a2a" {
            stub.attach_agent("*", stand_in);
        }
        let timeline = (String::new(), 0, 0);
        Self { stub, clock, tokens: Tokens::default(), start_ns: clock.now_ns(), timeline, policies }
    }

    /// Sends the request at its time; what differs from the recorded answer.
    pub(crate) async fn replay(&mut self, recording: &Recording, exchange: &Exchange) -> Vec<String> {
        self.set_up(recording, exchange).await;
        let mut late = vec![];
        let got = match exchange.place().filter(|(name, _)| recording.timelines.contains_key(*name)) {
            Some((name, number)) => self.advance(&recording.timelines[name], name, number, exchange).await,
            None => {
                self.wait_until(exchange.answered_unix_s().expect("a date")).await;
                self.timed(exchange, &mut late).await
            }
        };
        late.extend(differences(exchange, &got, &mut self.tokens));
        late
    }

    /// Sends the request; where the real server took its time, so must the stub.
    async fn timed(&mut self, exchange: &Exchange, late: &mut Vec<String>) -> Got {
        let began_ns = self.clock.now_ns();
        let got = self.send(&exchange.request).await;
        let took_ms = (self.clock.now_ns() - began_ns) as f64 / 1e6;
        let recorded_ms = exchange.response.elapsed_ms;
        if recorded_ms > 1_000.0 && (took_ms - recorded_ms).abs() > 50.0 {
            late.push(format!("it took {took_ms} ms instead of {recorded_ms} ms"));
        }
        got
    }

    /// What happened around the real server just before this exchange.
    async fn set_up(&mut self, recording: &Recording, exchange: &Exchange) {
        let condition = match (&*recording.mode, &*exchange.group) {
            ("redis_lost", "stopped") => Some(Condition::Down),
            ("redis_lost", "frozen") => Some(Condition::Frozen),
            ("redis_lost", _) | (_, "redis_back" | "redis_comes_back") => Some(Condition::Up),
            _ => None,
        };
        if let Some(condition) = condition {
            self.stub.embedded_redis().expect("an embedded Redis").set(condition);
        }
        if recording.mode == "custom_policies" {
            policies::edit(&exchange.name, self.policies.path());
        }
        if exchange.http_cache_flushed_before {
            self.stub.flush_response_cache().await.expect("the embedded Redis");
        }
    }

    /// Sends the requests of a timeline up to this one, each at its time; all are alike.
    async fn advance(&mut self, rows: &[Row], name: &str, number: usize, exchange: &Exchange) -> Got {
        if self.timeline.0 != name {
            let began_ns = self.start_ns + (exchange.t_ms_in_group * 1e6) as u64;
            self.timeline = (name.to_owned(), began_ns, 0);
        }
        let (_, began_ns, sent) = self.timeline;
        let mut got = None;
        for (_, answered_ms, ..) in &rows[sent..number] {
            let decided_ns = began_ns + (answered_ms * 1e6) as u64 - ANSWERING_NS;
            self.clock.sleep_until(decided_ns).await;
            got = Some(self.send(&exchange.request).await);
        }
        self.timeline.2 = number;
        got.expect("numbers of a timeline rise")
    }

    async fn wait_until(&self, unix_s: u64) {
        let ahead_ns = (unix_s * 1_000_000_000).saturating_sub(self.clock.unix_ns());
        self.clock.sleep(Duration::from_nanos(ahead_ns) + Duration::from_millis(1)).await;
    }

    async fn send(&mut self, request: &Request) -> Got {
        let Some(request) = self.request(request) else {
            return Got { status: 0, headers: vec![], body: b"the request cannot be made".into() };
        };
        let response = self.stub.router().oneshot(request).await.expect("the router cannot fail");
        let (head, body) = response.into_parts();
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Got {
            status: head.status.as_u16(),
            headers: head
                .headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), text(value)))
                .collect(),
            body: body.collect().await.expect("a body").to_bytes().into(),
        }
    }

    /// The request as a parser would hand it over; `None` where no parser could.
    fn request(&self, request: &Request) -> Option<http::Request<Body>> {
        let raw = request.raw_latin1.as_deref().map(parsed);
        let (method, path, headers, body) = match raw {
            Some(raw) => raw?,
            None => {
                let (method, path) = (request.method.clone(), request.path.clone());
                (method, path, request.headers.clone(), request.body.bytes())
            }
        };
        let mut builder = http::Request::builder().method(&*method).uri(&*path);
        for (name, value) in &headers {
            // A parser takes blanks before a value away, and leaves those behind it.
            let value = self.tokens.replace(value.trim_start_matches([' ', '\t']));
            // A character of a recording is a byte on the wire, or UTF-8 where it is beyond that.
            let bytes = latin1(&value).unwrap_or_else(|| value.into_bytes());
            builder = builder.header(&**name, bytes);
        }
        let mut built = builder.body(Body::from(body)).ok()?;
        let peer: IpAddr = request.source_ip.as_deref().unwrap_or("127.0.0.1").parse().expect("an address");
        built.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer, 50_000)));
        Some(built)
    }
}

/// The variable, with the text of the file that it names in place of its path: reading it is not the stub's.
fn with_key_file((name, value): (String, String)) -> (String, String) {
    let file = value.strip_prefix("./keys/").map(|file| format!("{KEYS}/{file}"));
    let text = file.map(|file| std::fs::read_to_string(file).expect("a key"));
    (name, text.unwrap_or(value))
}

/// The agent that stood in when messages were recorded: it translates whatever it is given, or says nothing.
async fn stand_in(data: String) -> Option<String> {
    let says_nothing = data.contains(r#""mode":"silent""#);
    (!says_nothing).then(|| format!(r#"{{"translated":"Hola","echo":{data}}}"#))
}

fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

type Parsed = (String, String, Vec<(String, String)>, Vec<u8>);

/// Method, target, headers and body of a raw request; `None` if it is no HTTP.
fn parsed(raw: &str) -> Option<Parsed> {
    let (head, body) = raw.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: Option<Vec<_>> = lines
        .map(|line| {
            line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim_start().to_owned()))
        })
        .collect();
    let headers = headers?;
    let chunked = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding"));
    let body = if chunked { body.split("\r\n").nth(1)? } else { body };
    Some((method, path, headers, latin1(body)?))
}
