//! A YAML file as PyYAML's safe loader sees it, as far as policies need it: what is a text and what is not.
//!
//! It must not know what the file says.

use std::sync::LazyLock;

use regex::Regex;
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

/// Lists and mappings that may stand in one another.
const DEPTH_MAX: usize = 100;
/// Nodes that anchors may be repeated into.
const ALIASED_NODES_MAX: usize = 10_000;

/// Plain words that YAML 1.1 takes for null, a truth value, a number, a time, a merge or a default.
static NO_TEXT: LazyLock<Regex> = LazyLock::new(|| {
    let parts = [
        r"~|null|Null|NULL|<<|=",
        r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF",
        r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*(?::[0-5]?[0-9])*)",
        r"(?:[-+]?[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*",
        r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}.*",
    ];
    Regex::new(&format!("^(?:{})?$", parts.join("|"))).expect("a right pattern")
});
/// Those of them that Python takes for false.
static FALSY: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"^(?:~|null|Null|NULL|no|No|NO|false|False|FALSE|off|Off|OFF|[-+]?0[xb]?[0_:]*(?:\.[0_]*)?|\.0[0_]*)?$";
    Regex::new(pattern).expect("a right pattern")
});

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    /// As written: null, a truth value, a number, a time.
    NoText(String),
    List(Vec<Value>),
    /// Names in the file's order; of two fields with one name the last counts.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// Whether Python takes it for true.
    pub(super) fn is_truthy(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::NoText(written) => !FALSY.is_match(written),
            Self::List(items) => !items.is_empty(),
            Self::Map(fields) => !fields.is_empty(),
        }
    }

    /// The field of this name, if it is a mapping that has it.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        let Self::Map(fields) = self else { return None };
        fields.iter().rfind(|(other, _)| other == name).map(|(_, value)| value)
    }
}

/// The one document of a file, null if there is none.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let mut loader = Loader::default();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        loader.take(event)?;
    }
    Ok(loader.document.unwrap_or_else(|| Value::NoText(String::new())))
}

/// A list or a mapping to which nodes are still added.
struct Open {
    anchor: usize,
    value: Value,
    /// The name of a mapping whose value comes next.
    name: Option<String>,
}

#[derive(Default)]
struct Loader {
    document: Option<Value>,
    open: Vec<Open>,
    anchors: Vec<(usize, Value)>,
    aliased_nodes: usize,
}

