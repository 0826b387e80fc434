//! What a scenario may not send: refused when it is read, with line and remedy.

use harness::{Bindings, Plan, ScenarioFile, TagFilter, read_scenario, read_scenarios};
use measure::RunKind;
use wire::Seed;

fn file(class: &str, steps: &str, data: &str) -> ScenarioFile {
    let head = format!("class = \"{class}\"\nwait_time = {{ constant = \"1s\" }}\n{data}\n");
    ScenarioFile { name: "s.toml".into(), text: format!("{head}[[task]]\nname = \"t\"\n{steps}") }
}

fn get(path: &str, more: &str) -> String {
    format!("[[task.step]]\nmethod = \"GET\"\npath = \"{path}\"\n{more}\n")
}

/// The mistakes of a file; `None` when it has none.
fn mistakes(file: &ScenarioFile) -> Option<String> {
    let bindings = Bindings { api_key: "s3cret/ key".into(), ..Bindings::default() };
    read_scenario(file, &bindings).err().map(|mistakes| mistakes.to_string())
}

/// A path, with `p` to pick from: refused at line 9, or not.
fn check_path(path: &str, list: &str, refused: bool) {
    let found = mistakes(&file("A", &get(path, ""), &format!("[data]\np = {list}")));
    match &found {
        None => assert!(!refused, "{path} of {list} is let through"),
        Some(text) => {
            let parts = ["s.toml:9: ", "path`", "is no path", "begin it with `/`"];
            assert!(refused && parts.iter().all(|part| text.contains(part)), "{path} of {list}: {text}");
            assert!(!text.contains("s3cret"), "{text}");
        }
    }
}

#[test]
fn paths() {
    let fine = "[\"ok\", \"a/b?c=d\"]";
    for (path, list, refused) in [
        ("/{{ pick(p) }}", fine, false),
        ("/x//{{ user }}-{{ random_string(3) }}%20", fine, false),
        ("/{{ pick(p) }}", "[\"/elsewhere\"]", false),
        ("{{ pick(p) }}", "[\"/ok\"]", true),
        ("{{ pick(p) }}/x", "[\"/ok\", \"@127.0.0.1:81/x\"]", true),
        ("{{ user }}/x", fine, true),
        ("{{ api_key }}/x", fine, true),
        ("@other/x", fine, true),
        (":81/x", fine, true),
        (".evil.org/x", fine, true),
        ("http://other/x", fine, true),
        ("", fine, true),
        ("ask", fine, true),
        (" /ask", fine, true),
        ("/a b", fine, true),
        ("/a b/{{ user }}", fine, true),
        ("/ä", fine, true),
        ("/\\u00a0", fine, true),
        ("/a\\nb", fine, true),
        ("/a#b", fine, true),
        ("/../x", fine, true),
        ("/x/.", fine, true),
        ("/%2E%2e/x", fine, true),
        ("/a..b/v1.0", fine, false),
        ("/\\\\evil.org/x", fine, true),
        ("/{{ pick(p) }}", "[\"ok\", \"a b\"]", true),
        ("/{{ pick(p) }}", "[\"ok\", \"ä\"]", true),
        ("/{{ pick(p) }}", "[\"ok\", \"{{ api_key }}\"]", true),
        ("/{{ api_key }}", fine, true),
    ] {
        check_path(path, list, refused);
    }
}

#[test]
fn headers() {
    for (list, refused) in [
        ("[\"a\", \"b c\"]", false),
        ("[\"a\", \"b\\nX-Y: z\"]", true),
        ("[\"a\\r\"]", true),
        ("[\"\\u0000\"]", true),
    ] {
        // The same in a step's headers, and in those of the class.
        let header = "headers = { X-A = \"v {{ pick(p) }}\" }";
        let data = format!("[data]\np = {list}");
        let of_class = format!("{header}\n{data}");
        for (file, line) in
            [(file("A", &get("/a", header), &data), 10), (file("A", &get("/a", ""), &of_class), 3)]
        {
            let found = mistakes(&file);
            assert_eq!(found.is_some(), refused, "{list}: {found:?}");
            let parts = [&*format!("s.toml:{line}: "), "X-A", "HTTP does not allow", "leave out line breaks"];
            let text = found.unwrap_or_default();
            assert!(!refused || parts.iter().all(|part| text.contains(part)), "{list}: {text}");
        }
    }
}

/// Two classes' requests: the mistake, if the plan has one.
fn planned(first: &str, second: &str) -> Option<String> {
    let files = [file("A", first, ""), file("B", second, "")];
    let scenarios = read_scenarios(&files, &Bindings::default()).unwrap_or_else(|e| panic!("{e}"));
    let plan = Plan::new(RunKind::Run, Seed(1), scenarios, &[], &TagFilter::default());
    plan.err().map(|mistakes| mistakes.to_string())
}

#[test]
fn one_name_stands_for_one_path() {
    let named = |path: &str| get(path, "name = \"both\"");
    assert_eq!(planned(&named("/a"), &named("/a")), None);
    assert_eq!(planned(&named("/a"), &get("/b", "")), None);
    assert_eq!(planned(&named("/a"), &named("/b").replace("GET", "POST")), None);
    assert_eq!(planned(&named("/a/{{ user }}"), &named("/a/{{ user }}")), None);
    for (first, second) in [
        (named("/a"), named("/b")),
        (named("/a") + &named("/b"), get("/c", "")),
        (named("/a/1"), named("/a/{{ user }}")),
        (get("/b", ""), get("/a", "name = \"/b\"")),
    ] {
        let text = planned(&first, &second).expect("a mistake");
        let parts = ["stands for `/", "and for `/", "give them names of their own"];
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
}

/// The classes of a plan over two of them, `Idle` with weight 0, or what is wrong with it.
fn check_classes(named: &[&str], idle_path: &str, expected: &str) {
    let idle = ScenarioFile {
        text: file("Idle", &get(idle_path, ""), "weight = 0\n[data]\np = [\"a\"]").text,
        name: "idle.toml".into(),
    };
    let busy = ScenarioFile { name: "busy.toml".into(), text: file("Busy", &get("/b", ""), "").text };
    let scenarios = read_scenarios(&[idle, busy], &Bindings::default()).unwrap_or_else(|e| panic!("{e}"));
    let named: Vec<_> = named.iter().map(|name| (*name).to_owned()).collect();
    let plan = Plan::new(RunKind::Run, Seed(1), scenarios, &named, &TagFilter::default());
    let shown = match plan {
        Ok(plan) => plan.scenarios.iter().map(|one| format!("{} {}, ", one.class, one.weight)).collect(),
        Err(mistakes) => mistakes.to_string(),
    };
    assert!(shown.contains(expected), "{named:?}: {shown}");
}

#[test]
fn a_class_without_weight_takes_part_where_it_is_named() {
    check_classes(&[], "/i", "Busy 1, ");
    check_classes(&["Idle"], "/i", "Idle 1, ");
    check_classes(&["Busy", "Idle"], "/i", "Idle 1, Busy 1, ");
    // Without a key, what signs is refused where it takes part, and only there.
    check_classes(&[], "/{{ jwt(p) }}", "Busy 1, ");
    check_classes(&["Idle"], "/{{ jwt(p) }}", "--signing-key: the class `Idle` signs");
}
