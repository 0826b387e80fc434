//! Limits for all processes together: the debts of [`super::gcra`] in Redis, in one script and on Redis's clock.
//!
//! While Redis does not answer, this process's own buckets decide: neither is everyone refused nor no one. It must
//! not know how a connection is made or kept.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::Script;
use wire::{Clock, TimedOut};

use super::gcra::{Debt, Gcra, Judgement, Quota, Quotas, REQUEST};
use super::names::bounded;
use super::{Allowance, Layer};
use crate::redis::Server;
use crate::refusal::Refusal;
use crate::settings::Limits;

/// How long a request waits for Redis.
const WAIT: Duration = Duration::from_millis(250);
/// How long Redis is left alone after it did not answer; then one request tries it again.
const REST_NS: u64 = 1_000_000_000;

/// Judges like [`super::gcra::judge`], over the counted buckets in their order.
const JUDGE: &str = include_str!("judge.lua");

/// Limits that are kept in Redis.
pub(crate) struct Shared {
    clock: Clock,
    server: Server,
    script: Script,
    quotas: Quotas,
    /// Decides while Redis does not answer.
    local: Gcra,
    outage: Mutex<Option<Outage>>,
}

/// Since Redis did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outage {
    /// When Redis is tried again.
    again_ns: u64,
    /// Requests that were judged without it.
    requests: u64,
}

impl Shared {
    /// Limits in this Redis. The clock is for waits only: buckets are on Redis's.
    pub(crate) fn new(limits: Limits, clock: Clock, server: Server) -> Self {
        Self {
            clock,
            server,
            script: Script::new(JUDGE),
            quotas: Quota::all(limits),
            local: Gcra::new(limits),
            outage: Mutex::default(),
        }
    }

    pub(super) fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// Whether one more request fits, and what is left.
    pub(super) async fn admit(&self, user: &str, address: &str) -> Result<Option<Allowance>, Refusal> {
        if self.may_ask() {
            match self.ask(None, user, address).await {
                Ok(judgement) => {
                    self.answered();
                    return judgement.verdict(&self.quotas);
                }
                Err(reason) => self.fails(&reason),
            }
        }
        self.local.admit(self.clock.now_ns() / 1_000, user, address)
    }

    /// Asks Redis, at its own time unless one is given; an error says why it did not judge.
    async fn ask(&self, now_us: Option<u64>, user: &str, address: &str) -> Result<Judgement, String> {
        let keys = [
            format!("weaver_stub:{{limit}}:user:{}", bounded(user)),
            format!("weaver_stub:{{limit}}:address:{}", bounded(address)),
            "weaver_stub:{limit}:global".to_owned(),
        ];
        let mut call = self.script.prepare_invoke();
        call.arg(now_us.map_or(String::new(), |now_us| now_us.to_string())).arg(REQUEST);
        let mut counted = vec![];
        for ((kind, quota), key) in Layer::ALL.into_iter().zip(self.quotas).zip(keys) {
            let Some(quota) = quota else { continue };
            call.key(key).arg(quota.rate).arg(quota.burst);
            counted.push(kind);
        }
        if counted.is_empty() {
            return Ok(Judgement { refused: None, debts: [Debt::NONE; 3] });
        }
        let answer: Vec<u64> = match self.clock.timeout(WAIT, self.server.run_script(&call)).await {
            Ok(answer) => answer.map_err(|error| error.to_string())?,
            Err(TimedOut) => return Err(format!("redis did not answer within {} ms", WAIT.as_millis())),
        };
        judgement(&answer, &counted)
            .ok_or_else(|| format!("redis answered {answer:?}, which judges no {} buckets", counted.len()))
    }

    /// Whether Redis is to be asked; during an outage only one request a while does, and the others are counted.
    fn may_ask(&self) -> bool {
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        outage.as_mut().is_none_or(|outage| outage.may_ask(self.clock.now_ns()))
    }

