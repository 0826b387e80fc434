//! The law, fitted to what the steps say.
//!
//! What is fitted is the mean time of an answer, R = (1 + σ m̄ + κ m(m + 1)) / λ over the others m that an arrival meets: linear
//! in 1/λ, σ/λ and κ/λ once it is known who is met. That follows from the law itself (see [`super::closed_loop`]), so the two are
//! found in turns. Without think time m = N − 1, and it is the usual regression on N / X (Gunther 2007, 5.4), weighed by how
//! well each time is known. It must not know where the points come from.

use super::Law;
use super::closed_loop::met;
use super::points::LoadPoint;
use crate::tails::student_975;

/// What no number of requests tells better: the law is a model.
const MODEL_ERROR_RATIO: f64 = 0.002;
/// Turns at most.
const TURNS_MAX: usize = 200;
/// The turns end when no constant moves by more than this share.
const SETTLED: f64 = 1e-7;

/// A law, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct FittedLaw {
    /// The best one.
    pub law: Law,
    /// 95 % interval of λ.
    pub rate_95: (f64, f64),
    /// 95 % interval of σ.
    pub contention_95: (f64, f64),
    /// 95 % interval of κ.
    pub coherency_95: (f64, f64),
    /// The share of the differences between the steps' times that the law explains, 0 to 1: R².
    pub explained: f64,
    /// The greatest difference between a step's time and the law's, as a share of the law's.
    pub off_ratio_max: f64,
    /// The greatest of these differences in standard errors.
    pub off_errors_max: f64,
}

/// Fits; `None` with fewer points than it takes, or when nothing settles.
pub(crate) fn fit(points: &[LoadPoint]) -> Option<FittedLaw> {
    if points.len() < 4 {
        return None;
    }
    let least = points.iter().map(|point| point.time_s).fold(f64::INFINITY, f64::min);
    let mut found = [least, 0.0, 0.0];
    let mut rows = rows(points, &law_of(found)?);
    for _ in 0..TURNS_MAX {
        let next = least_squares(&rows)?;
        let moved = (0..3).map(|at| (next[at] - found[at]).abs() / next[0].max(f64::MIN_POSITIVE));
        let settled = moved.fold(0.0, f64::max) < SETTLED;
        // Half a step at a time: where the load feeds on itself whole ones overshoot.
        found = [0, 1, 2].map(|at| f64::midpoint(found[at], next[at]));
        rows = self::rows(points, &law_of(found)?);
        if settled {
            return quality(&rows, least_squares(&rows)?);
        }
    }
    None
}

/// One equation: 1 · a + m̄ · b + m(m + 1) · c = R, and the standard error of its right side.
struct Equation {
    of: [f64; 3],
    time_s: f64,
    error_s: f64,
}

fn rows(points: &[LoadPoint], law: &Law) -> Vec<Equation> {
    let row = |point: &LoadPoint| {
        let met = met(law, point.users, point.think_s);
        let error_s = (point.time_error_s.powi(2) + (MODEL_ERROR_RATIO * point.time_s).powi(2)).sqrt();
        Equation { of: [1.0, met.others, met.pairs], time_s: point.time_s, error_s }
    };
    points.iter().map(row).collect()
}

fn law_of([a, b, c]: [f64; 3]) -> Option<Law> {
    (a > 0.0).then(|| Law { rate_per_s: 1.0 / a, contention: b / a, coherency: c / a })
}

/// The three constants, none below 0, that leave the least; a constant that wants to be below 0 is 0.
fn least_squares(rows: &[Equation]) -> Option<[f64; 3]> {
    let left = |x: &[f64; 3]| -> f64 {
        let of = |row: &Equation| (row.time_s - value(row, x)) / row.error_s;
        rows.iter().map(|row| of(row).powi(2)).sum()
    };
    let tries = [[true, true, true], [true, true, false], [true, false, true], [true, false, false]];
    let solved = tries.iter().filter_map(|used| solve(rows, *used));
    let fit = solved.filter(|x| x[0] > 0.0 && x[1] >= 0.0 && x[2] >= 0.0);
    fit.min_by(|x, y| left(x).total_cmp(&left(y)))
}

fn value(row: &Equation, x: &[f64; 3]) -> f64 {
    row.of.iter().zip(x).map(|(of, x)| of * x).sum()
}

