//! The project's own rules, held against its own files: crate arrows, the shape of sources, bans, layout, images.
//!
//! Each rule is a function from text to findings, so that it can be shown to fail; a finding names the file, the
//! line and the remedy. It must not know what any crate does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::MetadataCommand;
use regex::Regex;

/// A crate, the crates of ours that it may use, and the strangers that it must not know.
struct Wall {
    krate: &'static str,
    ours: &'static [&'static str],
    banned: &'static [&'static str],
}

const WALLS: &[Wall] = &[
    Wall { krate: "wire", ours: &[], banned: &["axum", "reqwest", "redis"] },
    Wall { krate: "measure", ours: &[], banned: &["tokio", "reqwest", "axum", "hyper"] },
    Wall { krate: "stub", ours: &["wire"], banned: &["reqwest"] },
    Wall { krate: "harness", ours: &["wire", "measure"], banned: &["axum", "clap", "indicatif"] },
    Wall { krate: "sim", ours: &["wire", "measure", "stub", "harness"], banned: &["clap", "indicatif"] },
    Wall { krate: "cli", ours: &["wire", "measure", "stub", "harness", "sim"], banned: &[] },
];

const LINES_MAX: usize = 400;

/// What the top level holds, dot files aside.
const TOP_LEVEL: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "crates",
    "docker-compose.baseline.yml",
    "load_tests",
    "results",
];

const IMAGES: &[&str] = &[
    "debian:bookworm-slim",
    "haproxy:2.6-bookworm",
    "redis:7-bookworm",
    "rust:1.95-slim-bookworm",
    "scratch",
    "weaver-bench:local",
];

/// Doors by which time, chance or the environment would enter.
const BANS: &[&str] = &[
    "std::time::SystemTime::now",
    "std::time::Instant::now",
    "std::thread::sleep",
    "std::env::var",
    "std::env::vars",
    "tokio::time::Instant::now",
    "tokio::time::sleep",
    "tokio::time::sleep_until",
    "tokio::time::interval",
    "tokio::time::timeout",
    "f64::exp",
    "f64::ln",
    "f64::powf",
];

/// Arrows out of one crate, whatever their kind: `used` are the names under its dependencies.
fn arrows(manifest: &str, text: &str, krate: &str, used: &[String]) -> Vec<String> {
    let Some(wall) = WALLS.iter().find(|wall| wall.krate == krate) else {
        return vec![format!(
            "{manifest}:1: crate `{krate}` has no wall; move it into one of the six, or add its row"
        )];
    };
    let ours = |name: &str| WALLS.iter().any(|wall| wall.krate == name);
    let line = |name: &str| text.lines().position(|line| line.starts_with(name)).map_or(1, |at| at + 1);
    let finding = |name: &String| {
        let place = format!("{manifest}:{}", line(name));
        if ours(name) && !wall.ours.contains(&name.as_str()) {
            let may = if wall.ours.is_empty() { "none of ours".to_owned() } else { wall.ours.join(", ") };
            Some(format!("{place}: `{krate}` uses `{name}`; it may use {may}: hand the value in from above"))
        } else if wall.banned.contains(&name.as_str()) {
            Some(format!("{place}: `{krate}` must not know `{name}`; move what needs it to a crate that may"))
        } else {
            None
        }
    };
    used.iter().filter_map(finding).collect()
}

/// The shape of one source file.
fn source(file: &str, text: &str) -> Vec<String> {
    let mut found = vec![];
    let lines = text.lines().count();
    if lines > LINES_MAX {
        found.push(format!(
            "{file}:{lines}: longer than {LINES_MAX} lines; split it where its purpose splits"
        ));
    }
    if !text.starts_with("//!") {
        found.push(format!("{file}:1: does not open with `//!`; say its purpose and what it must not know"));
    }
    let mut forbidden = vec![
        (r"#!?\[allow\b", "use `#[expect(…, reason = \"…\")]`, which tells when it is no longer needed"),
        (r"\btodo!\s*[(\[{]", "write it, or leave it out"),
        (r"#\[ignore\b", "make it quick enough to run always, or take it out"),
    ];
    if file.contains("measure/src/diagnosis/") {
        let stages = r"\b(StagesRecord|EntryStages|StageRecord|record\.stages)\b";
        forbidden.push((stages, "judge by what any target shows; one need not say where its time went"));
    }
    for (pattern, remedy) in forbidden {
        let pattern = Regex::new(pattern).expect("is a regular expression");
        let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        let hits = code.filter_map(|(at, line)| pattern.find(line).map(|hit| (at + 1, hit.as_str())));
        found.extend(hits.map(|(line, hit)| format!("{file}:{line}: `{hit}`; {remedy}")));
    }
    found
}

