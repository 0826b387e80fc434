//! What comes in with `POST /ask` and what may go out: the body, the guards, the sums, the redaction.
//!
//! It must not know HTTP beyond a body, nor what happens between the question and the answer.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use crate::caller::Caller;
use crate::policies::{Disguised, Listed, Policies, Rules};
use crate::quirk::{Quirk, Repairs};
use crate::refusal::Refusal;
use crate::sum::{self, Solved, Sum, Unsolvable};
use crate::{body, guard, redact};

/// The scope that sums want.
const CALCULATOR_SCOPE: &str = "tool:python_eval";

/// The gate of questions and answers.
pub(crate) struct Input {
    policies: Policies,
    repairs: Repairs,
    redacts: bool,
}

/// A question that may be asked.
pub(crate) struct Query {
    /// Cleaned.
    pub(crate) text: String,
    /// Those in force when it came.
    rules: Arc<Rules>,
    solved: Option<Solved>,
}

/// What is answered.
#[derive(Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) text: String,
    /// Such as `calculator: 2 + 2 = 4`.
    pub(crate) citation: Option<String>,
    /// Whether a tool would have been needed that was not used.
    pub(crate) lacks_tool: bool,
}

impl Input {
    /// `redacts` is WEAVER_PII_REDACT; the policies are those of the folder, or the shipped ones.
    pub(crate) fn new(repairs: Repairs, redacts: bool, policies: Option<PathBuf>) -> Self {
        Self { policies: Policies::new(policies, repairs), repairs, redacts }
    }

    /// The question in a body, if this caller may ask it.
    pub(crate) fn query(&self, caller: &Caller, body: &[u8]) -> Result<Query, Refusal> {
        let text = body::query(body, self.repairs)?;
        let rules = self.policies.rules()?;
        if is_blocked(&text, &rules)? {
            return Err(Refusal::Blocked);
        }
        let solved = sum::parse(&text, self.repairs).map(|sum| self.solved(caller, &sum)).transpose()?;
        Ok(Query { text, rules, solved })
    }

    fn solved(&self, caller: &Caller, sum: &Sum<'_>) -> Result<Solved, Refusal> {
        if !caller.may(CALCULATOR_SCOPE, &*self.policies.roles()?) {
            return Err(Refusal::ScopeMissing);
        }
        if !self.repairs.has(Quirk::Arithmetic) {
            return Err(Refusal::Crash("the calculator is registered under another name"));
        }
        sum.solve().map_err(|why| {
            let why = match why {
                Unsolvable::DivisionByZero => "Division by zero",
                Unsolvable::TooLarge => "Numbers should have at most 38 digits",
            };
            Refusal::Validation(format!("query: Value error, {why}"))
        })
    }

    /// What is answered to a question of which the model said this. A sum's result is nobody's personal data.
    pub(crate) fn answer(&self, query: Query, said: String) -> Result<Reply, Refusal> {
        if let Some(Solved { result, equation }) = query.solved {
            return Ok(Reply {
                text: result,
                citation: Some(format!("calculator: {equation}")),
                lacks_tool: false,
            });
        }
        let mut text = Cow::Owned(said);
        if self.redacts {
            text = redact::redacted(text, &query.rules, self.repairs)?;
        }
        Ok(Reply { text: text.trim().to_owned(), citation: None, lacks_tool: guard::needs_tool(&query.text) })
    }
}

