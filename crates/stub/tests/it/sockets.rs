//! The stub on a real socket: clients that leave, answers in a row, HTTP/2, limits of patience, and the drain.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::Clock;

use crate::server::{ASK, LIMIT, answer, rest, start, start_at, statuses};

#[tokio::test]
async fn a_drain_answers_what_is_in_flight_and_closes_what_is_idle() {
    let mut server = start("300ms").await;
    let idle = server.send("").await;
    let half = server.send("GET /health HT").await;
    let mut kept = server.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer(&mut kept).await.ends_with(r#"{"status":"ok"}"#));
    let asking = server.send(ASK).await;
    server.until(|truth| truth.in_flight == 1).await;
    let stop = std::mem::replace(&mut server.stop, tokio::sync::oneshot::channel().0);
    stop.send(()).expect("it serves");
    for idle in [idle, half, kept] {
        assert_eq!(rest(idle).await, "");
    }
    assert_eq!(server.stub.truth().in_flight, 1, "idle connections were closed before the answer was due");
    let answer = rest(asking).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\ndate: ")
            && answer.contains("\r\nconnection: close\r\n\r\n")
            && answer.contains("[MODEL RESPONSE] hi!"),
        "{answer}"
    );
    assert!(TcpStream::connect(server.address).await.is_err(), "no new connection during the drain");
    server.finish().await;
}

