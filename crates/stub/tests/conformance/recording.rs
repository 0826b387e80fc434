//! Recorded exchanges with the real server: one file a configuration, exchanges in wire order.
//!
//! It must not know how they are replayed: the router's test and the socket's share it.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// One file.
#[derive(Debug, Deserialize)]
pub(crate) struct Recording {
    pub(crate) mode: String,
    pub(crate) recorded_at: String,
    /// Whether Redis was up when the server started.
    pub(crate) redis: bool,
    pub(crate) env: BTreeMap<String, String>,
    /// By the name of a run of requests.
    #[serde(default)]
    pub(crate) timelines: BTreeMap<String, Vec<Row>>,
    pub(crate) exchanges: Vec<Exchange>,
}

/// One request of a timeline: its number, when it was answered in ms since the first, status, detail.
pub(crate) type Row = (usize, f64, u16, Option<String>);

#[derive(Debug, Deserialize)]
pub(crate) struct Exchange {
    pub(crate) id: String,
    pub(crate) group: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) t_ms_in_group: f64,
    /// Whether Redis was emptied just before.
    #[serde(default)]
    pub(crate) http_cache_flushed_before: bool,
    pub(crate) request: Request,
    pub(crate) response: Response,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) source_ip: Option<String>,
    /// The whole request as it was sent, a byte a character.
    pub(crate) raw_latin1: Option<String>,
    #[serde(flatten)]
    pub(crate) body: Body,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    #[serde(default)]
    pub(crate) body_not_recorded: bool,
    #[serde(flatten)]
    pub(crate) body: Body,
    #[serde(default)]
    pub(crate) elapsed_ms: f64,
}

/// A body: text, bytes, or for long ones texts that are repeated.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Body {
    body: Option<String>,
    body_base64: Option<String>,
    body_runs: Option<Vec<(String, usize)>>,
}

impl Body {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let runs = self.body_runs.iter().flatten().flat_map(|(text, times)| text.repeat(*times).into_bytes());
        let base64 = self.body_base64.as_ref().map(|text| STANDARD.decode(text).expect("base64"));
        let text = self.body.as_ref().map(|text| text.clone().into_bytes());
        text.or(base64).unwrap_or_else(|| runs.collect())
    }
}

impl Exchange {
    /// Of `burst #7` in a recording with timelines: `burst`, and 7.
    pub(crate) fn place(&self) -> Option<(&str, usize)> {
        let (timeline, number) = self.name.rsplit_once(" #")?;
        Some((timeline, number.parse().ok()?))
    }

    /// When it was answered, in Unix seconds, by the answer's own date.
    pub(crate) fn answered_unix_s(&self) -> Option<u64> {
        let date = self.response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("date"))?;
        let time = httpdate(&date.1)?;
        Some(time)
    }
}

/// `Mon, 23 Nov 2026 09:34:35 GMT` in Unix seconds.
fn httpdate(text: &str) -> Option<u64> {
    let mut words = text.split_ascii_whitespace().skip(1);
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = 1 + ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        .iter()
        .position(|name| *name == month)?;
    unix_s(&format!("{year}-{month:02}-{day:0>2}T{time}Z"))
}

/// `2026-11-23T09:34:35Z` in Unix seconds.
pub(crate) fn unix_s(text: &str) -> Option<u64> {
    let time = speedate::DateTime::parse_str(text).ok()?;
    u64::try_from(time.timestamp()).ok()
}

/// All recordings in `folder`, by name.
pub(crate) fn all(folder: &Path) -> Vec<Recording> {
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).expect("a recording");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    paths.iter().map(read).collect()
}
