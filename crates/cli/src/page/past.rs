//! Past runs: the results folders, as `report` and `compare` read them. What is asked for by name is looked up among what is
//! there, so that no path is ever made of a name. It must not know the run in hand.

use std::collections::HashMap;
use std::fs;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::response::Response;
use http::Uri;
use measure::compare::{Waivers, compare as compare_runs, refusals};
use measure::{Judgement, Run, conclude};
use serde_json::{Value, json};

use super::board::Board;
use super::params::Params;
use super::run_thread::out;
use super::session::Session;
use super::{answer, api, figures};
use crate::exit::Failure;
use crate::results::RUN_FILE;

type Shared = State<Arc<Session>>;

/// Folders that are looked at.
const FOLDERS_MAX: usize = 2_000;
/// Longest run file that is read.
const RUN_BYTES_MAX: u64 = 256 << 20;

/// Changes of times by less are the same, as in `compare`.
const MARGIN_RATIO: f64 = 0.05;

/// What is known of a folder whose run file has not changed since.
type Seen = HashMap<(String, u64, u128), Value>;

static SEEN: Mutex<Option<Seen>> = Mutex::new(None);

/// Folders with a run file, newest first, by their names' dates.
fn folders(out: &FilePath) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(out).into_iter().flatten().flatten();
    let mut found: Vec<(String, PathBuf)> = entries
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .filter(|(name, path)| is_plain(name) && path.join(RUN_FILE).is_file())
        .collect();
    let date = |name: &str| name.split_once('_').map_or(String::new(), |(_, date)| date.to_owned());
    found.sort_by(|(a, _), (b, _)| date(b).cmp(&date(a)).then_with(|| b.cmp(a)));
    found.truncate(FOLDERS_MAX);
    found
}

/// Letters, digits and a few signs: what our folders and files are called.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    !name.is_empty() && !name.starts_with('.') && name.chars().all(plain)
}

fn folder(out: &FilePath, name: &str) -> Result<PathBuf, Failure> {
    let found = folders(out).into_iter().find(|(known, _)| known == name);
    found
        .map(|(_, path)| path)
        .ok_or_else(|| Failure::usage(format!("{name}: no such run; look at /api/results")))
}

fn read(path: &FilePath) -> Result<Run, Failure> {
    let file = path.join(RUN_FILE);
    let bytes = fs::metadata(&file).map_err(Failure::usage)?.len();
    if bytes > RUN_BYTES_MAX {
        return Err(Failure::usage(format!(
            "{}: is longer than {RUN_BYTES_MAX} bytes; use `report`",
            file.display()
        )));
    }
    let text =
        fs::read_to_string(&file).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    Run::from_json(&text).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))
}

fn row(name: &str, path: &FilePath) -> Value {
    let meta = fs::metadata(path.join(RUN_FILE)).ok();
    let bytes = meta.as_ref().map_or(0, fs::Metadata::len);
    let changed = meta.and_then(|meta| meta.modified().ok());
    let changed =
        changed.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok()).map_or(0, |at| at.as_nanos());
    let key = (name.to_owned(), bytes, changed);
    if let Some(known) = SEEN.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().get(&key)
    {
        return known.clone();
    }
    let row = match read(path).and_then(|run| described(name, &run, bytes)) {
        Ok(row) => row,
        Err(failure) => {
            json!({"name": name, "kind": null, "bytes": bytes, "verdict": failure.text, "valid": false})
        }
    };
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let seen = seen.get_or_insert_default();
    if seen.len() >= FOLDERS_MAX {
        seen.clear();
    }
    seen.insert(key, row.clone());
    row
}

fn described(name: &str, run: &Run, bytes: u64) -> Result<Value, Failure> {
    let conclusion = conclude(run).map_err(Failure::usage)?;
    let users =
        run.steps.iter().flat_map(|step| step.edits.iter().map(|edit| edit.users).chain([step.load.users()]));
    Ok(json!({
        "name": name, "kind": run.kind, "started_unix_ms": run.started_unix_ns / 1_000_000,
        "target": run.target_url, "users_max": users.max().unwrap_or(0),
        "verdict": verdict(&conclusion), "valid": conclusion.steps.iter().all(|step| step.validity.is_valid()),
        "simulated": run.simulated, "bytes": bytes, "aborted": run.aborted,
        "steps": run.steps.iter().map(|step| &step.name).collect::<Vec<_>>(),
    }))
}

fn verdict(conclusion: &measure::Conclusion) -> &'static str {
    let judged = conclusion.steps.iter().map(|step| step.verdict.passed());
    let judged: Vec<bool> = judged.flatten().collect();
    match (judged.is_empty(), judged.iter().all(|passed| *passed)) {
        (true, _) => "not judged",
        (false, true) => "passed",
        (false, false) => "failed",
    }
}

/// Carries `work` out where it may wait for a disk.
async fn aside<T: Send + 'static>(
    session: &Session,
    work: impl FnOnce(PathBuf) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let out = out(&session.args);
    tokio::task::spawn_blocking(move || work(out)).await.unwrap_or_else(|error| Err(Failure::bug(error)))
}

fn told(result: Result<Value, Failure>) -> Response {
    match result {
        Ok(value) => answer::json_of(&value),
        Err(failure) if failure.text.contains("no such") => answer::missing(&failure.text),
        Err(failure) => answer::refused(&failure),
    }
}

