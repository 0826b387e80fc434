//! One variable at a time: what its text stands for, and what is wrong with it.

use std::collections::BTreeMap;
use std::time::Duration;

use wire::{Mistakes, parse_duration};

use crate::keys::ApiKeys;
use crate::quirk::{Quirk, Repairs};
use crate::settings::limits::{Part, with};
use crate::settings::{LEDGER_ENTRIES_MAX_GREATEST, Limit, Secret};

const TRUE: [&str; 6] = ["1", "true", "t", "yes", "y", "on"];
const FALSE: [&str; 6] = ["0", "false", "f", "no", "n", "off"];

/// The variables that count, and what was found wrong with them.
pub(super) struct Reader {
    values: BTreeMap<String, String>,
    pub(super) repairs: Repairs,
    pub(super) wrong: Mistakes,
}

impl Reader {
    pub(super) fn new(values: BTreeMap<String, String>) -> Self {
        Self { values, repairs: Repairs::NONE, wrong: Mistakes::default() }
    }

    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// A text; empty means that there is none.
    pub(super) fn plain(&self, name: &str) -> Option<String> {
        self.raw(name).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// A text; empty and `none` mean that there is none.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.plain(name).filter(|text| text != "none")
    }

    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        self.text(name).map(Secret)
    }

    /// The position of the text among `choices`.
    pub(super) fn one_of(&mut self, name: &str, choices: &[&str]) -> Option<usize> {
        let text = self.raw(name)?.to_owned();
        // Compose files hand an empty variable of ours on; the real server refuses its own.
        if text.is_empty() && name.starts_with("WEAVER_STUB_") {
            return None;
        }
        let found = choices.iter().position(|choice| *choice == text);
        if found.is_none() {
            self.wrong.push(name, format!("`{text}` is not known"), format!("give {}", choices.join(" or ")));
        }
        found
    }

    /// Yes or no, in the words that the real server knows.
    pub(super) fn switch(&mut self, name: &str) -> Option<bool> {
        let text = self.raw(name)?.to_owned();
        let word = text.to_ascii_lowercase();
        if TRUE.contains(&word.as_str()) {
            return Some(true);
        }
        if !FALSE.contains(&word.as_str()) {
            self.wrong.push(name, format!("`{text}` is neither yes nor no"), "give true or false");
        }
        Some(false)
    }

    pub(super) fn number(&mut self, name: &str) -> Option<i64> {
        let text = self.raw(name)?.to_owned();
        let number = whole(&text);
        if number.is_none() {
            self.wrong.push(name, format!("`{text}` is not a whole number"), "give one, such as 30");
        }
        number
    }

    pub(super) fn duration(&mut self, name: &str) -> Option<Duration> {
        let text = self.text(name)?;
        match parse_duration(&text) {
            Ok(duration) => Some(duration),
            Err(problem) => {
                self.wrong.push(name, problem.to_string(), "give a duration, such as 5m");
                None
            }
        }
    }

    /// A JSON list of texts; where that quirk is repaired a comma list too. `none` is no list.
    pub(super) fn list(&mut self, name: &str) -> Option<Vec<String>> {
        let text = self.raw(name)?.to_owned();
        let found: Result<Option<Vec<String>>, _> = serde_json::from_str(&text);
        match found {
            // `null` leaves it as it is by default.
            Ok(list) => list,
            Err(_)
                if self.repairs.has(Quirk::JsonLists)
                    && text != "none"
                    && !text.trim_start().starts_with('[') =>
            {
                Some(self.comma_list(name))
            }
            Err(_) => {
                let problem = format!("`{text}` is no JSON list of texts");
                self.wrong.push(name, problem, "write it like [\"first\", \"second\"]");
                None
            }
        }
    }

    pub(super) fn comma_list(&self, name: &str) -> Vec<String> {
        let parts = self.raw(name).unwrap_or_default().split(',').map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn api_keys(&mut self) -> Option<ApiKeys> {
        let name = "WEAVER_ALLOWED_API_KEYS";
        let text = self.text(name)?;
        if self.repairs.has(Quirk::CommaKeys) && takes_roles_for_keys(&text) {
            let remedy = "write it as a JSON list, such as [\"key1:user1:admin,user:read\", \"key2\"]";
            self.wrong.push(name, "a comma after an entry with roles may part roles or keys", remedy);
            return None;
        }
        match ApiKeys::parse(&text) {
            Ok(keys) => Some(keys),
            // The value is not repeated: it holds secrets.
            Err(error) => {
                self.wrong.push(name, error.problem, error.remedy);
                None
            }
        }
    }

    /// A limit: `NAME_RPS` and `NAME_BURST` over `base`.
    pub(super) fn limit(&mut self, name: &str, base: Limit) -> Limit {
        let rate = self.limit_part(&format!("{name}_RPS"));
        let burst = self.limit_part(&format!("{name}_BURST"));
        with(base, rate, burst)
    }

    /// A number, negative too as in the real server, or `off`.
    fn limit_part(&mut self, name: &str) -> Option<Part> {
        let text = self.raw(name)?.to_owned();
        if text.trim().eq_ignore_ascii_case("off") {
            return Some(Part::Off);
        }
        let Some(number) = whole(&text) else {
            let remedy = "give a whole number of requests, such as 100, or off to lift the limit";
            self.wrong.push(name, format!("`{text}` is not a whole number"), remedy);
            return None;
        };
        Some(Part::Number(number))
    }

    pub(super) fn ledger_entries_max(&mut self) -> Option<usize> {
        let name = "WEAVER_STUB_LEDGER_ENTRIES_MAX";
        let text = self.raw(name)?.to_owned();
        let entries = text.trim().parse().ok().filter(|n| *n <= LEDGER_ENTRIES_MAX_GREATEST);
        if entries.is_none() {
            let problem = format!("`{text}` is not a number of entries");
            self.wrong.push(name, problem, format!("give 0 to {LEDGER_ENTRIES_MAX_GREATEST}"));
        }
        entries
    }
}