#[tokio::test]
async fn a_client_that_leaves_is_abandoned() {
    let server = start("1h").await;
    for bytes in [ASK, &ASK[..ASK.len() - 9], &[ASK, "GET /he"].concat()] {
        let before = server.stub.truth().abandoned;
        let asking = server.send(bytes).await;
        server.until(|truth| truth.in_flight == 1).await;
        drop(asking);
        server.until(|truth| truth.in_flight == 0).await;
        assert_eq!(server.stub.truth().abandoned, before + 1, "{bytes}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_taken_to_its_end_is_abandoned() {
    let server = start("0s").await;
    // Together their answers fit into no socket, so one of them is stuck, or is when the client is gone.
    let mut stream = server.send("GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(3_000)).await;
    assert_eq!(stream.read_u8().await.expect("the first answer begins"), b'H');
    drop(stream);
    server.until(|truth| truth.in_flight == 0 && truth.abandoned > 0).await;
    let truth = server.stub.truth();
    assert_eq!((truth.received, truth.abandoned), (truth.answered + 1, 1));
    let last = server.stub.entries(truth.answered, 10).entries;
    let [last] = &last[..] else { panic!("{last:?}") };
    assert_eq!((last.status, last.abandoned, last.written_ns), (Some(200), true, 0));
    assert!(last.first_byte_ns >= last.fired_ns, "{last:?}");
    let answered = server.stub.entries(0, truth.answered as usize).entries;
    let whole = |entry: &wire::LedgerEntry| {
        !entry.abandoned && entry.fired_ns <= entry.first_byte_ns && entry.first_byte_ns <= entry.written_ns
    };
    assert!(answered.iter().all(whole), "{answered:?}");
}

#[tokio::test]
async fn bodies_come_in_pieces_and_requests_in_a_row() {
    let server = start("0s").await;
    let chunked = "POST /ask HTTP/1.1\r\nhost: x\r\nx-api-key: key\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{\"user_id\r\n14\r\n\":\"u\",\"query\":\"hi!\"}\r\n0\r\n\r\n";
    let last = "GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let all = [ASK, chunked, ASK, last].concat();
    for step in [1, 7, 50, all.len()] {
        let mut stream = server.send("").await;
        stream.set_nodelay(true).expect("an option");
        for piece in all.as_bytes().chunks(step) {
            stream.write_all(piece).await.expect("a request");
            tokio::task::yield_now().await;
        }
        let text = rest(stream).await;
        assert_eq!(statuses(&text), ["200", "200", "200", "404"], "in steps of {step}: {text}");
        assert!(!text.contains("transfer-encoding"), "{text}");
    }
}

/// The preface of HTTP/2, with empty settings.
const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[tokio::test]
async fn http_2_is_spoken_to_who_begins_with_it() {
    let mut server = start("0s").await;
    let mut stream = server.send(&PREFACE[..12]).await;
    stream.write_all(&PREFACE.as_bytes()[12..]).await.expect("a preface");
    let (kind, settings) = frame(&mut stream).await.expect("a frame");
    assert_eq!(kind, 4, "settings come first");
    for (what, setting) in
        [("256 requests at once", [0, 3, 0, 0, 1, 0]), ("64 KiB of header fields", [0, 6, 0, 1, 0, 0])]
    {
        assert!(settings.chunks(6).any(|given| given == setting), "{what}: {settings:?}");
    }
    let stop = std::mem::replace(&mut server.stop, tokio::sync::oneshot::channel().0);
    stop.send(()).expect("it serves");
    let gone = async { while frame(&mut stream).await.expect("a frame").0 != GOES_AWAY {} };
    server.clock.timeout(LIMIT, gone).await.expect("it says that it goes away");
    drop(stream);
    server.finish().await;
}

/// The type of a frame that says that the server goes away.
const GOES_AWAY: u8 = 7;

/// The type of the next frame and what is in it; nothing at the end.
async fn frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await.ok()?;
    Some((head[3], payload))
}

/// The frame with the header fields of a first request, which ends it or lets a body follow.
fn headers(method: &str, path: &str, ends: bool) -> Vec<u8> {
    let mut fields = vec![];
    for (name, value) in
        [(":method", method), (":scheme", "http"), (":path", path), (":authority", "x"), ("x-api-key", "key")]
    {
        // Literals that are not kept.
        fields.push(0);
        for text in [name, value] {
            fields.push(u8::try_from(text.len()).expect("short"));
            fields.extend(text.bytes());
        }
    }
    let length = u8::try_from(fields.len()).expect("few");
    [&[0, 0, length, 1, 4 | u8::from(ends), 0, 0, 0, 1], &fields[..]].concat()
}

/// After the preface and these bytes, and then nothing, an HTTP/2 connection ends after so many seconds of virtual
/// time, and says that it goes away so many seconds after them, if it does.
async fn check_patience_2(what: &str, bytes: &[u8], delay: &str, away_s: Option<u64>, end_s: u64) {
    let server = start_at(Clock::at(0), delay).await;
    let before_ns = server.clock.now_ns();
    let mut stream = server.send([PREFACE.as_bytes(), bytes].concat()).await;
    let after_s = || (server.clock.now_ns() - before_ns + 500_000_000) / 1_000_000_000;
    let mut gone_s = None;
    while let Some((kind, _)) = frame(&mut stream).await {
        if kind == GOES_AWAY {
            gone_s = gone_s.or(Some(after_s()));
        }
    }
    assert_eq!((gone_s, after_s()), (away_s, end_s), "{what}");
    server.until(|truth| truth.in_flight == 0).await;
    assert_eq!(server.stub.truth().abandoned, u64::from(away_s.is_none()), "{what}");
}

#[tokio::test(start_paused = true)]
async fn silence_is_borne_for_so_long_in_http_2_too() {
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let (ask, health) = (headers("POST", "/ask", false), headers("GET", "/health", true));
    let begun = [&ask[..], &[0, 0, 9, 0, 0, 0, 0, 0, 1], b"{\"user_id"].concat();
    let whole = [&ask[..], &[0, 0, 29, 0, 1, 0, 0, 0, 1], &ASK.as_bytes()[ASK.len() - 29..]].concat();
    // The client does not answer the good-bye: it is waited for, for 5 s.
    check_patience_2("nothing", b"", "0s", Some(60), 65).await;
    check_patience_2("a ping", &ping, "0s", Some(60), 65).await;
    check_patience_2("a request", &health, "0s", Some(60), 65).await;
    check_patience_2("a long answer", &whole, "200s", Some(260), 265).await;
    check_patience_2("no body", &ask, "0s", None, 30).await;
    check_patience_2("half a body", &begun, "0s", None, 30).await;
}

/// After these bytes, and then nothing, the server closes after so many seconds of virtual time.
async fn check_patience(bytes: &str, expected_s: u64) {
    let server = start_at(Clock::at(0), "0s").await;
    let stream = server.send(bytes).await;
    let before_ns = server.clock.now_ns();
    let text = rest(stream).await;
    let waited_ns = server.clock.now_ns() - before_ns;
    let (least, most) = (expected_s * 1_000_000_000, expected_s * 1_000_000_000 + 10_000_000);
    assert!((least..=most).contains(&waited_ns), "{waited_ns} ns after {bytes:?} and {text:?}");
}

#[tokio::test(start_paused = true)]
async fn silence_is_borne_for_so_long() {
    check_patience("", 60).await;
    check_patience("GET /hea", 60).await;
    check_patience("GET /health HTTP/1.1\r\n\r\n", 5).await;
    check_patience("GET /health HTTP/1.1\r\n\r\n\r\n", 60).await;
    check_patience("GET /nowhere HTTP/1.1\r\nContent-Length: 9\r\n\r\n", 5).await;
    check_patience("GET /nowhere HTTP/1.1\r\nContent-Length: 9\r\n\r\nab", 5).await;
    check_patience(&ASK[..ASK.len() - 9], 30).await;
    // What follows these is no HTTP, and nobody minds.
    check_patience("CONNECT /health HTTP/1.1\r\n\r\nFROB", 5).await;
    check_patience(
        "GET /health HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nFROB / HTTP/1.1\r\n\r\n",
        5,
    )
    .await;
}

#[tokio::test]
async fn in_real_time_an_idle_connection_lives_for_five_seconds_and_a_fresh_one_longer() {
    let server = start("0s").await;
    let mut fresh = server.send("").await;
    let mut kept = server.send("GET /health HTTP/1.1\r\n\r\nGET /health HTTP/1.1\r\n\r\n").await;
    answer(&mut kept).await;
    answer(&mut kept).await;
    let before_ns = server.clock.now_ns();
    assert_eq!(server.clock.timeout(LIMIT, rest(kept)).await.expect("it closes"), "");
    let waited_ms = (server.clock.now_ns() - before_ns) / 1_000_000;
    assert!((4_900..=5_600).contains(&waited_ms), "{waited_ms} ms");
    fresh.write_all(b"GET /health HTTP/1.1\r\n\r\n").await.expect("it is still open");
    assert!(answer(&mut fresh).await.starts_with("HTTP/1.1 200"));
}
