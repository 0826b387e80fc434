//! The generator's own health in real time: what it used, how late its loop was, whether the clock jumped.
//!
//! How processor time and memory are read is handed in. It must not know of requests.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use measure::{GeneratorRecord, ProcessRecord, Resources, ThreadRecord};
use tokio::task::{JoinHandle, spawn_local};
use wire::Clock;

/// How often the driver's loop and the wall clock are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Two clocks that could not be read within this tell nothing of each other.
const READ_NS_MAX: u64 = 5_000_000;
/// Threads that a second's record names at most: 256 workers and a few more.
const THREADS_MAX: usize = 300;

/// What has been used since a process began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// When it was read, on the run's clock.
    pub at_ns: u64,
    /// The generator's process.
    pub process: Option<ProcessRecord>,
    /// Its greatest memory so far.
    pub memory_bytes_max: u64,
    /// Its threads, by the number that tells them apart.
    pub threads: Vec<(u64, ThreadRecord)>,
    /// The target's process.
    pub target: Option<ProcessRecord>,
}

/// How the world is read in real time.
#[derive(Clone)]
pub struct Probe {
    /// What had been used when it was last read; it is called once a second and must not wait.
    pub usage: Arc<dyn Fn() -> Usage + Send + Sync>,
    /// The wall clock, nanoseconds since the Unix epoch.
    pub wall_ns: fn() -> u64,
    /// Where figures of the target's process come from; `None` when there are none.
    pub target_source: Option<String>,
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("target_source", &self.target_source).finish_non_exhaustive()
    }
}

/// The worst since it was last asked.
#[derive(Debug, Default)]
struct Worst {
    lag_ns: Cell<u64>,
    jump_ns: Cell<i64>,
}

/// Reads a step's health, second by second; without a probe there is none.
#[derive(Debug)]
pub(crate) struct Health {
    probe: Option<Probe>,
    begun: Usage,
    last: Usage,
    worst: Rc<Worst>,
    looking: Option<JoinHandle<()>>,
}

impl Drop for Health {
    fn drop(&mut self) {
        self.looking.iter().for_each(JoinHandle::abort);
    }
}

impl Health {
    /// Begins to look.
    pub(crate) fn begin(clock: Clock, probe: Option<Probe>) -> Self {
        let begun = probe.as_ref().map(|probe| (probe.usage)()).unwrap_or_default();
        let worst = Rc::new(Worst::default());
        let looking = probe.as_ref().map(|probe| spawn_local(look(clock, probe.wall_ns, worst.clone())));
        Self { probe, last: begun.clone(), begun, worst, looking }
    }

    /// The second that ends now: the generator's record and the target's.
    pub(crate) fn second(&mut self) -> (Option<GeneratorRecord>, Option<ProcessRecord>) {
        let Some(probe) = &self.probe else { return (None, None) };
        let usage = (probe.usage)();
        let generator = GeneratorRecord {
            span_ns: usage.at_ns.saturating_sub(self.last.at_ns),
            loop_lag_ns_max: self.worst.lag_ns.take(),
            clock_jump_ns: self.worst.jump_ns.take(),
            process: used(self.last.process, usage.process),
            threads: threads(&self.last.threads, &usage.threads),
        };
        let target = used(self.last.target, usage.target);
        self.last = usage;
        (Some(generator), target)
    }

    /// What the step has used up to the last second.
    pub(crate) fn resources(&self) -> Option<Resources> {
        let cpu_ns = used(self.begun.process, self.last.process)?.cpu_ns;
        Some(Resources { cpu_s: cpu_ns as f64 / 1e9, memory_bytes_max: self.last.memory_bytes_max })
    }
}

/// Processor time since then, all else as it is now.
fn used(before: Option<ProcessRecord>, now: Option<ProcessRecord>) -> Option<ProcessRecord> {
    let (before, now) = (before?, now?);
    Some(ProcessRecord { cpu_ns: now.cpu_ns.saturating_sub(before.cpu_ns), ..now })
}

