//! A profile as JSON: merged with a patch, and read by the reader of files, so that both mean the same.
//!
//! It must not know who patches.

use std::fmt::Write;

use serde_json::Value;
use wire::Mistakes;

use super::Profile;

impl Profile {
    /// Reads a profile that is written as JSON, as [`Profile::parse`] reads one that is TOML; `place` is what messages
    /// call it.
    ///
    /// # Errors
    /// Every mistake, without lines: its key says where it is.
    pub(crate) fn from_json(place: &str, json: &Value) -> Result<Self, Mistakes> {
        let remedy = "give a table, such as { \"agent\": … }";
        let mut wrong = Mistakes::default();
        let Value::Object(top) = json else {
            wrong.push(place, "it is no JSON object", remedy);
            return Err(wrong);
        };
        let mut text = String::new();
        for (key, value) in top {
            let _ = write!(text, "{} = ", quoted(key));
            write(value, key, place, &mut text, &mut wrong);
            text.push('\n');
        }
        wrong.or(())?;
        Self::parse(place, &text).map_err(|mut wrong| {
            for mistake in &mut wrong.0 {
                place.clone_into(&mut mistake.place);
            }
            wrong
        })
    }
}

/// `target` with `patch` merged into it (RFC 7396): tables key by key, null removes, all else replaces.
pub(crate) fn merged(target: Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    let mut merged_into = match target {
        Value::Object(entries) => entries,
        _ => serde_json::Map::new(),
    };
    for (key, change) in changes {
        if change.is_null() {
            merged_into.remove(key);
        } else {
            let was = merged_into.remove(key).unwrap_or_default();
            merged_into.insert(key.clone(), merged(was, change));
        }
    }
    Value::Object(merged_into)
}

/// The value as TOML of one line.
fn write(value: &Value, path: &str, place: &str, text: &mut String, wrong: &mut Mistakes) {
    // Writing to a String cannot fail.
    match value {
        Value::Null => wrong.push(place, format!("`{path}` is null"), "give a value, or take it out"),
        Value::Bool(flag) => drop(write!(text, "{flag}")),
        Value::Number(number) => drop(write!(text, "{number}")),
        Value::String(string) => text.push_str(&quoted(string)),
        Value::Array(items) => {
            text.push('[');
            for (i, item) in items.iter().enumerate() {
                write(item, &format!("{path}[{i}]"), place, text, wrong);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(entries) => {
            text.push('{');
            for (i, (key, value)) in entries.iter().enumerate() {
                let _ = write!(text, "{}{} = ", if i == 0 { "" } else { ", " }, quoted(key));
                write(value, &format!("{path}.{key}"), place, text, wrong);
            }
            text.push('}');
        }
    }
}

/// A string of TOML: as in JSON, but for DEL.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patches_merge_as_the_standard_says() {
        // RFC 7396, appendix A.
        for (target, patch, expected) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            assert_eq!(merged(target.clone(), &patch), expected, "{target} with {patch}");
        }
    }

    #[test]
    fn json_means_what_the_file_means() {
        for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../load_tests/stub"))
            .expect("the profiles")
        {
            let text = std::fs::read_to_string(file.expect("a file").path()).expect("a profile");
            let profile = Profile::parse("file", &text).unwrap_or_else(|wrong| panic!("{wrong}"));
            let again = Profile::from_json("json", &Value::Object(profile.written.clone()));
            assert_eq!(again, Ok(profile));
        }
    }

    #[test]
    fn mistakes_say_where_without_lines() {
        for (json, expected) in [
            (json!([]), "profile: it is no JSON object; give a table, such as { \"agent\": … }"),
            (json!({"agent": {"a": [null]}}), "profile: `agent.a[0]` is null; give a value, or take it out"),
            (
                json!({"agent": {"a\"\u{7f}\n": {"concurrency": u64::MAX, "delay": 1e300}}}),
                "profile: `agent.a\"\u{7f}\n.concurrency` = ",
            ),
            (json!({"deadline": "soon"}), "profile: `agent` is missing; add `agent = …`"),
        ] {
            let wrong = Profile::from_json("profile", &json).expect_err("mistakes").to_string();
            assert!(wrong.contains(expected), "{json}: {wrong}");
        }
    }
}
