//! A server that keeps the page's contract with made-up figures: many names, hostile texts, lost connections, all
//! states at once, quicker than any run. It serves the page's own files. It must not know the browser.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::spawn;
use std::time::Duration;

use serde_json::{Value, json};

use crate::figures;

/// Between two views: a fifth of the real one, so that tests are quick.
const BEAT: Duration = Duration::from_millis(200);

pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What a test may turn.
pub(crate) struct World {
    pub(crate) state: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) valid: bool,
    pub(crate) users: u64,
    pub(crate) names: u64,
    /// Put into every text that a stranger may choose.
    pub(crate) hostile: String,
    /// Commands that came, newest last: path and body.
    pub(crate) commands: Vec<(String, Value)>,
    /// What the next command is answered with instead of success.
    pub(crate) refusal: Option<Value>,
    /// Other pages, by path; they may do what they like.
    pub(crate) pages: BTreeMap<&'static str, String>,
}

struct Shared {
    world: Mutex<World>,
    beats: AtomicU64,
    /// Streams are cut and refused.
    deaf: AtomicBool,
    asked: Mutex<BTreeMap<String, u64>>,
}

/// The server; it takes connections until the test ends.
pub(crate) struct Pretend {
    pub(crate) address: String,
    shared: Arc<Shared>,
    _alive: Sender<()>,
}

impl Pretend {
    pub(crate) fn start() -> Self {
        let world = World {
            state: "running",
            kind: "run",
            valid: true,
            users: 50,
            names: 12,
            hostile: String::new(),
            commands: vec![],
            refusal: None,
            pages: BTreeMap::new(),
        };
        let shared = Arc::new(Shared {
            world: Mutex::new(world),
            beats: AtomicU64::new(30),
            deaf: AtomicBool::new(false),
            asked: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("is bound").to_string();
        let (alive, ended) = channel::<()>();
        let beating = Arc::clone(&shared);
        spawn(move || {
            while ended.recv_timeout(BEAT) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                beating.beats.fetch_add(1, Ordering::Relaxed);
            }
        });
        let serving = Arc::clone(&shared);
        spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                // A browser that has gone is no failure of the server.
                spawn(move || drop(serve(stream, &shared)));
            }
        });
        Self { address, shared, _alive: alive }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world.lock().expect("no test panicked with it")
    }

    /// Cuts every stream of views and takes no more, or takes them again.
    pub(crate) fn deafen(&self, deaf: bool) {
        self.shared.deaf.store(deaf, Ordering::Relaxed);
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> u64 {
        self.shared.asked.lock().expect("no panic holds it").get(path).copied().unwrap_or(0)
    }
}

fn serve(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, target) =
        (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or("/").to_owned());
    let mut length = 0;
    loop {
        let mut head = String::new();
        if reader.read_line(&mut head)? == 0 || head.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = head.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    *shared.asked.lock().expect("no panic holds it").entry(path.to_owned()).or_default() += 1;
    if path == "/api/events" {
        return if shared.deaf.load(Ordering::Relaxed) {
            reply(stream, "503 Service Unavailable", "text/plain", b"")
        } else {
            events(stream, shared)
        };
    }
    if method == "POST" {
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let (status, said) = command(shared, path, body);
        return reply(stream, status, "application/json", said.to_string().as_bytes());
    }
    if let Some(text) = shared.world.lock().expect("no panic holds it").pages.get(path).cloned() {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            text.len()
        );
        let mut stream = stream;
        return stream.write_all(format!("{head}{text}").as_bytes());
    }
    match page(path) {
        Some((kind, bytes)) => reply(stream, "200 OK", kind, &bytes),
        None => {
            let world = shared.world.lock().expect("no panic holds it");
            let beats = shared.beats.load(Ordering::Relaxed);
            let answer = figures::answer(&world, beats, path, query);
            drop(world);
            let text = answer.map(|value| value.to_string());
            match text {
                Some(text) => reply(stream, "200 OK", "application/json", text.as_bytes()),
                None => reply(stream, "404 Not Found", "text/plain", b"not here"),
            }
        }
    }
}

fn reply(mut stream: TcpStream, status: &str, kind: &str, body: &[u8]) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nContent-Security-Policy: {POLICY}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}

/// A file of the page.
fn page(path: &str) -> Option<(&'static str, Vec<u8>)> {
    let name = if path == "/" { "index.html" } else { path.strip_prefix("/assets/")? };
    let kind = match name.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
    Some((kind, fs::read(folder.join(name)).ok()?))
}

fn events(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes())?;
    let (_hold, never): (Sender<()>, Receiver<()>) = channel();
    while !shared.deaf.load(Ordering::Relaxed) {
        let beats = shared.beats.load(Ordering::Relaxed);
        let view = figures::view(&shared.world.lock().expect("no panic holds it"), beats);
        stream.write_all(format!("id: {beats}\nevent: view\ndata: {view}\n\n").as_bytes())?;
        // The wait itself: nobody ever sends.
        let _ = never.recv_timeout(BEAT);
    }
    Ok(())
}

fn command(shared: &Shared, path: &str, body: Value) -> (&'static str, Value) {
    let mut world = shared.world.lock().expect("no panic holds it");
    if let Some(refusal) = world.refusal.take() {
        return ("422 Unprocessable Content", refusal);
    }
    match path {
        "/api/start" => (world.state, world.kind) = ("running", "run"),
        "/api/baseline" => (world.state, world.kind) = ("running", "baseline"),
        "/api/stop" => world.state = "stopped",
        "/api/edit" => world.users = body["user_count"].as_u64().unwrap_or(0),
        _ => {}
    }
    world.commands.push((path.to_owned(), body));
    ("200 OK", json!({ "success": true, "message": "done" }))
}
