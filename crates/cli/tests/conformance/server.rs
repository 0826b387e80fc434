//! The binary as a server in a process of its own, under faked time where the date matters.
//!
//! It must not know recordings, nor HTTP.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// One agent that takes no time: latencies are not compared.
const PROFILE: &str = "[agent.stage]\nconcurrency = 1\ndelay = { fixed = \"0ms\" }\n[[workflow]]\nname = \"all\"\nstages = [\"stage\"]\n";
const PROFILE_FILE: &str = "conformance.toml";

/// The longest from the request to end to the end.
const ENDING: Duration = Duration::from_secs(5);

/// What `faketime` loads into a program with many threads.
static PRELOAD: LazyLock<String> = LazyLock::new(|| {
    let run = Command::new("faketime").args(["-m", "-f", "+0", "sh", "-c", "echo $LD_PRELOAD"]).output();
    let run =
        run.unwrap_or_else(|error| panic!("these tests need faketime ({error}): apt-get install faketime"));
    let text = String::from_utf8(run.stdout).expect("a path is text");
    assert!(text.contains("libfaketime"), "faketime loads `{text}`");
    text.trim().to_owned()
});

/// A server that runs until this is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    child: Child,
    /// Ends when the server says no more.
    said: Receiver<()>,
}

/// The binary's `serve` on a free port, in this folder, with these variables and no others.
fn command(folder: &Path, variables: &BTreeMap<String, String>) -> Command {
    std::fs::write(folder.join(PROFILE_FILE), PROFILE).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_weaver-bench"));
    command
        .args(["serve", "--host", "127.0.0.1", "--port", "0", "--seed", "1", "--profile", PROFILE_FILE])
        .current_dir(folder)
        .env_clear()
        .env("TZ", "UTC")
        .envs(variables)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

impl Server {
    /// Starts it at another time, which these variables tell; it listens when this returns.
    pub(crate) fn start_at(
        time: Vec<(&'static str, String)>,
        folder: &Path,
        variables: &BTreeMap<String, String>,
    ) -> Self {
        let mut command = command(folder, variables);
        command.env("LD_PRELOAD", &*PRELOAD).envs(time);
        started(command).unwrap_or_else(|(code, said)| panic!("it ends with {code:?}: {said}"))
    }

    /// Starts it in the present, or says how it ended: its exit code and what it said.
    pub(crate) fn start(
        folder: &Path,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, (Option<i32>, String)> {
        started(command(folder, variables))
    }
}

fn started(mut command: Command) -> Result<Server, (Option<i32>, String)> {
    let mut child = command.spawn().expect("the binary starts");
    let mut lines = BufReader::new(child.stderr.take().expect("is piped"));
    let mut said = String::new();
    match listening(&mut lines, &mut said) {
        Some(address) => {
            // What it says from now on is read away, so that it never waits for a reader.
            let (sender, said) = channel();
            std::thread::spawn(move || {
                lines.lines().map_while(Result::ok).for_each(drop);
                drop(sender);
            });
            Ok(Server { address, child, said })
        }
        None => Err((child.wait().expect("it ends").code(), said)),
    }
}

/// The address that it says it listens on; none if it ends before.
fn listening(lines: &mut BufReader<ChildStderr>, said: &mut String) -> Option<SocketAddr> {
    loop {
        let begin = said.len();
        if lines.read_line(said).expect("text") == 0 {
            return None;
        }
        if let Some((_, after)) = said[begin..].split_once("stub of Weaver AI on http://") {
            return Some(after.split(',').next()?.parse().expect("an address"));
        }
    }
}

impl Drop for Server {
    /// Asks it to end, so that `faketime` can clear up after it, and ends it if it does not.
    fn drop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid is an i32"));
        let _ = kill(pid, Signal::SIGTERM);
        // It closes what it says when it ends.
        if self.said.recv_timeout(ENDING) != Err(RecvTimeoutError::Disconnected) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
