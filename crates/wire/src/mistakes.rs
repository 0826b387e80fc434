//! Mistakes in what a person wrote: each names the place, the value and the remedy, and all come at once.

use std::fmt;

/// One mistake in a file, a flag or a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where: `file.toml:12`, a flag or a variable's name.
    pub place: String,
    /// What is wrong, with the value.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.problem, self.remedy)
    }
}

/// All mistakes found, in the order in which they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

impl Mistakes {
    /// Adds one.
    pub fn push(&mut self, place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Mistake { place: place.into(), problem: problem.into(), remedy: remedy.into() });
    }

    /// Takes all of `other`.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// The value, if nothing is wrong.
    ///
    /// # Errors
    /// All the mistakes, if there are any.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.0.iter().enumerate() {
            write!(f, "{}{mistake}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