    fn answered(&self) {
        let over = self.outage.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Outage { requests, .. }) = over {
            tracing::info!(
                requests,
                "redis answers again: rate limits are shared; these requests were judged alone"
            );
        }
    }

    fn fails(&self, reason: &str) {
        let again_ns = self.clock.now_ns() + REST_NS;
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outage) = outage.as_mut() {
            *outage = Outage { again_ns, requests: outage.requests + 1 };
            return;
        }
        *outage = Some(Outage { again_ns, requests: 1 });
        drop(outage);
        tracing::warn!(
            "rate limits are this process's own until redis answers: {reason}; see whether redis runs"
        );
    }
}

impl Outage {
    fn may_ask(&mut self, now_ns: u64) -> bool {
        let may = now_ns >= self.again_ns;
        if may {
            self.again_ns = now_ns + REST_NS;
        } else {
            self.requests += 1;
        }
        may
    }
}

/// The script's answer over the buckets that were counted.
fn judgement(answer: &[u64], counted: &[Layer]) -> Option<Judgement> {
    let (refused, units) = answer.split_first()?;
    if units.len() != counted.len() {
        return None;
    }
    let refused = match usize::try_from(*refused).ok()?.checked_sub(1) {
        None => None,
        Some(at) => Some(*counted.get(at)?),
    };
    let mut debts = [Debt::NONE; 3];
    for (kind, units) in counted.iter().zip(units) {
        debts[*kind as usize].units = *units;
    }
    Some(Judgement { refused, debts })
}

#[cfg(test)]
mod tests {
    use super::super::Limiter;
    use super::*;
    use crate::quirk::Repairs;
    use crate::redis::{Backing, Target, Temper};
    use crate::redis_server::RedisServer;
    use crate::settings::Limit;
    use wire::Seed;

    const OFF: Limit = Limit::Off;
    /// Microseconds since 1970 as Redis tells them: more digits than Lua writes by itself.
    const NOW_US: u64 = 1_795_426_475_123_457;

    fn at(rate: i64, burst: i64) -> Limit {
        Limit::per_second(rate, burst)
    }

    fn limits([user, address, global]: [Limit; 3]) -> Limits {
        Limits { user, address, global }
    }

    fn connected(server: &RedisServer) -> Server {
        let target = Target::parse(&server.url()).expect("a URL");
        Server::new(target, Temper::Patient, Clock::system())
    }

    /// The limits under test, at a test's own time.
    enum Subject {
        Local(Gcra),
        Shared(Box<Shared>),
    }

    impl Subject {
        /// Fresh limits, in an empty Redis if there is one.
        async fn new(limits: Limits, server: Option<&RedisServer>) -> Self {
            let Some(server) = server else { return Self::Local(Gcra::new(limits)) };
            server.ask("FLUSHALL");
            Self::Shared(Box::new(Shared::new(limits, Clock::system(), connected(server))))
        }

        async fn admit(&self, now_us: u64, user: &str, address: &str) -> Result<Option<Allowance>, Refusal> {
            match self {
                Self::Local(gcra) => gcra.admit(now_us, user, address),
                Self::Shared(shared) => {
                    let judgement = shared.ask(Some(now_us), user, address).await;
                    judgement.expect("Redis judges").verdict(&shared.quotas)
                }
            }
        }
    }

    /// `MICROSECONDS USER ADDRESS` each; what became of each: ok, user, address or global.
    async fn check(server: Option<&RedisServer>, rates: [Limit; 3], attempts: &[&str], expected: &str) {
        let subject = Subject::new(limits(rates), server).await;
        let mut got = String::new();
        for attempt in attempts {
            let words: Vec<_> = attempt.split(' ').collect();
            let after_us: u64 = words[0].parse().expect("a number");
            got.push(match subject.admit(NOW_US + after_us, words[1], words[2]).await {
                Ok(_) => '.',
                Err(Refusal::UserLimit(_)) => 'u',
                Err(Refusal::AddressLimit(_)) => 'a',
                Err(_) => 'g',
            });
        }
        assert_eq!(got, expected, "{rates:?} {attempts:?}, shared: {}", server.is_some());
    }

