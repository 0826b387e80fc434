//! The coordinator: one task that hears workers and writes to them, and what the driver asks of it.
//!
//! It must not know the driver's course: it is told what to do, as a crew of threads is.

use std::cell::RefCell;
use std::fs::File;
use std::rc::Rc;
use std::time::Duration;

use measure::{LossRecord, Run, WorkerRecord};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local};
use wire::Clock;

use super::bus::{Bus, Position};
use super::errand::{Errand, Sources};
use super::journal::{FORMAT, Head, Journal, Line};
use super::member::{Member, Standing};
use super::message::{Order, down_stream, once_kept, up_stream};
use super::post::{Incoming, Post};
use super::rest::Rest;
use super::seal::RunSecret;
use super::state::State;
use super::worker::ORPHANED_NS;
use crate::Plan;

/// How often it is looked whether anything is due.
const TICK: Duration = Duration::from_millis(50);
/// A process that did not run for so long cannot say who was silent.
const HELD_UP_NS: u64 = 1_000_000_000;
/// For the last words.
const GOODBYE: Duration = Duration::from_secs(3);

/// How a fleet is led.
#[derive(Debug)]
pub struct Lead {
    /// Where workers are heard.
    pub bus: Bus,
    /// Which of several fleets on the bus.
    pub fleet: String,
    /// The run secret.
    pub secret: RunSecret,
    /// Workers that the run begins with.
    pub expect_workers: usize,
    /// How long they are waited for; `None` for ever.
    pub expect_workers_max_wait: Option<Duration>,
    /// A run that lost a worker is valid still.
    pub tolerate_loss: bool,
    /// Users of a lost worker go to the others.
    pub move_users: bool,
    /// An empty file in which what workers hand in is kept before it is acknowledged; `None`: nowhere.
    pub journal: Option<File>,
    /// What the plan was read from.
    pub sources: Sources,
}

/// A worker, as shown while the run goes on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkerView {
    /// What it is called.
    pub id: String,
    /// Its machine.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// `joining`, `ready`, `running`, `lost`, `returning`, `leaving`, `left` or `refused`.
    pub state: &'static str,
    /// Why it refused.
    pub words: Option<String>,
    /// Its users.
    pub users: u32,
    /// Its requests in flight.
    pub in_flight: u32,
    /// Processor time a second.
    pub cpu_ratio: f64,
    /// Resident memory.
    pub memory_bytes: u64,
    /// How far its clock is ahead.
    pub offset_ns: i64,
    /// The quickest round trip to it.
    pub rtt_ns: u64,
    /// How often it came back after it was lost.
    pub rejoined: u32,
}

