//! Checked TOML: a table is read key by key, and every mistake is kept with its file, line and remedy.
//!
//! The caller asks for the keys it knows; `finish` then reports every key that nobody asked for. So the
//! reading code *is* the list of known keys, and one pass finds all mistakes of a file.

use std::cell::RefCell;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::{FromToml, Mistakes};

/// A file's text with the mistakes found in it so far.
#[derive(Debug)]
pub struct Source<'a> {
    file: &'a str,
    text: &'a str,
    mistakes: RefCell<Mistakes>,
}

impl<'a> Source<'a> {
    /// Reads all of `text` through `read`; `file` is what messages call it.
    ///
    /// # Errors
    /// Every mistake: of syntax, of type, of range, and every unknown key.
    pub fn read<T>(
        file: &'a str,
        text: &'a str,
        read: impl FnOnce(&mut Table<'_>) -> T,
    ) -> Result<T, Mistakes> {
        let source = Source { file, text, mistakes: RefCell::default() };
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            source.push(at, error.message().to_owned(), "mend the TOML syntax");
        }
        if !errors.is_empty() {
            return Err(source.mistakes.into_inner());
        }
        let mut table =
            Table { source: &source, path: String::new(), at: 0, entries: root.get_ref(), known: vec![] };
        let value = read(&mut table);
        table.finish();
        source.mistakes.into_inner().or(value)
    }

    fn push(&self, at: usize, problem: String, remedy: &str) {
        self.mistakes.borrow_mut().push(self.place(at), problem, remedy);
    }

    fn place(&self, at: usize) -> String {
        let line =
            self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|b| **b == b'\n').count() + 1;
        format!("{}:{line}", self.file)
    }
}

/// A table of the file, with the keys that were asked for.
#[derive(Debug)]
pub struct Table<'a> {
    source: &'a Source<'a>,
    path: String,
    at: usize,
    entries: &'a DeTable<'a>,
    known: Vec<&'static str>,
}

/// A value of the file that has not been given a type yet.
#[derive(Clone, Debug)]
pub struct Value<'a> {
    source: &'a Source<'a>,
    path: String,
    at: usize,
    value: &'a DeValue<'a>,
}

impl<'a> Table<'a> {
    /// The value of `key`, or `None` when it is absent or wrong (which is then a mistake).
    pub fn get<T: FromToml>(&mut self, key: &'static str) -> Option<T> {
        self.value(key)?.read()
    }

    /// The value of `key`; its absence is a mistake.
    pub fn need<T: FromToml>(&mut self, key: &'static str) -> Option<T> {
        self.need_value(key)?.read()
    }

    /// The value of `key`, checked: `check` says what is wrong with it and what to do.
    pub fn get_if<T: FromToml>(
        &mut self,
        key: &'static str,
        remedy: &str,
        check: impl FnOnce(&T) -> bool,
    ) -> Option<T> {
        let value = self.value(key)?;
        let read: T = value.read()?;
        if check(&read) {
            return Some(read);
        }
        value.mistake("is out of range", remedy);
        None
    }

    /// The raw value of `key`, if it is there.
    pub fn value(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.known.push(key);
        let (name, value) = self.entries.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(self.child(name.get_ref(), value))
    }

    /// The raw value of `key`; its absence is a mistake.
    pub fn need_value(&mut self, key: &'static str) -> Option<Value<'a>> {
        let value = self.value(key);
        if value.is_none() {
            self.mistake(&format!("`{key}` is missing"), &format!("add `{key} = …`"));
        }
        value
    }

    /// The table under `key`, read by `read`.
    pub fn table<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Table<'a>) -> T) -> Option<T> {
        self.value(key)?.table(read)
    }

