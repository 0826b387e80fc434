//! How far the mean of many successive waits strays from its long-run value, found by independent replications of
//! the recursion itself.
//!
//! Waits are correlated and lean to the right, the more so the busier the servers are, so neither σ/√n nor Student's t
//! holds. Replications (Law, *Simulation Modeling and Analysis*, 5th edition, section 9.5.2) of the very process that
//! is asked for know both; their first three moments give a Pearson type III distribution, whose quantiles are those
//! of Wilson and Hilferty (*The Distribution of Chi-Square*, PNAS 17, 1931; Kirby, *Computer-Oriented Wilson–Hilferty
//! Transformation*, Water Resources Research 8, 1972). It must not know what was measured.

use wire::{Seed, Stream};

use super::distribution::normal_quantile;
use super::{WaitingLine, erlang_c, m_g_1_wait_s, m_m_c_wait_s};

/// Replications: enough to know a deviation to 3 %.
const REPLICATIONS: u32 = 600;
/// Below so many expected spells in which anybody waits, the sum is theirs, one by one.
const RARE: f64 = 200.0;
/// Spells that are drawn, and sums of them: enough for a tail of 10⁻⁵.
const SPELLS: usize = 20_000;
const SUMS: usize = 400_000;

/// What is known of services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Exponentially distributed.
    Exponential,
    /// All the same.
    Fixed,
}

/// A queue with Poisson arrivals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Queue {
    /// How many serve.
    pub servers: u32,
    /// Arrivals a second.
    pub arrivals_per_s: f64,
    /// The mean service in seconds.
    pub service_s: f64,
    /// How services are distributed. Fixed ones are known for one server only.
    pub service: Service,
}

impl Queue {
    /// The mean wait in the long run, in seconds: Erlang C, or Pollaczek and Khinchine.
    pub fn wait_s(&self) -> f64 {
        match self.service {
            Service::Exponential => m_m_c_wait_s(self.servers, self.arrivals_per_s, self.service_s),
            Service::Fixed => m_g_1_wait_s(self.arrivals_per_s, self.service_s, 0.0),
        }
    }

    fn rho(&self) -> f64 {
        self.arrivals_per_s * self.service_s / f64::from(self.servers)
    }

    /// Customers of a replication: many times as many as remember one another, about 4 / (1 − ρ)² (Whitt, *Planning
    /// Queueing Simulations*, Management Science 35, 1989).
    fn customers(&self) -> u64 {
        (100.0 / (1.0 - self.rho()).powi(2)).clamp(2_000.0, 1e6) as u64
    }

    /// The mean wait of one replication. The first customers, who find the system empty, are not counted.
    fn replicate(&self, seed: Seed, number: u32) -> f64 {
        let mut stream = seed.stream("replication", u64::from(number));
        let mut line = WaitingLine::new(self.servers as usize);
        let (gap_ns, service_ns) = (1e9 / self.arrivals_per_s, self.service_s * 1e9);
        let (mut at_ns, mut sum_ns) = (0.0, 0);
        let (counted, warm_up) = (self.customers(), self.customers() / 5);
        for customer in 0..warm_up + counted {
            at_ns -= libm::log(stream.unit_open()) * gap_ns;
            let work_ns = match self.service {
                Service::Exponential => -libm::log(stream.unit_open()) * service_ns,
                Service::Fixed => service_ns,
            };
            let wait_ns = line.wait_ns(at_ns as u64, work_ns as u64);
            sum_ns += if customer < warm_up { 0 } else { wait_ns };
        }
        sum_ns as f64 / 1e9 / counted as f64
    }

    /// Between these the mean of `count` successive waits lies, in seconds, but for a probability of `risk`.
    pub fn ends_s(&self, count: u64, risk: f64, seed: Seed) -> (f64, f64) {
        let chance = erlang_c(self.servers, self.arrivals_per_s * self.service_s);
        // A spell begins with who comes when all are busy and nobody waits; 1 / (1 − ρ) wait in it on average.
        let spells = count as f64 * chance * (1.0 - self.rho());
        if spells < RARE && self.service == Service::Exponential {
            return self.rare_s(spells, count, risk, seed);
        }
        let means: Vec<f64> = (0..REPLICATIONS).map(|number| self.replicate(seed, number)).collect();
        let truth = self.wait_s();
        // Around the known mean, so that none is spent on finding it.
        let moment = |k| means.iter().map(|mean| (mean - truth).powi(k)).sum::<f64>() / means.len() as f64;
        let deviation_s = moment(2).sqrt();
        // Blocks much longer than the correlation add up as independent ones do.
        let share = (self.customers() as f64 / count as f64).sqrt();
        let skew = moment(3) / deviation_s.powi(3) * share;
        let at = |p: f64| truth + deviation_s * share * pearson_quantile(p, skew);
        (at(risk / 2.0).max(0.0), at(1.0 - risk / 2.0))
    }

