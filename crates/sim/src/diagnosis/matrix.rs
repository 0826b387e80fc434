//! The matrix: rows are truths and severities, columns what was found, and how often each was right.
//!
//! It must not know how trials are carried out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::figure::Figure;
use super::solve::{SEVERITIES, Trial};
use super::truths::TRUTHS;

/// Trials, counted.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    rows: BTreeMap<(usize, String, usize), Row>,
    healthy: Row,
}

#[derive(Clone, Debug, Default)]
struct Row {
    runs: u64,
    right: u64,
    /// Runs with a finding that is neither right nor true as well.
    confused: u64,
    signs: BTreeMap<String, u64>,
}

impl Row {
    fn take(&mut self, trial: &Trial) {
        self.runs += 1;
        self.right += u64::from(trial.right);
        self.confused += u64::from(!trial.wrong.is_empty());
        for sign in &trial.signs {
            *self.signs.entry(sign.clone()).or_default() += 1;
        }
    }
}

impl Matrix {
    /// Counts a trial; `place` is its truth's among all, for the order of rows.
    pub fn take(&mut self, place: usize, trial: &Trial) {
        let row = match trial.truth {
            None => &mut self.healthy,
            Some(name) => self.rows.entry((place, name.to_owned(), trial.severity)).or_default(),
        };
        row.take(trial);
    }

    /// Healthy runs, and those of them with a finding.
    pub fn false_findings(&self) -> (u64, u64) {
        (self.healthy.runs, self.healthy.confused)
    }

    /// Runs with something wrong, and those of them in which it was found.
    pub fn found(&self) -> (u64, u64) {
        self.rows.values().fold((0, 0), |(runs, right), row| (runs + row.runs, right + row.right))
    }

    /// As a Markdown table, with what else is to be known above it.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let (runs, wrong) = self.false_findings();
        let (all, found) = self.found();
        let _ = writeln!(text, "{wrong} of {runs} healthy runs had a finding: {}.", interval(wrong, runs));
        let _ = writeln!(
            text,
            "In {found} of {all} others what was wrong was found: {}.\n",
            interval(found, all)
        );
        text.push_str(
            "| what is wrong | moved by | runs | found | recall, 95 % interval | confused | findings |\n",
        );
        text.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
        let healthy = ("nothing".to_owned(), "–".to_owned(), &self.healthy);
        let rows =
            self.rows.iter().map(|((_, name, severity), row)| (name.clone(), moved(name, *severity), row));
        for (name, moved, row) in std::iter::once(healthy).chain(rows) {
            let mut signs: Vec<_> = row.signs.iter().collect();
            signs.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let signs: Vec<_> = signs.iter().map(|(sign, count)| format!("{sign} {count}")).collect();
            let _ = writeln!(
                text,
                "| {name} | {moved} | {} | {} | {} | {} | {} |",
                row.runs,
                row.right,
                interval(row.right, row.runs),
                row.confused,
                signs.join(", ")
            );
        }
        text
    }
}

/// The figure that is moved, and by how much of its spread.
fn moved(name: &str, severity: usize) -> String {
    match TRUTHS.iter().find(|truth| truth.name == name).map(|truth| truth.figure) {
        Some(figure) if figure != Figure::None => format!("{} {} sd", figure.words(), SEVERITIES[severity]),
        _ => format!("{} ×", severity + 1),
    }
}

fn interval(count: u64, runs: u64) -> String {
    if runs == 0 {
        return "–".to_owned();
    }
    let (low, high) = wilson(count, runs);
    let share = count as f64 / runs as f64;
    format!("{:.1} % ({:.1} to {:.1})", share * 100.0, low * 100.0, high * 100.0)
}

/// The 95 % interval of a share by its score (Wilson, *Journal of the American Statistical Association* 22, 1927).
pub fn wilson(count: u64, runs: u64) -> (f64, f64) {
    let (n, z) = (runs.max(1) as f64, 1.959_964);
    let share = count as f64 / n;
    let middle = share + z * z / (2.0 * n);
    let half = z * libm::sqrt(share * (1.0 - share) / n + z * z / (4.0 * n * n));
    let whole = 1.0 + z * z / n;
    ((middle - half) / whole, (middle + half) / whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_tables() {
        // Newcombe, Statistics in Medicine 17, 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        for (count, runs, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let got = wilson(count, runs);
            assert!((got.0 - low).abs() < 1e-4 && (got.1 - high).abs() < 1e-4, "{count} of {runs}: {got:?}");
        }
    }
}