    #[tokio::test]
    async fn both_kinds_do_the_same() {
        let server = RedisServer::start();
        for server in [None, Some(&server)] {
            check(server, [OFF, OFF, OFF], &["0 u a"; 3], "...").await;
            check(server, [at(5, 10), at(2, 5), at(9, 9)], &["0 u a"; 7], ".....aa").await;
            check(server, [at(1, 2), OFF, OFF], &["0 u a", "0 v a", "0 u a", "0 u a", "0 v b"], "...u.")
                .await;
            check(server, [OFF, at(1, 1), at(1, 2)], &["0 u a", "0 u a", "0 u b", "0 u c"], ".a.g").await;
            check(server, [at(4, 1), OFF, OFF], &["0 u a", "249999 u a", "250000 u a"], ".u.").await;
            check(server, [OFF, OFF, at(3, 1)], &["0 u a", "333333 u a", "333334 u a", "666668 u a"], ".g..")
                .await;
            check(server, [at(1_000_000, 1), OFF, OFF], &["0 u a", "0 u a", "1 u a", "1 u a"], ".u.u").await;
            check(server, [at(1, 1), OFF, OFF], &["9 u a", "0 u a", "1000008 u a", "1000009 u a"], ".uu.")
                .await;
            check(server, [at(9, 9), at(0, 9), at(0, 0)], &["0 u a", "9000000 u a"], "aa").await;
            check(server, [at(i64::MAX, i64::MAX), OFF, at(i64::MAX, 1)], &["0 u a", "0 u a"], ".g").await;
            let odd = format!("0 {} [::1]:{{x}}%00é", "long".repeat(99));
            check(server, [at(1, 2), at(1, 1), OFF], &[&odd, &odd], ".a").await;
        }
    }

    #[tokio::test]
    async fn random_callers_hear_the_same_from_both() {
        let server = RedisServer::start();
        for seed in 0..20 {
            let mut stream = Seed(seed).stream("shared", 0);
            let mut up_to = |max: u64| 1 + stream.below(max);
            let mut limit = || match up_to(4) {
                1 => OFF,
                _ => at(up_to(1_000).cast_signed(), up_to(8).cast_signed()),
            };
            let limits = limits([limit(), limit(), limit()]);
            let local = Subject::new(limits, None).await;
            let shared = Subject::new(limits, Some(&server)).await;
            let mut now_us = NOW_US;
            for n in 0..200 {
                now_us += up_to(20_000) - 1;
                let (user, address) = (up_to(3).to_string(), up_to(2).to_string());
                let expected = local.admit(now_us, &user, &address).await;
                let got = shared.admit(now_us, &user, &address).await;
                assert_eq!(got, expected, "seed {seed}, {limits:?}: request {n} of {user} from {address}");
            }
        }
    }

    #[tokio::test]
    async fn processes_share_at_the_time_of_redis() {
        let server = RedisServer::start();
        let (clock, limits) = (Clock::system(), limits([at(1, 200), OFF, OFF]));
        let process = || {
            let backing = Backing::Server(connected(&server));
            Limiter::new(limits, Repairs::ALL, clock, &backing)
        };
        let processes = [process(), process()];
        let (from_ns, mut accepted) = (clock.now_ns(), 0);
        for n in 0..300 {
            accepted += usize::from(processes[n % 2].admit("u", "a").await.is_ok());
            if n == 150 {
                // A Redis that has lost its scripts is told them again.
                server.ask("SCRIPT FLUSH");
                let left = server.ask("PTTL weaver_stub:{limit}:user:u");
                let left_ms: i64 = left.trim().trim_start_matches(':').parse().expect("ms");
                assert!((1..=151_000).contains(&left_ms), "{left_ms} ms");
            }
        }
        let earned = (clock.now_ns() - from_ns) / 1_000_000_000 + 1;
        assert!((200..=200 + earned as usize).contains(&accepted), "{accepted} accepted, {earned} s");
    }

