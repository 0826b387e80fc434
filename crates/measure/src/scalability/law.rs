//! The Universal Scalability Law: X(N) = λ N / (1 + σ (N − 1) + κ N (N − 1)), with N in the system at once.
//!
//! Gunther: Guerrilla Capacity Planning, 2007, chapters 4 to 6. It must not know how it is fitted.

/// A law with its three constants.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Law {
    /// λ: answers a second with one request in the system.
    pub rate_per_s: f64,
    /// σ, contention: the share of the work that is done one after the other.
    pub contention: f64,
    /// κ, coherency: what each pair in the system costs.
    pub coherency: f64,
}

impl Law {
    /// Answers a second with `n` in the system.
    pub fn at(&self, n: f64) -> f64 {
        n / self.time_s(n)
    }

    /// The time of an answer, in s, with `n` in the system.
    pub fn time_s(&self, n: f64) -> f64 {
        (1.0 + self.contention * (n - 1.0) + self.coherency * n * (n - 1.0)) / self.rate_per_s
    }

    /// How many in the system give the most answers a second, N* = √((1 − σ) / κ) (Gunther 2007, 4.4.2), at least 1; `None`
    /// without an end.
    pub fn peak(&self) -> Option<f64> {
        (self.coherency > 0.0).then(|| ((1.0 - self.contention).max(0.0) / self.coherency).sqrt().max(1.0))
    }

    /// The most answers a second: at the peak, or what contention alone lets through, λ / σ (Amdahl's limit); `None` without
    /// an end.
    pub fn most_per_s(&self) -> Option<f64> {
        match self.peak() {
            Some(peak) => Some(self.at(peak)),
            None => (self.contention > 0.0).then(|| self.rate_per_s / self.contention),
        }
    }
}