    /// The array of tables under `key`, each read by `read`; absent means none.
    pub fn tables<T>(&mut self, key: &'static str, mut read: impl FnMut(&mut Table<'a>) -> T) -> Vec<T> {
        let Some(value) = self.value(key) else { return vec![] };
        value.items().iter().filter_map(|item| item.table(&mut read)).collect()
    }

    /// All entries, for tables whose keys are free names: every key counts as known.
    pub fn entries(&mut self) -> Vec<(String, Value<'a>)> {
        let all = self.entries.iter();
        let all: Vec<_> = all.map(|(k, v)| (k.get_ref().to_string(), self.child(k.get_ref(), v))).collect();
        self.entries = empty();
        all
    }

    /// The single key of a table that chooses a variant, such as `{ between = […] }`, with its value.
    /// Anything but one key out of `variants` is a mistake.
    pub fn variant(&mut self, variants: &[&str]) -> Option<(String, Value<'a>)> {
        let remedy = format!("give exactly one of {}", variants.join(", "));
        let mut all = self.entries();
        if all.len() == 1 && variants.contains(&all[0].0.as_str()) {
            return all.pop();
        }
        let names: Vec<_> = all.iter().map(|(name, _)| format!("`{name}`")).collect();
        self.mistake(
            &format!(
                "{} chooses no variant",
                if names.is_empty() { "nothing".into() } else { names.join(", ") }
            ),
            &remedy,
        );
        None
    }

    /// A mistake that belongs to this table as a whole.
    pub fn mistake(&self, problem: &str, remedy: &str) {
        let place = if self.path.is_empty() { String::new() } else { format!("in `{}`: ", self.path) };
        self.source.push(self.at, format!("{place}{problem}"), remedy);
    }

    /// Where it stands, as mistakes say it: `file.toml:12`.
    pub fn place(&self) -> String {
        self.source.place(self.at)
    }

    /// The mistakes found so far in the whole file, as a count: lets a reader see whether its part was clean.
    pub fn mistakes_count(&self) -> usize {
        self.source.mistakes.borrow().0.len()
    }

    fn child(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Value<'a> {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Value { source: self.source, path, at: value.span().start, value: value.get_ref() }
    }

    /// Every key that nobody asked for is a mistake.
    fn finish(&self) {
        for key in self.entries.keys().filter(|key| !self.known.contains(&key.get_ref().as_ref())) {
            let remedy = match nearest(key.get_ref(), &self.known) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("known here: {}", self.known.join(", ")),
            };
            let place = if self.path.is_empty() { String::new() } else { format!(" in `{}`", self.path) };
            self.source.push(key.span().start, format!("unknown key `{}`{place}", key.get_ref()), &remedy);
        }
    }
}

impl<'a> Value<'a> {
    /// The value as a `T`; another type is a mistake.
    pub fn read<T: FromToml>(&self) -> Option<T> {
        let read = T::from_toml(self.value);
        if read.is_none() {
            self.wrong_type(T::EXPECTED);
        }
        read
    }

    /// The value as a table, read by `read`, with its unknown keys reported.
    pub fn table<T>(&self, read: impl FnOnce(&mut Table<'a>) -> T) -> Option<T> {
        let DeValue::Table(entries) = self.value else {
            self.wrong_type("a table");
            return None;
        };
        let mut table =
            Table { source: self.source, path: self.path.clone(), at: self.at, entries, known: vec![] };
        let value = read(&mut table);
        table.finish();
        Some(value)
    }

    /// The items of an array; another type is a mistake.
    pub fn items(&self) -> Vec<Value<'a>> {
        let DeValue::Array(items) = self.value else {
            self.wrong_type("an array");
            return vec![];
        };
        let item = |(i, item): (usize, &'a Spanned<DeValue<'a>>)| Value {
            source: self.source,
            path: format!("{}[{i}]", self.path),
            at: item.span().start,
            value: item.get_ref(),
        };
        items.iter().enumerate().map(item).collect()
    }

