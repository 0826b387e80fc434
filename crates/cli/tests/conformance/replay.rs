//! One recording replayed: its server, its files, its Redis and its agent; every exchange at its time.
//!
//! It must not know how bytes travel.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use tempfile::TempDir;
use wire::Clock;

use crate::agent::{self, Agent};
use crate::compare::{Got, Tokens, differences};
use crate::pace::Pace;
use crate::policies;
use crate::recording::{Exchange, Recording, unix_s};
use crate::redis_server::RedisServer;
use crate::server::Server;
use crate::talk::{self, Client};
use crate::timeline::{self, Verdict, Verdicts};

/// From the decision to the recorded time of the answer, in a timeline.
const ANSWERING_NS: u64 = 1_000_000;
/// An answer that took the real server this long must take as long here, give or take [`SLACK_MS`].
const LONG_MS: f64 = 1_000.0;
const SLACK_MS: f64 = 1_000.0;
/// Most connections to Redis: the server's, and the agent's two.
const REDIS_CLIENTS_MAX: usize = 3 + 2;
const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Where messages between agents are taken, their senders stand here.
const SENDERS: &str = "WEAVER_MCP_SERVER_PUBLIC_KEYS";
/// Tasks that an agent hears of a router that hears no answer.
const HEARD_WHEN_DEAF: usize = 2;
/// The rules that the real server is shipped with.
const RULES: &str = "deny_patterns:\n  - forbidden\npii_regexes:\n  - '\\d{3}-\\d{2}-\\d{4}'\n";
const ROLES: &str = "user:\n  - tool:python_eval\nadmin:\n  - admin:all\n";

/// Differences by exchange.
type Found = Vec<(String, Vec<String>)>;

struct World<'a> {
    recording: &'a Recording,
    clock: Clock,
    client: Client,
    redis: RedisServer,
    is_redis_up: bool,
    agent: Option<Agent>,
    tokens: Tokens,
    /// The server's time.
    pace: Pace,
    group: &'a str,
    /// When the timeline under way began, after the server's start.
    timeline: (&'a str, u64),
    verdicts: Verdicts,
    folder: TempDir,
    _server: Server,
}

/// How long a recording takes: from its beginning to its last answer.
pub(crate) fn length_s(recording: &Recording) -> u64 {
    let last = recording.exchanges.last().and_then(Exchange::answered_unix_s);
    last.unwrap_or_default().saturating_sub(begin_s(recording))
}

/// Replays all of it; what differs.
pub(crate) async fn replay(recording: &Recording) -> Found {
    let mut world = World::new(recording);
    world.begin().await;
    let mut found = vec![];
    for exchange in &recording.exchanges {
        let differences = world.replay(exchange).await;
        if !differences.is_empty() {
            found.push((format!("{} {}: {}", exchange.id, exchange.group, exchange.name), differences));
        }
    }
    found.extend(world.verdicts.differences(recording));
    found.extend(world.around());
    found
}

fn begin_s(recording: &Recording) -> u64 {
    unix_s(&recording.recorded_at).expect("a time")
}

impl<'a> World<'a> {
    fn new(recording: &'a Recording) -> Self {
        let folder = TempDir::new().expect("a folder");
        files(&recording.mode, folder.path());
        let mut redis = RedisServer::start();
        if !recording.redis {
            redis.kill();
        }
        let mut variables = recording.env.clone();
        let port = redis.port();
        if variables.contains_key(SENDERS) {
            // Or else the server keeps nonces where the real one does: on the usual port, whoever is there.
            variables.insert("WEAVER_STUB_REDIS".to_owned(), format!("redis://localhost:{port}"));
        } else {
            variables.insert("REDIS_PORT".to_owned(), port.to_string());
        }
        let clock = Clock::system();
        let mut pace = match recording.timelines.is_empty() {
            true => Pace::Running { start_ns: 0 },
            false => Pace::set(folder.path(), begin_s(recording)),
        };
        let server = Server::start_at(pace.variables(begin_s(recording)), folder.path(), &variables);
        if let Pace::Running { start_ns } = &mut pace {
            *start_ns = clock.now_ns();
        }
        let agent = (recording.mode == "a2a").then(|| Agent::start(&redis.url()));
        Self {
            recording,
            client: Client::new(clock, server.address),
            pace,
            clock,
            is_redis_up: recording.redis,
            redis,
            agent,
            tokens: Tokens::default(),
            group: "",
            timeline: ("", 0),
            verdicts: Verdicts::default(),
            folder,
            _server: server,
        }
    }