/// The normal equations' matrix of those constants that are used; 1 on the diagonal of the others.
fn normal(rows: &[Equation], used: [bool; 3]) -> ([[f64; 3]; 3], [f64; 3]) {
    let (mut matrix, mut right) = ([[0.0; 3]; 3], [0.0; 3]);
    for i in 0..3 {
        for j in 0..3 {
            if used[i] && used[j] {
                matrix[i][j] = rows.iter().map(|row| row.of[i] * row.of[j] / row.error_s.powi(2)).sum();
            } else if i == j {
                matrix[i][j] = 1.0;
            }
        }
        if used[i] {
            right[i] = rows.iter().map(|row| row.of[i] * row.time_s / row.error_s.powi(2)).sum();
        }
    }
    (matrix, right)
}

fn solve(rows: &[Equation], used: [bool; 3]) -> Option<[f64; 3]> {
    let (matrix, right) = normal(rows, used);
    let inverse = inverse(&matrix)?;
    Some([0, 1, 2].map(|i| if used[i] { (0..3).map(|j| inverse[i][j] * right[j]).sum() } else { 0.0 }))
}

/// Of a symmetric matrix, scaled first: its rows are of very different sizes. `None` where it says the same twice.
fn inverse(matrix: &[[f64; 3]; 3]) -> Option<[[f64; 3]; 3]> {
    let scale = [0, 1, 2].map(|i: usize| 1.0 / matrix[i][i].sqrt());
    let m = |i: usize, j: usize| matrix[i % 3][j % 3] * scale[i % 3] * scale[j % 3];
    let minor = |i: usize, j: usize| m(i + 1, j + 1) * m(i + 2, j + 2) - m(i + 1, j + 2) * m(i + 2, j + 1);
    let determinant: f64 = (0..3).map(|j| m(0, j) * minor(0, j)).sum();
    if !determinant.is_finite() || determinant.abs() < 1e-13 {
        return None;
    }
    let cell = |i: usize, j: usize| minor(j, i) / determinant * scale[i] * scale[j];
    Some([0, 1, 2].map(|i| [0, 1, 2].map(|j| cell(i, j))))
}

/// Intervals by the delta method with Student's t, widened where the points lie further from the law than their errors say.
fn quality(rows: &[Equation], x: [f64; 3]) -> Option<FittedLaw> {
    let law = law_of(x)?;
    let freedom = (rows.len() - 3).max(1);
    let off = |row: &Equation| row.time_s - value(row, &x);
    let chi: f64 = rows.iter().map(|row| (off(row) / row.error_s).powi(2)).sum();
    let wider = (chi / freedom as f64).max(1.0);
    let covariance = inverse(&normal(rows, [true; 3]).0)?;
    let t = if rows.len() > 12 { 1.96 } else { student_975(freedom as u32) };
    // What the errors themselves say needs no t of few points; what the points' own spread says does.
    let t = if wider > 1.0 { t } else { 1.96 };
    let half = |gradient: [f64; 3]| -> f64 {
        let sum: f64 =
            (0..3).map(|i| (0..3).map(|j| gradient[i] * covariance[i][j] * gradient[j]).sum::<f64>()).sum();
        t * (wider * sum.max(0.0)).sqrt()
    };
    let around = |value: f64, half: f64| ((value - half).max(0.0), value + half);
    let ratio = |at: usize| {
        let mut gradient = [-x[at] / (x[0] * x[0]), 0.0, 0.0];
        gradient[at] = 1.0 / x[0];
        around(x[at] / x[0], half(gradient))
    };
    let weight = |row: &Equation| 1.0 / row.error_s.powi(2);
    let weights: f64 = rows.iter().map(weight).sum();
    let mean: f64 = rows.iter().map(|row| weight(row) * row.time_s).sum::<f64>() / weights;
    let spread: f64 = rows.iter().map(|row| weight(row) * (row.time_s - mean).powi(2)).sum();
    let off_ratio = |row: &Equation| (off(row) / value(row, &x)).abs();
    let most = |values: Vec<f64>| values.into_iter().fold(0.0, f64::max);
    Some(FittedLaw {
        law,
        rate_95: around(law.rate_per_s, half([-1.0 / (x[0] * x[0]), 0.0, 0.0])),
        contention_95: ratio(1),
        coherency_95: ratio(2),
        explained: if spread > 0.0 { (1.0 - chi / spread).clamp(0.0, 1.0) } else { 0.0 },
        off_ratio_max: most(rows.iter().map(off_ratio).collect()),
        off_errors_max: most(rows.iter().map(|row| (off(row) / row.error_s).abs()).collect()),
    })
}
