//! The truth of all replicas: each writes its own into Redis, and any of them can read the sum.
//!
//! Times merge without loss, because every stub has the same buckets. It must not know how the truth comes about.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wire::{Clock, RouteTruth, Seed, Truth};

use crate::histogram::Histogram;
use crate::ledger::add_arrivals;
use crate::redis::{RedisError, Server};

/// Under this and the instance's name a stub writes its truth.
const KEY_PREFIX: &str = "weaver-bench:truth:";
/// Names of the instances, each with the Unix second at which it is forgotten.
const INSTANCES: &str = "weaver-bench:truths";
/// How long a stub that no longer writes is counted.
const KEPT_S: u64 = 3_600;
/// What has not changed is written again after this long, so that it is not forgotten.
const REFRESH: Duration = Duration::from_secs(600);
/// Most instances that are summed up, the youngest first.
const INSTANCES_MAX: isize = 256;
/// How often a stub writes.
const EVERY: Duration = Duration::from_secs(1);

/// The sums of all stubs that share a Redis.
pub struct Totals {
    server: Server,
    instance: Box<str>,
    clock: Clock,
    /// What was written last, and when.
    written: Mutex<Option<(Marks, u64)>>,
}

/// What tells one truth of an instance from a later one.
type Marks = [u64; 4];

fn marks(truth: &Truth) -> Marks {
    [truth.received, truth.answered, truth.refused, truth.abandoned]
}

impl Totals {
    /// The sums in `server`, where this stub is an instance of its own: seed and start tell it from others.
    pub fn new(server: Server, clock: Clock, seed: Seed) -> Self {
        let name = seed.stream("instance", clock.unix_start_ns()).next_u64();
        Self { server, instance: format!("{name:016x}").into(), clock, written: Mutex::default() }
    }

    /// The name of this stub among the others.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Writes the truth once a second, for ever.
    pub async fn keep_written(&self, truth: impl Fn() -> Truth) {
        loop {
            // A failure is Redis's, who tells of its outages itself; what was missed is in the next truth.
            let _ = self.write(&truth()).await;
            self.clock.sleep(EVERY).await;
        }
    }

    /// Writes the truth of this stub, unless the same one was written lately.
    ///
    /// # Errors
    /// When Redis could not be asked.
    pub async fn write(&self, truth: &Truth) -> Result<(), RedisError> {
        let (marks, now_ns) = (marks(truth), self.clock.now_ns());
        if self.was_written(marks, now_ns) {
            return Ok(());
        }
        let json = serde_json::to_vec(truth).expect("a truth has no map with keys that are no texts");
        let now_s = self.clock.unix_ns() / 1_000_000_000;
        let mut commands = redis::pipe();
        commands.cmd("SET").arg(self.key(&self.instance)).arg(json).arg("EX").arg(KEPT_S).ignore();
        commands.cmd("ZADD").arg(INSTANCES).arg(now_s + KEPT_S).arg(&*self.instance).ignore();
        commands.cmd("ZREMRANGEBYSCORE").arg(INSTANCES).arg("-inf").arg(now_s).ignore();
        commands.cmd("EXPIRE").arg(INSTANCES).arg(KEPT_S).ignore();
        self.server.run_all::<()>(&commands).await?;
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = Some((marks, now_ns));
        Ok(())
    }

    fn was_written(&self, marks: Marks, now_ns: u64) -> bool {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.is_some_and(|(last, at_ns)| last == marks && now_ns - at_ns < REFRESH.as_nanos() as u64)
    }

    /// The sum of `own`, this stub's truth, and what the others wrote last.
    ///
    /// # Errors
    /// When Redis could not be asked.
    pub async fn all(&self, own: &Truth) -> Result<Truth, RedisError> {
        self.write(own).await?;
        let mut names = redis::cmd("ZRANGE");
        names.arg(INSTANCES).arg(0).arg(INSTANCES_MAX - 1).arg("REV");
        let names: Vec<String> = self.server.run(&names).await?;
        let others: Vec<_> = names.iter().filter(|name| **name != *self.instance).collect();
        let mut sum = Sum::default();
        sum.add(own);
        if !others.is_empty() {
            let keys: Vec<_> = others.iter().map(|name| self.key(name)).collect();
            let written: Vec<Option<Vec<u8>>> = self.server.run(redis::cmd("MGET").arg(keys)).await?;
            for (name, json) in others.iter().zip(written) {
                match json.map(|json| serde_json::from_slice(&json)) {
                    Some(Ok(truth)) => sum.add(&truth),
                    Some(Err(error)) => {
                        tracing::warn!(instance = name, %error, "another stub wrote a truth that cannot be read; run the same version everywhere");
                    }
                    None => {}
                }
            }
        }
        Ok(sum.truth())
    }

