//! On a terminal: the screen of `--tui`, Locust's keys without it, and the terminal as it was before, however it ends.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::spawn;

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{InputFlags, LocalFlags, OutputFlags, Termios, tcgetattr};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::common::{DEADLINE, Server, asker, folder, json, results, run, words};

/// A run on a terminal of its own.
struct Session {
    child: Child,
    /// Our end, and theirs.
    near: File,
    far: File,
    before: Termios,
    said: Receiver<Vec<u8>>,
    text: String,
    _server: Server,
    place: TempDir,
}

impl Session {
    /// Two users for a minute, unless it is ended.
    fn start(flags: &str) -> Self {
        let server = Server::start("--no-ratelimit", &[]);
        let place = folder(&[("s.toml", &asker("50ms", ""))]);
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(Some(&size), None).expect("there is a pseudo terminal");
        let (near, far) = (File::from(pair.master), File::from(pair.slave));
        let before = tcgetattr(&far).expect("is a terminal");
        let end = || Stdio::from(far.try_clone().expect("can be shared"));
        let args = format!("run -f s.toml -H {} -u 2 -r 20 -t 60s --out o {flags}", server.url());
        // With a session of its own the terminal is its own too, as it is below a shell.
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait", env!("CARGO_BIN_EXE_weaver-bench")]).args(words(&args));
        #[expect(clippy::disallowed_methods, reason = "`setsid` is found by it")]
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.current_dir(place.path()).env_clear().env("TERM", "xterm").env("PATH", path);
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().expect("`setsid` is there");
        let mut reader = near.try_clone().expect("can be shared");
        let (given, said) = channel();
        spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if given.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, near, far, before, said, text: String::new(), _server: server, place }
    }

    /// Waits until `part` was written, and forgets all up to there.
    #[track_caller]
    fn sees(&mut self, part: &str) {
        loop {
            if let Some((_, after)) = self.text.split_once(part) {
                self.text = after.to_owned();
                return;
            }
            match self.said.recv_timeout(DEADLINE) {
                Ok(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("`{part}` is not written:\n{:?}", self.text),
            }
        }
    }

    fn press(&mut self, keys: &str) {
        self.near.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    fn modes(&self) -> Termios {
        tcgetattr(&self.far).expect("is a terminal")
    }

    /// Waits for the end: the code, the terminal as it was, the users that were asked for.
    #[track_caller]
    fn ends(mut self, code: i32, users: &[u64]) {
        let status = self.child.wait().expect("a child can be waited for");
        assert_eq!(status.code(), Some(code), "{:?}", self.text);
        assert_eq!(self.modes(), self.before, "the terminal is not as it was");
        let run_file = json(results(&self.place.path().join("o")).join("run.json"));
        let edits = run_file["steps"][0]["edits"].as_array().cloned().unwrap_or_default();
        let found: Vec<_> = edits.iter().filter_map(|edit| edit["users"].as_u64()).collect();
        assert_eq!(found, users);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Mostly it has ended.
        let _ = self.child.kill();
    }
}

#[test]
fn a_screen_and_its_keys() {
    for signal in [None, Some(Signal::SIGTERM), Some(Signal::SIGHUP)] {
        let mut session = Session::start("--tui");
        // Only what differs is written: words, not lines.
        session.sees("\u{1b}[?1049h");
        session.sees("/ask");
        assert!(!session.modes().local_flags.contains(LocalFlags::ICANON), "keys come line by line");
        session.press("w");
        session.sees("(+1)");
        session.press("W");
        session.sees("10)");
        match signal {
            None => session.press("q"),
            Some(signal) => {
                let pid = Pid::from_raw(i32::try_from(session.child.id()).expect("a pid is an i32"));
                kill(pid, signal).expect("it runs");
            }
        }
        session.sees("\u{1b}[?1049l");
        session.sees("ABORTED");
        session.ends(3, &[3, 13]);
    }
}

#[test]
fn keys_without_a_screen() {
    let mut session = Session::start("--headless --print-stats");
    session.sees("run 1/60 s");
    let modes = session.modes();
    assert!(!modes.local_flags.intersects(LocalFlags::ICANON | LocalFlags::ECHO));
    assert!(modes.local_flags.contains(LocalFlags::ISIG) && modes.input_flags.contains(InputFlags::ICRNL));
    assert!(modes.output_flags.contains(OutputFlags::OPOST));
    session.press("w");
    session.sees("asked for 3 users (+1)\r\n");
    session.press("xS");
    session.sees("asked for 1 users (-10)\r\n");
    session.press("\u{3}");
    session.sees("stopping: waiting for answers");
    session.sees("ABORTED");
    session.ends(3, &[3, 1]);
}

#[test]
fn no_screen_without_a_terminal_or_in_virtual_time() {
    let place = folder(&[]);
    for (args, parts) in [
        ("run --tui -H http://127.0.0.1:9", ["--tui: standard input", "leave --tui out"]),
        ("baseline --tui", ["--tui: standard input", "leave --tui out"]),
        ("run --tui --simulate -t 1s", ["--tui: a simulated run", "leave --tui or --simulate out"]),
        ("run --tui --print-stats -H http://127.0.0.1:9", ["--tui", "cannot be used with"]),
    ] {
        run(place.path(), args).exits(2).says(&parts);
    }
}
