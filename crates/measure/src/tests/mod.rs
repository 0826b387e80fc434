//! Tests of the way from samples to conclusions and files.

mod analysis;
mod conclusions;
mod exports;
mod health;
mod judging;
mod pages;
mod thresholds;
mod times;
mod trust;
