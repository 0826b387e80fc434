//! `report --format` and `run --html`: one document each, the folder left alone, mistakes told before anything is done.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{contents, folder, names, read, results, run};

fn baseline(place: &Path) -> PathBuf {
    run(place, "baseline --quick --simulate --seed 3 --out o").exits(0);
    results(&place.join("o"))
}

/// What a format's document begins with and holds.
fn check(folder: &Path, format: &str, begin: &str, parts: &[&str]) {
    let before = contents(folder);
    let args = format!("report {} --format {format}", folder.display());
    let place = folder.parent().expect("is below another");
    let shown = run(place, &args).exits(0);
    assert!(shown.out.starts_with(begin), "{format}: {}", shown.out.chars().take(200).collect::<String>());
    parts.iter().for_each(|part| assert!(shown.out.contains(part), "{format} lacks {part}"));
    let quiet = run(place, &format!("{args} --output document")).exits(0);
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
    assert!(read(place.join("document")) == shown.out, "{format}: the file is another document");
    assert!(contents(folder) == before, "{format}: the folder was touched");
}

#[test]
fn a_document_a_format() {
    let place = folder(&[]);
    let folder = baseline(place.path());
    let file = |name: &str| read(folder.join(name));
    check(&folder, "text", "BASELINE PERFORMANCE REPORT\n", &[&file("baseline_report_20260101_000000.txt")]);
    check(&folder, "json", "[\n", &[&file("baseline_20260101_000000.json")]);
    check(
        &folder,
        "markdown",
        "## Baseline: passed (exit code 0)\n",
        &["| heavy\\_load | 50 users |", "--seed 3"],
    );
    let cases = ["<testsuite name=\"heavy_load\"", "<testcase name=\"p95\"", "name=\"validity\""];
    check(&folder, "junit", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites ", &cases);
    let metrics = ["\nweaver_bench_run_exit_code 0\n", "\nweaver_bench_step_users{step=\"heavy_load\"} 50\n"];
    check(&folder, "prometheus", "# HELP weaver_bench_run_info ", &metrics);
    check(&folder, "html", "<!doctype html>\n", &["id=\"step-heavy_load\"", "plotly.js v", "--seed 3"]);
}

#[test]
fn a_folder_has_pages_and_one_script() {
    let place = folder(&[]);
    let folder = baseline(place.path());
    let pages: Vec<String> = names(&folder).into_iter().filter(|name| name.ends_with(".html")).collect();
    assert_eq!(pages.len(), 7, "{pages:?}");
    assert!(pages.iter().all(|name| read(folder.join(name)).contains("<script src=\"plotly.min.js\">")));
    let bytes: u64 =
        names(&folder).iter().map(|name| fs::metadata(folder.join(name)).expect("is there").len()).sum();
    assert!(bytes < 15_000_000, "{bytes} bytes");
}

#[test]
fn a_page_of_a_run() {
    let place = folder(&[]);
    let flags = "run --simulate -u 3 -r 3 -t 9s --seed 3";
    run(place.path(), &format!("{flags} --html page.html --out o")).exits(0);
    let page = read(place.path().join("page.html"));
    assert!(page.contains("plotly.js v") && !page.contains("<script src"), "it needs another file");
    let folder = results(&place.path().join("o"));
    assert!(
        names(&folder).contains(&"run.html".to_owned())
            && !names(&folder).contains(&"report.html".to_owned())
    );
    let again = run(place.path(), &format!("report {} --format html", folder.display())).exits(0);
    assert!(again.out == page, "the same run gives another page");
}

#[test]
fn mistakes_are_told_first() {
    let place = folder(&[("inside/run.json", "{}")]);
    let check = |args: &str, part: &str| {
        run(place.path(), args).exits(2).says(&[part]);
    };
    check("report inside --format html", "inside/run.json: the run file cannot be read");
    check("report inside --output x", "--format");
    check("report inside --format pdf", "pdf");
    check("report inside --format text --output no/such", "no/such");
    check("run --simulate -t 5s --html no/such", "no/such");
    assert_eq!(names(&place.path().join("inside")), ["run.json"]);
}
