//! Diagnosis as a confusion matrix, in virtual time: worlds drawn from seeds, healthy or with one thing wrong.
//!
//! `diagnosis [RUNS] [SEED] [FAULT]`: RUNS worlds (20) a fault and fifteen times as many healthy ones (or `--healthy N`),
//! numbered from SEED (1); FAULT keeps the faults whose name begins so. Worlds are loaded with the six-step suite, or with
//! one load each by `--loads single`. `--only FAULT --seed N` carries world N out alone,
//! `--keep DIR` saves `run.json` and the profile of each run that was not right, `--save DIR` of all; `--from DIR` judges runs
//! again that were saved, without carrying them out. `--write FILE` puts the matrix between the marks of a document. It must not
//! know how rules decide.

use std::fs::{create_dir_all, read_dir, read_to_string, write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use measure::Run;
use sim::diagnosis::{Bench, Loads, Matrix, TRUTHS, Trial, Truth, World, healthy, judged};

/// Healthy worlds for each of the others, unless said.
const HEALTHY_TIMES: u64 = 15;
const THREADS_MAX: usize = 2;

#[derive(Default)]
struct Options {
    words: Vec<String>,
    flags: Vec<(String, String)>,
}

impl Options {
    fn read() -> Self {
        let mut options = Self::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.strip_prefix("--") {
                Some(flag) => {
                    let value = arguments.next().unwrap_or_else(|| panic!("--{flag} wants a value"));
                    options.flags.push((flag.to_owned(), value));
                }
                None => options.words.push(argument),
            }
        }
        options
    }

    fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().find(|(flag, _)| flag == name).map(|(_, value)| value.as_str())
    }

    fn number(&self, word: usize, flag: &str, default: u64) -> u64 {
        let text = self.flag(flag).or(self.words.get(word).map(String::as_str));
        text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("`{text}`: no number")))
    }
}

