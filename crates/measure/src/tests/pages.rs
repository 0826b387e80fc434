//! Pages as a browser would read them: figures against the other files, hostile text, bounds, and the same bytes twice.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::export::{Document, SCRIPT_FILE, html_document, html_pages, script, stats_csv};
use crate::testing::{Draw, asks, run_of, sample, step_of};
use crate::*;

const S: u64 = 1_000_000_000;

/// Two minutes with every outcome, in two steps.
fn suite() -> Run {
    let mut draw = Draw(9);
    let mut step = |name: &str, users: u32| {
        let one = |at: u64| {
            let outcome = Outcome::ALL[[0, 0, 0, 0, 0, 0, 1, 2][at as usize % 8]];
            sample((at % 5 / 4) as u16, outcome, at * S / 10, (draw.exponential() * 2e8) as u64)
        };
        step_of(name, users, &(0..600).map(one).collect::<Vec<_>>())
    };
    let (first, second) = (step("light_load", 5), step("heavy_load", 50));
    run_of(vec![first, second])
}

fn pages(run: &Run) -> BTreeMap<String, String> {
    html_pages(run, &conclude(run).unwrap()).unwrap().into_iter().collect()
}

fn document(run: &Run) -> String {
    let text = html_document(run, &conclude(run).unwrap()).unwrap();
    // The library's own text is its own affair.
    text.replacen(script(), "", 1)
}

/// The cells of the table with this caption, head included.
#[track_caller]
fn table(page: &str, caption: &str) -> Vec<Vec<String>> {
    let start = page.find(&format!("<caption>{caption}")).unwrap_or_else(|| panic!("no table `{caption}`"));
    let text = &page[start..start + page[start..].find("</table>").expect("a table ends")];
    let cell = |part: &str| {
        let text = part.split_once('>').map_or("", |(_, text)| text);
        let text = text.split("</t").next().unwrap_or("");
        let plain = text.split('<').map(|part| part.rsplit('>').next().unwrap_or(part)).collect::<String>();
        plain
            .replace("&#60;", "<")
            .replace("&#62;", ">")
            .replace("&#34;", "\"")
            .replace("&#39;", "'")
            .replace("&#38;", "&")
    };
    let row = |row: &str| {
        let row = row.split("</tr>").next().unwrap_or("");
        let row = row.replace("<th", "\u{1}").replace("<td", "\u{1}");
        row.split('\u{1}').skip(1).map(cell).collect()
    };
    text.split("<tr>").skip(1).map(row).collect()
}

fn figures(page: &str) -> Value {
    let start = page.find("id=\"figures\">").expect("figures") + "id=\"figures\">".len();
    let end = start + page[start..].find("</script>").expect("figures end");
    serde_json::from_str(&page[start..end]).expect("figures are JSON")
}

#[test]
fn figures_are_those_of_the_other_files() {
    let run = suite();
    let conclusion = conclude(&run).unwrap();
    let pages = pages(&run);
    for (record, step) in run.steps.iter().zip(&conclusion.steps) {
        let page = &pages[&format!("{}.html", record.name)];
        let csv = stats_csv(&step.summary);
        let stats: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
        let requests = table(page, "Requests");
        let percentiles = table(page, "Service times of successes, ms");
        assert_eq!((requests.len(), percentiles.len()), (stats.len(), stats.len()));
        for ((row, times), known) in requests.iter().zip(&percentiles).zip(&stats).skip(1) {
            let of = |head: &str| &row[requests[0].iter().position(|name| name == head).expect(head)];
            let heads = ["method", "name", "requests", "failures", "average ms", "min ms", "max ms"]
                .map(|head| of(head).as_str());
            assert_eq!(heads, [known[0], known[1], known[2], known[3], known[5], known[6], known[7]]);
            for (head, at) in [("average bytes", 8), ("requests/s", 9), ("failures/s", 10)] {
                assert_eq!(of(head).parse::<f64>().ok(), known[at].parse().ok(), "{head}");
            }
            // The page withholds percentiles of too few requests.
            for (cell, known) in times[5..].iter().zip(&known[11..]) {
                assert!(cell == known || cell == "–", "{times:?} {known:?}");
            }
            assert_eq!(times[5], known[11], "enough for a median");
        }
        let drawn = figures(page);
        let rates = drawn[format!("chart-rate-{}", record.name)]["data"].as_array().expect("lines").clone();
        let sums = rates.iter().map(|line| {
            // All but the last second are a second long, and in the last nothing ends.
            line["y"].as_array().expect("values").iter().filter_map(Value::as_f64).sum::<f64>().round() as u64
        });
        let total = &step.summary.total;
        let counts = Outcome::ALL.map(|outcome| total.of(outcome).count);
        assert!(
            sums.zip([total.requests(), counts[0], counts[1], counts[2]])
                .all(|(sum, count)| sum.abs_diff(count) < 12)
        );
    }
    let steps = table(&pages["report.html"], "The steps beside each other");
    for (row, step) in steps[1..].iter().zip(&conclusion.steps) {
        assert_eq!((&row[0], &row[4]), (&step.name, &step.summary.total.requests().to_string()));
        let p50 = step.verdict.metric(Metric::P50).and_then(|metric| metric.value).map(|ms| ms.to_string());
        assert_eq!(Some(&row[12]), p50.as_ref());
    }
}

#[test]
fn a_page_depends_on_the_run_alone() {
    let run = suite();
    let again = Run::from_json(&run.to_json()).unwrap();
    assert!(pages(&run) == pages(&again), "not byte for byte");
    assert!(document(&run) == document(&again), "not byte for byte");
}

