//! The stub's profile in the environment: `serve` reads it, a suite of its own does not.

use nix::sys::signal::Signal;

use crate::common::{Running, bench, contents, folder, get, results, words};

const BROKEN: &str = "[agent.slow]\nconcurrency = = 3\n";
/// A profile that can be read.
const GOOD: &str = "[agent.a]\nconcurrency = 1\nqueue_max = 1\ndelay = { fixed = \"0s\" }\n\
                    [[workflow]]\nname = \"any\"\nstages = [\"a\"]\n";

/// `serve` with this variable: what it says if it does not start.
#[track_caller]
fn check(flags: &str, variable: &str, refused: Option<&str>) {
    let place = folder(&[("broken.toml", BROKEN), ("good.toml", GOOD)]);
    let mut command = bench(place.path(), words(&format!("serve --host 127.0.0.1 --port 0 {flags}")));
    command.env("WEAVER_STUB_PROFILE", variable);
    let mut process = Running::start(command);
    if let Some(words) = refused {
        process.end().exits(2).says(&[words]);
        return;
    }
    let line = process.line("stub of Weaver AI on http://");
    let address = line.split_once("http://").and_then(|(_, rest)| rest.split_once(',')).expect("it tells").0;
    assert_eq!(get(address, "/health").0, 200);
    process.signal(Signal::SIGTERM);
    process.end().exits(0);
}

#[test]
fn serve_reads_it() {
    check("", "broken.toml", Some("broken.toml:2: "));
    check("", "nowhere.toml", Some("nowhere.toml: "));
    check("", "good.toml", None);
    check("", "", None);
    // The flag goes before.
    check("--profile good.toml", "broken.toml", None);
    check("--profile broken.toml", "good.toml", Some("broken.toml:2: "));
}

#[test]
fn a_suite_of_its_own_does_not() {
    let slow = include_str!("../../../../load_tests/stub/slow.toml");
    let written = |args: &str, variable: Option<&str>| {
        let place = folder(&[("broken.toml", BROKEN), ("slow.toml", slow)]);
        let mut command = bench(place.path(), words(&format!("{args} --simulate --seed 3 --out o")));
        command.envs(variable.map(|path| ("WEAVER_STUB_PROFILE", path)));
        let done = Running::start(command).end();
        (done.code, contents(&results(&place.path().join("o"))))
    };
    for args in ["baseline --quick", "run --headless -u 3 -r 3 -t 20s"] {
        let without = written(args, None);
        for variable in ["slow.toml", "broken.toml", "nowhere.toml", ""] {
            assert!(written(args, Some(variable)) == without, "{args} listens to `{variable}`");
        }
        // What the variable would change, if it were read.
        assert!(written(&format!("{args} --profile slow.toml"), None).1 != without.1, "{args}");
    }
}
