//! Faults that one question cannot show: bodies of refusals, lost caches, Redis that is away; and what is written wrong.

use std::time::Duration;

use crate::common::{Reply, ask, profile, request, send, settings, stub};
use crate::faults::faulty;
use stub::{Limit, Limits, Profile, Quirk, RedisSettings, Repairs, Settings};

#[tokio::test(start_paused = true)]
async fn errors_have_the_bodies_of_the_real_server() {
    for (status, body) in [
        (400, r#"{"detail":"Bad Request"}"#),
        (404, r#"{"detail":"Not Found"}"#),
        (500, "Internal Server Error"),
        (502, r#"{"detail":"Bad Gateway"}"#),
        (503, r#"{"detail":"Service Unavailable"}"#),
        (599, r#"{"detail":"Error"}"#),
    ] {
        let (stub, _) = stub(settings(), faulty(&format!("kind = \"error_burst\"\nstatus = {status}")));
        let reply = send(&stub, ask("r", "hi")).await;
        assert_eq!((reply.status.as_u16(), &*reply.body), (status, body));
        assert_eq!(stub.truth().refused, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_storm_looks_like_the_real_limits() {
    let told = |reply: &Reply| {
        let names =
            ["retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "content-type"];
        let headers = names.map(|name| reply.header(name).to_owned());
        (reply.status.as_u16(), reply.body.clone(), headers)
    };
    let one = Limit::per_second(1, 1);
    for repairs in [Repairs::NONE, Repairs::NONE.with(Quirk::Refill)] {
        for (layer, limits) in [
            ("user", Limits { user: one, ..Limits::OFF }),
            ("address", Limits { address: one, ..Limits::OFF }),
            ("global", Limits { global: one, ..Limits::OFF }),
        ] {
            let settings = || Settings { limits, repairs, ..settings() };
            let (real, _) = stub(settings(), faulty("kind = \"corrupt\"\nshare = 0"));
            send(&real, ask("first", "hi")).await;
            let real = told(&send(&real, ask("second", "hi")).await);
            assert_eq!(real.0, 429);
            for kind in ["throttle_storm", "token_starvation\"\nrate = 1\nburst = \"1"] {
                let lines = format!("kind = \"{kind}\"\nlayer = \"{layer}\"").replace("\"1\"", "1");
                let (stormy, _) = stub(settings(), faulty(&lines));
                send(&stormy, ask("first", "hi")).await;
                assert_eq!(told(&send(&stormy, ask("second", "hi")).await), real, "{lines} {repairs:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_no_storm() {
    let (stub, _) = stub(settings(), faulty("kind = \"throttle_storm\""));
    let reply = send(&stub, request("POST /ask|x-api-key:wrong", "{}")).await;
    assert_eq!(reply.status.as_u16(), 401);
    assert!(stub.entries(0, 1).entries[0].faults.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_corrupt_body_is_as_long_and_no_json() {
    let whole = send(&stub(settings(), faulty("kind = \"corrupt\"\nshare = 0")).0, ask("r", "hi")).await.body;
    let reply = send(&stub(settings(), faulty("kind = \"corrupt\"")).0, ask("r", "hi")).await;
    assert_eq!(reply.header("content-length"), whole.len().to_string());
    assert_eq!(reply.body.len(), whole.len());
    assert!(serde_json::from_str::<serde_json::Value>(&reply.body).is_err(), "{}", reply.body);
}

#[tokio::test(start_paused = true)]
async fn all_routes_but_the_operators() {
    let (stub, _) = stub(settings(), faulty("kind = \"error_burst\"\nroute = \"*\""));
    for (line, status) in [
        ("GET /health", 503),
        ("GET /whoami|x-api-key:key", 503),
        ("GET /docs", 503),
        ("GET /nowhere", 503),
        ("GET /_stub/health", 200),
    ] {
        assert_eq!(send(&stub, request(line, "")).await.status.as_u16(), status, "{line}");
    }
}

/// Faults over a stub with an embedded Redis and an answer cache, which an answer comes out of in no time.
fn cached(fault: &str) -> (Settings, Profile) {
    let text = format!(
        "answer_cache = {{ ttl = \"1h\", lookup = {{ fixed = \"1ms\" }} }}\n[route.health]\ndelay = {{ fixed = \"5ms\" }}\n[agent.a]\nconcurrency = 9\ndelay = {{ fixed = \"10ms\" }}\n[[workflow]]\nname = \"all\"\nstages = [\"a\"]\n[[fault]]\n{fault}\n"
    );
    (Settings { redis: RedisSettings::Memory { up: true }, ..settings() }, profile(&text))
}

#[tokio::test(start_paused = true)]
async fn caches_and_redis_that_are_lost() {
    for (fault, expected) in [
        // Milliseconds of a question and of a health check, in each of five seconds; `!` where they are marked.
        (
            "kind = \"lost_cache\"\nstart = \"1500ms\"\nend = \"3500ms\"",
            "11 5, 1 0, 11! 5!, 11! 5!, 11 5, 1 0",
        ),
        ("kind = \"redis_outage\"\nstart = \"1500ms\"\nend = \"3500ms\"", "11 5, 1 0, 1 5!, 1 5!, 1 0, 1 0"),
        (
            "kind = \"redis_outage\"\nhow = \"frozen\"\nstart = \"1500ms\"\nend = \"2500ms\"",
            "11 5, 1 0, 1 5005!, 1 0, 1 0, 1 0",
        ),
    ] {
        let (settings, profile) = cached(fault);
        let (stub, clock) = stub(settings, profile);
        let mut told = vec![];
        for second in 0..6_u64 {
            let due_ns = second * 1_000_000_000;
            if clock.now_ns() < due_ns {
                clock.sleep_until(due_ns).await;
            }
            let mut one = vec![];
            for request in [ask(&format!("ask-{second}"), "hi"), request("GET /health", "")] {
                let from_ns = clock.now_ns();
                send(&stub, request).await;
                let took_ms = (clock.now_ns() - from_ns) / 1_000_000;
                let last = stub.entries(stub.truth().received - 1, 1).entries.remove(0);
                if last.faults == ["redis_outage"] {
                    assert_eq!(last.held_ns / 1_000_000, took_ms - 5, "{fault}: what it cost is held");
                }
                one.push(format!("{took_ms}{}", if last.faults.is_empty() { "" } else { "!" }));
            }
            told.push(one.join(" "));
        }
        assert_eq!(told.join(", "), expected, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_leak_is_told_of() {
    let (stub, clock) = stub(settings(), faulty("kind = \"leak\"\nmemory_per_s = 1000"));
    clock.sleep(Duration::from_secs(5)).await;
    send(&stub, ask("r", "hi")).await;
    let body = send(&stub, request("GET /_stub/profile", "")).await.body;
    assert!(
        body.contains(r#""faults":[{"kind":"leak","state":"on","struck":0,"memory_bytes":0}]"#),
        "{body}"
    );
}

#[test]
fn mistakes_are_told_all_at_once() {
    for (lines, expected) in [
        ("", "in `fault[0]`: `kind` is missing; add `kind = …`"),
        ("kind = \"freze\"\nbogus = 1", "`fault[0].kind` = \"freze\" is not known; did you mean `freeze`?"),
        (
            "kind = \"freeze\"",
            "in `fault[0]`: `end` is missing, at which the answers are let go; add `end = …`",
        ),
        ("kind = \"reset\"\nend = \"0s\"", "`end` is no later than `start`; give a later `end`"),
        ("kind = \"reset\"\nshare = 1.1", "`fault[0].share` = 1.1 is out of range; give a share from 0 to 1"),
        (
            "kind = \"reset\"\nroute = \"/aks\"",
            "`fault[0].route` = \"/aks\" is not known; did you mean `/ask`?",
        ),
        ("kind = \"reset\"\nstatus = 500", "unknown key `status` in `fault[0]`"),
        ("kind = \"redis_outage\"\nshare = 0.5", "unknown key `share` in `fault[0]`"),
        ("kind = \"error_burst\"\nstatus = 200", "`fault[0].status` = 200 is out of range; give 400 to 599"),
        ("kind = \"fail_first\"", "in `fault[0]`: `count` is missing; add `count = …`"),
        (
            "kind = \"throttle_storm\"\nlayer = \"all\"",
            "`fault[0].layer` = \"all\" is not known; give one of user, address, global",
        ),
        (
            "kind = \"token_starvation\"\nrate = 0",
            "`fault[0].rate` = 0 is out of range; give 1 to 1000000000",
        ),
        ("kind = \"truncate\"\nbytes = 1\nbody_share = 0.5", "say the same in two ways; give one of them"),
        ("kind = \"stall\"\nevery = \"1s\"\nlength = \"1s\"", "give a `length` below `every`"),
        (
            "kind = \"slow_first_byte\"\ndelay = \"2h\"",
            "`fault[0].delay` = \"2h\" is out of range; give 1us to 1h",
        ),
        ("kind = \"leak\"", "in `fault[0]`: nothing leaks; give `delay_per_s` or `memory_per_s`"),
        ("kind = \"leak\"\nmemory_per_s = 1\nmemory_max = 1_000_000_000_000", "give bytes, 0 to 4294967296"),
        ("kind = \"plateau\"\nworkers = 0", "`fault[0].workers` = 0 is out of range; give 1 to 1000000"),
        (
            "kind = \"collapse\"\nknee = 0\ncost = \"1ms\"",
            "`fault[0].knee` = 0 is out of range; give 1 or more",
        ),
    ] {
        let text = format!(
            "[agent.a]\nconcurrency = 1\ndelay = {{ fixed = \"1ms\" }}\n[[workflow]]\nname = \"w\"\nstages = [\"a\"]\n[[fault]]\n{lines}\n"
        );
        let wrong = Profile::parse("p.toml", &text).expect_err(lines);
        assert!(wrong.0.len() == 1 && wrong.to_string().contains(expected), "{lines}: {wrong}");
    }
}