#[test]
fn pages_share_a_script_and_a_document_has_it_inside() {
    let run = suite();
    for (name, page) in pages(&run) {
        assert_eq!(page.matches("<script").count(), 3, "{name}");
        assert!(page.contains(&format!("<script src=\"{SCRIPT_FILE}\"></script>")), "{name}");
    }
    let whole = html_document(&run, &conclude(&run).unwrap()).unwrap();
    assert!(whole.contains(script()) && !whole.contains("<script src"), "it would need another file");
    let addresses = document(&run);
    assert!(!addresses.contains("http://") && !addresses.contains("https://"), "it would need a network");
    for id in ["chart-suite-throughput", "chart-time-heavy_load", "chart-percentiles-light_load"] {
        assert!(whole.contains(&format!("<div class=\"chart\" id=\"{id}\"")), "{id}");
        assert!(figures(&document(&run))[id]["data"].is_array(), "{id}");
    }
}

#[test]
fn hostile_text_is_text() {
    let hostile =
        "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'`{{ 7*7 }}{% x %}&\u{2028}\u{0}";
    let mut run = suite();
    let long = format!("{hostile}{}", "y".repeat(10_000));
    for step in &mut run.steps {
        step.names.iter_mut().for_each(|entry| {
            (entry.name, entry.method) = (format!("{hostile}{}", entry.name), long.clone())
        });
        step.errors.iter_mut().for_each(|record| record.error = long.clone());
        step.classes
            .iter_mut()
            .for_each(|class| (class.name, class.tasks[0].name) = (long.clone(), long.clone()));
    }
    (run.simulated, run.target_url) = (false, Some(long.clone()));
    (run.version, run.aborted) = (long.clone(), Some(long.clone()));
    run.plan = serde_json::json!({ "x": long });
    run.host = Some(Host {
        name: long.clone(),
        system: long.clone(),
        cpus: 1,
        cpu_model: long.clone(),
        memory_bytes: 1,
    });
    run.targets.as_mut().unwrap().judged_path = long.clone();
    let mut all = pages(&run);
    all.insert("document".to_owned(), document(&run));
    for (name, page) in all {
        assert_eq!(page.matches("<script").count(), 3, "{name}");
        assert_eq!(page.matches("</script").count(), 3, "{name}");
        assert!(!page.contains("<img") && page.contains("onerror"), "{name}");
        figures(&page);
        assert!(page.len() < 2_000_000, "{name} has {} bytes", page.len());
    }
    let conclusion = conclude(&run).unwrap();
    let markdown = Document::Markdown.write(&run, &conclusion).unwrap();
    // The command is indented code, which Markdown takes as it stands.
    let (read, code) = markdown.split_once("\n\n    weaver-bench").expect("the command");
    assert!(!read.contains("<script") && !read.contains("<img") && read.len() < 10_000, "{read}");
    assert_eq!(code.trim_end().lines().count(), 1, "{code}");
    let prometheus = Document::Prometheus.write(&run, &conclusion).unwrap();
    let number = |line: &str| {
        line.rsplit(' ').next().is_some_and(|number| number.parse::<f64>().is_ok_and(f64::is_finite))
    };
    assert!(prometheus.lines().all(|line| line.starts_with("# ") || number(line)));
    let junit = Document::Junit.write(&run, &conclusion).unwrap();
    assert!(!junit.contains("<script") && !junit.contains('\u{0}'), "{junit}");
}

#[test]
fn nothing_to_show_is_no_number() {
    let mut silent = step_of("silent", 1, &[]);
    silent.intervals.clear();
    for steps in [vec![], vec![silent], vec![step_of("s", 1, &asks(1, 1, 0))]] {
        let mut run = run_of(steps);
        for targets in [run.targets.clone(), None] {
            run.targets = targets;
            let conclusion = conclude(&run).unwrap();
            let mut texts = vec![document(&run)];
            texts.extend(pages(&run).into_values());
            for format in
                [Document::Text, Document::Markdown, Document::Junit, Document::Prometheus, Document::Json]
            {
                texts.push(format.write(&run, &conclusion).unwrap());
            }
            for text in texts {
                // `isNaN` is ours.
                let text = text.replace("Number.isNaN", "");
                assert!(!text.contains("NaN") && !text.contains("inf ") && !text.contains(">inf<"), "{text}");
            }
        }
    }
}

#[test]
fn many_names_are_counted_not_shown() {
    let names = 10_000;
    let mut step = step_of("s", 5, &asks(3, 1, 1));
    let cell = step.intervals[0].cells[0].clone();
    step.intervals.truncate(1);
    let (mut cells, mut statuses) = (vec![], vec![]);
    step.names.clear();
    for at in 0..names {
        step.names.push(EntryName {
            method: "GET".to_owned(),
            name: format!("/{at}"),
            path: format!("/{at}"),
        });
        cells.push(CellRecord { name: NameId(at), ..cell.clone() });
        statuses.push(StatusCount { name: NameId(at), status: 200, count: cell.count });
    }
    (step.intervals[0].cells, step.statuses) = (cells, statuses);
    step.classes.clear();
    let run = run_of(vec![step]);
    let page = document(&run);
    assert!(page.len() < 500_000, "{}", page.len());
    assert!(page.contains("9800 more entries are left out here"), "no count of what is missing");
    let total = table(&page, "Requests").pop().expect("a total");
    assert_eq!(total[2], "30000");
}