impl Loader {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref())?;
                self.add(anchor, value)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(anchor, Value::List(vec![]), tag.as_deref(), "seq")
            }
            Event::MappingStart(anchor, tag) => self.open(anchor, Value::Map(vec![]), tag.as_deref(), "map"),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { anchor, value, .. }) => self.add(anchor, value),
                None => Err("a list or mapping ends that never began".to_owned()),
            },
            Event::Alias(anchor) => {
                let value =
                    self.anchors.iter().rfind(|(id, _)| *id == anchor).map(|(_, value)| value.clone());
                let value = value.ok_or("an alias stands for something around it")?;
                self.aliased_nodes += count(&value);
                if self.aliased_nodes > ALIASED_NODES_MAX {
                    return Err(format!(
                        "aliases stand for more than {ALIASED_NODES_MAX} nodes: write fewer"
                    ));
                }
                self.add(0, value)
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, anchor: usize, value: Value, tag: Option<&Tag>, plain: &str) -> Result<(), String> {
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema() || tag.suffix != plain) {
            return Err(format!("the tag {tag} is unknown: leave it out"));
        }
        if self.open.len() == DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} lists and mappings stand in one another"));
        }
        self.open.push(Open { anchor, value, name: None });
        Ok(())
    }

    fn add(&mut self, anchor: usize, value: Value) -> Result<(), String> {
        if anchor > 0 {
            self.anchors.push((anchor, value.clone()));
        }
        let Some(Open { value: parent, name, .. }) = self.open.last_mut() else {
            if self.document.replace(value).is_some() {
                return Err("there is more than one document: keep one".to_owned());
            }
            return Ok(());
        };
        match parent {
            Value::Map(fields) => match name.take() {
                Some(name) => fields.push((name, value)),
                None => match value {
                    Value::Text(text) | Value::NoText(text) => *name = Some(text),
                    _ => return Err("a name is a list or a mapping: write a word".to_owned()),
                },
            },
            Value::List(items) => items.push(value),
            _ => {}
        }
        Ok(())
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let text = text.to_owned();
    let is_bare = |tag: &&Tag| tag.handle.is_empty() && tag.suffix == "!";
    match tag.filter(|tag| !is_bare(tag)) {
        None if style == ScalarStyle::Plain && NO_TEXT.is_match(&text) => Ok(Value::NoText(text)),
        None => Ok(Value::Text(text)),
        Some(tag) if tag.suffix == "str" && tag.is_yaml_core_schema() => Ok(Value::Text(text)),
        Some(tag) if tag.is_yaml_core_schema() => Ok(Value::NoText(text)),
        Some(tag) => Err(format!("the tag {tag} is unknown: leave it out")),
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Text(_) | Value::NoText(_) => 0,
        Value::List(items) => items.iter().map(count).sum(),
        Value::Map(fields) => fields.iter().map(|(_, value)| count(value)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = parse(text).map_or_else(|wrong| format!("wrong: {wrong}"), |value| shown(&value));
        assert!(shown.starts_with(expected), "{text:?} is {shown}, not {expected}");
    }

    fn shown(value: &Value) -> String {
        match value {
            Value::Text(text) => format!("{text:?}"),
            Value::NoText(written) => format!("<{written}>"),
            Value::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(",")),
            Value::Map(fields) => {
                let field = |(name, value): &(String, Value)| format!("{name}:{}", shown(value));
                format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(","))
            }
        }
    }

    #[test]
    fn texts_are_told_from_the_rest() {
        for (text, expected) in [
            ("", "<>"),
            ("# nothing\n", "<>"),
            ("a:\n  - x\n  - 'yes'\n  - \"1\"\n  - |\n    2\n", r#"{a:["x","yes","1","2\n"]}"#),
            (
                "[yes, Off, 1, -0x1F, 1:30, 1.5, .inf, ~, null, 2024-01-15]",
                "[<yes>,<Off>,<1>,<-0x1F>,<1:30>,<1.5>,<.inf>,<~>,<null>,<2024-01-15>]",
            ),
            ("[yEs, 08, 1e5, nil, a.b, 1-2]", r#"["yEs","08","1e5","nil","a.b","1-2"]"#),
            ("a:\nb: [!!str 5, !!int '5', ! 7]", r#"{a:<>,b:["5",<5>,<7>]}"#),
            ("a: &x [1]\nb: *x", "{a:[<1>],b:[<1>]}"),
            ("a: 1\na: 2", "{a:<1>,a:<2>}"),
            ("a: [", "wrong"),
            ("a: !own 5", "wrong: the tag"),
            ("a\n---\nb", "wrong: there is more than one"),
            ("? [a]\n: 1", "wrong: a name"),
            ("- &x [*x]", "wrong"),
        ] {
            check(text, expected);
        }
        check(&"[".repeat(DEPTH_MAX + 1), "wrong: more than");
        let laughs = format!(
            "- &a0 [x,x]\n{}",
            (1..40).map(|n| format!("- &a{n} [*a{0},*a{0}]\n", n - 1)).collect::<String>()
        );
        check(&laughs, "wrong: aliases");
    }

    #[test]
    fn truth_is_pythons() {
        for (text, expected) in [
            ("", false),
            ("~", false),
            ("0", false),
            ("-0.0", false),
            ("off", false),
            ("''", false),
            ("[]", false),
            ("{}", false),
            ("1", true),
            ("0.5", true),
            ("yes", true),
            ("'0'", true),
            ("[0]", true),
            ("a: 1", true),
        ] {
            assert_eq!(parse(text).map(|value| value.is_truthy()), Ok(expected), "{text}");
        }
        assert_eq!(parse("a: 1\na: x").expect("right").field("a"), Some(&Value::Text("x".into())));
    }
}