    fn key(&self, instance: &str) -> String {
        format!("{KEY_PREFIX}{instance}")
    }
}

impl fmt::Debug for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}", self.instance, self.server)
    }
}

/// Truths, added up.
#[derive(Default)]
struct Sum {
    counts: Truth,
    routes: BTreeMap<(String, u16), (u64, Histogram, Histogram)>,
}

impl Sum {
    fn add(&mut self, truth: &Truth) {
        let counts = &mut self.counts;
        counts.received += truth.received;
        counts.answered += truth.answered;
        counts.refused += truth.refused;
        counts.abandoned += truth.abandoned;
        counts.in_flight += truth.in_flight;
        counts.entries_kept += truth.entries_kept;
        counts.entries_dropped += truth.entries_dropped;
        add_arrivals(&mut counts.arrivals, &truth.arrivals);
        for route in &truth.routes {
            let (count, service, planned) =
                self.routes.entry((route.route.clone(), route.status)).or_default();
            *count += route.count;
            service.absorb(&route.service);
            planned.absorb(&route.planned);
        }
    }

    fn truth(self) -> Truth {
        let routes = self.routes.into_iter().map(|((route, status), (count, service, planned))| RouteTruth {
            route,
            status,
            count,
            service: service.truth(),
            planned: planned.truth(),
        });
        Truth { routes: routes.collect(), ..self.counts }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ledger::{Ledger, RouteName};

    /// Requests drawn from `seed` over `ledgers`, in virtual time: each ledger gets a part, the first of them all.
    async fn spread(ledgers: &[Arc<Ledger>; 4], clock: Clock, seed: Seed) {
        let mut stream = seed.stream("totals", 0);
        for i in 0..2_000 {
            let pattern = ["/ask", "/health", "/whoami"][stream.below(3) as usize];
            let route = RouteName { method: "GET", pattern };
            let part = 1 + stream.below(3) as usize;
            let open = [0, part].map(|ledger| ledgers[ledger].open(format!("{i}").into(), route));
            clock.sleep(Duration::from_micros(stream.below(5_000))).await;
            let (outcome, planned_ns) = (stream.below(4), stream.below(1_000_000));
            for mut entry in open {
                entry.planned_ns = planned_ns;
                match outcome {
                    0 => drop(entry),
                    1 => entry.ready(429).written(),
                    _ => entry.ready(200).written(),
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_sum_of_the_parts_is_the_whole() {
        let (clock, seed) = (Clock::at(0), Seed(13));
        let ledgers = [(); 4].map(|()| Arc::new(Ledger::new(clock, 10_000)));
        spread(&ledgers, clock, seed).await;
        let mut sum = Sum::default();
        ledgers[1..].iter().for_each(|ledger| sum.add(&ledger.truth()));
        let (mut sum, mut whole) = (sum.truth(), ledgers[0].truth());
        let (bounds, greatest) = (&mut sum.arrivals.seconds, &mut whole.arrivals.seconds);
        for (bound, greatest) in bounds.iter_mut().zip(greatest) {
            assert!(bound.in_flight_max >= greatest.in_flight_max, "{seed:?}");
            (bound.in_flight_max, greatest.in_flight_max) = (0, 0);
        }
        assert!(whole.arrivals.gap_cv.is_some_and(|cv| cv > 0.1), "{seed:?}: {:?}", whole.arrivals);
        (whole.arrivals.gap_ns_mean, whole.arrivals.gap_cv) = (None, None);
        assert_eq!(sum, whole, "{seed:?}");
    }
}
