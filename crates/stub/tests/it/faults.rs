//! Each fault of the catalogue in virtual time: what clients see, what the ledger says, whom it strikes.

use std::time::Duration;

use crate::common::{ask, profile, request, send, settings, stub};
use futures_util::future::join_all;
use stub::{Fault, Profile, Stub};
use tower::ServiceExt;
use wire::{Clock, ConnectionFault, LedgerEntry};

/// An agent that takes 10 ms, and these lines of a fault.
pub(crate) fn faulty(lines: &str) -> Profile {
    let agent = "[agent.a]\nconcurrency = 100\ndelay = { fixed = \"10ms\" }\n";
    profile(&format!("{agent}[[workflow]]\nname = \"all\"\nstages = [\"a\"]\n[[fault]]\n{lines}\n"))
}

/// Status and time of a question asked at this time, and what is done to its connection.
async fn one(stub: &Stub, clock: &Clock, id: String, at_ms: u64) -> String {
    clock.sleep(Duration::from_millis(at_ms)).await;
    let from_ns = clock.now_ns();
    let response = stub.router().oneshot(ask(&id, "hi")).await.expect("the router cannot fail");
    let took_us = (clock.now_ns() - from_ns) / 1_000;
    let fault = response.extensions().get::<ConnectionFault>().map(|fault| format!(" {fault:?}"));
    let took = match took_us % 1_000 {
        0 => format!("{}", took_us / 1_000),
        rest => format!("{}.{rest:03}", took_us / 1_000),
    };
    format!("{}+{took}{}", response.status().as_u16(), fault.unwrap_or_default())
}

fn entries(stub: &Stub) -> Vec<LedgerEntry> {
    stub.entries(0, usize::MAX).entries
}

/// Questions at these times under one fault; `!` after the time tells that the ledger has it marked.
async fn check(fault: Fault, lines: &str, at_ms: &[u64], expected: &str) {
    let (stub, clock) = stub(settings(), faulty(&format!("kind = \"{}\"\n{lines}", fault.name())));
    let all = at_ms.iter().enumerate().map(|(i, at_ms)| one(&stub, &clock, format!("r{i}"), *at_ms));
    let seen = join_all(all).await;
    let entries = entries(&stub);
    let mut told = vec![];
    for (i, seen) in seen.iter().enumerate() {
        let id = format!("r{i}");
        let entry = entries.iter().find(|entry| entry.request_id == id).expect("each is in the ledger");
        let is_struck = match &entry.faults[..] {
            [] => false,
            [only] => only == fault.name(),
            more => panic!("{fault:?} {id}: {more:?}"),
        };
        if seen.starts_with("200") {
            let took_us = entry.held_ns / 1_000 + 10_000;
            let (_, rest) = seen.split_once('+').expect("a time");
            let took_ms: f64 = rest.split(' ').next().expect("a number").parse().expect("a number");
            assert_eq!((took_ms * 1e3).round() as u64, took_us, "{fault:?} {id}: what it cost is held");
        }
        let is_cut = seen.contains("Reset") || seen.contains("Truncate");
        assert!(entry.abandoned || !is_cut, "{fault:?} {id}: {entry:?}");
        told.push(format!("{seen}{}", if is_struck { "!" } else { "" }));
    }
    assert_eq!(told.join(", "), expected, "{fault:?} {lines}");
    let struck = told.iter().filter(|one| one.ends_with('!')).count();
    let status = send(&stub, request("GET /_stub/profile", "")).await.body;
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["faults"][0]["struck"], struck, "{status}");
    assert_eq!(stub.truth().in_flight, 0, "{fault:?}: all are done");
}

#[tokio::test(start_paused = true)]
async fn refusals() {
    let burst = "start = \"1s\"\nend = \"2s\"\nstatus = 502";
    let expected = "200+10, 502+0!, 502+0!, 200+10";
    check(Fault::ErrorBurst, burst, &[999, 1_000, 1_999, 2_000], expected).await;
    check(Fault::ErrorBurst, "", &[0], "503+0!").await;
    check(Fault::ErrorBurst, "share = 0.0", &[0], "200+10").await;
    check(Fault::ErrorBurst, "route = \"/health\"", &[0], "200+10").await;
    check(Fault::FailFirst, "count = 2\nstatus = 500", &[0, 1, 2, 3], "500+0!, 500+0!, 200+10, 200+10").await;
    check(Fault::ThrottleStorm, "layer = \"global\"\nend = \"1s\"", &[0, 1_000], "429+0!, 200+10").await;
    // Only who waits for a tenth of a second gets a token back.
    let starved = "200+10, 429+0!, 429+0!, 429+0!, 200+10";
    check(Fault::TokenStarvation, "rate = 10\nburst = 1", &[0, 50, 120, 200, 301], starved).await;
}

