//! A real redis-server for tests: on a free port, empty, frozen, killed and brought back on command, gone with the
//! test. It needs the standard library alone, so that any test may take it in; it must not know the stub.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// Attempts to find a port that is still free when the server takes it.
const ATTEMPTS_MAX: usize = 20;

/// A redis-server of the test's own.
pub(crate) struct RedisServer {
    port: u16,
    options: Vec<String>,
    child: Option<Child>,
}

impl RedisServer {
    /// A server with nothing in it, which answers.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// A server with options of its command line, such as `["--requirepass", "secret"]`.
    pub(crate) fn with(options: &[&str]) -> Self {
        let options: Vec<_> = options.iter().map(|option| (*option).to_owned()).collect();
        let mut said = String::new();
        for _ in 0..ATTEMPTS_MAX {
            let mut server = Self { port: free_port(), options: options.clone(), child: None };
            match server.try_start() {
                Ok(()) => return server,
                Err(lines) => said = lines,
            }
        }
        panic!("redis-server does not start; it says:\n{said}");
    }

    /// The port, the same after a restart.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends the server at once; its data are gone, its connections broken.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the server can be killed");
            child.wait().expect("the server ends");
        }
    }

    /// Brings a killed server back on the same port.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.try_start().unwrap_or_else(|lines| panic!("redis-server does not come back; it says:\n{lines}"));
    }

    /// Stops it from running: connections are accepted by the system, and nothing is answered.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it run again.
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    /// What the server says to a command without blanks in its words: for looking from outside. Only for servers
    /// without a password.
    pub(crate) fn ask(&self, command: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("the server is there");
        write!(stream, "{command}\r\nQUIT\r\n").expect("the server listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the server answers");
        answer.strip_suffix("+OK\r\n").expect("it says good-bye").to_owned()
    }

    /// Connections to the server, the one that asks aside.
    pub(crate) fn clients(&self) -> usize {
        self.ask("CLIENT LIST").lines().filter(|line| line.starts_with("id=")).count() - 1
    }

    fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("the server runs").id();
        let done = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status();
        assert!(done.expect("there is a shell").success(), "SIG{name} to {id} fails");
    }

    /// Starts and waits until it says that it is ready; else what it said.
    fn try_start(&mut self) -> Result<(), String> {
        let port = self.port.to_string();
        let spawned = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--dir", "/tmp", "--enable-debug-command", "yes"])
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = spawned.unwrap_or_else(|error| {
            panic!("these tests need redis-server ({error}): apt-get install redis-server")
        });
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        let mut said = String::new();
        for line in lines.by_ref() {
            said += &format!("{line}\n");
            if line.contains("Ready to accept connections") {
                self.child = Some(child);
                // What it says from now on is read away, so that it never waits for a reader.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(());
            }
        }
        child.wait().expect("the server ends");
        Err(said)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}