/// What each name's threads used since then; those that did nothing are left out.
fn threads(before: &[(u64, ThreadRecord)], now: &[(u64, ThreadRecord)]) -> Vec<ThreadRecord> {
    let mut found: Vec<ThreadRecord> = vec![];
    for (id, thread) in now {
        // A number may be given again: then the name differs, or time seems to run backwards.
        let known = before.iter().find(|(other, was)| other == id && was.name == thread.name);
        let (cpu_ns, waited_ns) = known.map_or((0, 0), |(_, was)| (was.cpu_ns, was.waited_ns));
        let cpu_ns = thread.cpu_ns.saturating_sub(cpu_ns);
        let waited_ns = thread.waited_ns.saturating_sub(waited_ns);
        if cpu_ns + waited_ns == 0 {
            continue;
        }
        match found.iter_mut().find(|other| other.name == thread.name) {
            Some(other) => {
                (other.cpu_ns, other.waited_ns) = (other.cpu_ns + cpu_ns, other.waited_ns + waited_ns)
            }
            None => found.push(ThreadRecord { name: thread.name.clone(), cpu_ns, waited_ns }),
        }
    }
    // The busiest first, should there be too many.
    found.sort_by(|a, b| b.cpu_ns.cmp(&a.cpu_ns).then_with(|| a.name.cmp(&b.name)));
    found.truncate(THREADS_MAX);
    found
}

async fn look(clock: Clock, wall_ns: fn() -> u64, worst: Rc<Worst>) {
    let mut offset = wall_offset(clock, wall_ns);
    let mut due_ns = clock.now_ns();
    loop {
        due_ns += LOOK_EVERY.as_nanos() as u64;
        clock.sleep_until(due_ns).await;
        let now_ns = clock.now_ns();
        worst.lag_ns.set(worst.lag_ns.get().max(now_ns - due_ns));
        // What passed meanwhile is not made up for.
        due_ns = due_ns.max(now_ns);
        let Some(now) = wall_offset(clock, wall_ns) else { continue };
        if let Some(before) = offset {
            let jump_ns = now.wrapping_sub(before);
            if jump_ns.unsigned_abs() > worst.jump_ns.get().unsigned_abs() {
                worst.jump_ns.set(jump_ns);
            }
        }
        offset = Some(now);
    }
}

/// How far the wall clock is ahead of the monotonic one; `None` when the process was held up between the two.
fn wall_offset(clock: Clock, wall_ns: fn() -> u64) -> Option<i64> {
    let (before_ns, wall_ns, after_ns) = (clock.now_ns(), wall_ns(), clock.now_ns());
    let middle_ns = before_ns + (after_ns - before_ns) / 2;
    (after_ns - before_ns <= READ_NS_MAX).then(|| wall_ns.wrapping_sub(middle_ns).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(id: u64, name: &str, cpu_ns: u64, waited_ns: u64) -> (u64, ThreadRecord) {
        (id, ThreadRecord { name: name.into(), cpu_ns, waited_ns })
    }

    #[test]
    fn threads_are_told_apart_by_number_and_summed_up_by_name() {
        let before = [thread(1, "worker-0", 100, 10), thread(2, "driver", 50, 0), thread(3, "stub", 7, 0)];
        let now = [
            thread(1, "worker-0", 400, 20),
            thread(2, "driver", 50, 0),
            thread(3, "worker-1", 20, 1),
            thread(4, "worker-0", 30, 3),
        ];
        let found = threads(&before, &now);
        let expected = [("worker-0", 330, 13), ("worker-1", 20, 1)];
        assert_eq!(found, expected.map(|(name, cpu, waited)| thread(0, name, cpu, waited).1));
        let many: Vec<_> = (0..400).map(|id| thread(id, &format!("t{id}"), id + 1, 0)).collect();
        assert_eq!(threads(&[], &many).len(), THREADS_MAX);
    }

    #[test]
    fn processor_time_is_a_difference_and_the_rest_is_as_it_is() {
        let process =
            |cpu_ns, memory| ProcessRecord { cpu_ns, memory_bytes: Some(memory), ..Default::default() };
        assert_eq!(used(Some(process(5, 1)), Some(process(9, 2))), Some(process(4, 2)));
        assert_eq!(used(Some(process(9, 1)), Some(process(5, 2))), Some(process(0, 2)), "another process");
        assert_eq!(used(None, Some(process(9, 2))), None);
    }
}
