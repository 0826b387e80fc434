//! A worker as the coordinator sees it: what it says, what it was told, what it may send and what it has handed in.
//!
//! Pure numbers: it must not know the bus, nor the present but as an argument.

use super::journal::Identity;
use super::link::{Inbox, Outbox};
use super::message::{DownBeat, DownLetter, ITEMS_MAX, Order, UpBeat, VERSION, Way};

/// How often a worker is spoken to.
const BEAT_NS: u64 = 500_000_000;
/// Orders that are not acknowledged are sent again after so long.
const RESEND_NS: u64 = 1_500_000_000;
/// Round trips that are measured before a worker takes part.
pub(super) const PROBES_MIN: u32 = 5;

/// What it is to the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has been told the plan.
    Greeted,
    /// It has the plan.
    Prepared,
    /// It will not take part.
    Refused(String),
    /// Nothing was heard of it for too long.
    Lost,
    /// It has been heard again, and gives up what others do now.
    Returning,
    /// It takes its leave, and hands in what it has.
    Leaving,
    /// It took its leave, and has handed in all that it had.
    Left,
}

/// Its part in the step that runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) ready: bool,
    pub(crate) drained: bool,
    pub(crate) finished: bool,
}

/// A worker.
#[derive(Debug)]
pub(crate) struct Member {
    /// Drawn when its process began.
    pub(crate) worker: u64,
    pub(crate) beat: UpBeat,
    pub(crate) standing: Standing,
    pub(crate) part: Option<Part>,
    pub(crate) outbox: Outbox<Order>,
    pub(crate) inbox: Inbox,
    /// Up to where its reports are where they survive.
    pub(crate) durable: u64,
    pub(crate) heard_ns: u64,
    heard: u64,
    spoken_ns: u64,
    /// The ceiling that it wants, and the one that survives.
    pub(crate) wanted: u64,
    pub(crate) ceiling: u64,
    /// Requests that it handed in.
    pub(crate) handed_in: u64,
    /// Requests that left before its last beat, and the rate then.
    pub(crate) rate_per_s: f64,
    beaten_ns: u64,
    probe: Option<(u64, u64)>,
    probes: u32,
    pub(crate) offset_ns: i64,
    pub(crate) rtt_ns: u64,
    pub(crate) users_max: u32,
    pub(crate) rejoined: u32,
    cpu_ns: u64,
    pub(crate) cpu_ratio: f64,
}

impl Member {
    pub(crate) fn new(worker: u64, now_ns: u64) -> Self {
        Self {
            worker,
            beat: UpBeat::default(),
            standing: Standing::Greeted,
            part: None,
            outbox: Outbox::new(RESEND_NS),
            inbox: Inbox::default(),
            durable: 0,
            heard_ns: now_ns,
            heard: 0,
            spoken_ns: 0,
            wanted: 0,
            ceiling: 0,
            handed_in: 0,
            rate_per_s: 0.0,
            beaten_ns: now_ns,
            probe: None,
            probes: 0,
            offset_ns: 0,
            rtt_ns: u64::MAX,
            users_max: 0,
            rejoined: 0,
            cpu_ns: 0,
            cpu_ratio: 0.0,
        }
    }