    /// Before the recorded beginning: the server answers its first request, which counts nowhere.
    async fn begin(&mut self) {
        let first = self.client.exchange(LOCALHOST, b"GET /nowhere HTTP/1.1\r\n\r\n", false).await;
        first.unwrap_or_else(|error| panic!("{}: {error}", self.recording.mode));
        self.client.reconnect();
    }

    /// Sends the request at its time; what differs from the recorded answer.
    async fn replay(&mut self, exchange: &'a Exchange) -> Vec<String> {
        self.set_up(exchange);
        match exchange.place() {
            Some((name, number)) if self.recording.timelines.contains_key(name) => {
                self.advance(name, number, exchange).await
            }
            _ => {
                self.wait_until(exchange.answered_unix_s().expect("a date")).await;
                match self.send(exchange).await {
                    Ok((got, found)) => [differences(exchange, &got, &mut self.tokens), found].concat(),
                    Err(wrong) => vec![wrong],
                }
            }
        }
    }

    /// What happened around the real server just before this exchange.
    fn set_up(&mut self, exchange: &'a Exchange) {
        if self.group != exchange.group {
            self.group = &exchange.group;
            match (&*self.recording.mode, self.group) {
                ("redis_lost", "stopped") => self.redis.kill(),
                ("redis_lost", "frozen") => self.redis.freeze(),
                ("redis_lost", "thawed") => self.redis.thaw(),
                ("redis_lost", "back") | (_, "redis_comes_back" | "redis_back") => self.redis.restart(),
                _ => {}
            }
            self.is_redis_up = match self.group {
                "stopped" | "frozen" => false,
                "back" | "thawed" | "redis_comes_back" | "redis_back" => true,
                _ => self.is_redis_up,
            };
            if self.group == "redis_back" {
                self.agent = Some(Agent::start(&self.redis.url()));
            }
        }
        if self.recording.mode == "custom_policies" {
            policies::edit(&exchange.name, &self.folder.path().join("weaver_ai/policies"));
        }
        if exchange.http_cache_flushed_before && self.is_redis_up {
            self.redis.ask("FLUSHALL");
        }
    }

    /// Sends the requests of a timeline up to this one, each at its time; all are alike.
    async fn advance(&mut self, name: &'a str, number: usize, exchange: &Exchange) -> Vec<String> {
        let rows = &self.recording.timelines[name];
        if self.timeline.0 != name {
            self.timeline = (name, (exchange.t_ms_in_group * 1e6) as u64);
        }
        let mut last = None;
        for (_, answered_ms, ..) in &rows[self.verdicts.sent(name)..number] {
            let at_ns = self.timeline.1 + ((answered_ms * 1e6) as u64).saturating_sub(ANSWERING_NS);
            self.wait(at_ns).await;
            match self.send(exchange).await {
                Ok((got, found)) => {
                    self.verdicts.push(name, verdict(&got));
                    last = Some((got, found));
                }
                Err(wrong) => return vec![wrong],
            }
        }
        let Some((got, found)) = last else { return vec!["it was sent before".to_owned()] };
        // Where it wavers, an answer is compared with one of its kind.
        let alike = |other: &&Exchange| {
            let place = other.place().filter(|(of, number)| *of == name && *number > 0);
            place.is_some_and(|(_, number)| timeline::verdict(&rows[number - 1]) == verdict(&got))
        };
        let is_same = timeline::verdict(&rows[number - 1]) == verdict(&got);
        let kind = if is_same { Some(exchange) } else { self.recording.exchanges.iter().find(alike) };
        kind.map(|kind| [differences(kind, &got, &mut self.tokens), found].concat()).unwrap_or_default()
    }

    /// Until the server's time is in this second.
    async fn wait_until(&mut self, unix_s: u64) {
        let after_s = unix_s.saturating_sub(begin_s(self.recording));
        self.wait(after_s * 1_000_000_000 + 1_000_000).await;
    }

