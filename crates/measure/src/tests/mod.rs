//! Tests of the way from samples to conclusions and files.

mod conclusions;
mod exports;
mod judging;
mod trust;
