//! Closed networks: so many users, each thinks and then asks one station with several servers.
//!
//! Exact mean-value analysis with a load-dependent station: Reiser and Lavenberg, *Mean-Value Analysis of Closed
//! Multichain Queuing Networks*, Journal of the ACM 27 (1980); Lazowska et al., *Quantitative System Performance*
//! (1984), section 8.2. It must not know sample paths.

/// Means of a closed network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Closed {
    /// Answers a second.
    pub answers_per_s: f64,
    /// From asking to the answer, in seconds.
    pub response_s: f64,
}

/// `users` who think for `think_s` on average (distributed however), then ask a station of `servers` servers, first
/// come first served, each taking an exponential time of mean `service_s`.
pub fn closed(users: u32, think_s: f64, servers: u32, service_s: f64) -> Closed {
    let rate_per_s = |busy: usize| (busy as f64).min(f64::from(servers)) / service_s;
    // The probability of j at the station, for one user fewer.
    let mut at_station = vec![1.0];
    let mut means = Closed { answers_per_s: 0.0, response_s: service_s };
    for n in 1..=users as usize {
        // Who arrives sees the network without itself (the arrival theorem).
        let response_s: f64 = (1..=n).map(|j| j as f64 / rate_per_s(j) * at_station[j - 1]).sum();
        let answers_per_s = n as f64 / (think_s + response_s);
        let mut next = vec![0.0; n + 1];
        for j in 1..=n {
            next[j] = answers_per_s / rate_per_s(j) * at_station[j - 1];
        }
        // What rounding takes below 0 is nothing.
        next[0] = f64::max(0.0, 1.0 - next[1..].iter().sum::<f64>());
        at_station = next;
        means = Closed { answers_per_s, response_s };
    }
    means
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The machine repairman's birth and death process, by its product form (Kleinrock I, section 3.8).
    fn repairman(users: u32, think_s: f64, servers: u32, service_s: f64) -> Closed {
        let mut weights = vec![1.0];
        for k in 0..users {
            let come = f64::from(users - k) / think_s;
            let go = f64::from((k + 1).min(servers)) / service_s;
            weights.push(weights[k as usize] * come / go);
        }
        let total: f64 = weights.iter().sum();
        let mean =
            |of: &dyn Fn(u32) -> f64| (0..=users).map(|k| of(k) * weights[k as usize]).sum::<f64>() / total;
        let answers_per_s = mean(&|k| f64::from(k.min(servers)) / service_s);
        Closed { answers_per_s, response_s: mean(&f64::from) / answers_per_s }
    }

    #[test]
    fn mean_value_analysis_is_the_product_form() {
        for (users, think_s, servers, service_s) in [
            (1, 0.1, 1, 0.01),
            (5, 0.05, 1, 0.01),
            (20, 0.1, 4, 0.02),
            (30, 0.05, 16, 0.02),
            (8, 0.02, 16, 0.01),
        ] {
            let (got, expected) =
                (closed(users, think_s, servers, service_s), repairman(users, think_s, servers, service_s));
            assert!((got.answers_per_s / expected.answers_per_s - 1.0).abs() < 1e-9, "{got:?} {expected:?}");
            assert!((got.response_s / expected.response_s - 1.0).abs() < 1e-9, "{got:?} {expected:?}");
            // The law of response times: R = N / X − Z.
            let law_s = f64::from(users) / got.answers_per_s - think_s;
            assert!((got.response_s / law_s - 1.0).abs() < 1e-9, "{got:?}");
        }
    }

    #[test]
    fn the_ends_are_the_known_ones() {
        // Alone, nobody waits; many saturate the station.
        assert!((closed(1, 0.1, 1, 0.01).answers_per_s - 1.0 / 0.11).abs() < 1e-9);
        assert!((closed(100, 0.1, 1, 0.01).answers_per_s - 100.0).abs() < 1e-3);
        // Without thought a closed M/M/1 does what its server can: X = 1 / S, R = N × S.
        let busy = closed(7, 0.0, 1, 0.01);
        assert!((busy.answers_per_s - 100.0).abs() < 1e-9 && (busy.response_s - 0.07).abs() < 1e-12);
    }
}