/// The coordinator's side of a fleet.
#[derive(Debug)]
pub struct Fleet {
    pub(super) state: Rc<RefCell<State>>,
    pub(super) changed: Rc<Notify>,
    /// Something is to be written now.
    pub(super) kick: Rc<Notify>,
    task: JoinHandle<()>,
    pub(super) lead: Rc<Lead>,
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fleet {
    /// Begins to hear workers; inside a `LocalSet`.
    ///
    /// # Errors
    /// In words, when the bus is away or another has the journal.
    pub(crate) async fn begin(mut lead: Lead, plan: &Plan, file: &Run, clock: Clock) -> Result<Self, String> {
        let journal = lead.journal.take().map(Journal::on).transpose()?;
        let stream = up_stream(&lead.fleet);
        // What was said before is of other runs: workers say again and again that they are there.
        let after = lead.bus.newest(&stream).await.map_err(|error| error.to_string())?;
        let errand = Errand::of(plan, lead.sources.clone());
        // In nanoseconds since 1970, so that no other run has the same.
        let run = clock.unix_ns().max(1);
        let sealed = errand.sealed(&lead.secret, once_kept(run));
        let mut state = State::new(clock, run, lead.secret.clone(), Some(errand), journal);
        state.keep(&Line::Head(Box::new(Head {
            format: FORMAT.to_owned(),
            fleet: lead.fleet.clone(),
            run,
            proof: lead.secret.proof(run),
            drawn: lead.secret.is_drawn(),
            tolerate_loss: lead.tolerate_loss,
            move_users: lead.move_users,
            errand: sealed,
            rest: Rest::of(plan),
            file: file.clone(),
        })));
        Ok(Self::hear(lead, state, (stream, after)))
    }

    /// Goes on where another coordinator ended: nothing that was said since is missed.
    pub(super) fn take_over(lead: Lead, state: State) -> Self {
        let stream = up_stream(&lead.fleet);
        Self::hear(lead, state, (stream, Position::default()))
    }

    fn hear(lead: Lead, state: State, (stream, after): (String, Position)) -> Self {
        let (state, lead) = (Rc::new(RefCell::new(state)), Rc::new(lead));
        let (changed, kick) = (Rc::new(Notify::new()), Rc::new(Notify::new()));
        let task = listen(state.clone(), lead.clone(), (stream, after), (changed.clone(), kick.clone()));
        Self { state, changed, kick, task: spawn_local(task), lead }
    }

    /// Waits until the expected workers are there.
    ///
    /// # Errors
    /// In words, when one refuses or they do not come in time.
    pub(crate) async fn assemble(&self) -> Result<(), String> {
        let wanted = self.lead.expect_workers;
        let come = async {
            loop {
                let changed = self.changed.notified();
                let (fit, refused) = self.state.borrow().muster();
                if let Some(words) = refused.into_iter().next() {
                    return Err(words);
                }
                if fit >= wanted {
                    return Ok(());
                }
                changed.await;
            }
        };
        let Some(limit) = self.lead.expect_workers_max_wait else { return come.await };
        let clock = self.state.borrow().clock;
        clock.timeout(limit, come).await.unwrap_or_else(|_| {
            let (fit, _) = self.state.borrow().muster();
            let waited = wire::format_duration(limit);
            Err(format!("{fit} of {wanted} workers came within {waited}; start more, or wait longer"))
        })
    }

    /// Waits until all who are not lost can be given work, for so long at most; whether anybody can.
    pub(crate) async fn rally(&self, limit: Duration) -> bool {
        let clock = self.state.borrow().clock;
        let is_there = |state: &State| {
            let waits = |member: &Member| member.standing == Standing::Prepared && !member.is_fit();
            state.muster().0 > 0 && !state.members.iter().any(waits)
        };
        let gathered = async {
            loop {
                let changed = self.changed.notified();
                if is_there(&self.state.borrow()) {
                    return;
                }
                changed.await;
            }
        };
        // Those who are late come with the next step.
        let _ = clock.timeout(limit, gathered).await;
        self.state.borrow().muster().0 > 0
    }

    /// Waits until something may have changed.
    pub(crate) async fn changes(&self) {
        self.changed.notified().await;
    }

    /// Sends everybody home.
    pub(crate) async fn dismiss(self, words: &str) {
        for member in &mut self.state.borrow_mut().members {
            let refused = matches!(member.standing, Standing::Refused(_));
            let words = match &member.standing {
                Standing::Refused(why) if refused => format!("refused: {why}"),
                _ => words.to_owned(),
            };
            member.outbox.put(Order::Bye { words });
        }
        self.kick.notify_one();
        let clock = self.state.borrow().clock;
        let heard = async {
            loop {
                let changed = self.changed.notified();
                let lost = |member: &Member| matches!(member.standing, Standing::Lost | Standing::Left);
                if self
                    .state
                    .borrow()
                    .members
                    .iter()
                    .all(|member| lost(member) || member.outbox.waiting() == 0)
                {
                    return;
                }
                changed.await;
            }
        };
        // Who does not hear it ends by itself.
        let _ = clock.timeout(GOODBYE, heard).await;
        let streams: Vec<String> =
            self.state.borrow().members.iter().map(|m| down_stream(&self.lead.fleet, m.worker)).collect();
        for stream in streams {
            if self.lead.bus.remove(&stream).await.is_err() {
                return;
            }
        }
    }

    /// The workers, as shown.
    pub(crate) fn view(&self) -> Vec<WorkerView> {
        self.state.borrow().members.iter().map(view).collect()
    }

    /// The workers, for the run file.
    pub(crate) fn records(&self, losses: &[LossRecord]) -> Vec<WorkerRecord> {
        let record = |member: &Member| WorkerRecord {
            id: member.beat.id.clone(),
            host: member.beat.host.clone(),
            pid: member.beat.pid,
            threads: member.beat.threads,
            users: member.users_max,
            requests: member.handed_in,
            offset_ns: member.offset_ns,
            rtt_ns: if member.rtt_ns == u64::MAX { 0 } else { member.rtt_ns },
            lost: losses
                .iter()
                .rfind(|loss| loss.worker == member.beat.id && loss.pid == member.beat.pid)
                .cloned(),
            rejoined: member.rejoined,
        };
        self.state.borrow().members.iter().map(record).collect()
    }
}

fn view(member: &Member) -> WorkerView {
    let (state, words) = match &member.standing {
        Standing::Greeted => ("joining", None),
        Standing::Prepared if member.part.is_some_and(|part| !part.finished) => ("running", None),
        Standing::Prepared => ("ready", None),
        Standing::Refused(words) => ("refused", Some(words.clone())),
        Standing::Lost => ("lost", None),
        Standing::Returning => ("returning", None),
        Standing::Leaving => ("leaving", None),
        Standing::Left => ("left", None),
    };
    WorkerView {
        id: member.beat.id.clone(),
        host: member.beat.host.clone(),
        pid: member.beat.pid,
        state,
        words,
        users: member.beat.users,
        in_flight: member.beat.in_flight,
        cpu_ratio: member.cpu_ratio,
        memory_bytes: member.beat.memory_bytes,
        offset_ns: member.offset_ns,
        rtt_ns: if member.rtt_ns == u64::MAX { 0 } else { member.rtt_ns },
        rejoined: member.rejoined,
    }
}

/// Hears and writes, for ever.
async fn listen(
    state: Rc<RefCell<State>>,
    lead: Rc<Lead>,
    (stream, after): (String, Position),
    (changed, kick): (Rc<Notify>, Rc<Notify>),
) {
    let clock = state.borrow().clock;
    let mut post = Post::open(&lead.bus, clock, &stream, after);
    let mut written = clock.unix_ns();
    let mut ticked_ns = clock.now_ns();
    loop {
        let tick_ns = clock.now_ns() + TICK.as_nanos() as u64;
        let incoming = tokio::select! {
            biased;
            incoming = post.next() => Some(incoming),
            () = kick.notified() => None,
            () = clock.sleep_until(tick_ns) => None,
        };
        let now_ns = clock.now_ns();
        let mut state = state.borrow_mut();
        if now_ns.saturating_sub(ticked_ns) > HELD_UP_NS {
            state.listens_again(now_ns);
        }
        ticked_ns = now_ns;
        let more = std::iter::from_fn(|| post.try_next());
        for incoming in incoming.into_iter().chain(more.collect::<Vec<_>>()) {
            match incoming {
                Incoming::Entry(entry) => state.hear(&entry, now_ns),
                Incoming::Back => state.listens_again(now_ns),
            }
        }
        match post.away() {
            // While nobody can be heard, nobody is lost, for as long as workers wait too.
            Some((since_ns, _)) if now_ns.saturating_sub(since_ns) < ORPHANED_NS => {}
            _ => state.look_for_lost(now_ns),
        }
        state.settle();
        let (run, secret) = ((state.run, state.reign), state.secret.clone());
        for member in &mut state.members {
            let letters = member.letters(run, now_ns, || {
                written += 1;
                written
            });
            for letter in letters {
                let text = serde_json::to_vec(&letter).expect("a letter is JSON");
                post.send(down_stream(&lead.fleet, letter.worker), secret.signed(&text));
            }
        }
        changed.notify_waiters();
    }
}
