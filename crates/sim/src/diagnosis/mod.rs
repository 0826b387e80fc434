//! Diagnosis as a confusion matrix: worlds drawn from seeds, healthy or with one thing wrong at one of three severities,
//! and what the rules find in their runs.
//!
//! The weakest severity moves its figure by twice the spread of healthy runs of the same world. It must not know how rules
//! decide, nor the terminal.

mod delay;
mod figure;
mod matrix;
mod need;
mod plant;
mod solve;
mod truths;
mod world;

pub use figure::Figure;
pub use matrix::{Matrix, wilson};
pub use need::Need;
pub use solve::{Bench, SEVERITIES, Trial, healthy, judged};
pub use truths::{Base, TRUTHS, Truth, true_of};
pub use world::{Loads, Shape, World};
