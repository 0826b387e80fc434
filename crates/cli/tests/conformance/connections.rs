//! What the real server's connections bear, and what becomes of them after an answer, in real time.
//!
//! It must not know what is answered beyond the status.

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::Clock;

use crate::server::Server;
use crate::startup::compose;
use crate::talk;

/// What a busy machine may add to the time that a connection lives on; nothing may be taken from it.
const SLACK_MS: u64 = 4_000;

/// A server in the present. Its folder goes with it.
fn server() -> (Server, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path(), &compose());
    (server.unwrap_or_else(|(code, said)| panic!("it ends with {code:?}: {said}")), folder)
}

async fn send(server: &Server, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.expect("it listens");
    stream.write_all(request).await.expect("it reads");
    stream
}

fn ask(key: &str, body: &str) -> String {
    let length = body.len();
    format!("POST /ask HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// A question with a field that nobody reads.
fn ask_with(value: &str) -> String {
    ask("test-api-key", &format!(r#"{{"user_id":"u","query":"hi!","x":{value}}}"#))
}

#[tokio::test]
async fn as_much_is_borne_as_by_the_real_server() {
    let (server, _folder) = server();
    let letters = |kib: usize| "a".repeat(kib << 10);
    let header = |kib| format!("GET /health HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", letters(kib));
    let url = |kib| format!("GET /health?{} HTTP/1.1\r\nHost: x\r\n\r\n", letters(kib));
    let nested = |depth| ask_with(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
    for (what, request, expected) in [
        ("a header of 16 KiB", header(16), 200),
        ("a header of 60 KiB", header(60), 200),
        ("a header of 70 KiB", header(70), 200),
        ("a header of 200 KiB", header(200), 200),
        ("a URL of 16 KiB", url(16), 200),
        ("a URL of 70 KiB", url(70), 400),
        ("1488 arrays in one another", nested(1_488), 200),
        ("1489 arrays in one another", nested(1_489), 400),
        ("a body of 1 MiB", ask_with(&format!("\"{}\"", letters(1 << 10))), 200),
        ("a body of 20 MiB", ask_with(&format!("\"{}\"", letters(20 << 10))), 200),
    ] {
        let mut stream = send(&server, request.as_bytes()).await;
        let (line, got) =
            talk::read(&mut stream, false).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(got.status, expected, "{what}: {line}");
    }
    // Three at once; and one that is refused before its body is there.
    let mut stream = send(&server, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3).as_bytes()).await;
    let mut text = String::new();
    while text.matches("HTTP/1.1 200 OK\r\n").count() < 3 || !text.ends_with("{\"status\":\"ok\"}") {
        let mut piece = vec![];
        assert!(stream.read_buf(&mut piece).await.expect("an answer") > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&piece));
    }
    let bodiless = ask("no key", "{}").replace("{}", "");
    let mut stream = send(&server, bodiless.as_bytes()).await;
    assert_eq!(talk::read(&mut stream, false).await.expect("an answer").1.status, 401);
}

/// Sends it and reads the answer: its status, whether it announces its end, and how many ms after the request that
/// comes.
async fn ending(server: &Server, clock: Clock, request: &[u8]) -> (u16, bool, u64) {
    let before_ns = clock.now_ns();
    let mut stream = send(server, request).await;
    let (_, got) = talk::read(&mut stream, false).await.expect("an answer");
    let announces = got.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("connection"));
    let more = stream.read_u8().await;
    assert!(more.is_err(), "{more:?} after the answer");
    (got.status, announces, (clock.now_ns() - before_ns) / 1_000_000)
}

#[tokio::test]
async fn connections_end_when_the_real_servers_do() {
    let (server, _folder) = server();
    let clock = Clock::system();
    let preflight =
        "OPTIONS /ask HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\nAccess-Control-Request-Method: GET\r\n\r\n";
    let non_ascii = b"GET /whoami HTTP/1.1\r\nHost: x\r\nX-API-Key: caf\xe9\r\n\r\n";
    let rows = [
        (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), 200, false, 5_000),
        (b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), 404, false, 5_000),
        (ask("no key", "{}").into_bytes(), 401, false, 5_000),
        (b"GET /ask HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), 405, false, 5_000),
        (preflight.as_bytes().to_vec(), 400, false, 5_000),
        (b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".to_vec(), 500, false, 0),
        (non_ascii.to_vec(), 500, false, 0),
        (b"FROB / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), 400, true, 0),
        (ask("test-api-key", "{").into_bytes(), 400, false, 5_000),
    ];
    let fresh = send(&server, b"").await;
    let (server, rows) = (&server, &rows);
    let checked = rows.iter().map(async |(request, status, announces, after_ms)| {
        let (got, announced, took_ms) = ending(server, clock, request).await;
        let text = String::from_utf8_lossy(request);
        assert_eq!((got, announced), (*status, *announces), "{text}");
        assert!((*after_ms..after_ms + SLACK_MS).contains(&took_ms), "{took_ms} ms: {text}");
    });
    futures_util::future::join_all(checked).await;
    // One on which nothing was ever said outlives them.
    assert!(fresh.try_read(&mut [0; 1]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
}