    /// The same where waiting is rare: spells come as a Poisson process (Aldous, *Probability Approximations via the
    /// Poisson Clumping Heuristic*, 1989, section B), each with the waits of a busy period of one server as quick as
    /// all of them.
    fn rare_s(&self, spells: f64, count: u64, risk: f64, seed: Seed) -> (f64, f64) {
        let mut stream = seed.stream("spells", 0);
        let drawn: Vec<f64> = (0..SPELLS).map(|_| self.spell_s(&mut stream)).collect();
        let mut sum_s = || {
            let (mut at, mut sum) = (0.0, 0.0);
            loop {
                at -= libm::log(stream.unit_open());
                if at > spells {
                    return sum;
                }
                sum += drawn[stream.below(SPELLS as u64) as usize];
            }
        };
        let mut sums: Vec<f64> = (0..SUMS).map(|_| sum_s()).collect();
        sums.sort_unstable_by(f64::total_cmp);
        let tail = (risk / 2.0 * SUMS as f64) as usize;
        (sums[tail] / count as f64, sums[SUMS - 1 - tail] / count as f64)
    }

    /// The waits of one spell, added up: the area under the number of those who wait.
    fn spell_s(&self, stream: &mut Stream) -> f64 {
        let (come, go) = (self.arrivals_per_s, f64::from(self.servers) / self.service_s);
        let (mut waiting, mut area_s) = (1u32, 0.0);
        while waiting > 0 {
            area_s -= f64::from(waiting) * libm::log(stream.unit_open()) / (come + go);
            if stream.unit() * (come + go) < come { waiting += 1 } else { waiting -= 1 }
        }
        area_s
    }
}

/// The quantile of a standardised Pearson type III distribution.
fn pearson_quantile(p: f64, skew: f64) -> f64 {
    let z = normal_quantile(p);
    if skew.abs() < 1e-6 {
        return z;
    }
    let root = (1.0 + skew * z / 6.0 - skew * skew / 36.0).max(0.0);
    2.0 / skew * (root * root * root - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::m_m_1_variance_of_means;

    fn queue(servers: u32, rho: f64) -> Queue {
        let arrivals_per_s = rho * f64::from(servers) / 0.010;
        Queue { servers, arrivals_per_s, service_s: 0.010, service: Service::Exponential }
    }

    #[test]
    fn pearson_quantiles_are_those_of_the_tables() {
        // Frequency factors of the Pearson type III distribution at 99 % and 1 % (USGS Bulletin 17B, appendix 3).
        for (skew, upper, lower) in [(0.0, 2.326, -2.326), (0.5, 2.686, -1.955), (1.0, 3.023, -1.588)] {
            assert!((pearson_quantile(0.99, skew) - upper).abs() < 0.02);
            assert!((pearson_quantile(0.01, skew) - lower).abs() < 0.02);
        }
    }

    #[test]
    fn the_spread_of_one_server_is_the_known_one() {
        for rho in [0.3, 0.5] {
            let (low_s, high_s) = queue(1, rho).ends_s(1_000_000, 0.05, Seed(1));
            let deviation_s = 0.010 * (m_m_1_variance_of_means(rho) / 1e6).sqrt();
            let half = (high_s - low_s) / 2.0 / deviation_s;
            assert!((half / 1.96 - 1.0).abs() < 0.2, "{half} at {rho}");
        }
    }

    #[test]
    fn the_mean_of_waits_misses_its_ends_as_often_as_they_say() {
        for (servers, rho, count) in [(1, 0.7, 20_000), (8, 0.3, 20_000)] {
            let queue = queue(servers, rho);
            let ends_s = queue.ends_s(count, 0.10, Seed(1));
            let missed = (0..200u64).filter(|seed| {
                let mut stream = Seed(*seed).stream("measured", 0);
                let mut line = WaitingLine::new(servers as usize);
                let mut at_ns = 0.0;
                let mut wait_ns = || {
                    at_ns -= libm::log(stream.unit_open()) * 1e9 / queue.arrivals_per_s;
                    line.wait_ns(at_ns as u64, (-libm::log(stream.unit_open()) * 1e7) as u64)
                };
                let mean_s = (0..count).map(|_| wait_ns()).sum::<u64>() as f64 / 1e9 / count as f64;
                !(ends_s.0..=ends_s.1).contains(&mean_s)
            });
            // 20 of 200 are expected, with a deviation of 4.2: four of them.
            let missed = missed.count();
            assert!((3..=37).contains(&missed), "{missed} of 200, {servers} servers");
        }
    }
}