/// The bans of clippy: each of them there, each with its reason.
fn bans(file: &str, text: &str) -> Vec<String> {
    let entry = Regex::new(r#"path = "([^"]+)"(?:.*reason = "([^"]+)")?"#).expect("is a regular expression");
    let mut found = vec![];
    let mut named = BTreeSet::new();
    for (at, line) in text.lines().enumerate() {
        let Some(parts) = entry.captures(line) else { continue };
        named.insert(parts[1].to_owned());
        if parts.get(2).is_none() {
            found.push(format!("{file}:{}: `{}` is banned without a reason; give one", at + 1, &parts[1]));
        }
    }
    let missing = BANS.iter().filter(|ban| !named.contains(**ban));
    found.extend(missing.map(|ban| format!("{file}:1: `{ban}` is not banned; add it to disallowed-methods")));
    found
}

/// The top level: exactly what the layout names, and dot files.
fn layout(files: &[String]) -> Vec<String> {
    let tops: BTreeSet<&str> = files.iter().filter_map(|file| file.split('/').next()).collect();
    let extra = tops.iter().filter(|top| !top.starts_with('.') && !TOP_LEVEL.contains(top));
    let missing = TOP_LEVEL.iter().filter(|top| !tops.contains(**top));
    let extra =
        extra.map(|top| format!("{top}:1: not part of the top level; move it into crates or load_tests"));
    extra.chain(missing.map(|top| format!("{top}:1: missing at the top level; put it back"))).collect()
}

/// Images that a Dockerfile or compose file names.
fn images(file: &str, text: &str) -> Vec<String> {
    let named =
        Regex::new(r"^\s*(?:FROM|(?:- )?image:)\s+(\S+)(?:\s+AS\s+(\S+))?").expect("is a regular expression");
    let mut stages = BTreeSet::new();
    let mut found = vec![];
    for (at, line) in text.lines().enumerate() {
        let Some(parts) = named.captures(line) else { continue };
        let image = parts[1].trim_matches(['"', '\'']);
        if !IMAGES.contains(&image) && !stages.contains(image) {
            found.push(format!("{file}:{}: image `{image}`; use one of {}", at + 1, IMAGES.join(", ")));
        }
        stages.extend(parts.get(2).map(|stage| stage.as_str().to_owned()));
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is there")
}

/// Every file of the project with its path from the root: what git knows or would take, else what is on disk.
fn files() -> Vec<String> {
    let root = root();
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output()
        .ok()
        .filter(|output| output.status.success() && root.join(".git").exists());
    let mut files = match listed {
        Some(output) => String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect(),
        None => walk(&root, &root),
    };
    // Git still lists what was deleted and not yet staged.
    files.retain(|file| root.join(file).is_file());
    files.sort();
    files
}

fn walk(root: &Path, folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder of the project can be read");
    let paths = entries.map(|entry| entry.expect("an entry can be read").path());
    let built = |path: &Path| path == root.join("target") || path == root.join(".git");
    let inside = paths.filter(|path| !built(path)).flat_map(|path| {
        if path.is_dir() {
            return walk(root, &path);
        }
        vec![path.strip_prefix(root).expect("it lies below the root").display().to_string()]
    });
    inside.collect()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file))
        .unwrap_or_else(|error| panic!("{file}: cannot be read: {error}"))
}

/// Runs `rule` over the files whose path `wanted` takes; there must be some.
fn over(wanted: impl Fn(&str) -> bool, rule: impl Fn(&str, &str) -> Vec<String>) -> Vec<String> {
    let files: Vec<_> = files().into_iter().filter(|file| wanted(file)).collect();
    assert!(!files.is_empty(), "the rule looked at no file: its selection is wrong");
    files.iter().flat_map(|file| rule(file, &read(file))).collect()
}