/// Whether the text is a comma list in which something follows an entry with roles.
fn takes_roles_for_keys(text: &str) -> bool {
    let is_json = serde_json::from_str::<serde_json::Value>(text).is_ok();
    let mut parts = text.split(',').filter(|part| !part.trim().is_empty()).rev();
    parts.next();
    !is_json && parts.any(|part| part.matches(':').count() >= 2)
}

/// A whole number as the real server reads it: blanks around it, a sign, `_` between digits and a fraction of zeros are
/// fine. One that is out of range is taken for the last that is not.
pub(super) fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    let (is_negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let (digits, zeros) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits.split('_').all(is_digits) || zeros.is_empty() || zeros.bytes().any(|byte| byte != b'0') {
        return None;
    }
    let digits = digits.bytes().filter(|byte| *byte != b'_').map(|digit| i64::from(digit - b'0'));
    let number = digits.fold(0_i64, |number, digit| number.saturating_mul(10).saturating_add(digit));
    Some(if is_negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_as_the_real_server_reads_them() {
        for (text, expected) in [
            ("5", Some(5)),
            (" 5\n", Some(5)),
            ("+5", Some(5)),
            ("-5", Some(-5)),
            ("007", Some(7)),
            ("5.0", Some(5)),
            ("-5.00", Some(-5)),
            ("1_000", Some(1_000)),
            ("1_0.0", Some(10)),
            ("99999999999999999999", Some(i64::MAX)),
            ("", None),
            ("5.", None),
            (".0", None),
            ("1.5", None),
            ("5.0_0", None),
            ("1__0", None),
            ("_1", None),
            ("- 5", None),
            ("--5", None),
            ("0x5", None),
            ("1e3", None),
            ("\u{665}", None),
            ("none", None),
        ] {
            assert_eq!(whole(text), expected, "{text:?}");
        }
    }
}
