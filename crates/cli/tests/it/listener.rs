//! Servers that misbehave: each does one thing to every connection.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::spawn;

/// What is done to a connection once its first bytes were read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Habit {
    /// Never answers.
    Silent,
    /// Closes without an answer.
    Closes,
    /// Closes without having read: the client is reset.
    Resets,
    /// Answers so, and closes.
    Says(&'static str),
    /// Answers `/health`, and nothing else.
    Health,
}

const HEALTHY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// A server with a habit; it lives as long as the test's process.
pub(crate) struct Listener {
    pub(crate) url: String,
    first: Arc<Mutex<Vec<u8>>>,
}

impl Listener {
    pub(crate) fn start(habit: Habit) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("is bound"));
        let first = Arc::new(Mutex::new(vec![]));
        let seen = first.clone();
        spawn(move || {
            for stream in listener.incoming() {
                let (stream, seen) = (stream.expect("a connection"), seen.clone());
                spawn(move || serve(stream, habit, &seen));
            }
        });
        Self { url, first }
    }

    /// What the last connection that said something said first.
    pub(crate) fn first_bytes(&self) -> Vec<u8> {
        self.first.lock().expect("nobody panicked").clone()
    }
}

fn serve(mut stream: TcpStream, habit: Habit, seen: &Mutex<Vec<u8>>) {
    let mut bytes = [0; 4096];
    if let Habit::Resets = habit {
        // One byte read and the rest left: closing then resets the connection.
        let _ = stream.read(&mut bytes[..1]);
        return;
    }
    match stream.read(&mut bytes) {
        // The look whether anyone is there.
        Ok(0) | Err(_) => return,
        Ok(count) => *seen.lock().expect("nobody panicked") = bytes[..count].to_vec(),
    }
    let mut healthy = bytes.starts_with(b"GET /health ");
    match habit {
        Habit::Closes | Habit::Resets => {}
        Habit::Says(text) => {
            // The client may have gone.
            let _ = stream.write_all(text.as_bytes());
        }
        // A request for it is small enough to come in one piece.
        Habit::Health => {
            while healthy && stream.write_all(HEALTHY).is_ok() {
                healthy = stream.read(&mut bytes).is_ok() && bytes.starts_with(b"GET /health ");
            }
            while stream.read(&mut bytes).is_ok_and(|count| count > 0) {}
        }
        // Until the client closes.
        Habit::Silent => while stream.read(&mut bytes).is_ok_and(|count| count > 0) {},
    }
}
