//! The page and the reports in a real browser: what a person, a screen reader or a hostile text would meet.
//!
//! It must not know how the page is made: it looks, clicks and types.

mod access;
#[expect(dead_code, reason = "what the tests without a browser need as well")]
#[path = "../it/common.rs"]
mod common;
mod driver;
mod figures;
mod hostile;
mod pretend;
mod real;
mod reports;
mod shows;
mod stubbed;