#[tokio::test(start_paused = true)]
async fn connections_and_bodies() {
    check(Fault::Reset, "", &[0], "200+10 Reset!").await;
    check(Fault::Truncate, "bytes = 5", &[0], "200+10 Truncate { bytes: 5 }!").await;
    check(Fault::Corrupt, "", &[0], "200+10!").await;
    check(Fault::KeepAliveClose, "share = 1.0", &[0], "200+10 Close!").await;
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_held() {
    check(Fault::SlowFirstByte, "delay = \"200ms\"", &[0, 5], "200+210!, 200+210!").await;
    let freeze = "start = \"1s\"\nend = \"3s\"";
    let expected = "200+10, 200+2010!, 200+1000!, 200+10";
    check(Fault::Freeze, freeze, &[989, 990, 2_000, 2_990], expected).await;
    let stall = "start = \"1s\"\nend = \"1550ms\"\nevery = \"500ms\"\nlength = \"100ms\"";
    let expected = "200+110!, 200+11!, 200+10, 200+50!, 200+10";
    check(Fault::Stall, stall, &[990, 1_089, 1_090, 1_500, 2_000], expected).await;
}

#[tokio::test(start_paused = true)]
async fn work_that_takes_longer() {
    let leak = "start = \"1s\"\ndelay_per_s = \"10ms\"\ndelay_max = \"25ms\"";
    check(Fault::Leak, leak, &[999, 1_000, 2_000], "200+10, 200+10, 200+20!").await;
    check(Fault::Leak, leak, &[3_500, 90_000], "200+35!, 200+35!").await;
    let cold = "delay = \"800ms\"\nhalf_life = \"1s\"\nend = \"1h\"";
    let expected = "200+810!, 200+410!, 200+16.250!, 200+10";
    check(Fault::ColdStart, cold, &[0, 1_000, 7_000, 60_000], expected).await;
    check(Fault::Plateau, "", &[0, 0, 0, 100], "200+10!, 200+20!, 200+30!, 200+10!").await;
    check(Fault::Plateau, "workers = 2", &[0, 0, 0, 0], "200+10!, 200+10!, 200+20!, 200+20!").await;
    let collapse = "knee = 2\ncost = \"10ms\"";
    check(Fault::Collapse, collapse, &[0, 0, 0, 0], "200+10, 200+10, 200+15!, 200+30!").await;
    check(Fault::Collapse, collapse, &[0, 11, 22, 33], "200+10, 200+10, 200+10, 200+10").await;
}

#[tokio::test(start_paused = true)]
async fn the_struck_are_the_same_in_any_order_and_as_many_as_asked() {
    const COUNT: usize = 4_000;
    let struck = async |order: Vec<usize>| {
        let (stub, clock) = stub(settings(), faulty("kind = \"error_burst\"\nshare = 0.3"));
        for batch in order.chunks(500) {
            join_all(batch.iter().map(|i| one(&stub, &clock, format!("id-{i}"), 0))).await;
        }
        let entries = entries(&stub).into_iter().filter(|entry| !entry.faults.is_empty());
        let mut ids: Vec<_> = entries.map(|entry| entry.request_id).collect();
        ids.sort_unstable();
        ids
    };
    let forth = struck((0..COUNT).collect()).await;
    assert_eq!(struck((0..COUNT).rev().collect()).await, forth);
    // 1,200 expected, standard deviation 29: six of them.
    assert!(forth.len().abs_diff(1_200) < 174, "{}", forth.len());
}

#[tokio::test(start_paused = true)]
async fn several_strike_one_request_in_order() {
    let lines = "kind = \"leak\"\ndelay_per_s = \"1s\"\n[[fault]]\nkind = \"slow_first_byte\"\ndelay = \"5ms\"\n[[fault]]\nkind = \"freeze\"\nend = \"3s\"\n[[fault]]\nkind = \"corrupt\"\n[[fault]]\nkind = \"reset\"\n[[fault]]\nkind = \"truncate\"";
    let (stub, clock) = stub(settings(), faulty(lines));
    assert_eq!(one(&stub, &clock, "r".into(), 1_000).await, "200+2000 Reset");
    let entry = entries(&stub).remove(0);
    assert_eq!(entry.faults, ["leak", "slow_first_byte", "freeze", "corrupt", "reset"]);
    let ms = |ns: u64| ns / 1_000_000;
    let got = [entry.arrived_ns, entry.fired_ns, entry.planned_ns, entry.delayed_ns, entry.held_ns].map(ms);
    assert_eq!((got, entry.abandoned), ([1_000, 2_010, 10, 10, 1_990], true));
}

#[tokio::test(start_paused = true)]
async fn a_fault_costs_a_deadline_as_work_does() {
    let text = "deadline = \"50ms\"\n[agent.a]\nconcurrency = 1\ndelay = { fixed = \"10ms\" }\n[[workflow]]\nname = \"all\"\nstages = [\"a\"]\n[[fault]]\nkind = \"cold_start\"\ndelay = \"1s\"\nhalf_life = \"100ms\"\n";
    let (stub, clock) = stub(settings(), profile(text));
    assert_eq!(one(&stub, &clock, "r".into(), 0).await, "504+50");
    assert_eq!(one(&stub, &clock, "s".into(), 1_000).await, "200+10.691");
}

/// A row a fault, in their order.
fn table() -> String {
    let row =
        |fault: &Fault| format!("| `{}` | {} | {} |\n", fault.name(), fault.about(), fault.parameters());
    Fault::ALL.iter().map(row).collect()
}

#[test]
fn the_table_is_up_to_date() {
    let page = include_str!("../../FAULTS.md");
    let (_, after) = page.split_once("| --- | --- | --- |\n").expect("a table");
    let (rows, _) = after.split_once("\n\n").expect("an end of it");
    assert_eq!(format!("{rows}\n"), table(), "the first table of FAULTS.md is not this one");
}
