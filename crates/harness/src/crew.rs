//! The workers of a step, as the driver sees them: threads of this process, or a fleet of others.
//!
//! It must not know the driver's course.

use measure::{ArrivalsTally, GeneratorRecord, LossRecord, Recorder};
use wire::Clock;

use crate::desk::ClassCounts;
use crate::fleet::{Finished, FleetCrew, WorkerView};
use crate::threads::{Gauges, Threads};

/// The workers of a step.
#[derive(Debug)]
pub(crate) enum Crew<'a> {
    /// Threads of this process.
    Threads(Box<Threads>),
    /// Other processes.
    Fleet(Box<FleetCrew<'a>>),
}

impl Crew<'_> {
    /// Waits until all workers can send: nothing is due before. When the step is to begin.
    pub(crate) async fn ready(&mut self, clock: Clock) -> u64 {
        match self {
            Self::Threads(crew) => {
                crew.ready().await;
                clock.now_ns()
            }
            Self::Fleet(crew) => crew.ready().await,
        }
    }

    /// Begins the arrivals of an open load, which end before `until_ns`.
    pub(crate) async fn begin(&mut self, from_ns: u64, until_ns: u64) {
        match self {
            Self::Threads(crew) => crew.begin(from_ns, until_ns).await,
            Self::Fleet(crew) => crew.begin(from_ns, until_ns),
        }
    }

    /// Starts user `number` on the worker whose turn it is.
    pub(crate) async fn spawn(&self, class: usize, number: u32) {
        match self {
            Self::Threads(crew) => crew.spawn(class, number).await,
            Self::Fleet(crew) => crew.spawn(class, number),
        }
    }

    /// Lets user `number` go once it has read its answer.
    pub(crate) async fn dismiss(&self, number: u32) {
        match self {
            Self::Threads(crew) => crew.dismiss(number).await,
            Self::Fleet(crew) => crew.dismiss(number),
        }
    }

    /// Sends nothing new.
    pub(crate) async fn stop(&self) {
        match self {
            Self::Threads(crew) => crew.stop().await,
            Self::Fleet(crew) => crew.stop(),
        }
    }

    /// Gives up what is in flight.
    pub(crate) async fn cut(&self) {
        match self {
            Self::Threads(crew) => crew.cut().await,
            Self::Fleet(crew) => crew.cut(),
        }
    }

    /// Waits for what comes unasked.
    pub(crate) async fn watch(&mut self) {
        match self {
            Self::Threads(crew) => crew.watch().await,
            Self::Fleet(crew) => crew.watch().await,
        }
    }

    /// Whether all users have gone, after `stop`.
    pub(crate) fn is_drained(&self) -> bool {
        match self {
            Self::Threads(crew) => crew.is_drained(),
            Self::Fleet(crew) => crew.is_drained(),
        }
    }

    /// Whether no worker is left.
    pub(crate) fn is_deserted(&self) -> bool {
        match self {
            Self::Threads(_) => false,
            Self::Fleet(crew) => crew.is_deserted(),
        }
    }

    /// Collects and merges what was recorded in a second that has ended; `None` while a worker's part is on its way.
    pub(crate) async fn swap(&mut self) -> Option<(Gauges, &mut Recorder, Option<GeneratorRecord>)> {
        match self {
            Self::Threads(crew) => {
                let (gauges, recorder) = crew.swap().await;
                Some((gauges, recorder, None))
            }
            Self::Fleet(crew) => crew.swap(),
        }
    }

    /// Drops what was recorded; `fresh` makes an empty recorder. Users and requests go on, and count from the moment on that
    /// it gives.
    pub(crate) async fn reset(&mut self, clock: Clock, fresh: impl Fn() -> Recorder) -> u64 {
        match self {
            Self::Threads(crew) => {
                crew.reset(fresh).await;
                clock.now_ns()
            }
            Self::Fleet(crew) => crew.reset(&fresh),
        }
    }

    /// What each class did, up to the end of the last second.
    pub(crate) fn counts(&self) -> &[ClassCounts] {
        match self {
            Self::Threads(crew) => crew.counts(),
            Self::Fleet(crew) => crew.counts(),
        }
    }

    /// The workers of a fleet; empty of threads.
    pub(crate) fn view(&self) -> Vec<WorkerView> {
        match self {
            Self::Threads(_) => vec![],
            Self::Fleet(crew) => crew.view(),
        }
    }

    /// Collects the last records and ends the workers.
    pub(crate) async fn finish(self) -> (Recorder, Vec<ClassCounts>, Option<ArrivalsTally>, Vec<LossRecord>) {
        match self {
            Self::Threads(crew) => {
                let (recorder, counts, arrivals) = crew.finish().await;
                (recorder, counts, arrivals, vec![])
            }
            Self::Fleet(crew) => {
                let Finished { recorder, counts, arrivals, losses } = crew.finish().await;
                (recorder, counts, arrivals, losses)
            }
        }
    }
}
