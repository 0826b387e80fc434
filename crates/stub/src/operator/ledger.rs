//! `GET /_stub/ledger?from=N&limit=M`: which page is asked for, and how a page is answered.
//!
//! It must not know who may ask.

use axum::body::Body;
use http::{Response, StatusCode};
use wire::{Mistakes, nearest};

use crate::answer;
use crate::ledger::LedgerPage;
use crate::replicas::SharedPage;
use crate::stub::Stub;

const LIMIT_DEFAULT: usize = 1_000;
const LIMIT_MAX: u64 = 10_000;
/// What a query may name.
const KEYS: [&str; 2] = ["from", "limit"];
/// Stands alone: this replica's entries, not those of all.
const OWN: &str = "own";

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    from: u64,
    limit: usize,
    /// Of this replica alone.
    is_own: bool,
}

/// The page that the query asks for, a [`wire::LedgerEntry`] a line; 400 with all that is wrong with the query.
pub(super) async fn answer(stub: &Stub, query: Option<&str>) -> Response<Body> {
    let Asked { from, limit, is_own } = match asked(query.unwrap_or_default()) {
        Ok(asked) => asked,
        Err(wrong) => {
            let text = answer::detail(&wrong.to_string());
            return super::reply(StatusCode::BAD_REQUEST, "application/json", text);
        }
    };
    let of_all = if is_own { None } else { stub.entries_of_all(from, limit).await };
    match of_all {
        None => {
            let LedgerPage { entries, first, dropped, .. } = stub.entries(from, limit);
            let line = |entry| serde_json::to_vec(entry).expect("an entry is JSON");
            written(&SharedPage { lines: entries.iter().map(line).collect(), first, dropped })
        }
        Some(Ok(page)) => written(&page),
        Some(Err(error)) => super::out_of_reach("The ledger of all replicas is", &error),
    }
}

fn written(page: &SharedPage) -> Response<Body> {
    let mut text = Vec::new();
    for line in &page.lines {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    let mut response = super::reply(StatusCode::OK, "application/x-ndjson", text.into());
    let headers = response.headers_mut();
    headers.insert("x-ledger-first", page.first.into());
    headers.insert("x-ledger-next", (page.first + page.lines.len() as u64).into());
    headers.insert("x-ledger-dropped", page.dropped.into());
    response
}

/// From which number on, how many, and of whom.
fn asked(query: &str) -> Result<Asked, Mistakes> {
    let mut wrong = Mistakes::default();
    let mut given: [Option<u64>; 2] = [None, None];
    let mut is_own = false;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if pair == OWN {
            is_own = true;
            continue;
        }
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
    let limit = limit.map_or(LIMIT_DEFAULT, |limit| limit as usize);
    wrong.or(Asked { from: from.unwrap_or(0), limit, is_own })
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
            ("own&from=7", "7 1000 own"),
            ("own=1", "query: unknown key `own`; known here: from, limit"),
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
            let got = asked(query).map(|Asked { from, limit, is_own }| {
                format!("{from} {limit}{}", if is_own { " own" } else { "" })
            });
            assert_eq!(got.unwrap_or_else(|wrong| wrong.to_string()), expected, "{query}");
        }
    }
}
