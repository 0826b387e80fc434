//! What the coordinator knows, and what it decides: who takes part, who is lost, what is acknowledged.
//!
//! Pure but for the journal's file: moments come in as arguments, letters as values. Loops call it.

use std::collections::{BTreeSet, HashMap};

use measure::ArrivalsParcel;
use wire::Clock;

use super::errand::Errand;
use super::journal::{Journal, Line};
use super::member::{Member, Part, Standing};
use super::message::{Order, Report, UpLetter, VERSION, Way, once};
use super::seal::RunSecret;
use super::seconds::Seconds;
use crate::desk::ClassCounts;

/// A worker that is silent for so long is lost.
const SILENT_NS: u64 = 2_500_000_000;
/// Workers at most.
const MEMBERS_MAX: usize = 2_000;

/// A worker that was lost in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) member: usize,
    pub(crate) at_ns: u64,
    pub(crate) users_moved: u32,
    /// Its rate and silence when it was given up.
    pub(crate) silent_ns: u64,
    /// It took its leave.
    pub(crate) left: bool,
    /// Others do its arrivals.
    pub(crate) arrivals_moved: bool,
}

/// The step that runs.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) index: usize,
    pub(crate) resets: u32,
    pub(crate) seconds: Seconds,
    pub(crate) counts: HashMap<usize, Vec<ClassCounts>>,
    pub(crate) arrivals: Vec<ArrivalsParcel>,
    pub(crate) losses: Vec<Loss>,
    /// Who has which user: class, worker and generation.
    pub(crate) homes: HashMap<u32, (usize, usize, u32)>,
    /// Who does the arrivals of which seat, and how often it went to another; empty of users.
    pub(crate) seats: Vec<(usize, u32)>,
    pub(crate) begun: bool,
    /// Nothing new is sent.
    pub(crate) stopping: bool,
    /// Whether users of a lost worker go to the others.
    pub(crate) moves: bool,
}

impl Stage {
    /// One that has not begun.
    pub(crate) fn new(index: usize, seconds: Seconds, moves: bool) -> Self {
        Self {
            index,
            resets: 0,
            seconds,
            counts: HashMap::new(),
            arrivals: vec![],
            losses: vec![],
            homes: HashMap::new(),
            seats: vec![],
            begun: false,
            stopping: false,
            moves,
        }
    }
}

/// What the coordinator knows.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) run: u64,
    /// Which of the run's coordinators this is, from 1.
    pub(crate) reign: u64,
    pub(crate) secret: RunSecret,
    /// What newcomers are told; `None`: nobody may come any more.
    pub(super) errand: Option<Errand>,
    pub(crate) members: Vec<Member>,
    pub(crate) stage: Option<Stage>,
    pub(super) journal: Option<Journal>,
    /// What each batch of the journal holds: reports and ceilings by worker.
    pub(super) batch: Option<(u64, Vec<(u64, u64)>)>,
    /// Silence counts from here at the earliest: when the bus came back, or the process ran again.
    listening_ns: u64,
    /// Letters that were not ours, not whole, too old or of too many workers.
    pub(crate) refused_letters: u64,
    /// Requests that were handed in for a step that was over.
    pub(crate) late: u64,
}

impl State {
    pub(crate) fn new(
        clock: Clock,
        run: u64,
        secret: RunSecret,
        errand: Option<Errand>,
        journal: Option<Journal>,
    ) -> Self {
        Self {
            clock,
            run,
            reign: 1,
            secret,
            errand,
            members: vec![],
            stage: None,
            journal,
            batch: None,
            listening_ns: clock.now_ns(),
            refused_letters: 0,
            late: 0,
        }
    }

    /// Silence counts from now on.
    pub(crate) fn listens_again(&mut self, now_ns: u64) {
        self.listening_ns = now_ns;
        self.members.iter_mut().for_each(|member| member.outbox.renew());
    }

    /// Takes an entry of the stream.
    pub(crate) fn hear(&mut self, entry: &[u8], now_ns: u64) {
        let letter = self.secret.opened(entry).map(serde_json::from_slice::<UpLetter>);
        let Some(Ok(letter)) = letter else {
            self.refused_letters += 1;
            return;
        };
        let fits = letter.run == self.run || (letter.run == 0 && self.errand.is_some());
        let ours = letter.version == VERSION && letter.way == Way::Up && fits;
        let Some(at) = ours.then(|| self.member(letter.worker, now_ns)).flatten() else {
            self.refused_letters += 1;
            return;
        };
        if !self.members[at].hears(letter.number, now_ns) {
            self.refused_letters += 1;
            return;
        }
        let member = &mut self.members[at];
        member.note(letter.beat, now_ns);
        if letter.run != self.run {
            // It does not know the run yet: what it has of us is nothing.
            return;
        }
        if letter.reign == self.reign {
            member.outbox.acknowledge(letter.acknowledged);
        }
        if member.standing == Standing::Lost {
            self.returns(at);
        }
        for (number, report) in letter.items {
            if self.members[at].inbox.takes(number) {
                let worker = letter.worker;
                self.keep(&Line::Report { worker, number, report: report.clone() });
                self.take(at, report);
            }
        }
    }