#[track_caller]
fn tidy(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn crates_use_only_what_they_may() {
    let manifest = root().join("Cargo.toml");
    let metadata =
        MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("cargo metadata answers");
    assert_eq!(
        metadata.packages.len(),
        WALLS.len(),
        "crates in the workspace; a wall names a crate that is gone"
    );
    let of_crate = |package: &cargo_metadata::Package| {
        let used: Vec<_> = package.dependencies.iter().map(|dependency| dependency.name.clone()).collect();
        let file = format!("crates/{}/Cargo.toml", package.name);
        arrows(&file, &read(&file), &package.name, &used)
    };
    tidy(metadata.packages.iter().flat_map(of_crate).collect());
}

#[test]
fn sources_are_short_and_say_what_they_are_for() {
    tidy(over(|file| file.ends_with(".rs"), source));
}

#[test]
fn bans_are_in_place() {
    tidy(over(|file| file == ".clippy.toml", bans));
}

#[test]
fn the_top_level_is_as_laid_out() {
    tidy(layout(&files()));
}

#[test]
fn images_are_the_fixed_ones() {
    let built = |file: &str| {
        let name = file.rsplit('/').next().unwrap_or(file);
        name.contains("Dockerfile") || (name.contains("compose") && name.ends_with(".yml"))
    };
    tidy(over(built, images));
}

/// What a rule finds, in order: a part of each finding.
#[track_caller]
fn check(found: &[String], wanted: &[&str]) {
    let same =
        found.len() == wanted.len() && found.iter().zip(wanted).all(|(text, part)| text.contains(part));
    assert!(same, "found {found:#?}, wanted {wanted:#?}");
}

#[test]
fn a_wrong_arrow_is_found() {
    let uses = |krate: &str, used: &[&str]| {
        let used: Vec<_> = used.iter().map(|name| (*name).to_owned()).collect();
        let text = format!("[dependencies]\n{}.workspace = true\n", used.join(".workspace = true\n"));
        arrows("Cargo.toml", &text, krate, &used)
    };
    check(&uses("stub", &["wire", "axum"]), &[]);
    check(&uses("stub", &["wire", "measure"]), &["Cargo.toml:3: `stub` uses `measure`; it may use wire:"]);
    check(&uses("measure", &["wire"]), &["Cargo.toml:2: `measure` uses `wire`; it may use none of ours"]);
    check(&uses("harness", &["stub", "axum"]), &["`harness` uses `stub`", "`harness` must not know `axum`"]);
    check(&uses("sim", &["cli", "clap"]), &["`sim` uses `cli`", "`sim` must not know `clap`"]);
    check(&uses("seventh", &[]), &["crate `seventh` has no wall"]);
}

#[test]
fn a_shapeless_source_is_found() {
    check(&source("a.rs", &format!("//! Purpose.\n{}", "//\n".repeat(LINES_MAX - 1))), &[]);
    check(
        &source("a.rs", &format!("//! Purpose.\n{}", "//\n".repeat(LINES_MAX))),
        &["a.rs:401: longer than 400"],
    );
    check(&source("a.rs", "// Purpose.\n"), &["a.rs:1: does not open with"]);
    // Put together here, so that this file does not hold them itself.
    for (start, end) in
        [("#[", "allow(dead_code)]"), ("#![", "allow(x)]"), ("todo", "!()"), ("#[", "ignore]")]
    {
        check(&source("a.rs", &format!("//! Purpose.\n\n{start}{end}\n")), &["a.rs:3: `"]);
        check(&source("a.rs", &format!("//! Purpose.\n// {start}{end}\n")), &[]);
    }
}

#[test]
fn a_diagnosis_that_reads_stages_is_found() {
    let text = "//! Purpose.\nlet said = &record.stages;\n";
    check(&source("crates/measure/src/diagnosis/time/x.rs", text), &["x.rs:2: `record.stages`"]);
    check(&source("crates/measure/src/export/x.rs", text), &[]);
}

#[test]
fn a_missing_ban_or_reason_is_found() {
    let whole: Vec<_> =
        BANS.iter().map(|ban| format!("{{ path = \"{ban}\", reason = \"because\" }}")).collect();
    check(&bans("c", &whole.join("\n")), &[]);
    check(&bans("c", &whole[1..].join("\n")), &["c:1: `std::time::SystemTime::now` is not banned"]);
    let unreasoned = whole.join("\n").replacen(", reason = \"because\"", "", 1);
    check(&bans("c", &unreasoned), &["c:1: `std::time::SystemTime::now` is banned without a reason"]);
}

#[test]
fn a_stray_top_level_is_found() {
    let tops = |names: &[&str]| names.iter().map(|name| format!("{name}/x")).collect::<Vec<_>>();
    check(&layout(&tops(&[TOP_LEVEL, &[".ci"]].concat())), &[]);
    check(&layout(&tops(&[TOP_LEVEL, &["docs"]].concat())), &["docs:1: not part of the top level"]);
    check(&layout(&tops(&TOP_LEVEL[1..])), &["Cargo.lock:1: missing at the top level"]);
}

#[test]
fn another_image_is_found() {
    check(&images("Dockerfile", "FROM rust:1.95-slim-bookworm AS build\nFROM build\nFROM scratch\n"), &[]);
    check(
        &images("Dockerfile", "FROM build\nFROM rust:latest AS build\n"),
        &["1: image `build`", "2: image `rust:latest`"],
    );
    check(
        &images("compose.yml", "  x:\n    image: redis\n    image: \"redis:7-bookworm\"\n"),
        &["compose.yml:2: image `redis`;"],
    );
}
