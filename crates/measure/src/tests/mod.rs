//! Tests of the way from samples to conclusions and files.

mod conclusions;
mod exports;
mod health;
mod judging;
mod pages;
mod times;
mod trust;
