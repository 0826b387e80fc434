//! How far the run is: a bar a step on a terminal, plain lines elsewhere. All of it goes to standard error.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::Duration;

use harness::{Load, StepPlan, View};
use indicatif::{ProgressBar, ProgressStyle};

use crate::say::Stream;

/// Without a terminal, a line is written this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows a run's progress.
#[derive(Debug)]
pub(crate) struct Progress {
    steps: Vec<StepPlan>,
    style: Style,
    step: Option<usize>,
    line_shown: Duration,
    line_due: Duration,
    /// What was said last of each worker.
    workers: HashMap<(String, u32), &'static str>,
}

#[derive(Debug)]
enum Style {
    Bar(ProgressBar),
    Lines,
    Silent,
}

impl Progress {
    pub(crate) fn new(steps: &[StepPlan], silent: bool, lines: bool) -> Self {
        let style = match silent {
            true => Style::Silent,
            false if !lines && std::io::stderr().is_terminal() => Style::Bar(ProgressBar::hidden()),
            false => Style::Lines,
        };
        Self {
            steps: steps.to_vec(),
            style,
            step: None,
            line_shown: Duration::ZERO,
            line_due: Duration::ZERO,
            workers: HashMap::new(),
        }
    }

    /// Shows nothing.
    pub(crate) fn silent() -> Self {
        Self::new(&[], true, false)
    }

    /// Says something between the bars.
    pub(crate) fn say(&self, text: &str) {
        match &self.style {
            Style::Bar(bar) => bar.suspend(|| Stream::Error.line(text)),
            Style::Lines | Style::Silent => Stream::Error.line(text),
        }
    }

    pub(crate) fn show(&mut self, view: &View) {
        if matches!(self.style, Style::Silent) {
            return;
        }
        for worker in &view.workers {
            let known = self.workers.insert((worker.id.clone(), worker.pid), worker.state);
            if known != Some(worker.state) {
                let why = worker.words.as_ref().map_or(String::new(), |words| format!(": {words}"));
                self.say(&format!("worker {} is {}{why}", worker.id, worker.state));
            }
        }
        if self.step != Some(view.step) {
            self.begin(view.step);
        }
        let step = &self.steps[view.step];
        let text = figures(view, &step.load);
        match &self.style {
            Style::Silent => {}
            Style::Bar(bar) => {
                bar.set_position(view.elapsed.as_secs());
                bar.set_message(text);
            }
            Style::Lines => {
                let whole = step.run_time.is_some_and(|time| view.elapsed >= time);
                let fresh = view.elapsed > self.line_shown;
                if fresh && (view.elapsed >= self.line_due || whole) {
                    let of =
                        step.run_time.map_or(String::new(), |time| format!("/{:.0}", time.as_secs_f64()));
                    let at = view.elapsed.as_secs_f64();
                    Stream::Error.line(&format!("{} {at:.0}{of} s  {text}", step.name));
                    self.line_shown = view.elapsed;
                    self.line_due = view.elapsed + LINE_EVERY.min(step.run_time_limit() / 2);
                }
            }
        }
    }

    pub(crate) fn end(&self) {
        if let Style::Bar(bar) = &self.style {
            bar.abandon();
        }
    }

    fn begin(&mut self, index: usize) {
        self.end();
        self.step = Some(index);
        (self.line_shown, self.line_due) = (Duration::ZERO, Duration::ZERO);
        let step = &self.steps[index];
        if let Style::Bar(bar) = &mut self.style {
            let total_s = step.run_time.map(|time| time.as_secs().max(1));
            *bar = total_s.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            let shape = match total_s {
                Some(_) => "{prefix:>14} {bar:24.cyan/blue} {pos:>3}/{len} s  {msg}",
                None => "{prefix:>14} {spinner} {pos:>3} s  {msg}",
            };
            // The shapes are constants, tried by every run.
            bar.set_style(ProgressStyle::with_template(shape).expect("a valid shape"));
            bar.set_prefix(step.name.clone());
        }
    }
}

fn figures(view: &View, load: &Load) -> String {
    let live = &view.live;
    let p95 = live.p95_ns.map_or("–".to_owned(), |ns| format!("{:.0} ms", ns as f64 / 1e6));
    let stopping = if view.stopping { "  waiting for answers" } else { "" };
    let (whose, times) = if load.is_open() { ("in progress", "response") } else { ("users", "service") };
    format!(
        "{} {whose}  {:.1} RPS  {times} p95 {p95}  {} failures  {} throttled{stopping}",
        view.users, live.rps, live.failures, live.throttled
    )
}
