//! Open queues with Poisson arrivals: mean waits in the long run.
//!
//! It must not know sample paths.

/// The probability that all of `servers` are busy where whoever finds them so is lost, for an offered load of `load`
/// erlangs: Erlang B by its recursion (Kleinrock, *Queueing Systems I*, section 3.6; Cooper, *Introduction to
/// Queueing Theory*, 3.3).
pub fn erlang_b(servers: u32, load: f64) -> f64 {
    (1..=servers).fold(1.0, |blocked, k| load * blocked / (f64::from(k) + load * blocked))
}

/// The probability to wait where nobody is lost: Erlang C (Kleinrock I, section 3.5), of a load below `servers`.
pub fn erlang_c(servers: u32, load: f64) -> f64 {
    let blocked = erlang_b(servers, load);
    let servers = f64::from(servers);
    servers * blocked / (servers - load * (1.0 - blocked))
}

/// The mean wait in seconds in M/M/c: C(c, λ/μ) / (cμ − λ) (Kleinrock I, section 3.5).
pub fn m_m_c_wait_s(servers: u32, arrivals_per_s: f64, service_s: f64) -> f64 {
    let load = arrivals_per_s * service_s;
    erlang_c(servers, load) / (f64::from(servers) / service_s - arrivals_per_s)
}

/// The mean wait in seconds in M/G/1: λE\[S²\] / 2(1 − ρ) (Pollaczek 1930, Khinchine 1932; Kleinrock I, section 5.6).
/// `variation` is the service's coefficient of variation: 0 for M/D/1, 1 for M/M/1.
pub fn m_g_1_wait_s(arrivals_per_s: f64, service_s: f64, variation: f64) -> f64 {
    let second_moment = service_s * service_s * (1.0 + variation * variation);
    arrivals_per_s * second_moment / (2.0 * (1.0 - arrivals_per_s * service_s))
}

/// What n × the variance of the mean of n successive waits in M/M/1 tends to, in square service times, at utilisation
/// `rho`: ρ(2 + 5ρ − 4ρ² + ρ³) / (1 − ρ)⁴ (Daley, *The serial correlation coefficients of waiting times in a
/// stationary single server queue*, Journal of the Australian Mathematical Society 8, 1968). How long a run must be
/// follows from it.
pub fn m_m_1_variance_of_means(rho: f64) -> f64 {
    rho * (2.0 + 5.0 * rho - 4.0 * rho * rho + rho * rho * rho) / (1.0 - rho).powi(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, expected: f64, share: f64) {
        assert!((got / expected - 1.0).abs() <= share, "{got} is not {expected}");
    }

    #[test]
    fn tables_of_erlang() {
        // Blocking tables: 10 erlangs on 10 lines lose 21.46 %; 4.461 on 10 lose 1 %; 1 on 1 loses half.
        near(erlang_b(10, 10.0), 0.214_6, 1e-3);
        near(erlang_b(10, 4.461), 0.01, 1e-3);
        near(erlang_b(1, 1.0), 0.5, 1e-12);
        // For one server the probability to wait is ρ; for two it is 2ρ² / (1 + ρ).
        for rho in [0.1, 0.5, 0.9] {
            near(erlang_c(1, rho), rho, 1e-12);
            near(erlang_c(2, 2.0 * rho), 2.0 * rho * rho / (1.0 + rho), 1e-12);
        }
        // Cooper's worked example: 8 erlangs on 10 servers wait with 0.409.
        near(erlang_c(10, 8.0), 0.409, 1e-3);
    }

    #[test]
    fn one_server_agrees_in_all_formulae() {
        for rho in [0.3, 0.5, 0.7, 0.9] {
            let (rate, service_s) = (rho / 0.010, 0.010);
            let expected_s = rho / (1.0 - rho) * service_s;
            near(m_m_c_wait_s(1, rate, service_s), expected_s, 1e-12);
            near(m_g_1_wait_s(rate, service_s, 1.0), expected_s, 1e-12);
            // Without variation half of it.
            near(m_g_1_wait_s(rate, service_s, 0.0), expected_s / 2.0, 1e-12);
        }
        // Allen's bank: 4 servers, ρ = 0.9: C = 0.7878 (tables of Erlang C), so the wait is C / (4 × 0.1) services.
        near(m_m_c_wait_s(4, 3.6, 1.0), 0.787_8 / 0.4, 1e-3);
    }

    #[test]
    fn the_variance_of_means_is_that_of_the_literature() {
        // In heavy traffic it is 4 / (1 − ρ)⁴ (Whitt, *Planning Queueing Simulations*, Management Science 35, 1989).
        near(m_m_1_variance_of_means(0.999) * (1e-3f64).powi(4), 4.0, 1e-2);
    }
}
