//! Each way in which an answer can fail has a name in the failures file, and the run ends.

use crate::common::{csv, folder, read, run};
use crate::listener::{Habit, Listener};

const IMPATIENT: &str = r#"
class = "Impatient"
wait_time = { constant = "200ms" }
[[task]]
name = "ask"
[[task.step]]
method = "POST"
path = "/ask"
timeout = "300ms"
json = { query = "What?" }
expect = { status = [200], json = [{ pointer = "/answer", equals = "42" }] }
"#;

/// Every failure of a short run against such a server is called one of `errors`.
fn check(habit: Habit, flags: &str, errors: &[&str]) -> Listener {
    let listener = Listener::start(habit);
    let place = folder(&[("s.toml", IMPATIENT)]);
    let args = format!("run --headless -f s.toml -H {} -t 700ms -u 2 -r 10 --csv p {flags}", listener.url);
    let done = run(place.path(), &args).exits(1).says(&["Impatient", "FAILED (exit code 1)"]);
    assert!(errors.iter().any(|error| done.out.contains(error)), "the report names no failure\n{}", done.out);
    let rows = csv(&read(place.path().join("p_failures.csv")));
    assert!(rows.len() > 1, "no failure against {habit:?}");
    for row in &rows[1..] {
        let named = errors.iter().any(|error| row[2].starts_with(error));
        assert!(named && row[..2] == ["POST", "/ask"], "{habit:?}: {row:?} is none of {errors:?}");
    }
    listener
}

#[test]
fn no_answer_in_time() {
    check(Habit::Silent, "", &["ReadTimeout('no complete answer within 0.3 s')"]);
}

#[test]
fn hanging_up() {
    let closed = ["RemoteDisconnected(", "ConnectionResetError(104, 'Connection reset by peer')"];
    check(Habit::Closes, "", &closed);
    check(Habit::Says("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"ans"), "", &closed[..1]);
    check(Habit::Resets, "", &closed[1..]);
}

#[test]
fn strange_answers() {
    check(Habit::Says("hello, who is there?\r\n\r\n"), "", &["RequestError("]);
    let failed = "HTTPError('500 Server Error: Internal Server Error for url: /ask')";
    check(Habit::Says("HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), "", &[failed]);
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
    check(Habit::Says(text), "", &["CatchResponseError('the answer is not JSON')"]);
    let wrong = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{\"answer\":\"41\"}";
    check(Habit::Says(wrong), "", &["CatchResponseError('/answer is not \"42\"')"]);
    let elsewhere = "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    check(Habit::Says(elsewhere), "", &["CatchResponseError('status 302 is not 200')"]);
}

#[test]
fn the_version_of_http_is_the_one_asked_for() {
    let spoken =
        |flags: &str| check(Habit::Closes, flags, &["RemoteDisconnected", "ConnectionReset"]).first_bytes();
    assert!(spoken("--http 2").starts_with(b"PRI * HTTP/2.0\r\n"));
    assert!(spoken("--http 1.1").starts_with(b"POST /ask HTTP/1.1\r\n"));
}