/// Whether a word that is denied stands in the query. An empty query is not looked at, as in the real server.
fn is_blocked(query: &str, rules: &Rules) -> Result<bool, Refusal> {
    if query.is_empty() {
        return Ok(false);
    }
    let Listed::Items(denied) = &rules.deny else { return Err(Refusal::Crash("deny_patterns has no items")) };
    let query = Disguised::new(query);
    for word in denied {
        if word.as_ref().ok_or(Refusal::Crash("an item of deny_patterns is no text"))?.is_in(&query) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Case {
        input: Input,
        caller: Caller,
        folder: Option<tempfile::TempDir>,
    }

    impl Case {
        /// With the shipped policies, or with these files.
        fn new(repairs: Repairs, roles: &[&str], files: Option<&[(&str, &str)]>) -> Self {
            let folder = files.map(|_| tempfile::tempdir().expect("a folder"));
            let case = Self {
                input: Input::new(repairs, true, folder.as_ref().map(|folder| folder.path().to_owned())),
                caller: Caller::new("u", roles.iter().map(|role| (*role).to_owned()).collect(), vec![]),
                folder,
            };
            for (name, text) in files.unwrap_or_default() {
                case.write(name, text);
            }
            case
        }

        fn write(&self, name: &str, text: &str) {
            let folder = self.folder.as_ref().expect("a folder");
            std::fs::write(folder.path().join(name), text).expect("a file");
        }

        /// Answer and citation, or the reason of the refusal.
        fn check(&self, query: &str, expected: &str) {
            let body = serde_json::json!({"user_id": "u", "query": query}).to_string();
            let reply = self.input.query(&self.caller, body.as_bytes()).and_then(|query| {
                let said = format!("[MODEL RESPONSE] {}", query.text);
                self.input.answer(query, said)
            });
            let got = match reply {
                Ok(Reply { text, citation: None, .. }) => text,
                Ok(Reply { text, citation: Some(citation), .. }) => format!("{text} ({citation})"),
                Err(no) => no.reason().into_owned(),
            };
            assert_eq!(got, expected, "{query}");
        }
    }

    const FORBIDDEN: &str = "Input blocked by security policy";
    const NO_SCOPE: &str = "Access denied: missing required scope 'tool:python_eval'";
    const CRASH: &str = "crash: the calculator is registered under another name";

    #[test]
    fn sums_want_the_scope_and_then_fail_or_are_solved() {
        let solves = Repairs::NONE.with(Quirk::Arithmetic);
        for (repairs, roles, query, expected) in [
            (Repairs::NONE, &[][..], "2 + 2", NO_SCOPE),
            (Repairs::NONE, &["admin"], "2 + 2", NO_SCOPE),
            (Repairs::NONE, &["user"], "2 + 2", CRASH),
            (solves, &[], "2 + 2", NO_SCOPE),
            (solves, &["user"], "2 + 2", "4 (calculator: 2 + 2 = 4)"),
            (solves, &["user"], "2/0", "Validation error: query: Value error, Division by zero"),
            (solves, &["user"], "5551234567*1", "5551234567 (calculator: 5551234567 * 1 = 5551234567)"),
            (Repairs::ALL, &[], "555-1234", "[MODEL RESPONSE] 555-1234"),
        ] {
            Case::new(repairs, roles, None).check(query, expected);
        }
    }

    #[test]
    fn the_guardrail_file_is_read_each_time() {
        let files =
            [("guardrails.yaml", "deny_patterns: [zebra, TopSecret]"), ("roles.yaml", "user: [badscope]")];
        let case = Case::new(Repairs::NONE, &["user"], Some(&files));
        case.check("2+2", NO_SCOPE);
        for (text, expected) in [
            ("user: [", "crash: the roles file is no YAML"),
            ("user: [tool:python_eval]", CRASH),
            ("user: []", CRASH),
        ] {
            case.write("roles.yaml", text);
            case.check("2+2", expected);
        }
        case.check("forbidden", "[MODEL RESPONSE] forbidden");
        case.check("this is TopSecret", FORBIDDEN);
        for (text, expected) in [
            ("deny_patterns: [other]", "[MODEL RESPONSE] a zebra"),
            ("", "[MODEL RESPONSE] a zebra"),
            ("deny_patterns: ['']", FORBIDDEN),
            ("deny_patterns: [zebra, 5]", FORBIDDEN),
            ("deny_patterns: [5, zebra]", "crash: an item of deny_patterns is no text"),
            ("deny_patterns:", "crash: deny_patterns has no items"),
            ("- zebra", "crash: deny_patterns has no items"),
            ("deny_patterns: [", "crash: the guardrail file is no YAML"),
        ] {
            case.write("guardrails.yaml", text);
            case.check("a zebra", expected);
        }
        case.check("", "Validation error: query: String should have at least 1 character");
        std::fs::remove_file(case.folder.as_ref().expect("a folder").path().join("guardrails.yaml"))
            .expect("gone");
        case.check("hi", "crash: the guardrail file cannot be read");
    }

    #[test]
    fn repaired_the_last_good_file_stays_in_force() {
        let case = Case::new(Repairs::NONE.with(Quirk::PolicyReload), &["user"], Some(&[]));
        case.check("forbidden", FORBIDDEN);
        for (text, expected) in [
            ("deny_patterns: [zebra]", FORBIDDEN),
            ("deny_patterns: [", FORBIDDEN),
            ("deny_patterns: [5, x]", FORBIDDEN),
            ("deny_patterns: [other words]", "[MODEL RESPONSE] a zebra"),
        ] {
            case.write("guardrails.yaml", text);
            case.check("a zebra", expected);
        }
        case.check("2+2", NO_SCOPE);
    }
}