    /// The member whose process it is; a new one is told the plan.
    fn member(&mut self, worker: u64, now_ns: u64) -> Option<usize> {
        let found = self.members.iter().position(|member| member.worker == worker);
        if found.is_some() || self.members.len() >= MEMBERS_MAX {
            return found;
        }
        let mut member = Member::new(worker, now_ns);
        if let Some(errand) = &self.errand {
            let sealed = errand.sealed(&self.secret, once(self.run, worker));
            member.outbox.put(Order::Plan { sealed });
        }
        self.members.push(member);
        Some(self.members.len() - 1)
    }

    /// One that was lost speaks again: others do its work, so it gives it up; what it had in hand still counts.
    fn returns(&mut self, at: usize) {
        let member = &mut self.members[at];
        // Also one without a part: it may not know that the step which it was lost in is over.
        member.outbox.put(Order::Abandon);
        if member.part.is_some_and(|part| !part.finished) {
            member.standing = Standing::Returning;
        } else {
            member.standing = Standing::Prepared;
            member.rejoined += 1;
        }
    }

    pub(super) fn take(&mut self, at: usize, report: Report) {
        let gave_up = self.gives_up(at, &report);
        let member = &mut self.members[at];
        let mut part = member.part.unwrap_or_default();
        let runs = self.stage.as_ref().map(|stage| stage.index);
        match report {
            Report::Prepared => member.standing = Standing::Prepared,
            Report::Refused { words } => member.standing = Standing::Refused(words),
            Report::Ready { step } => part.ready |= runs == Some(step),
            Report::Drained { step } => part.drained |= runs == Some(step),
            Report::Second(mut second) => {
                let requests = second.parcel.ended() + second.parcel.given_up();
                second.parcel.shift(-member.offset_ns);
                match self.stage.as_mut().filter(|stage| stage.index == second.step) {
                    Some(stage) => {
                        member.handed_in += requests;
                        if stage.resets == second.resets {
                            stage.counts.insert(at, std::mem::take(&mut second.counts));
                            stage.seconds.put(at, *second);
                        }
                    }
                    None => self.late += requests,
                }
            }
            Report::Finished { step, arrivals } => {
                part.finished |= runs == Some(step);
                if let Some(stage) = self.stage.as_mut().filter(|stage| stage.index == step) {
                    stage.arrivals.extend(arrivals);
                }
                if member.standing == Standing::Returning {
                    member.standing = Standing::Prepared;
                    member.rejoined += 1;
                } else if member.standing == Standing::Leaving {
                    member.standing = Standing::Left;
                }
            }
            Report::Leaving { at_ns } => return self.leaves(at, at_ns),
        }
        if member.part.is_some() {
            member.part = Some(part);
        }
        if gave_up {
            self.gave_up(at);
        }
    }

    /// Who has been silent for too long is lost: its users go to others.
    pub(crate) fn look_for_lost(&mut self, now_ns: u64) {
        for at in 0..self.members.len() {
            let member = &mut self.members[at];
            let silent_ns = now_ns.saturating_sub(member.heard_ns.max(self.listening_ns));
            let works = !matches!(member.standing, Standing::Refused(_) | Standing::Lost | Standing::Left);
            if !works || silent_ns < SILENT_NS {
                continue;
            }
            member.standing = Standing::Lost;
            let silent_ns = now_ns.saturating_sub(member.heard_ns);
            if member.part.is_some_and(|part| !part.finished) {
                self.give_up(at, (now_ns, now_ns), silent_ns, false);
            }
        }
    }

    /// Gives the users of a lost worker to the others, each with the next generation.
    pub(super) fn move_users(&mut self, from: usize) -> u32 {
        let others: Vec<usize> = self.at_work().filter(|at| *at != from).collect();
        let Some(stage) = &mut self.stage else { return 0 };
        let homes = stage.homes.iter().filter(|(_, (_, home, _))| *home == from);
        let mut numbers: Vec<u32> = homes.map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        if stage.stopping || !stage.moves || others.is_empty() {
            stage.homes.retain(|_, (_, home, _)| *home != from);
            return 0;
        }
        for (number, to) in numbers.iter().zip(others.iter().cycle()) {
            if let Some((class, home, generation)) = stage.homes.get_mut(number) {
                (*home, *generation) = (*to, *generation + 1);
                let user = (*class, *number, *generation);
                spawn(&mut self.members[*to], user);
            }
        }
        u32::try_from(numbers.len()).unwrap_or(u32::MAX)
    }

