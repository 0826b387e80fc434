//! Rules about how answers and latency follow the load, and whether the generator kept up.
//! They must not know each other.

mod capacity;
mod generator;
mod growth;
mod series;

use super::Rule;

/// The rules of this room.
pub(super) const RULES: &[Rule] = &[capacity::rule, generator::limit, generator::lost];