    /// Until so long after the server's start.
    async fn wait(&mut self, after_ns: u64) {
        self.pace.until(self.clock, after_ns).await;
        if let Pace::Set { .. } = self.pace {
            // To the server, a kept connection may have been idle for long.
            self.client.reconnect();
        }
    }

    /// Sends it now: the answer, and what is wrong about how it came.
    async fn send(&mut self, exchange: &Exchange) -> Result<(Got, Vec<String>), String> {
        let request = &exchange.request;
        let from = request.source_ip.as_ref().map_or(LOCALHOST, |from| from.parse().expect("an address"));
        let bytes = talk::bytes(request, &self.tokens);
        let before_ns = self.clock.now_ns();
        let answer = self.client.exchange(from, &bytes, request.method == "HEAD").await;
        let took_ms = (self.clock.now_ns() - before_ns) as f64 / 1e6;
        let talk::Answer { line, mut got, ending } = answer.map_err(|error| error.to_string())?;
        let mut found = Vec::from_iter(ending);
        let expected_ms = exchange.response.elapsed_ms;
        if expected_ms > LONG_MS && (took_ms - expected_ms).abs() > SLACK_MS {
            found.push(format!("it took {took_ms:.0} ms instead of {expected_ms:.0}"));
        }
        let reason = http_reason(got.status);
        if line != format!("HTTP/1.1 {} {reason}", got.status) {
            found.push(format!("first line `{line}`"));
        }
        with_usual_port(&mut got, self.redis.port());
        Ok((got, found))
    }

    /// What differs around the exchanges: on the channels, and at Redis.
    fn around(&self) -> Found {
        let mut found = vec![];
        let mode = &self.recording.mode;
        if let Some(agent) = &self.agent {
            let heard = agent.heard();
            let mut differences = agent::differences(&agent::recorded(&text(mode)), &heard);
            if mode == "a2a_redis_down" && heard.len() != HEARD_WHEN_DEAF {
                differences.push(format!("the agent heard {heard:?}"));
            }
            if !differences.is_empty() {
                found.push((format!("{mode} agent"), differences));
            }
        }
        if self.is_redis_up && self.redis.clients() > REDIS_CLIENTS_MAX {
            found.push((format!("{mode} Redis"), vec![self.redis.ask("CLIENT LIST")]));
        }
        found
    }
}

/// The folders and files around the real server.
fn files(mode: &str, folder: &Path) {
    let policies = folder.join("weaver_ai/policies");
    fs::create_dir_all(&policies).expect("a folder");
    if policies::folder(mode, &policies).is_none() {
        fs::write(policies.join("guardrails.yaml"), RULES).expect("a file");
        fs::write(policies.join("roles.yaml"), ROLES).expect("a file");
    }
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stub/tests/recorded/keys");
    fs::create_dir(folder.join("keys")).expect("a folder");
    for key in fs::read_dir(keys).expect("keys") {
        let key = key.expect("a key");
        fs::copy(key.path(), folder.join("keys").join(key.file_name())).expect("a file");
    }
}

/// The file of a recording.
fn text(mode: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stub/tests/recorded/exchanges");
    fs::read_to_string(folder.join(format!("{mode}.json"))).expect("a recording")
}

/// The answer as if Redis were on the usual port, where it was for the real server.
fn with_usual_port(got: &mut Got, port: u16) {
    let body = String::from_utf8_lossy(&got.body);
    let usual = body
        .replace(&format!("\"port\":{port},"), "\"port\":6379,")
        .replace(&format!("localhost:{port}."), "localhost:6379.");
    let (before, after) = (got.body.len(), usual.len());
    if *body == usual {
        return;
    }
    for (name, value) in &mut got.headers {
        if name == "content-length" && *value == before.to_string() {
            *value = after.to_string();
        }
    }
    got.body = usual.into_bytes();
}

/// Status, and the detail that explains it.
fn verdict(got: &Got) -> Verdict {
    let body: Option<BTreeMap<String, serde_json::Value>> = serde_json::from_slice(&got.body).ok();
    let detail = body.and_then(|body| body.get("detail")?.as_str().map(str::to_owned));
    (got.status, detail)
}

/// What the real server says after a status.
fn http_reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        _ => "?",
    }
}
