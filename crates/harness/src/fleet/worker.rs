//! A worker: hears orders, keeps its threads at work, hands over second by second what they recorded.
//!
//! Its own clock cuts the seconds and ends the load, so that a bus that is away for a time changes nothing but when its reports
//! arrive. It must not know how other workers fare.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use measure::Packer;
use tokio::sync::mpsc;
use wire::Clock;

use super::allowed::Allowed;
use super::bus::Bus;
use super::errand::Errand;
use super::job::{ANSWERS_NS, Job};
use super::lease::{Lease, ceiling_wanted};
use super::link::{Inbox, Outbox};
use super::message::{
    DownLetter, ITEMS_MAX, Order, Report, UpBeat, UpLetter, VERSION, Way, down_stream, once, up_stream,
};
use super::parting::Parting;
use super::post::{Incoming, Post};
use super::seal::RunSecret;
use crate::{Plan, Probe, Target, Transport, Workers};

/// How often a worker says that it is there.
pub(crate) const BEAT_NS: u64 = 500_000_000;
/// A process that did not run for so long has been given up by the coordinator: others do its work.
const FROZEN_NS: u64 = 2_400_000_000;
/// A worker that hears no coordinator for so long ends.
pub(crate) const ORPHANED_NS: u64 = 20_000_000_000;
/// Reports that are not acknowledged are sent again after so long.
const RESEND_NS: u64 = 3_000_000_000;
/// How often a busy worker looks whether it needs a higher ceiling.
const LOOK_NS: u64 = 100_000_000;
/// Reports that may wait for the coordinator: more than it may be silent for.
const REPORTS_MAX: usize = 1_000;
/// Beats whose rates are remembered.
const RATES: usize = 20;
/// For the last words.
const GOODBYE: Duration = Duration::from_secs(2);

/// What a worker is and where it works.
#[derive(Debug)]
pub struct Station {
    /// Where the coordinator is heard.
    pub bus: Bus,
    /// Which of several fleets on the bus.
    pub fleet: String,
    /// The run secret.
    pub secret: RunSecret,
    /// The clock.
    pub clock: Clock,
    /// What it is called.
    pub id: String,
    /// Tells its process from all others: drawn by the system.
    pub incarnation: u64,
    /// Its machine's name.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// Where users live.
    pub workers: Workers,
    /// How the process is read; `None` in virtual time.
    pub resources: Option<Probe>,
    /// Servers that it may be sent against.
    pub allowed: Allowed,
}

/// How a worker ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Served {
    /// The run is over; in words how.
    Whole(String),
    /// It would not do what it was asked for, and why.
    Refused(String),
    /// The bus or the coordinator was gone.
    Orphaned(String),
}

/// Works until the run is over. `make` makes what makes transports.
pub async fn serve<M, F, T>(station: Station, make: M) -> Served
where
    M: Fn(&Errand) -> Result<F, String>,
    F: Fn() -> T + Clone + Send + 'static,
    T: Transport,
{
    serve_until(station, make, mpsc::channel(1).1).await
}

/// The same, but takes its leave in good order when `leave` says so: users stop, answers are waited for, everything is handed
/// in. Said again, no answer is waited for.
pub async fn serve_until<M, F, T>(station: Station, make: M, mut leave: mpsc::Receiver<()>) -> Served
where
    M: Fn(&Errand) -> Result<F, String>,
    F: Fn() -> T + Clone + Send + 'static,
    T: Transport,
{
    let clock = station.clock;
    let stream = down_stream(&station.fleet, station.incarnation);
    let mut post = Post::open(&station.bus, clock, &stream, Default::default());
    let mut worker = Worker::new(station, make);
    loop {
        worker.tick(&post).await;
        if let Some(served) = worker.ended.take() {
            worker.write(&post, clock.now_ns());
            post.close(clock, GOODBYE).await;
            return served;
        }
        let next_ns = worker.next_ns();
        tokio::select! {
            biased;
            Some(()) = leave.recv() => worker.leave(clock.now_ns()).await,
            incoming = post.next() => worker.hear(incoming).await,
            () = watch(&mut worker.job) => {}
            () = clock.sleep_until(next_ns) => {}
        }
    }
}

async fn watch(job: &mut Option<Job>) {
    match job {
        Some(job) => job.crew.watch().await,
        None => std::future::pending().await,
    }
}

