//! Rules about what was answered in place of a success.
//! They must not know each other.

mod chance;
mod errors;
mod hunger;
mod kind;
mod limits;
mod story;
#[cfg(test)]
mod tests;
mod unanswered;

use super::Rule;

/// The rules of this room.
pub(super) const RULES: &[Rule] = &[errors::rule, unanswered::timeouts, unanswered::broken, limits::rule];