/// `GET /api/results`.
pub(super) async fn list(State(session): Shared, uri: Uri) -> Response {
    let (offset, limit) = api::page_of(&Params::parse(uri.query().unwrap_or_default()));
    let listed = aside(&session, move |out| {
        let folders = folders(&out);
        let rows: Vec<Value> =
            folders.iter().skip(offset).take(limit.min(100)).map(|(name, path)| row(name, path)).collect();
        Ok(json!({"count": folders.len(), "runs": rows}))
    });
    told(listed.await)
}

/// `GET /api/results/NAME`.
pub(super) async fn about(State(session): Shared, Path(name): Path<String>) -> Response {
    let about = aside(&session, move |out| {
        let path = folder(&out, &name)?;
        let run = read(&path)?;
        let conclusion = conclude(&run).map_err(Failure::usage)?;
        let file = |(file, bytes): (String, u64)| {
            let kind = file.rsplit_once('.').map_or("", |(_, ending)| ending).to_owned();
            json!({"name": file, "href": format!("/api/results/{name}/{file}"), "bytes": bytes, "kind": kind})
        };
        let files: Vec<Value> = files(&path).into_iter().map(file).collect();
        Ok(json!({
            "name": name, "files": files, "words": words(&conclusion), "run": described(&name, &run, 0)?,
        }))
    });
    told(about.await)
}

fn words(conclusion: &measure::Conclusion) -> Vec<String> {
    let mut words = vec![];
    for step in &conclusion.steps {
        let judgement = match &step.verdict.judgement {
            Judgement::NotJudged { why } => format!("not judged: {why}"),
            judged => judged.to_string(),
        };
        words.push(format!("{}: {judgement}", step.name));
        words
            .extend(step.validity.reasons().iter().map(|reason| format!("{}: invalid: {reason}", step.name)));
    }
    words.extend(conclusion.exit_reasons.iter().cloned());
    words
}

fn files(path: &FilePath) -> Vec<(String, u64)> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let regular = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let named = regular
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.metadata().ok()?.len())));
    let mut found: Vec<(String, u64)> =
        named.filter(|(name, _)| is_plain(name) && !name.ends_with(".part")).take(FOLDERS_MAX).collect();
    found.sort();
    found
}

/// `GET /api/results/NAME/FILE`, and `series` for the points of all steps.
pub(super) async fn file(State(session): Shared, Path((name, file)): Path<(String, String)>) -> Response {
    if file == "series" {
        let points = aside(&session, move |out| {
            let run = read(&folder(&out, &name)?)?;
            let started_unix_ns = run.started_unix_ns;
            let board = Board::of(Arc::new(run)).map_err(Failure::usage)?;
            Ok(figures::series(board.points(), 0, started_unix_ns))
        });
        return told(points.await);
    }
    let wanted = file.clone();
    let content = aside(&session, move |out| {
        let path = folder(&out, &name)?;
        let known = files(&path).into_iter().any(|(known, bytes)| known == wanted && bytes <= RUN_BYTES_MAX);
        if !known {
            return Err(Failure::usage(format!("{wanted}: no such file in {name}")));
        }
        fs::read(path.join(&wanted)).map_err(Failure::usage)
    });
    match content.await {
        Ok(content) => answer::file(&file, content, false),
        Err(failure) => told(Err(failure)),
    }
}

/// `GET /api/compare?a=NAME&b=NAME`: the comparison, or every reason against one.
pub(super) async fn compare(State(session): Shared, uri: Uri) -> Response {
    let params = Params::parse(uri.query().unwrap_or_default());
    let (a, b) =
        (params.get("a").unwrap_or_default().to_owned(), params.get("b").unwrap_or_default().to_owned());
    let compared = aside(&session, move |out| {
        let (run_a, run_b) = crate::exit::both(
            folder(&out, &a).and_then(|path| read(&path)),
            folder(&out, &b).and_then(|path| read(&path)),
        )?;
        let waivers = Waivers { any_host: false, allow_invalid: false };
        let reasons = refusals(&run_a, &run_b, waivers).map_err(Failure::usage)?;
        if !reasons.is_empty() {
            // An answer and no error: a browser writes every error into its console.
            let reasons: Vec<_> = reasons.iter().take(50).map(ToString::to_string).collect();
            return Ok(json!({"a": {"name": a}, "b": {"name": b}, "refused": reasons}));
        }
        let found = compare_runs((&run_a, &a), (&run_b, &b), MARGIN_RATIO).map_err(Failure::usage)?;
        serde_json::to_value(&found).map_err(Failure::bug)
    });
    told(compared.await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        let place = tempfile::TempDir::new().expect("a folder");
        let out = place.path().join("results");
        for name in ["run_20260101_000000", "baseline_20260102_000000", "run_20260102_000000_2", "no_run"] {
            fs::create_dir_all(out.join(name)).expect("a folder");
            fs::write(out.join(name).join(if name == "no_run" { "x" } else { RUN_FILE }), "{}")
                .expect("a file");
        }
        fs::write(place.path().join(RUN_FILE), "{}").expect("a file");
        let names: Vec<String> = folders(&out).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["run_20260102_000000_2", "baseline_20260102_000000", "run_20260101_000000"]);
        assert!(folder(&out, "run_20260101_000000").is_ok());
        for name in [
            "..",
            ".",
            "",
            "no_run",
            "../results",
            "run_20260101_000000/",
            "/etc",
            "run_20260101_000000/..",
            "%2e%2e",
        ] {
            assert!(folder(&out, name).is_err(), "{name}");
        }
        let secret = out.join("run_20260101_000000");
        std::os::unix::fs::symlink("/etc/passwd", secret.join("passwd.txt")).expect("a link");
        assert_eq!(files(&secret), [(RUN_FILE.to_owned(), 2)]);
    }
}