    #[tokio::test]
    async fn without_redis_each_process_judges_alone() {
        let server = RedisServer::start();
        let clock = Clock::system();
        let far = Limits { user: at(1, 1_000), address: at(1, 1), global: OFF };
        let shared = Shared::new(far, clock, connected(&server));
        let outage = || *shared.outage.lock().expect("no panic");
        let try_again = || shared.outage.lock().expect("no panic").as_mut().expect("an outage").again_ns = 0;
        assert!(shared.admit("u", "a").await.is_ok() && outage().is_none());
        server.freeze();
        let from_ns = clock.now_ns();
        // Nobody has come from `a` to this process yet: accepted. Then its own bucket refuses, and asks nobody.
        assert!(shared.admit("u", "a").await.is_ok());
        let asked_ns = clock.now_ns();
        assert!(asked_ns - from_ns >= WAIT.as_nanos() as u64, "it waits for an answer");
        let refusal = shared.admit("u", "a").await.expect_err("its own bucket is empty");
        assert!(matches!(refusal, Refusal::AddressLimit(Some(_))), "{refusal:?}");
        assert_eq!(outage().expect("an outage").requests, 2, "both were counted, and only one has asked");
        server.thaw();
        // Once it answers anyone, it is back at work.
        server.ask("PING");
        try_again();
        assert!(shared.admit("u", "b").await.is_ok());
        assert_eq!(outage(), None, "Redis judges again");
        drop(server);
        assert!(shared.admit("u", "c").await.is_ok());
        assert!(outage().is_some());
        try_again();
        assert!(shared.admit("u", "c").await.is_err());
        assert_eq!(outage().expect("an outage").requests, 2);
    }

    #[tokio::test]
    async fn the_greatest_rates_are_judged_at_the_time_of_redis_too() {
        let server = RedisServer::start();
        for rate in [1, 1_000, 1_000_000, 50_000_000, i64::MAX] {
            let shared = Shared::new(limits([at(rate, rate); 3]), Clock::system(), connected(&server));
            let judgement = shared.ask(None, &rate.to_string(), "a").await;
            assert!(judgement.is_ok(), "{rate} a second: {judgement:?}");
        }
    }

    #[tokio::test]
    async fn strangers_under_its_keys_are_no_debts() {
        let server = RedisServer::start();
        let connection = connected(&server);
        let key = "weaver_stub:{limit}:user:u";
        let shared = Shared::new(limits([at(1, 1), OFF, OFF]), Clock::system(), connection.clone());
        connection.run::<()>(redis::cmd("SET").arg(key).arg("9 9 9")).await.expect("set");
        assert!(shared.ask(None, "u", "a").await.is_ok_and(|judgement| judgement.refused.is_none()));
        connection.run::<()>(redis::cmd("DEL").arg(key)).await.expect("deleted");
        connection.run::<()>(redis::cmd("LPUSH").arg(key).arg("x")).await.expect("pushed");
        let reason = shared.ask(None, "u", "a").await.expect_err("a list is no debt");
        assert!(reason.contains("WRONGTYPE"), "{reason}");
        assert!(shared.admit("u", "a").await.is_ok(), "then this process judges");
        for (answer, expected) in [
            (&[][..], None),
            (&[0], None),
            (&[3, 1, 2], None),
            (&[1, 1, 2, 3], None),
            (&[0, 1, 2], Some((None, [1, 0, 2]))),
            (&[2, 1, 2], Some((Some(Layer::Global), [1, 0, 2]))),
        ] {
            let got = judgement(answer, &[Layer::User, Layer::Global]);
            let got = got.map(|judgement| (judgement.refused, judgement.debts.map(|debt| debt.units)));
            assert_eq!(got, expected, "{answer:?}");
        }
    }

    #[test]
    fn one_request_a_while_tries_a_silent_redis() {
        let mut outage = Outage { again_ns: 5, requests: 0 };
        let tried: Vec<bool> =
            [0, 4, 5, 5, 4 + REST_NS, 5 + REST_NS].iter().map(|now_ns| outage.may_ask(*now_ns)).collect();
        assert_eq!(tried, [false, false, true, false, false, true]);
        assert_eq!(outage.requests, 4);
    }
}
