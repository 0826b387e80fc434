//! API keys: parsed from both forms of `WEAVER_ALLOWED_API_KEYS`, compared in constant time.
//!
//! It must not know headers; a presented key is bytes here.

use std::sync::Arc;

use serde_json::Value;
use subtle::{ConditionallySelectable, ConstantTimeEq};

use crate::caller::Caller;

/// Longest key, so that keys of all lengths cost the same to compare.
const KEY_BYTES_MAX: usize = 256;
const WORDS: usize = KEY_BYTES_MAX / 8;

/// A key's bytes and its length, padded to one size.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Padded([u64; WORDS + 1]);

impl Padded {
    fn new(key: &[u8]) -> Option<Self> {
        let mut bytes = [0u8; KEY_BYTES_MAX];
        bytes.get_mut(..key.len())?.copy_from_slice(key);
        let mut words = [key.len() as u64; WORDS + 1];
        for (word, chunk) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*chunk);
        }
        Some(Self(words))
    }
}

#[derive(Clone, PartialEq, Eq)]
struct ApiKey {
    secret: Padded,
    caller: Arc<Caller>,
}

/// The keys that are allowed, each with its caller.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ApiKeys(Vec<ApiKey>);

impl std::fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ApiKeys({} hidden)", self.0.len())
    }
}

/// Why a list of keys cannot be used; the list itself is not repeated, for it holds secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysError {
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: &'static str,
}

impl ApiKeys {
    /// One key of the caller `anonymous`, taken as it stands: colons are part of it.
    ///
    /// # Errors
    /// When the key is longer than 256 bytes.
    pub fn single(key: &str) -> Result<Self, KeysError> {
        let mut keys = Self::default();
        keys.insert(key, Caller::new("anonymous", vec![], vec![]))?;
        Ok(keys)
    }

    /// Reads a JSON list, or else a comma list; any other JSON value allows nobody, as in the real server.
    ///
    /// # Errors
    /// When a list holds something other than strings, or a key is longer than 256 bytes.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let mut keys = Self::default();
        match serde_json::from_str(text) {
            Ok(Value::Array(items)) => {
                for (i, item) in items.iter().enumerate() {
                    let Value::String(entry) = item else {
                        let problem = format!("item {} of the list is no string", i + 1);
                        return Err(KeysError {
                            problem,
                            remedy: "write the list like [\"key1\", \"key2:user\"]",
                        });
                    };
                    keys.add(entry)?;
                }
            }
            Ok(Value::String(list)) => keys.add_comma_list(&list)?,
            Ok(_) => {}
            Err(_) => keys.add_comma_list(text)?,
        }
        Ok(keys)
    }

    fn add_comma_list(&mut self, list: &str) -> Result<(), KeysError> {
        list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).try_for_each(|entry| self.add(entry))
    }

    /// Adds `key[:user[:roles[:scopes]]]`; a later entry for the same key wins.
    fn add(&mut self, entry: &str) -> Result<(), KeysError> {
        let mut parts = entry.splitn(4, ':');
        let mut next = || parts.next().unwrap_or_default();
        let (key, user, roles, scopes) = (next(), next(), next(), next());
        let user = if user.is_empty() { "anonymous" } else { user };
        self.insert(key, Caller::new(user, list(roles), list(scopes)))
    }

    fn insert(&mut self, key: &str, caller: Caller) -> Result<(), KeysError> {
        let Some(secret) = Padded::new(key.as_bytes()) else {
            let problem = format!("a key has {} bytes", key.len());
            return Err(KeysError { problem, remedy: "give keys of at most 256 bytes" });
        };
        let caller = Arc::new(caller);
        self.0.retain(|known| known.secret != secret);
        self.0.push(ApiKey { secret, caller });
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The caller who owns `key`. Every entry is compared, so the time tells nothing of which one fits.
    pub(crate) fn find(&self, key: &[u8]) -> Option<Arc<Caller>> {
        let presented = Padded::new(key)?;
        let mut found = u64::MAX;
        for (i, known) in self.0.iter().enumerate() {
            found.conditional_assign(&(i as u64), known.secret.0.ct_eq(&presented.0));
        }
        self.0.get(usize::try_from(found).ok()?).map(|known| Arc::clone(&known.caller))
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `user/roles/scopes` of the caller who owns `key` in `allowed`, or `-`.
    fn check(allowed: &str, key: &str, expected: &str) {
        let keys = ApiKeys::parse(allowed).expect("keys");
        let got = keys.find(key.as_bytes()).map_or("-".to_owned(), |caller| {
            format!("{}/{}/{}", caller.user, caller.roles.join("+"), caller.scopes.join("+"))
        });
        assert_eq!(got, expected, "`{key}` among `{allowed}`");
    }

    #[test]
    fn both_forms_and_their_quirks() {
        for (allowed, key, expected) in [
            ("test-api-key", "test-api-key", "anonymous//"),
            ("test-api-key", "test-api-ke", "-"),
            ("test-api-key", "TEST-api-key", "-"),
            (" a , b,,", "b", "anonymous//"),
            (r#"["a","#, "[\"a\"", "anonymous//"),
            (r#""a,b""#, "b", "anonymous//"),
            (r#"["a,b"]"#, "a,b", "anonymous//"),
            (r#"[" k "]"#, "k", "-"),
            (
                r#"["k-admin:admin-user:admin,user:tool:python_eval,admin:all"]"#,
                "k-admin",
                "admin-user/admin+user/tool:python_eval+admin:all",
            ),
            (r#"["k::user:x:y"]"#, "k", "anonymous/user/x:y"),
            (r#"["dup:first","dup:second"]"#, "dup", "second//"),
            ("key1:user1:admin,user:read,write", "key1", "user1/admin/"),
            ("key1:user1:admin,user:read,write", "user", "read//"),
            ("key1:user1:admin,user:read,write", "write", "anonymous//"),
            ("12345", "12345", "-"),
            ("{}", "{}", "-"),
            ("null", "null", "-"),
        ] {
            check(allowed, key, expected);
        }
    }

    #[test]
    fn a_single_key_is_taken_as_it_stands() {
        for key in ["a:b", "k::user:x", "a,b", r#"["a"]"#, " k ", ":", "12345"] {
            let keys = ApiKeys::single(key).expect("a key");
            let caller = keys.find(key.as_bytes()).expect(key);
            assert_eq!(
                (&*caller.user, caller.roles.len(), caller.scopes.len()),
                ("anonymous", 0, 0),
                "{key}"
            );
            let parts = key.split([':', ',', '"']).filter(|part| *part != key);
            assert!(parts.into_iter().all(|part| keys.find(part.as_bytes()).is_none()), "a part of {key}");
        }
        assert!(ApiKeys::single(&"a".repeat(KEY_BYTES_MAX)).is_ok());
        assert!(
            ApiKeys::single(&"a".repeat(KEY_BYTES_MAX + 1)).is_err_and(|e| e.problem.contains("257 bytes"))
        );
    }

    #[test]
    fn lengths_are_part_of_a_key() {
        check("a", "a\0", "-");
        check("a", &"a".repeat(KEY_BYTES_MAX + 1), "-");
        let longest = "a".repeat(KEY_BYTES_MAX);
        check(&longest, &longest, "anonymous//");
        assert!(ApiKeys::parse(&"a".repeat(KEY_BYTES_MAX + 1)).is_err());
    }
}