    /// A mistake about a part of this value; `problem` names the part.
    pub fn mistake_in(&self, problem: &str, remedy: &str) {
        self.source.push(self.at, format!("in `{}`: {problem}", self.path), remedy);
    }

    /// Whether it is a table.
    pub fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    /// Whether it is an array.
    pub fn is_array(&self) -> bool {
        matches!(self.value, DeValue::Array(_))
    }

    /// The value as JSON; a date becomes its text.
    pub fn to_json(&self) -> serde_json::Value {
        to_json(self.value)
    }

    /// A mistake about this value; `problem` follows the key and the value.
    pub fn mistake(&self, problem: &str, remedy: &str) {
        self.source.push(self.at, format!("`{}` = {} {problem}", self.path, shown(self.value)), remedy);
    }

    fn wrong_type(&self, expected: &str) {
        self.mistake("has the wrong type or range", &format!("give {expected}"));
    }
}

fn shown(value: &DeValue<'_>) -> String {
    let text = to_json(value).to_string();
    if text.chars().count() <= 60 { text } else { text.chars().take(59).chain(['…']).collect() }
}

fn to_json(value: &DeValue<'_>) -> serde_json::Value {
    match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Integer(_) => i64::from_toml(value).map_or(serde_json::Value::Null, Into::into),
        DeValue::Float(_) => f64::from_toml(value).map_or(serde_json::Value::Null, Into::into),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Array(items) => items.iter().map(|item| to_json(item.get_ref())).collect(),
        DeValue::Table(entries) => {
            entries.iter().map(|(k, v)| (k.get_ref().to_string(), to_json(v.get_ref()))).collect()
        }
    }
}

fn empty() -> &'static DeTable<'static> {
    static EMPTY: std::sync::OnceLock<DeTable<'static>> = std::sync::OnceLock::new();
    EMPTY.get_or_init(DeTable::new)
}

/// The candidate a person most likely meant, if one is near.
pub fn nearest<'c>(name: &str, candidates: &[&'c str]) -> Option<&'c str> {
    let score = |c: &&str| strsim::jaro_winkler(&name.to_lowercase(), &c.to_lowercase());
    candidates.iter().copied().filter(|c| score(c) > 0.8).max_by(|a, b| score(a).total_cmp(&score(b)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    type Read = (Option<u64>, Option<Duration>, Vec<Option<String>>);

    fn read(text: &str) -> Result<Read, Mistakes> {
        Source::read("f.toml", text, |table| {
            let users = table.get_if("users", "give 1 or more", |n| *n > 0);
            let wait = table.need("wait");
            let names = table.tables("step", |step| step.need("name"));
            (users, wait, names)
        })
    }

    #[test]
    fn reads_what_is_right() {
        let got = read("users = 1_000\nwait = \"1h30m\"\n[[step]]\nname = \"a\"\n");
        assert_eq!(got, Ok((Some(1000), Some(Duration::from_secs(5400)), vec![Some("a".into())])));
    }

    #[test]
    fn all_mistakes_at_once_with_line_and_remedy() {
        let text = "users = 0\nwiat = \"1s\"\n[[step]]\nname = 5\n[[step]]\n";
        let got: Vec<_> = read(text).expect_err("mistakes").0.iter().map(ToString::to_string).collect();
        assert_eq!(
            got,
            [
                "f.toml:1: `users` = 0 is out of range; give 1 or more",
                "f.toml:1: `wait` is missing; add `wait = …`",
                "f.toml:4: `step[0].name` = 5 has the wrong type or range; give a string in quotes",
                "f.toml:5: in `step[1]`: `name` is missing; add `name = …`",
                "f.toml:2: unknown key `wiat`; did you mean `wait`?",
            ]
        );
    }

    #[test]
    fn broken_syntax_is_placed() {
        let got = read("users = 1\nwait = = \"1s\"\n").expect_err("mistakes");
        assert!(got.0.iter().all(|m| m.place == "f.toml:2"), "{got}");
    }
}
