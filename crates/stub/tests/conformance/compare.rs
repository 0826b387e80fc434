//! What came back against what was recorded: status, headers in their order, body, but for what is volatile.
//!
//! It must not know how the answer travelled.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::recording::Exchange;

/// What the stub adds to the real server's answers.
const OURS: [&str; 2] = ["x-request-id", "server-timing"];
static TOKEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9_-]{43}\.\d+\.[0-9a-f]{64}").expect("a pattern"));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    let names = "latency_ms|pool_initialized_at|last_health_check|uptime_seconds|uptime_hours|\
                 seconds_since_last_health_check|available_connections|in_use_connections";
    Regex::new(&format!(r#""({names})":-?[0-9][0-9.eE+-]*"#)).expect("a pattern")
});

/// An answer of the stub.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Recorded CSRF tokens and ours in their place: whoever sends a recorded one sends ours.
#[derive(Debug, Default)]
pub(crate) struct Tokens(BTreeMap<String, String>);

impl Tokens {
    /// The text with recorded tokens replaced by ours.
    pub(crate) fn replace(&self, text: &str) -> String {
        let ours =
            |found: &regex::Captures<'_>| self.0.get(&found[0]).cloned().unwrap_or(found[0].to_owned());
        TOKEN.replace_all(text, ours).into_owned()
    }

    /// Notes which of ours stands for which recorded one; a token that is repeated there must be repeated here.
    fn note(&mut self, recorded: &str, got: &str) -> Result<(), String> {
        let both = (TOKEN.find(recorded), TOKEN.find(got));
        let (Some(recorded), Some(got)) = both else { return Ok(()) };
        let known = self.0.entry(recorded.as_str().to_owned()).or_insert_with(|| got.as_str().to_owned());
        if known == got.as_str() { Ok(()) } else { Err("another token than before".to_owned()) }
    }
}

/// What differs; nothing where all is as recorded.
pub(crate) fn differences(exchange: &Exchange, got: &Got, tokens: &mut Tokens) -> Vec<String> {
    let recorded = &exchange.response;
    let mut found = vec![];
    if got.status != recorded.status {
        found.push(format!("status {} instead of {}", got.status, recorded.status));
    }
    let body = recorded.body.bytes();
    let (expected, actual) = (masked(&body), masked(&got.body));
    let is_volatile = expected.as_bytes() != body || exchange.request.path.starts_with("/metrics");
    let ours: Vec<_> = got.headers.iter().filter(|(name, _)| !OURS.contains(&name.as_str())).collect();
    let names = |headers: &[&(String, String)]| -> Vec<String> {
        headers.iter().map(|(name, _)| name.clone()).collect()
    };
    let theirs: Vec<_> = recorded.headers.iter().collect();
    if names(&ours) != names(&theirs) {
        found.push(format!("headers {:?} instead of {:?}", names(&ours), names(&theirs)));
    } else {
        for ((name, got), (_, recorded)) in ours.iter().zip(&theirs) {
            if let Err(what) = tokens.note(recorded, got) {
                found.push(format!("{name}: {what}"));
            }
            if !same(name, got, recorded, is_volatile) {
                found.push(format!("{name}: `{got}` instead of `{recorded}`"));
            }
        }
    }
    if !recorded.body_not_recorded && expected != actual {
        let short = |text: &str| text.chars().take(300).collect::<String>();
        found.push(format!("body `{}` instead of `{}`", short(&actual), short(&expected)));
    }
    found.extend(unequal_tokens(got));
    found
}

fn same(name: &str, got: &str, recorded: &str, is_volatile: bool) -> bool {
    let list = |text: &str| {
        let mut parts: Vec<_> = text.split(", ").map(str::to_owned).collect();
        parts.sort();
        parts
    };
    match name.to_ascii_lowercase().as_str() {
        "date" => true,
        "content-length" if is_volatile => true,
        "allow" => list(got) == list(recorded),
        _ => TOKEN.replace_all(got, "T") == TOKEN.replace_all(recorded, "T"),
    }
}

/// Cookie and header of one answer carry one token.
fn unequal_tokens(got: &Got) -> Option<String> {
    let of =
        |name: &str| got.headers.iter().find(|(n, _)| n == name).and_then(|(_, value)| TOKEN.find(value));
    let (cookie, header) = (of("set-cookie"), of("x-csrf-token"));
    let equal = cookie.map(|found| found.as_str()) == header.map(|found| found.as_str());
    (!equal).then(|| "cookie and header carry different tokens".to_owned())
}

fn masked(body: &[u8]) -> String {
    NUMBER.replace_all(&String::from_utf8_lossy(body), "\"$1\":0").into_owned()
}