    /// Workers that take part in the step and are not lost.
    pub(crate) fn at_work(&self) -> impl Iterator<Item = usize> + '_ {
        let works = |member: &Member| {
            member.part.is_some_and(|part| !part.finished) && member.standing == Standing::Prepared
        };
        self.members.iter().enumerate().filter(move |(_, member)| works(member)).map(|(at, _)| at)
    }

    /// Workers whose records are waited for: also those that come back.
    pub(crate) fn awaited(&self) -> impl Iterator<Item = usize> + '_ {
        let comes = |member: &Member| {
            member.part.is_some_and(|part| !part.finished)
                && matches!(member.standing, Standing::Prepared | Standing::Returning | Standing::Leaving)
        };
        self.members.iter().enumerate().filter(move |(_, member)| comes(member)).map(|(at, _)| at)
    }

    /// Gives everybody fit a part in a step; how many seats there are.
    pub(crate) fn cast(&mut self, mut stage: Stage, open: bool) -> usize {
        let fit: Vec<usize> = (0..self.members.len()).filter(|at| self.members[*at].is_fit()).collect();
        let seats: usize = fit.iter().map(|at| self.members[*at].beat.threads.max(1) as usize).sum();
        let mut first_seat = 0;
        for member in &mut self.members {
            member.part = None;
        }
        for at in fit {
            let member = &mut self.members[at];
            member.part = Some(Part::default());
            member.outbox.put(Order::Step { index: stage.index, first_seat, seats });
            let threads = member.beat.threads.max(1) as usize;
            stage.seats.extend(std::iter::repeat_n((at, 0), if open { threads } else { 0 }));
            first_seat += threads;
        }
        self.stage = Some(stage);
        seats
    }

    /// Gives an order to all at work.
    pub(crate) fn order_all(&mut self, order: impl Fn(&Member) -> Order) {
        let at_work: Vec<usize> = self.at_work().collect();
        for at in at_work {
            let order = order(&self.members[at]);
            self.members[at].outbox.put(order);
        }
    }

    /// A user comes: to the worker whose turn it is.
    pub(crate) fn spawn(&mut self, class: usize, number: u32) {
        let at_work: Vec<usize> = self.at_work().collect();
        let Some(stage) = &mut self.stage else { return };
        if let Some(at) = at_work.get(number as usize % at_work.len().max(1)) {
            stage.homes.insert(number, (class, *at, 0));
            spawn(&mut self.members[*at], (class, number, 0));
        }
    }

    /// A user goes.
    pub(crate) fn dismiss(&mut self, number: u32) {
        let Some((_, at, _)) = self.stage.as_mut().and_then(|stage| stage.homes.remove(&number)) else {
            return;
        };
        let outbox = &mut self.members[at].outbox;
        match outbox.last_unsent() {
            Some(Order::Dismiss { numbers }) => numbers.push(number),
            _ => outbox.put(Order::Dismiss { numbers: vec![number] }),
        }
    }

    /// Acknowledges what survives, and sends what does not on its way there.
    pub(crate) fn settle(&mut self) {
        let Some(journal) = &mut self.journal else {
            for member in &mut self.members {
                (member.durable, member.ceiling) = (member.inbox.taken(), member.ceiling.max(member.wanted));
            }
            return;
        };
        if let Some((number, held)) = &self.batch
            && journal.done() >= *number
        {
            for (member, (durable, ceiling)) in self.members.iter_mut().zip(held) {
                (member.durable, member.ceiling) =
                    (member.durable.max(*durable), member.ceiling.max(*ceiling));
            }
            self.batch = None;
        }
        if self.batch.is_some() || journal.is_busy() || journal.has_failed() {
            return;
        }
        let news = |member: &Member| member.durable < member.inbox.taken() || member.ceiling < member.wanted;
        if !journal.is_behind() && !self.members.iter().any(news) {
            return;
        }
        for member in self.members.iter().filter(|member| member.ceiling < member.wanted) {
            journal.put(&Line::Ceiling { worker: member.worker, ceiling: member.wanted });
        }
        let held = self.members.iter().map(|member| (member.inbox.taken(), member.wanted)).collect();
        self.batch = Some((journal.sync(), held));
    }

    /// Workers that can be given work, and why others cannot.
    pub(crate) fn muster(&self) -> (usize, BTreeSet<String>) {
        let fit = self.members.iter().filter(|member| member.is_fit()).count();
        let refused = self.members.iter().filter_map(|member| match &member.standing {
            Standing::Refused(words) => Some(format!("worker {} refuses: {words}", member.beat.id)),
            _ => None,
        });
        (fit, refused.collect())
    }
}

fn spawn(member: &mut Member, user: (usize, u32, u32)) {
    match member.outbox.last_unsent() {
        Some(Order::Spawn { users }) => users.push(user),
        _ => member.outbox.put(Order::Spawn { users: vec![user] }),
    }
}
