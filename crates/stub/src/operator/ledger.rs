//! `GET /_stub/ledger?from=N&limit=M`: which page is asked for, and how a page is answered.
//!
//! It must not know who may ask.

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use wire::{Mistakes, nearest};

use crate::answer;
use crate::ledger::LedgerPage;
use crate::stub::Stub;

const LIMIT_DEFAULT: usize = 1_000;
const LIMIT_MAX: u64 = 10_000;
/// What a query may name.
const KEYS: [&str; 2] = ["from", "limit"];

/// The page that the query asks for, a [`wire::LedgerEntry`] a line; 400 with all that is wrong with the query.
pub(super) fn answer(stub: &Stub, query: Option<&str>) -> Response<Body> {
    match asked(query.unwrap_or_default()) {
        Ok((from, limit)) => written(&stub.entries(from, limit)),
        Err(wrong) => {
            let mut response = Response::new(Body::from(answer::detail(&wrong.to_string())));
            *response.status_mut() = StatusCode::BAD_REQUEST;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
    }
}

fn written(page: &LedgerPage) -> Response<Body> {
    let mut lines = Vec::new();
    for entry in &page.entries {
        serde_json::to_writer(&mut lines, entry).expect("an entry is JSON");
        lines.push(b'\n');
    }
    let mut response = Response::new(Body::from(Bytes::from(lines)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert("x-ledger-first", page.first.into());
    headers.insert("x-ledger-next", page.next.into());
    headers.insert("x-ledger-dropped", page.dropped.into());
    response
}

/// From which number on, and how many.
fn asked(query: &str) -> Result<(u64, usize), Mistakes> {
    let mut wrong = Mistakes::default();
    let mut given: [Option<u64>; 2] = [None, None];
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, text) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(place) = KEYS.iter().position(|known| *known == key) else {
            let remedy = match nearest(key, &KEYS) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("known here: {}", KEYS.join(", ")),
            };
            wrong.push("query", format!("unknown key `{key}`"), remedy);
            continue;
        };
        if given[place].is_some() {
            wrong.push("query", format!("`{key}` is given twice"), "give it once");
        }
        let number = text.parse().ok().filter(|number| key == "from" || (1..=LIMIT_MAX).contains(number));
        if number.is_none() {
            let range =
                if key == "from" { "a whole number, 0 or more".into() } else { format!("1 to {LIMIT_MAX}") };
            wrong.push("query", format!("`{key}` = `{text}` is out of range"), format!("give {range}"));
        }
        given[place] = number.or(Some(0));
    }
    let [from, limit] = given;
    wrong.or((from.unwrap_or(0), limit.map_or(LIMIT_DEFAULT, |limit| limit as usize)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_strictly() {
        for (query, expected) in [
            ("", "0 1000"),
            ("&", "0 1000"),
            ("from=7", "7 1000"),
            ("limit=10000&from=18446744073709551615", "18446744073709551615 10000"),
            ("limit=0", "query: `limit` = `0` is out of range; give 1 to 10000"),
            ("limit=10001", "query: `limit` = `10001` is out of range; give 1 to 10000"),
            ("from=-1", "query: `from` = `-1` is out of range; give a whole number, 0 or more"),
            ("from=%31", "query: `from` = `%31` is out of range; give a whole number, 0 or more"),
            ("from", "query: `from` = `` is out of range; give a whole number, 0 or more"),
            ("from=1&from=2", "query: `from` is given twice; give it once"),
            ("form=1", "query: unknown key `form`; did you mean `from`?"),
            (
                "limit=x&all",
                "query: `limit` = `x` is out of range; give 1 to 10000\nquery: unknown key `all`; known here: from, limit",
            ),
        ] {
            let got = asked(query).map(|(from, limit)| format!("{from} {limit}"));
            assert_eq!(got.unwrap_or_else(|wrong| wrong.to_string()), expected, "{query}");
        }
    }
}
