//! The terminal as a whole screen, and back again: whether the run ends, fails or panics, the terminal is as it was, and what
//! was said meanwhile is said then. It must not know what is drawn.

use std::io::{BufWriter, Stderr, Write, stderr, stdin};
use std::io::{IsTerminal, Result};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{Event, poll, read};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::{Rect, Size};
use tokio::sync::mpsc;

use crate::args::LoadArgs;
use crate::exit::Failure;
use crate::say;

/// Whether the screen is ours.
static UP: AtomicBool = AtomicBool::new(false);
static HOOKED: Once = Once::new();
/// Keys that wait at most; then the terminal keeps them.
const EVENTS_MAX: usize = 64;
/// How soon the reading thread hears that it is over.
const LOOK: Duration = Duration::from_millis(100);

/// Whether there can be a screen, if one is asked for.
pub(crate) fn check(args: &LoadArgs) -> std::result::Result<(), Failure> {
    if !args.tui {
        return Ok(());
    }
    if args.simulate {
        return Err(Failure::usage(
            "--tui: a simulated run is over before it can be watched; leave --tui or --simulate out",
        ));
    }
    if !(stdin().is_terminal() && stderr().is_terminal()) {
        return Err(Failure::usage(
            "--tui: standard input and standard error are no terminal; leave --tui out, or give --headless",
        ));
    }
    Ok(())
}

/// The screen, until it is dropped.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stderr>>>,
    events: mpsc::Receiver<Event>,
    reader: Option<JoinHandle<()>>,
}

impl Screen {
    /// Takes the terminal.
    pub(super) fn open() -> Result<Self> {
        HOOKED.call_once(|| {
            let before = std::panic::take_hook();
            // What a panic says is to be read.
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                before(panic);
            }));
        });
        say::hold();
        UP.store(true, Ordering::SeqCst);
        let opened = Self::opened();
        if opened.is_err() {
            restore();
        }
        opened
    }

    fn opened() -> Result<Self> {
        enable_raw_mode()?;
        execute!(stderr(), EnterAlternateScreen, Hide)?;
        let terminal = Terminal::new(CrosstermBackend::new(BufWriter::new(stderr())))?;
        let (given, events) = mpsc::channel(EVENTS_MAX);
        let reader = std::thread::Builder::new().name("keyboard".into()).spawn(move || hear(&given))?;
        Ok(Self { terminal, events, reader: Some(reader) })
    }

    /// What happens at the terminal next; never, once it is gone.
    pub(super) async fn event(&mut self) -> Event {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    /// How large it is.
    pub(super) fn size(&self) -> Size {
        self.terminal.size().unwrap_or(Size::new(80, 24))
    }

    /// Draws; nothing, once a panic has given the terminal back.
    pub(super) fn draw(&mut self, draw: impl FnOnce(Rect, &mut Buffer)) {
        if UP.load(Ordering::SeqCst) {
            // A terminal that is gone ends the run by its signal.
            let _ = self.terminal.draw(|frame| draw(frame.area(), frame.buffer_mut()));
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.events.close();
        // What went wrong while reading keys concerns nobody now.
        let _ = self.reader.take().map(JoinHandle::join);
        restore();
    }
}

/// Gives the terminal back, once.
fn restore() {
    if UP.swap(false, Ordering::SeqCst) {
        // A terminal that is gone needs nothing.
        let _ = execute!(stderr(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
        let _ = stderr().flush();
        say::release();
    }
}

fn hear(given: &mpsc::Sender<Event>) {
    while !given.is_closed() {
        match poll(LOOK) {
            Ok(false) => {}
            Ok(true) => {
                let Ok(event) = read() else { return };
                if given.blocking_send(event).is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}
