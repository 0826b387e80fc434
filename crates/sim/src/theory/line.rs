//! First come, first served, by several servers: what each customer waits, from arrivals and services alone.
//!
//! Kiefer and Wolfowitz, *On the Theory of Queues with Many Servers*, Transactions of the American Mathematical
//! Society 78 (1955): the vector of what each server still has to do, ascending, decides. It must not know why
//! customers come.

/// The servers' work still to be done, as the last customer left it behind.
#[derive(Clone, Debug)]
pub struct WaitingLine {
    /// Ascending, one a server, as the last customer found it with its own work added.
    left_ns: Vec<u64>,
    last_arrival_ns: u64,
}

impl WaitingLine {
    /// An empty system with so many servers; at least one.
    pub fn new(servers: usize) -> Self {
        Self { left_ns: vec![0; servers.max(1)], last_arrival_ns: 0 }
    }

    /// The next customer, who brings `service_ns` of work: what it waits, in whole nanoseconds.
    ///
    /// # Panics
    /// When customers come out of order: time does not run backwards.
    pub fn wait_ns(&mut self, arrival_ns: u64, service_ns: u64) -> u64 {
        assert!(arrival_ns >= self.last_arrival_ns, "an arrival at {arrival_ns} ns, after a later one");
        let passed_ns = arrival_ns - self.last_arrival_ns;
        self.last_arrival_ns = arrival_ns;
        // Subtracting the same from all keeps the order.
        self.left_ns.iter_mut().for_each(|left| *left = left.saturating_sub(passed_ns));
        let wait_ns = self.left_ns[0];
        let left_ns = wait_ns + service_ns;
        // The first server takes the customer, and moves to where it belongs now.
        let place = self.left_ns.partition_point(|left| *left < left_ns).max(1) - 1;
        self.left_ns[..=place].rotate_left(1);
        self.left_ns[place] = left_ns;
        wait_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Seed;

    #[test]
    fn waits_are_those_that_a_hand_finds() {
        // Servers, customers as (arrival, service), waits.
        type Case = (usize, &'static [(u64, u64)], &'static [u64]);
        let cases: &[Case] = &[
            (1, &[(0, 5), (1, 5), (2, 5), (20, 5), (25, 5), (29, 1)], &[0, 4, 8, 0, 0, 1]),
            (2, &[(0, 10), (1, 2), (2, 2), (3, 2), (3, 2)], &[0, 0, 1, 2, 4]),
            (3, &[(0, 9), (0, 9), (0, 9), (0, 1), (0, 1)], &[0, 0, 0, 9, 9]),
            (1, &[(7, 0), (7, 3), (7, 0)], &[0, 0, 3]),
        ];
        for (servers, customers, waits) in cases {
            let mut line = WaitingLine::new(*servers);
            let found: Vec<_> = customers.iter().map(|&(at, work)| line.wait_ns(at, work)).collect();
            assert_eq!(&found, waits, "{servers} {customers:?}");
        }
    }

    /// The same by keeping when each server is free: another way to the same waits.
    fn by_free_times(servers: usize, customers: &[(u64, u64)]) -> Vec<u64> {
        let mut free_ns = vec![0u64; servers];
        let wait = |&(at, work): &(u64, u64)| {
            let first = (0..servers).min_by_key(|i| free_ns[*i]).expect("a server");
            let begun = at.max(free_ns[first]);
            free_ns[first] = begun + work;
            begun - at
        };
        customers.iter().map(wait).collect()
    }

    #[test]
    fn the_vector_of_work_and_the_times_of_freedom_agree() {
        for seed in 0..20 {
            let mut stream = Seed(seed).stream("line", 0);
            let servers = 1 + stream.below(16) as usize;
            let mut at = 0;
            let mut next = || {
                at += stream.below(100);
                (at, stream.below(180 * servers as u64))
            };
            let customers: Vec<_> = (0..2_000).map(|_| next()).collect();
            let mut line = WaitingLine::new(servers);
            let waits: Vec<_> = customers.iter().map(|&(at, work)| line.wait_ns(at, work)).collect();
            assert_eq!(waits, by_free_times(servers, &customers), "seed {seed}, {servers} servers");
        }
    }
}
