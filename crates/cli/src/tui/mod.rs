//! `--tui`: a run on the whole terminal, for those without a browser: the same figures as the page's, with keys.
//!
//! The way of a figure: the harness's view, and [`board`](crate::page::board) → [`picture`] → [`mod@draw`]. The way of a key:
//! [`screen`] → [`keys`] → [`state`], or a command to the run.

mod charts;
mod columns;
mod draw;
mod keys;
mod picture;
mod screen;
mod state;
mod table;
mod text;

use harness::{Command, RunHandle, StepPlan, View};
use measure::Run;
use ratatui::crossterm::event::Event;
use ratatui::layout::{Rect, Size};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use self::draw::{Look, draw, room};
use self::keys::{Act, act_of};
use self::picture::Picture;
use self::screen::Screen;
pub(crate) use self::screen::check;
use self::state::State;
use crate::dial::Dial;
use crate::exit::Failure;
use crate::page::board::Board;
use crate::results::Results;
use crate::runtime::runtime;
use crate::watch::Keeper;

/// Follows the run to its end on the whole terminal.
pub(crate) fn follow(
    handle: RunHandle,
    steps: &[StepPlan],
    results: Option<&Results>,
) -> Result<Run, Failure> {
    let runtime = runtime()?;
    let kept = match Screen::open() {
        Ok(screen) => runtime.block_on(watch(&handle, steps, results, screen)),
        Err(error) => {
            // Nobody would see the run.
            let _ = handle.commands().try_send(Command::Cut);
            Err(Failure::usage(format!("--tui: the terminal cannot be used: {error}; give --headless")))
        }
    };
    let run = handle.join();
    // What could not be written before may fit now; the first error is the one that is told.
    let written = results.map_or(Ok(()), |results| results.write(&run));
    kept.and(written).map(|()| run)
}

async fn watch(
    handle: &RunHandle,
    steps: &[StepPlan],
    results: Option<&Results>,
    mut screen: Screen,
) -> Result<(), Failure> {
    let heard = |kind| signal(kind).map_err(Failure::usage);
    let mut interrupt = heard(SignalKind::interrupt())?;
    let mut terminate = heard(SignalKind::terminate())?;
    let mut hangup = heard(SignalKind::hangup())?;
    let mut view = handle.view();
    let mut keeper = Keeper::new(results);
    let mut watcher = Watcher::new(handle.commands(), steps);
    let mut outcome = Ok(());
    loop {
        screen.draw(|area, buffer| draw(&watcher.picture, &watcher.state, watcher.look, area, buffer));
        tokio::select! {
            biased;
            _ = interrupt.recv() => watcher.stop(),
            _ = terminate.recv() => watcher.stop(),
            _ = hangup.recv() => watcher.stop(),
            event = screen.event() => watcher.hear(&event, screen.size()),
            changed = view.changed() => {
                if changed.is_err() {
                    return outcome;
                }
                let seen: View = view.borrow_and_update().clone();
                if let Err(failure) = keeper.keep(&seen) {
                    watcher.state.note(format!("stopping: {}", failure.text));
                    // Measuring on would only lose more.
                    let _ = watcher.commands.try_send(Command::Stop);
                    outcome = outcome.and(Err(failure));
                }
                watcher.see(seen, screen.size()).await;
            }
        }
    }
}

/// Who looks at the run and tells it what is wanted.
struct Watcher<'a> {
    commands: mpsc::Sender<Command>,
    steps: &'a [StepPlan],
    look: Look,
    view: View,
    board: Board,
    picture: Picture,
    state: State,
    dial: Dial,
    stops: u32,
}

impl<'a> Watcher<'a> {
    fn new(commands: mpsc::Sender<Command>, steps: &'a [StepPlan]) -> Self {
        Self {
            commands,
            steps,
            look: Look::of_environment(),
            view: View::default(),
            board: Board::default(),
            picture: Picture { state: "spawning", ..Picture::default() },
            state: State::default(),
            dial: Dial::default(),
            stops: 0,
        }
    }

    /// Takes the newest view, and what is behind it.
    async fn see(&mut self, view: View, size: Size) {
        let told = match view.finished.clone().or_else(|| view.head.clone()) {
            Some(run) => self.board.finished(run),
            None => Ok(()),
        };
        let glimpse = RunHandle::look(&self.commands, self.board.known()).await;
        let told = told.and_then(|()| glimpse.map_or(Ok(()), |glimpse| self.board.glimpse(glimpse)));
        match told.and_then(|()| self.board.shown()) {
            Ok(shown) => {
                let points = self.board.points();
                self.picture = Picture::of(&view, self.steps, shown.as_ref(), points, self.stops);
            }
            Err(error) => self.state.note(error.to_string()),
        }
        self.view = view;
        self.state.sorting.sort(&mut self.picture.entries);
        self.fit(size);
    }

    /// Does what an event at the terminal asks for.
    fn hear(&mut self, event: &Event, size: Size) {
        match event {
            Event::Key(key) => match act_of(*key) {
                Some(Act::Stop) => self.stop(),
                Some(Act::Users(by)) => self.turn(by),
                Some(act) => {
                    let before = self.state.sorting;
                    self.state.act(act, room(&self.picture, area(size)));
                    if self.state.sorting != before {
                        self.state.sorting.sort(&mut self.picture.entries);
                    }
                }
                None => {}
            },
            _ => self.fit(size),
        }
    }

    fn fit(&mut self, size: Size) {
        self.state.fit(room(&self.picture, area(size)));
    }

    /// The first time it waits for answers, then it cuts them off.
    fn stop(&mut self) {
        self.stops += 1;
        let (command, note) = match self.stops {
            1 => (Command::Stop, "stopping: waiting for answers; once more to cut them off"),
            _ => (Command::Cut, "cutting off"),
        };
        self.state.note(note.to_owned());
        self.picture.state = "stopping";
        // A run that has just ended hears nothing, and needs to hear nothing.
        let _ = self.commands.try_send(command);
    }

    fn turn(&mut self, by: i32) {
        let said = self.dial.turn(&self.commands, &self.view, self.steps, by);
        self.state.note(said);
        let asked = self.dial.users(self.view.step);
        self.picture.users_asked = asked.or(self.picture.users_asked);
    }
}

fn area(size: Size) -> Rect {
    Rect::from((ratatui::layout::Position::ORIGIN, size))
}