pub(super) struct Worker<M, F> {
    station: Station,
    make: M,
    plan: Option<(Arc<Plan>, F)>,
    pub(super) job: Option<Job>,
    pub(super) run: u64,
    /// Of its coordinators, one after the other.
    reign: u64,
    /// Of the last letter written, and of the last one heard.
    written: u64,
    heard: u64,
    heard_ns: u64,
    pub(super) outbox: Outbox<Report>,
    inbox: Inbox,
    lease: Arc<Lease>,
    rates: VecDeque<(u64, u64)>,
    echo: Option<u64>,
    beat_ns: u64,
    ticked_ns: u64,
    packer: Packer,
    pub(super) parting: Option<Parting>,
    pub(super) ended: Option<Served>,
}

impl<M, F, T> Worker<M, F>
where
    M: Fn(&Errand) -> Result<F, String>,
    F: Fn() -> T + Clone + Send + 'static,
    T: Transport,
{
    fn new(station: Station, make: M) -> Self {
        let now_ns = station.clock.now_ns();
        Self {
            // Numbers grow with time, so that no letter of another life is greater.
            written: station.clock.unix_ns(),
            station,
            make,
            plan: None,
            job: None,
            run: 0,
            reign: 0,
            heard: 0,
            heard_ns: now_ns,
            outbox: Outbox::new(RESEND_NS),
            inbox: Inbox::default(),
            lease: Arc::default(),
            rates: VecDeque::new(),
            echo: None,
            beat_ns: now_ns,
            ticked_ns: now_ns,
            packer: Packer::default(),
            parting: None,
            ended: None,
        }
    }

    /// Does what is due, and says what is to be said.
    async fn tick(&mut self, post: &Post) {
        let now_ns = self.station.clock.now_ns();
        let slept_ns = now_ns.saturating_sub(std::mem::replace(&mut self.ticked_ns, now_ns));
        if let Some(job) = &mut self.job {
            if slept_ns > FROZEN_NS {
                job.leave(now_ns + ANSWERS_NS).await;
            }
            let reports = job.work(now_ns, &mut self.packer).await;
            reports.into_iter().for_each(|report| self.outbox.put(report));
            if self.job.as_ref().is_some_and(Job::is_over) {
                self.job = None;
            }
        }
        let alone_ns = now_ns.saturating_sub(self.heard_ns);
        let forlorn = self.run != 0 && alone_ns > ORPHANED_NS && slept_ns < FROZEN_NS;
        let idle = self.run == 0 && self.away_for(post, now_ns);
        if self.parting.is_none() && (forlorn || idle || self.outbox.waiting() > REPORTS_MAX) {
            self.orphan(now_ns).await;
        }
        self.part(post, now_ns).await;
        let hungry = self.job.is_some() && self.lease.sent() + self.wanted_room() / 2 > self.lease.ceiling();
        let beat = now_ns >= self.beat_ns || (hungry && now_ns + BEAT_NS >= self.beat_ns + LOOK_NS);
        if beat || self.echo.is_some() || self.outbox.is_due(now_ns) {
            self.write(post, now_ns);
        }
    }

    fn away_for(&self, post: &Post, now_ns: u64) -> bool {
        post.away().is_some_and(|(since_ns, _)| now_ns.saturating_sub(since_ns) > ORPHANED_NS)
    }

    fn next_ns(&self) -> u64 {
        let now_ns = self.station.clock.now_ns();
        let job_ns = self.job.as_ref().map_or(u64::MAX, |job| job.next_ns().min(now_ns + LOOK_NS));
        self.beat_ns.min(job_ns).min(now_ns + BEAT_NS)
    }

    async fn hear(&mut self, incoming: Incoming) {
        let entry = match incoming {
            Incoming::Entry(entry) => entry,
            Incoming::Back => return self.outbox.renew(),
        };
        let letter = self.station.secret.opened(&entry).map(serde_json::from_slice::<DownLetter>);
        let Some(Ok(letter)) = letter else { return };
        let ours = letter.version == VERSION
            && letter.way == Way::Down
            && letter.worker == self.station.incarnation
            && (letter.reign, letter.number) > (self.reign, self.heard)
            && letter.run != 0
            && (self.run == 0 || self.run == letter.run);
        if !ours {
            return;
        }
        if letter.reign > self.reign {
            // Orders are numbered anew, and what the one before did not acknowledge the new one may not have.
            (self.reign, self.inbox) = (letter.reign, Inbox::default());
            self.outbox.renew();
        }
        (self.heard, self.run) = (letter.number, letter.run);
        self.heard_ns = self.station.clock.now_ns();
        self.outbox.acknowledge(letter.acknowledged);
        self.lease.raise(letter.beat.ceiling);
        self.echo = letter.beat.probe.or(self.echo);
        for (number, order) in letter.items {
            if self.inbox.takes(number) {
                self.obey(order).await;
            }
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Plan { sealed } => {
                let report = match self.prepare(&sealed) {
                    Ok(()) => Report::Prepared,
                    Err(words) => Report::Refused { words },
                };
                self.outbox.put(report);
            }
            Order::Step { index, .. } if self.parting.is_some() => {
                self.outbox.put(Report::Finished { step: index, arrivals: None });
            }
            Order::Step { index, first_seat, seats } => {
                if let Some((plan, make)) = &self.plan {
                    let job = Job::begin(
                        (plan, index),
                        &self.station,
                        make.clone(),
                        (first_seat, seats),
                        self.lease.clone(),
                    );
                    self.job = Some(job);
                }
            }
            Order::Bye { words } => {
                // Nobody waits for what it still does.
                self.job = None;
                let refused = words.strip_prefix("refused: ").map(|why| Served::Refused(why.to_owned()));
                self.ended = Some(refused.unwrap_or(Served::Whole(words)));
            }
            order => {
                if let Some(job) = &mut self.job {
                    job.obey(order, self.station.clock.now_ns()).await;
                }
            }
        }
    }

    fn prepare(&mut self, sealed: &str) -> Result<(), String> {
        let opened = Errand::unsealed(&self.station.secret, once(self.run, self.station.incarnation), sealed);
        let errand =
            opened.ok_or("the plan cannot be read; use one version of weaver-bench on all machines")?;
        if let Some(url) = &errand.target_url {
            let target = Target::parse(url).map_err(|mistakes| mistakes.to_string())?;
            self.station.allowed.check(&target)?;
        }
        let plan = errand.plan().map_err(|mistakes| mistakes.to_string())?;
        self.plan = Some((Arc::new(plan), (self.make)(&errand)?));
        Ok(())
    }

    fn wanted_room(&self) -> u64 {
        let users = self.job.as_ref().map_or(0, Job::users);
        ceiling_wanted(0, self.rate_per_s(), u64::from(users))
    }

    /// The greatest of late.
    fn rate_per_s(&self) -> f64 {
        let pairs = self.rates.iter().zip(self.rates.iter().skip(1));
        let rate = |((then_ns, then), (now_ns, now)): (&(u64, u64), &(u64, u64))| {
            (now - then) as f64 * 1e9 / (now_ns - then_ns).max(BEAT_NS / 2) as f64
        };
        pairs.map(rate).fold(0.0, f64::max)
    }

    /// Writes what there is to say; without anything, that it is there.
    fn write(&mut self, post: &Post, now_ns: u64) {
        let sent = self.lease.sent();
        if now_ns >= self.beat_ns {
            self.rates.push_back((now_ns, sent));
            if self.rates.len() > RATES {
                self.rates.pop_front();
            }
        }
        self.beat_ns = now_ns + BEAT_NS;
        let usage =
            self.station.resources.as_ref().and_then(|probe| (probe.usage)().process).unwrap_or_default();
        let job = self.job.as_ref();
        let beat = UpBeat {
            id: self.station.id.clone(),
            host: self.station.host.clone(),
            pid: self.station.pid,
            release: env!("CARGO_PKG_VERSION").to_owned(),
            threads: self.station.workers.count() as u32,
            users: job.map_or(0, Job::users),
            in_flight: job.map_or(0, Job::in_flight),
            sent,
            ceiling: sent + self.wanted_room(),
            echo: self.echo.take().map(|probe| (probe, self.station.clock.now_ns())),
            cpu_ns: usage.cpu_ns,
            memory_bytes: usage.memory_bytes.unwrap_or(0),
        };
        let due: Vec<(u64, Report)> = match self.run {
            0 => vec![],
            _ => self
                .outbox
                .take_due(now_ns)
                .into_iter()
                .map(|(number, item)| (number, item.clone()))
                .collect(),
        };
        let mut due = due.into_iter().peekable();
        let mut beat = Some(beat);
        while beat.is_some() || due.peek().is_some() {
            self.written += 1;
            let letter = UpLetter {
                version: VERSION,
                way: Way::Up,
                run: self.run,
                reign: self.reign,
                worker: self.station.incarnation,
                number: self.written,
                acknowledged: self.inbox.taken(),
                beat: beat.take().unwrap_or_else(|| UpBeat { sent, ..UpBeat::default() }),
                items: due.by_ref().take(ITEMS_MAX).collect(),
            };
            let text = serde_json::to_vec(&letter).expect("a letter is JSON");
            post.send(up_stream(&self.station.fleet), self.station.secret.signed(&text));
        }
    }
}
