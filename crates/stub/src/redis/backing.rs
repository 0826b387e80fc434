//! Which Redis the stub has: none, its own, or a server.

use wire::Clock;

use super::{Embedded, Outage, Server, Target, TargetError, Temper};
use crate::quirk::{Quirk, Repairs};
use crate::settings::{RedisSettings, Settings};

/// The stub's Redis.
#[derive(Clone)]
pub(crate) enum Backing {
    /// None: everything runs embedded, and what the real server leaves out without Redis is left out.
    Off,
    /// One in this process.
    Embedded(Embedded),
    /// A server.
    Server(Server),
}

impl Backing {
    /// Without a server; `None` if the settings name one.
    pub(crate) fn local(settings: &RedisSettings, repairs: Repairs, clock: Clock) -> Option<Self> {
        match settings {
            RedisSettings::Off => Some(Self::Off),
            RedisSettings::Memory { up } => Some(Self::Embedded(Embedded::new(*up, temper(repairs), clock))),
            // The real server takes such a port for a Redis that is down.
            RedisSettings::At { port: None, .. } => {
                Some(Self::Embedded(Embedded::new(false, temper(repairs), clock)))
            }
            RedisSettings::At { .. } | RedisSettings::Url(_) => None,
        }
    }

    /// With a server too, tried once.
    pub(crate) async fn connect(settings: &Settings, clock: Clock) -> Result<Self, TargetError> {
        let repairs = settings.repairs;
        if let Some(local) = Self::local(&settings.redis, repairs, clock) {
            return Ok(local);
        }
        let mut target = match &settings.redis {
            RedisSettings::At { host, port: Some(port) } => Target::at(host, *port),
            RedisSettings::Url(url) => Target::parse(&url.0)?,
            _ => unreachable!("these are local"),
        };
        if let Some(file) = &settings.redis_ca {
            target = target.with_ca_file(file)?;
        }
        Ok(Self::Server(Server::connect(target, temper(repairs), clock).await))
    }

    /// These outages are planned, and no others. Without Redis there is none to be away.
    pub(crate) fn play(&self, outages: Vec<Outage>) {
        match self {
            Self::Off => {}
            Self::Embedded(embedded) => embedded.play(outages),
            Self::Server(server) => server.play(outages),
        }
    }

    /// Whether Redis answered when the stub started.
    pub(crate) fn up_at_start(&self) -> bool {
        match self {
            Self::Off => false,
            Self::Embedded(embedded) => embedded.up_at_start(),
            Self::Server(server) => server.reachable_at_start(),
        }
    }
}

/// How long Redis is waited for.
pub(crate) fn temper(repairs: Repairs) -> Temper {
    if repairs.has(Quirk::RedisHang) { Temper::Brisk } else { Temper::Patient }
}
