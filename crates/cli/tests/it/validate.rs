//! `validate`: what it proves, what it leaves behind, and what it says to servers that are no stub.

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{Running, Server, bench, folder, get, json, names, profile, run, words};
use crate::listener::{Habit, Listener};

/// The proof in the only folder below `o`.
#[track_caller]
fn truth(place: &TempDir) -> Value {
    let found = names(&place.path().join("o"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("validate_"), "{found:?}");
    json(place.path().join("o").join(&found[0]).join("truth.json"))
}

fn verdicts(truth: &Value) -> Vec<&str> {
    let claims = truth["claims"].as_array().expect("a list").iter();
    claims.map(|claim| claim["verdict"].as_str().expect("a word")).collect()
}

#[test]
fn it_proves_in_virtual_time_and_a_seed_repeats_it() {
    let proven = |seed: &str| {
        let place = folder(&[]);
        let args = format!("validate --simulate --requests 1000 --trial 0.3 --seed {seed} --out o");
        let done = run(place.path(), &args).exits(0);
        let done =
            done.says(&["truth", "measured", "error", "allowed", "M/M/4 at 0.3", &format!("seed {seed}")]);
        (truth(&place), done.out)
    };
    let (first, table) = proven("7");
    assert_eq!((&first["seed"], &first["simulated"], &first["failed"]), (&7.into(), &true.into(), &0.into()));
    let verdicts = verdicts(&first);
    assert!(verdicts.len() > 15 && verdicts.iter().all(|verdict| *verdict == "pass"), "{first:#}");
    assert_eq!((first, table), proven("7"));
    assert_ne!(proven("7").1, proven("8").1);
}

#[test]
fn only_what_is_chosen_is_claimed() {
    let place = folder(&[]);
    run(place.path(), "validate --simulate --requests 1000 --only freeze --out o").exits(0);
    let proof = truth(&place);
    let claims = proof["claims"].as_array().expect("a list");
    assert!(!claims.is_empty() && claims.iter().all(|claim| claim["group"] == "freeze"), "{proof:#}");
}

#[test]
fn mistakes_leave_nothing_behind() {
    let says = |answer| Listener::start(Habit::Says(answer)).url;
    let stranger = says("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}");
    let closed = says("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}");
    let other = says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    for (args, code, says) in [
        ("--simulate --trial no_such_trial".to_owned(), 2, "no trial is left"),
        ("--simulate -H http://127.0.0.1:1".to_owned(), 2, "cannot be used with"),
        ("-H http://127.0.0.1:1".to_owned(), 3, "cannot be reached"),
        (format!("-H {stranger}"), 3, "no operator's API"),
        (format!("-H {closed}"), 3, "--operator-token"),
        (format!("-H {other}"), 3, "no stub that shows its profile"),
        ("-H nonsense".to_owned(), 2, "--host"),
    ] {
        let place = folder(&[]);
        run(place.path(), &format!("validate {args} --out o")).exits(code).says(&[says]);
        let left = place.path().join("o").exists().then(|| names(&place.path().join("o")));
        assert!(left.unwrap_or_default().is_empty(), "{args}");
    }
}

fn shown(server: &Server) -> Value {
    let (status, body) = get(&server.address, "/_stub/profile");
    assert_eq!(status, 200, "{body}");
    let status: Value = serde_json::from_str(&body).expect("is JSON");
    status["profile"].clone()
}

#[test]
fn a_running_stub_gets_its_profile_back() {
    let server = Server::start("--no-ratelimit --profile p.toml", &[("p.toml", &profile("3ms"))]);
    let (before, place) = (shown(&server), folder(&[]));
    let url = server.url();
    // Counts alone: a busy machine is late, but it counts.
    run(place.path(), &format!("validate -H {url} --trial error_burst --out o")).exits(0);
    assert!(verdicts(&truth(&place)).iter().all(|verdict| *verdict == "pass"));
    assert_eq!(shown(&server), before);
    // Also where it is interrupted.
    let again = bench(place.path(), words(&format!("validate -H {url} --only faults --out p")));
    let mut again = Running::start(again);
    again.line("[ 1/");
    assert_ne!(shown(&server), before);
    again.signal(Signal::SIGINT);
    again.end().exits(3).says(&["stopping after this trial", "interrupted"]);
    assert_eq!(shown(&server), before);
    assert!(names(&place.path().join("p")).is_empty());
}