/// What to carry out: a truth or none, in a world; or a run to judge again.
enum Job {
    Live(Option<&'static Truth>, u64),
    Saved(PathBuf),
}

fn main() {
    let options = Options::read();
    let jobs = jobs(&options);
    let loads = loads(&options);
    let bench = Bench::new(loads);
    let matrix = Mutex::new(Matrix::default());
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = match job {
                Job::Live(None, number) => vec![healthy(*number, loads)],
                Job::Live(Some(truth), number) => bench.trials(truth, *number, &[0, 1, 2]),
                Job::Saved(folder) => vec![saved(folder, loads)],
            };
            for trial in &found {
                show(trial, &options);
                let place = TRUTHS.iter().position(|truth| Some(truth.name) == trial.truth);
                matrix.lock().expect("no thread panics with it").take(place.unwrap_or(0), trial);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let text = matrix.into_inner().expect("no thread panicked").markdown();
    println!("{text}");
    if let Some(file) = options.flag("write") {
        place(file, loads, &text);
    }
}

fn loads(options: &Options) -> Loads {
    match options.flag("loads").unwrap_or("suite") {
        "suite" => Loads::Suite,
        "single" => Loads::Single,
        other => panic!("--loads {other}: suite or single"),
    }
}

fn jobs(options: &Options) -> Vec<Job> {
    let only = options.flag("only");
    let first = options.number(1, "seed", 1);
    let runs = if only.is_some() { 1 } else { options.number(0, "runs", 20) };
    let wanted = only.or(options.words.get(2).map(String::as_str)).unwrap_or("");
    if let Some(folder) = options.flag("from") {
        let entries = read_dir(folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let mut folders: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        folders.retain(|path| told(path).is_some_and(|told| told[0].starts_with(wanted)));
        folders.sort();
        return folders.into_iter().map(Job::Saved).collect();
    }
    let healthy_runs = match (only, wanted) {
        (_, "healthy") => runs.max(1),
        (None, "") => runs * HEALTHY_TIMES,
        _ => 0,
    };
    let healthy_runs = options.number(usize::MAX, "healthy", healthy_runs);
    let mut jobs: Vec<Job> = (0..healthy_runs).map(|at| Job::Live(None, first + at)).collect();
    for number in first..first + runs {
        let truths = TRUTHS.iter().filter(|truth| truth.name.starts_with(wanted));
        jobs.extend(truths.map(|truth| Job::Live(Some(truth), number)));
    }
    jobs
}

/// The lines of a saved trial: what was wrong, severity, world, seed, strength.
fn told(folder: &Path) -> Option<Vec<String>> {
    let lines: Vec<_> = read_to_string(folder.join("trial.txt")).ok()?.lines().map(str::to_owned).collect();
    (lines.len() == 5).then_some(lines)
}

fn saved(folder: &Path, loads: Loads) -> Trial {
    let told = told(folder).expect("five lines");
    let truth = TRUTHS.iter().find(|truth| truth.name == told[0]);
    let number = |at: usize| told[at].parse::<u64>().expect("a number");
    let mut world = World::draw(number(2), loads);
    if let Some(truth) = truth {
        truth.need().prepare(&mut world);
    }
    let text = read_to_string(folder.join("run.json")).expect("the run can be read");
    let run = Run::from_json(&text).unwrap_or_else(|wrong| panic!("{}: {wrong}", folder.display()));
    judged(truth, number(1) as usize, &world, (number(3), told[4].parse().expect("a number")), run)
}

fn show(trial: &Trial, options: &Options) {
    let is_good = trial.right && trial.wrong.is_empty();
    let is_only = options.flag("only").is_some();
    let name = trial.truth.unwrap_or("healthy");
    if !is_good || is_only {
        println!(
            "{} {name} [{}] --seed {} (run {}) strength {:.4}: found {:?}, wrong {:?}",
            if is_good {
                "ok  "
            } else if trial.right {
                "also"
            } else {
                "MISS"
            },
            trial.severity,
            trial.world,
            trial.seed,
            trial.strength,
            trial.signs,
            trial.wrong
        );
        for finding in trial.findings.iter().filter(|_| is_only || !trial.wrong.is_empty()) {
            let words = |evidence: &measure::diagnosis::Evidence| {
                format!("{} {:?} {}", evidence.step, evidence.seconds, evidence.words)
            };
            let evidence: Vec<_> = finding.evidence.iter().map(words).collect();
            println!("       {:?} ({:?}): {}", finding.sign, finding.confidence, evidence.join(" | "));
        }
    }
    let folder = if is_good && !is_only { None } else { options.flag("keep") };
    if let Some(folder) = folder.or(options.flag("save")) {
        let place = format!("{name} {} {}", trial.severity, trial.world).replace([' ', '(', ')'], "_");
        let folder = Path::new(folder).join(place);
        let told =
            format!("{name}\n{}\n{}\n{}\n{}\n", trial.severity, trial.world, trial.seed, trial.strength);
        create_dir_all(&folder).expect("the folder can be made");
        for (file, text) in
            [("run.json", trial.run.to_json()), ("profile.toml", trial.profile.clone()), ("trial.txt", told)]
        {
            write(folder.join(file), text).unwrap_or_else(|error| panic!("{file}: {error}"));
        }
    }
}

/// Puts the table between the marks of a document that are for these loads.
fn place(file: &str, loads: Loads, table: &str) {
    let name = match loads {
        Loads::Suite => "suite",
        Loads::Single => "single",
    };
    let marks = [format!("<!-- matrix: {name} -->\n"), format!("<!-- end of matrix: {name} -->")];
    let text = read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let (head, rest) = text.split_once(&marks[0]).expect("the first mark");
    let (_, tail) = rest.split_once(&marks[1]).expect("the second mark");
    write(file, format!("{head}{}\n{table}\n{}{tail}", marks[0], marks[1]))
        .expect("the document can be written");
}
