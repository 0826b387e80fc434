//! The roles file: which scopes a role brings.
//!
//! It must not know where the file lies, nor who has which role.

use crate::python;

use super::yaml::{self, Value};

/// The scopes of every role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Roles(Vec<(String, Vec<String>)>);

impl Roles {
    /// What the real server is shipped with.
    pub(super) fn shipped() -> Self {
        let role = |name: &str, scope: &str| (name.to_owned(), vec![scope.to_owned()]);
        Self(vec![role("user", "tool:python_eval"), role("admin", "admin:all")])
    }

    /// What a file says, `None` if one of its roles is wrong.
    ///
    /// # Errors
    /// It is no YAML.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, String> {
        let file = yaml::parse(text)?;
        Ok(match file {
            Value::Map(fields) => fields.into_iter().map(role).collect::<Option<_>>().map(Self),
            other => (!other.is_truthy()).then(Self::default),
        })
    }

    /// Whether this role brings this scope.
    pub(crate) fn bring(&self, role: &str, scope: &str) -> bool {
        let scopes = self.0.iter().rfind(|(name, _)| name == role).map(|(_, scopes)| scopes);
        scopes.is_some_and(|scopes| scopes.iter().any(|other| other == scope))
    }
}

fn role((name, scopes): (String, Value)) -> Option<(String, Vec<String>)> {
    let bare = name.replace(['_', '-'], "");
    let Value::List(scopes) = scopes else { return None };
    let is_right = !bare.is_empty() && bare.chars().all(python::is_alphanumeric);
    let scopes: Option<Vec<_>> = scopes.into_iter().map(scope).collect();
    is_right.then_some((name, scopes?))
}

/// A scope has a colon. A mapping such as `tool: python_eval` has one in Python's eyes too, but is nobody's scope.
fn scope(value: Value) -> Option<String> {
    match value {
        Value::Text(text) => text.contains(':').then_some(text),
        Value::Map(fields) => (!fields.is_empty()).then(String::new),
        Value::List(_) | Value::NoText(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_their_scopes() {
        for (text, expected) in [
            ("user: ['tool:python_eval']", Some(true)),
            ("user:\n  - a:b\n  - tool:python_eval\nother-role_2: []\n", Some(true)),
            ("user: []\nuser: [tool:python_eval]", Some(true)),
            ("user: [tool:python_eval]\nuser: []", Some(false)),
            ("user: [tool: python_eval]", Some(false)),
            ("users: [tool:python_eval]", Some(false)),
            ("", Some(false)),
            ("[]", Some(false)),
            ("user: [tool:python_eval]\nother: [badscope]", None),
            ("user: [tool:python_eval]\nother: x", None),
            ("user: [tool:python_eval]\nother: [5]", None),
            ("user: [tool:python_eval]\n'a b': []", None),
            ("[user]", None),
        ] {
            let roles = Roles::parse(text).expect("YAML");
            assert_eq!(roles.map(|roles| roles.bring("user", "tool:python_eval")), expected, "{text}");
        }
        assert!(Roles::parse("user: [").is_err());
        assert!(
            Roles::shipped().bring("user", "tool:python_eval")
                && Roles::shipped().bring("admin", "admin:all")
        );
        assert!(!Roles::shipped().bring("admin", "tool:python_eval"));
    }
}
