//! Single keys from the terminal while a run goes on, without a screen of our own: the terminal gives each key at once and
//! does not show it; Ctrl-C, Ctrl-Z and lines written stay as they are. Where standard input is no terminal, or another job
//! has it, nothing is read. It must not know what keys mean.

use std::future::pending;
use std::io::{IsTerminal, PipeReader, PipeWriter, Stdin};
use std::os::fd::AsFd;
use std::thread::JoinHandle;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, raise};
use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
use nix::unistd::{getpgrp, read, tcgetpgrp};
use tokio::sync::mpsc;

/// Keys that wait at most; a run takes no notice of more in one moment.
const KEYS_MAX: usize = 256;
/// How often it is looked whether the terminal is ours.
const LOOK_MS: u16 = 250;
/// Ctrl-\, which would end the process before the terminal is as it was.
const QUIT: u8 = 0x1c;

/// Listens until it is dropped; the terminal is then as it was before.
#[derive(Debug, Default)]
pub(crate) struct Keyboard(Option<Listener>);

#[derive(Debug)]
struct Listener {
    keys: mpsc::Receiver<u8>,
    /// Closing it ends the thread.
    stay: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Keyboard {
    /// Listens, if standard input is a terminal.
    pub(crate) fn listen() -> Self {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Self::default();
        }
        let (given, keys) = mpsc::channel(KEYS_MAX);
        let Ok((left, stay)) = std::io::pipe() else { return Self::default() };
        let job = move || hear(&stdin, &left, &given);
        let thread = std::thread::Builder::new().name("keyboard".into()).spawn(job).ok();
        Self(thread.map(|thread| Listener { keys, stay: Some(stay), thread: Some(thread) }))
    }

    /// The next key; never, where there is none.
    pub(crate) async fn key(&mut self) -> char {
        let key = match &mut self.0 {
            Some(listener) => listener.keys.recv().await,
            None => None,
        };
        match key {
            Some(key) => char::from(key),
            None => pending().await,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stay = None;
        // It may have panicked; the terminal is restored all the same.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn hear(stdin: &Stdin, left: &PipeReader, keys: &mpsc::Sender<u8>) {
    let mut modes = Modes { stdin, before: None };
    loop {
        let ours = modes.hold();
        let mut watched =
            [PollFd::new(left.as_fd(), PollFlags::POLLIN), PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        let count = if ours { 2 } else { 1 };
        match poll(&mut watched[..count], PollTimeout::from(LOOK_MS)) {
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(_) => return,
        }
        if watched[0].any() == Some(true) {
            return;
        }
        if !ours || watched[1].any() != Some(true) {
            continue;
        }
        let mut bytes = [0; KEYS_MAX];
        let count = match read(stdin, &mut bytes) {
            Ok(0) => return,
            Ok(count) => count,
            Err(Errno::EINTR | Errno::EAGAIN) => continue,
            Err(_) => return,
        };
        for key in &bytes[..count] {
            if *key == QUIT {
                modes.restore();
                // It ends the process, as the key is meant to.
                let _ = raise(Signal::SIGQUIT);
            }
            // Whoever holds a key down while the run is busy asks for less.
            let _ = keys.try_send(*key);
        }
    }
}

/// How the terminal was before it gave single keys.
struct Modes<'a> {
    stdin: &'a Stdin,
    before: Option<Termios>,
}

impl Modes<'_> {
    /// Whether the terminal is ours; if so it gives single keys, also after a shell had it for a while.
    fn hold(&mut self) -> bool {
        if !self.is_ours() {
            return false;
        }
        let Ok(now) = tcgetattr(self.stdin) else { return false };
        let set = single_keys(now.clone());
        if now.local_flags == set.local_flags && now.control_chars == set.control_chars {
            return true;
        }
        self.before = Some(now);
        tcsetattr(self.stdin, SetArg::TCSANOW, &set).is_ok()
    }

    /// A job in the background that touches the terminal would be stopped.
    fn is_ours(&self) -> bool {
        tcgetpgrp(self.stdin) == Ok(getpgrp())
    }

    fn restore(&mut self) {
        if let Some(before) = self.before.take()
            && self.is_ours()
        {
            // A terminal that is gone needs nothing.
            let _ = tcsetattr(self.stdin, SetArg::TCSANOW, &before);
        }
    }
}

impl Drop for Modes<'_> {
    fn drop(&mut self) {
        self.restore();
    }
}

/// The same terminal, giving each key at once and unseen; output and Ctrl-C stay as they are.
fn single_keys(mut modes: Termios) -> Termios {
    modes.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
    modes.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
    modes.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
    modes.control_chars[SpecialCharacterIndices::VQUIT as usize] = 0;
    modes
}
