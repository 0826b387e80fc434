//! Agents in virtual time: queues, parallel stages, growth, deadlines, clients that leave, and the sums.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::common::{ask, one_agent, profile, request, send, settings, stub};
use futures_util::future::join_all;
use stub::{Profile, Stub};
use wire::{Clock, LedgerEntry, Seed, Truth};

/// Sends `queries` at once; status and milliseconds of each.
async fn at_once(stub: &Stub, clock: &Clock, queries: usize) -> Vec<(u16, f64)> {
    let one = async |i: usize| {
        let start_ns = clock.now_ns();
        let reply = send(stub, ask(&format!("r{i}"), "hi")).await;
        (reply.status.as_u16(), (clock.now_ns() - start_ns) as f64 / 1e6)
    };
    join_all((0..queries).map(one)).await
}

fn conserved(truth: &Truth) {
    let Truth { received, answered, refused, abandoned, in_flight, .. } = *truth;
    assert_eq!(received, answered + refused + abandoned + in_flight, "{truth:?}");
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_first_in_first_out() {
    let (stub, clock) = stub(settings(), one_agent("concurrency = 1\ndelay = { fixed = \"10ms\" }"));
    assert_eq!(at_once(&stub, &clock, 4).await, [(200, 10.0), (200, 20.0), (200, 30.0), (200, 40.0)]);
    let (stub, clock) = stub_of("concurrency = 2\ndelay = { fixed = \"10ms\" }");
    assert_eq!(at_once(&stub, &clock, 4).await, [(200, 10.0), (200, 10.0), (200, 20.0), (200, 20.0)]);
}

fn stub_of(lines: &str) -> (Stub, Clock) {
    stub(settings(), one_agent(lines))
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_and_says_when_to_come_back() {
    let (stub, clock) = stub_of("concurrency = 1\nqueue_max = 1\ndelay = { fixed = \"10ms\" }");
    assert_eq!(at_once(&stub, &clock, 4).await, [(200, 10.0), (200, 20.0), (503, 0.0), (503, 0.0)]);
    let busy = send(&stub, ask("first", "hi"));
    let (_, (), refused) =
        tokio::join!(busy, async { drop(send(&stub, ask("second", "hi")).await) }, async {
            tokio::task::yield_now().await;
            send(&stub, ask("third", "hi")).await
        });
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "1"));
    assert_eq!(refused.body, r#"{"detail":"Agent queue full"}"#);
    conserved(&stub.truth());
}

#[tokio::test(start_paused = true)]
async fn a_parallel_stage_takes_as_long_as_its_slowest() {
    let agent = |name, ms| format!("[agent.{name}]\nconcurrency = 5\ndelay = {{ fixed = \"{ms}ms\" }}\n");
    let agents = [agent("a", 10), agent("b", 30), agent("c", 5)].concat();
    let text = format!("{agents}[[workflow]]\nname = \"all\"\nstages = [\"c\", [\"b\", \"a\"], \"c\"]\n");
    let (stub, _) = stub(settings(), profile(&text));
    let reply = send(&stub, ask("r", "hi")).await;
    let timing = "queue;dur=0.000, c;dur=5.000, a;dur=10.000, b;dur=30.000, c;dur=5.000, total;dur=40.000";
    assert_eq!(reply.header("server-timing"), timing);
    assert_eq!(stub.truth().routes[0].planned.max_ns, 40_000_000);
}

#[tokio::test(start_paused = true)]
async fn delays_grow_with_the_others_at_work() {
    let (stub, clock) = stub_of("concurrency = 4\ngrowth = 2.0\ndelay = { fixed = \"10ms\" }");
    // 0, 1, 2 and 3 of four slots are held by others: × 1, 1.5, 2, 2.5.
    assert_eq!(at_once(&stub, &clock, 4).await, [(200, 10.0), (200, 15.0), (200, 20.0), (200, 25.0)]);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_cuts_work_and_queue_alike() {
    let agent = "[agent.a]\nconcurrency = 1\ndelay = { fixed = \"10ms\" }\n";
    let text = format!("deadline = \"15ms\"\n{agent}[[workflow]]\nname = \"all\"\nstages = [\"a\"]\n");
    let (stub, clock) = stub(settings(), profile(&text));
    assert_eq!(at_once(&stub, &clock, 3).await, [(200, 10.0), (504, 15.0), (504, 15.0)]);
    assert_eq!(at_once(&stub, &clock, 1).await, [(200, 10.0)], "the slots are free again");
    assert_eq!(stub.truth().refused, 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_frees_its_slot_and_is_counted() {
    let (stub, clock) = stub_of("concurrency = 1\nqueue_max = 1\ndelay = { fixed = \"1s\" }");
    let patience = Duration::from_millis(1);
    let both = async { tokio::join!(send(&stub, ask("works", "hi")), send(&stub, ask("waits", "hi"))) };
    assert!(clock.timeout(patience, both).await.is_err());
    let truth = stub.truth();
    assert_eq!((truth.received, truth.abandoned, truth.in_flight), (2, 2, 0));
    assert_eq!(at_once(&stub, &clock, 2).await, [(200, 1000.0), (200, 2000.0)], "slot and queue are free");
    conserved(&stub.truth());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_in_a_random_mix() {
    const SEED: u64 = 42;
    let text = "deadline = \"40ms\"\n[agent.a]\nconcurrency = 2\nqueue_max = 20\ndelay = { exponential = { mean = \"8ms\" } }\n[[workflow]]\nname = \"all\"\nstages = [\"a\", \"a\"]\n";
    let (stub, clock) = stub(settings(), profile(text));
    let mut stream = Seed(SEED).stream("mix", 0);
    let plans: Vec<_> = (0..400).map(|_| (stream.below(2_000), stream.below(6), stream.below(30))).collect();
    let client = async |(start_ms, kind, patience_ms): (u64, u64, u64)| {
        clock.sleep(Duration::from_millis(start_ms)).await;
        assert!(stub.truth().in_flight <= stub.truth().received);
        let (route, request) = match kind {
            0 => ("GET /whoami", request("GET /whoami", "")),
            1 => ("POST /ask", request("POST /ask|x-api-key:key", "{")),
            2 => ("GET /health", request("GET /health", "")),
            _ => ("POST /ask", ask(&format!("r{start_ms}"), "hi")),
        };
        let patience = Duration::from_millis(if patience_ms < 10 { patience_ms } else { 1_000 });
        let reply = clock.timeout(patience, send(&stub, request)).await;
        conserved(&stub.truth());
        (route, reply.map_or(0, |reply| reply.status.as_u16()))
    };
    let seen = join_all(plans.into_iter().map(client)).await;
    let truth = stub.truth();
    let counted = |wanted: fn(u16) -> bool| seen.iter().filter(|(_, status)| wanted(*status)).count() as u64;
    assert_eq!((truth.received, truth.in_flight), (400, 0), "seed {SEED}");
    assert_eq!(truth.answered, counted(|s| s == 200), "seed {SEED}");
    assert_eq!(truth.refused, counted(|s| s >= 400), "seed {SEED}");
    assert_eq!(truth.abandoned, counted(|s| s == 0), "seed {SEED}");
    for route in &truth.routes {
        let seen = seen.iter().filter(|one| **one == (&*route.route, route.status)).count() as u64;
        assert!(route.count == seen && route.service.count == seen, "seed {SEED}: {route:?}");
    }
    assert!(
        truth.routes.iter().any(|r| r.status == 504) && truth.abandoned > 0,
        "the mix meets every way out"
    );
}

#[tokio::test(start_paused = true)]
async fn a_delay_depends_on_seed_and_request_alone() {
    let delay = async |stub: &Stub, id: &str| {
        let timing = send(stub, ask(id, "What is love?")).await;
        timing.header("server-timing").to_owned()
    };
    let (one, other) = (stub(settings(), Profile::default()).0, stub(settings(), Profile::default()).0);
    let (a, b) = (delay(&one, "a").await, delay(&one, "b").await);
    assert_eq!([delay(&other, "b").await, delay(&other, "a").await], [b.clone(), a.clone()]);
    assert_ne!(a, b);
    let clock = Clock::at(0);
    let seeded = Stub::new(settings(), Profile::default(), clock, Seed(8));
    assert_ne!(delay(&seeded, "a").await, a);
}

/// What was planned for the look into the cache and each stage of a request, by its id, when `together` come at once.
async fn planned(together: usize, ids: &[String]) -> BTreeMap<String, (Option<u64>, Vec<u64>)> {
    let agent = |name, delay| format!("[agent.{name}]\nconcurrency = 2\ndelay = {delay}\n");
    let agents = agent("a", "{ exponential = { mean = \"3ms\" } }")
        + &agent("b", "{ gamma = { shape = 0.7, mean = \"900us\" } }")
        + &agent("c", "{ lognormal = { median = \"2ms\", p99 = \"50ms\" } }");
    let workflow = "[[workflow]]\nname = \"all\"\nstages = [\"a\", [\"b\", \"c\"], \"a\"]\n";
    let cache = "[answer_cache]\nttl = \"1us\"\nlookup = { uniform = [\"1us\", \"2ms\"] }\n";
    let (stub, _) = stub(settings(), profile(&(agents + workflow + cache)));
    for chunk in ids.chunks(together) {
        join_all(chunk.iter().map(|id| send(&stub, ask(id, id)))).await;
    }
    let entries = stub.entries(0, usize::MAX).entries.into_iter();
    let of_one = |entry: LedgerEntry| {
        assert!(entry.planned_ns.is_multiple_of(1_000) && entry.delayed_ns == entry.planned_ns, "{entry:?}");
        let mut stages: Vec<_> = entry.stages.iter().map(|stage| (&stage.agent, stage.planned_ns)).collect();
        // Those side by side are in the order in which they ended.
        stages[1..3].sort();
        let look_ns = entry.look.map(|look| look.took_ns);
        (entry.request_id, (look_ns, stages.into_iter().map(|(_, planned_ns)| planned_ns).collect()))
    };
    entries.map(of_one).collect()
}

#[tokio::test(start_paused = true)]
async fn the_same_ids_have_the_same_delays_at_any_concurrency_and_in_any_order() {
    let mut ids: Vec<_> = (0..300).map(|i| format!("r{i}")).collect();
    let one_by_one = planned(1, &ids).await;
    assert_eq!(one_by_one.len(), 300);
    ids.reverse();
    for together in [2, 50, 300] {
        assert_eq!(planned(together, &ids).await, one_by_one, "{together} at once");
    }
}

#[tokio::test(start_paused = true)]
async fn the_default_profile_leaves_room_under_the_targets() {
    let (stub, clock) = stub(settings(), Profile::default());
    // The mix of the five user classes, roughly: mostly plain questions, fewer workflows.
    let queries = [
        "What is the capital of France?",
        "How does photosynthesis work?",
        "Tell me a joke",
        "Research recent progress in batteries",
        "Analyze the findings",
        "Summarize the analysis",
    ];
    let user = async |i: usize| {
        clock.sleep(Duration::from_millis(7 * i as u64)).await;
        send(&stub, ask(&format!("r{i}"), queries[i % queries.len()])).await.status.as_u16()
    };
    let statuses = join_all((0..6_000).map(user)).await;
    assert!(statuses.iter().all(|status| *status == 200));
    let quantiles = &stub.truth().routes[0].service.quantiles_ns;
    let ms = |name: &str| quantiles[name] / 1_000_000;
    assert!((80..=130).contains(&ms("p50")) && ms("p95") < 500 && ms("p99") < 1_000, "{quantiles:?}");
}
