//! `run` without `--headless`: the page at port 8089, where runs are started, watched, changed and kept.
//!
//! The way of a figure: the harness shows a glimpse of its record → [`board`] → [`view`] and [`figures`] → [`events`],
//! [`api`] and [`locust`]. Requests pass [`server`] → [`routes`] ([`guard`], [`login`]) → their answer. It must not know how a
//! run is carried out: [`run_thread`] does as `run --headless` does.

mod answer;
mod api;
mod args;
mod assets;
pub(crate) mod board;
mod documents;
mod events;
mod figures;
mod guard;
mod keyed;
mod locust;
mod login;
mod logs;
mod openapi;
mod params;
mod past;
mod routes;
mod run_thread;
mod server;
mod session;
mod start;
mod stub_door;
mod truth;
mod view;
mod workers;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, lookup_host};
use tokio::signal::unix::{SignalKind, signal};
use wire::Clock;

pub(crate) use self::args::PageArgs;
use self::guard::Hosts;
use self::login::Login;
use self::logs::Ring;
pub(crate) use self::logs::RingLayer;
use self::routes::{Door, router};
use self::session::Session;
pub(crate) use self::session::phase;
use crate::args::RunArgs;
use crate::dial::turn_of;
use crate::exit::{Exit, Failure, both};
use crate::keyboard::Keyboard;
use crate::log::start_log_with;
use crate::results::check_writable;
use crate::run::outputs;
use crate::runtime::runtime;
use crate::say::Stream;

/// Without a run, the page hears this often that the server is there.
const TICK: Duration = Duration::from_secs(1);

/// Serves the page until it is ended.
pub(crate) fn page(args: RunArgs) -> Result<Exit, Failure> {
    let logs = Ring::default();
    let clock = Clock::system();
    let session = Session::new(Arc::new(args), clock, logs.clone());
    let args = session.args.clone();
    let checked = match args.page.autostart {
        true => start::of_command_line(&session).map(Some),
        false => start::defaults(&session, false).map(|_| None),
    };
    let login = Login::of(&args.page, clock).map_err(Failure::from);
    let ((order, login), ()) =
        both(both(checked, login), start_log_with(&args.load.log, Some(logs.layer())))?;
    outputs(&args).try_for_each(|path| check_writable(&path))?;
    runtime()?.block_on(async {
        let (listener, bound) = bind(&args.page).await?;
        let hosts = Hosts::new(bound.ip(), &args.page.web_host);
        let door = Arc::new(Door { hosts, login });
        let name = if bound.ip().is_unspecified() { "localhost".to_owned() } else { host_of(bound.ip()) };
        Stream::Error.line(&format!("the page is at http://{name}:{}", bound.port()));
        let server = tokio::spawn(server::serve(listener, router(session.clone(), door), clock));
        let exit = live(&session, order).await;
        server.abort();
        exit
    })
}

fn host_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// The first of the hosts that are named is the one to listen at; loopback when none is.
async fn bind(args: &PageArgs) -> Result<(TcpListener, SocketAddr), Failure> {
    let host = args.web_host.first().map(|host| host.trim_matches(['[', ']']));
    let address = match host {
        None => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Some("*" | "") => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Some(host) => {
            let found = lookup_host((host, args.web_port)).await.ok().and_then(|mut found| found.next());
            let remedy = "give an address of this machine";
            found
                .ok_or_else(|| Failure::usage(format!("--web-host: `{host}` has no address; {remedy}")))?
                .ip()
        }
    };
    let wanted = SocketAddr::new(address, args.web_port);
    let listener = TcpListener::bind(wanted).await.map_err(|error| {
        Failure::usage(format!(
            "--web-port: the page cannot be served at {wanted}: {error}; give another port with -P"
        ))
    })?;
    let bound = listener.local_addr().map_err(Failure::usage)?;
    Ok((listener, bound))
}

/// Starts what is to be started, ticks, and hears signals: the first one stops a run, or ends; the next cuts it off.
async fn live(session: &Arc<Session>, order: Option<run_thread::Order>) -> Result<Exit, Failure> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt()).map_err(Failure::usage)?,
        signal(SignalKind::terminate()).map_err(Failure::usage)?,
    );
    let (clock, page) = (session.clock, &session.args.page);
    let mut ends = session.ends();
    if let Some(order) = order {
        session.start(order).await?;
    }
    let (mut ending, mut quit_ns) = (false, None);
    let mut keyboard = Keyboard::listen();
    loop {
        let tick_ns = clock.now_ns() + TICK.as_nanos() as u64;
        tokio::select! {
            biased;
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            key = keyboard.key() => {
                if let Some(by) = turn_of(key) {
                    Stream::Error.line(&session.turn(by));
                }
                continue;
            }
            _ = ends.changed() => {
                if ending {
                    break;
                }
                let after = page.autoquit.map(|seconds| seconds.saturating_mul(1_000_000_000));
                quit_ns = after.map(|after_ns| clock.now_ns().saturating_add(after_ns));
                continue;
            }
            () = clock.sleep_until(quit_ns.unwrap_or(u64::MAX).min(tick_ns)) => {
                let idle = session.runs().current.is_none();
                if idle && quit_ns.is_some_and(|quit_ns| clock.now_ns() >= quit_ns) {
                    break;
                }
                if idle {
                    session.publish().await;
                }
                continue;
            }
        }
        // A run that is only being started is not waited for.
        if !session.stop() {
            break;
        }
        Stream::Error.line(if ending {
            "cutting off"
        } else {
            "stopping: waiting for answers; once more to cut them off"
        });
        ending = true;
    }
    let exit = session.runs().exit;
    Ok(exit.unwrap_or(Exit::PASSED))
}