    /// Who it is, for the journal.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            worker: self.worker,
            id: self.beat.id.clone(),
            host: self.beat.host.clone(),
            pid: self.beat.pid,
            threads: self.beat.threads,
            offset_ns: self.offset_ns,
            rtt_ns: self.rtt_ns,
        }
    }

    /// Who it is, as the journal says.
    pub(crate) fn identify(&mut self, identity: Identity) {
        let Identity { id, host, pid, threads, offset_ns, rtt_ns, .. } = identity;
        self.beat = UpBeat { id, host, pid, threads, ..UpBeat::default() };
        (self.offset_ns, self.rtt_ns) = (offset_ns, rtt_ns);
    }

    /// Whether a letter of this number is new; then it has been heard.
    pub(crate) fn hears(&mut self, number: u64, now_ns: u64) -> bool {
        let new = number > self.heard;
        if new {
            (self.heard, self.heard_ns) = (number, now_ns);
        }
        new
    }

    /// How it says that it stands.
    pub(crate) fn note(&mut self, beat: UpBeat, now_ns: u64) {
        // What others do now it is not to do more of: its bound stands.
        if matches!(self.standing, Standing::Greeted | Standing::Prepared) {
            self.wanted = self.wanted.max(beat.ceiling);
        }
        if let (Some((probe, at_ns)), Some((sent, sent_ns))) = (beat.echo, self.probe)
            && probe == sent
        {
            self.probe = None;
            self.probes += 1;
            let rtt_ns = now_ns.saturating_sub(sent_ns);
            // Of several the quickest: it had the least of what makes the two ways unlike. What another coordinator measured
            // is of another clock.
            if rtt_ns < self.rtt_ns || self.probes == 1 {
                self.rtt_ns = rtt_ns;
                self.offset_ns = at_ns.wrapping_sub(sent_ns + rtt_ns / 2).cast_signed();
            }
        }
        if beat.id.is_empty() {
            // A further letter of one beat.
            return;
        }
        let span_ns = now_ns.saturating_sub(self.beaten_ns);
        if span_ns >= BEAT_NS / 2 {
            self.rate_per_s = beat.sent.saturating_sub(self.beat.sent) as f64 * 1e9 / span_ns as f64;
            self.cpu_ratio = beat.cpu_ns.saturating_sub(self.cpu_ns) as f64 / span_ns as f64;
            (self.beaten_ns, self.cpu_ns) = (now_ns, beat.cpu_ns);
        }
        self.users_max = self.users_max.max(beat.users);
        self.beat = beat;
    }

    /// Whether its clock is known well enough.
    pub(crate) fn is_measured(&self) -> bool {
        self.probes >= PROBES_MIN
    }

    /// Whether it can be given work.
    pub(crate) fn is_fit(&self) -> bool {
        self.standing == Standing::Prepared && self.is_measured()
    }

    /// A moment of the coordinator's clock on the worker's.
    pub(crate) fn its_ns(&self, at_ns: u64) -> u64 {
        at_ns.saturating_add_signed(self.offset_ns)
    }

    /// Requests that it may have sent and has not handed in: it never sends beyond its ceiling.
    pub(crate) fn in_hand_max(&self) -> u64 {
        self.ceiling.saturating_sub(self.handed_in)
    }

    /// The same as it most likely is: what it said last, and its rate since then.
    pub(crate) fn in_hand_likely(&self, silent_ns: u64) -> u64 {
        let unseen = (self.rate_per_s * silent_ns as f64 / 1e9) as u64;
        (self.beat.sent.saturating_sub(self.handed_in) + unseen).min(self.in_hand_max())
    }

    /// Letters that are due; `number` gives their numbers.
    pub(crate) fn letters(
        &mut self,
        (run, reign): (u64, u64),
        now_ns: u64,
        mut number: impl FnMut() -> u64,
    ) -> Vec<DownLetter> {
        let hasty = !self.is_measured() && self.probe.is_none();
        let due = now_ns >= self.spoken_ns + BEAT_NS || self.outbox.is_due(now_ns) || hasty;
        if !due {
            return vec![];
        }
        self.spoken_ns = now_ns;
        let ceiling = self.ceiling;
        let mut items =
            self.outbox.take_due(now_ns).into_iter().map(|(n, order)| (n, order.clone())).peekable();
        let mut letters = vec![];
        while letters.is_empty() || items.peek().is_some() {
            let number = number();
            if letters.is_empty() {
                self.probe = Some((number, now_ns));
            }
            letters.push(DownLetter {
                version: VERSION,
                way: Way::Down,
                run,
                reign,
                worker: self.worker,
                number,
                acknowledged: self.durable,
                beat: DownBeat { probe: letters.is_empty().then_some(number), ceiling },
                items: items.by_ref().take(ITEMS_MAX).collect(),
            });
        }
        letters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(sent: u64, ceiling: u64, echo: Option<(u64, u64)>) -> UpBeat {
        UpBeat { id: "w".into(), sent, ceiling, echo, ..UpBeat::default() }
    }

    #[test]
    fn the_quickest_round_trip_tells_the_offset() {
        let mut member = Member::new(7, 0);
        let mut at_ns = 0;
        // The worker's clock is 1,000 ahead; ways there and back, in nanoseconds.
        for (number, (there_ns, back_ns)) in
            [(50, 900), (20, 20), (900, 10), (30, 40), (100, 100)].iter().enumerate()
        {
            let number = number as u64 + 1;
            let letters = member.letters((1, 1), at_ns, || number);
            assert_eq!(letters[0].beat.probe, Some(number));
            let echo = Some((number, at_ns + there_ns + 1_000));
            at_ns += there_ns + back_ns;
            member.note(beat(0, 0, echo), at_ns);
        }
        assert!(member.is_measured());
        assert_eq!((member.offset_ns, member.rtt_ns), (1_000, 40));
        assert_eq!(member.its_ns(5_000), 6_000);
    }

    #[test]
    fn what_is_in_hand_is_bounded_by_the_ceiling_that_survives() {
        let mut member = Member::new(7, 0);
        member.note(beat(1_000, 9_000, None), 1_000_000_000);
        assert_eq!(member.in_hand_max(), 0, "a ceiling that was not granted bounds nothing");
        (member.ceiling, member.handed_in) = (9_000, 800);
        assert_eq!(member.in_hand_max(), 8_200);
        assert_eq!(member.in_hand_likely(0), 200);
        assert_eq!(member.in_hand_likely(2_000_000_000), 2_200);
        assert_eq!(member.in_hand_likely(u64::MAX / 2), 8_200);
    }

    #[test]
    fn a_letter_counts_once() {
        let mut member = Member::new(7, 0);
        assert!(member.hears(5, 10) && !member.hears(5, 11) && !member.hears(4, 12) && member.hears(6, 13));
        assert_eq!(member.heard_ns, 13);
    }
}
