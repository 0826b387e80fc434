//! Scenario files: TOML into checked [`Scenario`]s, all mistakes at once.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderName, HeaderValue, Method};
use measure::NameId;
use wire::{Mistakes, Source, Table, Value, nearest};

use super::template::Lists;
use super::{Bindings, Expect, JsonCheck, OnFailure, Request, Scenario, Span, Step, Task, Template, Wait};

/// A scenario file's name and text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScenarioFile {
    /// What messages call it.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// An answer may take this long unless a step says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time that an answer may be given.
const TIMEOUT_MAX: Duration = Duration::from_secs(30 * 60);
/// Longest list of steps, tasks or data that is accepted.
const ITEMS_MAX: usize = 10_000;

/// Reads several files; a class may stand in one of them only.
///
/// # Errors
/// Every mistake of every file.
pub fn read_scenarios(files: &[ScenarioFile], bindings: &Bindings) -> Result<Vec<Scenario>, Mistakes> {
    let mut mistakes = Mistakes::default();
    let mut scenarios: Vec<Scenario> = vec![];
    for file in files {
        match read_scenario(file, bindings) {
            Err(found) => mistakes.append(found),
            Ok(scenario) if scenarios.iter().any(|other| other.class == scenario.class) => {
                let problem = format!("the class `{}` stands in another file too", scenario.class);
                mistakes.push(&file.name, problem, "rename one of the two");
            }
            Ok(scenario) => scenarios.push(scenario),
        }
    }
    if files.is_empty() {
        mistakes.push("-f", "no scenario file was found", "name a .toml file or a folder that holds some");
    }
    mistakes.or(scenarios)
}

/// Reads one file.
///
/// # Errors
/// Every mistake of the file.
pub fn read_scenario(file: &ScenarioFile, bindings: &Bindings) -> Result<Scenario, Mistakes> {
    Source::read(&file.name, &file.text, |root| {
        let context = Context { bindings, lists: lists(root, bindings), headers: vec![] };
        let context = Context { headers: context.headers_of(root), ..context };
        let scenario = Scenario {
            class: needed_name(root, "class"),
            weight: root.get("weight").unwrap_or(1),
            wait: root
                .need_value("wait_time")
                .and_then(|v| wait(&v))
                .unwrap_or(Wait::Constant(Duration::ZERO)),
            on_start: root.tables("on_start", |step| context.step(step)).into_iter().flatten().collect(),
            tasks: root.tables("task", |table| context.task(table)),
        };
        if scenario.tasks.is_empty() {
            root.mistake("the class has no task", "add a [[task]] with a [[task.step]]");
        }
        unique_names(root, &scenario.tasks);
        scenario
    })
}

fn needed_name(table: &mut Table<'_>, key: &'static str) -> String {
    table.need_value(key).and_then(|value| name(&value)).unwrap_or_default()
}

/// A name stands in tables and files, on one line.
fn name(value: &Value<'_>) -> Option<String> {
    const CHARS_MAX: usize = 200;
    let name: String = value.read()?;
    if name.trim().is_empty() || name.chars().count() > CHARS_MAX || name.chars().any(char::is_control) {
        value.mistake("is no name", "give 1 to 200 characters on one line");
        return None;
    }
    Some(name)
}

fn unique_names(root: &Table<'_>, tasks: &[Task]) {
    for (i, task) in tasks.iter().enumerate() {
        if tasks[..i].iter().any(|other| other.name == task.name) {
            root.mistake(&format!("two tasks are called `{}`", task.name), "rename one of the two");
        }
    }
}

/// The data lists; their items may be templates, but not pick from each other.
fn lists(root: &mut Table<'_>, bindings: &Bindings) -> Lists {
    let Some(data) = root.value("data") else { return vec![] };
    let entries = data.table(Table::entries).unwrap_or_default();
    let mut lists = vec![];
    for (name, value) in entries {
        let items = value.items();
        if items.is_empty() || items.len() > ITEMS_MAX {
            value.mistake("is no list to pick from", &format!("give 1 to {ITEMS_MAX} strings"));
            continue;
        }
        let templates: Vec<_> = items.iter().filter_map(|item| template(item, bindings, &vec![])).collect();
        lists.push((name, Arc::from(templates)));
    }
    lists
}

fn template(value: &Value<'_>, bindings: &Bindings, lists: &Lists) -> Option<Template> {
    let text: String = value.read()?;
    told(value, Template::parse(&text, bindings, lists))
}

fn told<T>(value: &Value<'_>, result: Result<T, (String, String)>) -> Option<T> {
    result.map_err(|(problem, remedy)| value.mistake(&problem, &remedy)).ok()
}

fn wait(value: &Value<'_>) -> Option<Wait> {
    const KINDS: [&str; 5] = ["between", "constant", "constant_pacing", "constant_throughput", "exponential"];
    value.table(|table| {
        let (kind, inner) = table.variant(&KINDS)?;
        Some(match kind.as_str() {
            "between" => Wait::Between(span(&inner)?),
            "constant" => Wait::Constant(inner.read()?),
            "constant_pacing" => Wait::ConstantPacing(inner.read()?),
            "constant_throughput" => {
                let rate: f64 = inner.read()?;
                if !(1e-6..=1e6).contains(&rate) {
                    inner.mistake("is no rate", "give tasks a second, above 0");
                    return None;
                }
                Wait::ConstantThroughput(rate)
            }
            _ => Wait::Exponential(inner.read()?),
        })
    })?
}

/// `"1s"` or `["1s", "3s"]`.
fn span(value: &Value<'_>) -> Option<Span> {
    let bounds: Vec<Duration> = if value.is_array() { value.read()? } else { vec![value.read()?] };
    match bounds.as_slice() {
        [time] => Some(Span { least: *time, most: *time }),
        [least, most] if least <= most => Some(Span { least: *least, most: *most }),
        _ => {
            value.mistake("is no span of time", "give \"1s\" or [\"1s\", \"3s\"], the shorter first");
            None
        }
    }
}

struct Context<'b> {
    bindings: &'b Bindings,
    lists: Lists,
    headers: Vec<(HeaderName, Template)>,
}

impl Context<'_> {
    fn task(&self, table: &mut Table<'_>) -> Task {
        let steps: Vec<Step> = table.tables("step", |step| self.step(step)).into_iter().flatten().collect();
        if !steps.iter().any(|step| matches!(step, Step::Request(_))) {
            table.mistake("the task sends nothing", "add a [[task.step]] with `method` and `path`");
        }
        Task {
            name: needed_name(table, "name"),
            weight: table.get_if("weight", "give 1 or more", |w| *w > 0).unwrap_or(1),
            tags: table.get("tags").unwrap_or_default(),
            repeat: table.value("repeat").and_then(|v| repeat(&v)).unwrap_or((1, 1)),
            pause: table.value("pause").and_then(|v| span(&v)),
            on_failure: on_failure(table).unwrap_or_default(),
            steps,
        }
    }

    fn step(&self, table: &mut Table<'_>) -> Option<Step> {
        match table.value("think") {
            Some(think) => span(&think).map(Step::Think),
            None => self.request(table).map(|request| Step::Request(Box::new(request))),
        }
    }

    fn request(&self, table: &mut Table<'_>) -> Option<Request> {
        let method = table.need_value("method").and_then(|v| method(&v));
        let path_value = table.need_value("path");
        let path = path_value.as_ref().and_then(|v| self.path(v));
        let name = table.value("name").and_then(|value| name(&value));
        let mut headers = self.headers.clone();
        for (header, value) in self.headers_of(table) {
            headers.retain(|(name, _)| *name != header);
            headers.push((header, value));
        }
        let body = self.body(table, &mut headers);
        let expect = table.table("expect", expect).unwrap_or_default();
        let fits = |t: &Duration| !t.is_zero() && *t <= TIMEOUT_MAX;
        let timeout = table.get_if("timeout", "give more than 0s and at most 30m", fits);
        let on_failure = on_failure(table);
        let written: String = path_value.and_then(|v| v.read())?;
        Some(Request {
            name: name.unwrap_or_else(|| written.clone()),
            path_written: written,
            method: method?,
            path: path?,
            headers,
            body,
            timeout: timeout.unwrap_or(TIMEOUT),
            expect,
            on_failure,
            entry: NameId(0),
        })
    }

    /// All that a path can become must be a path, over every transport alike.
    fn path(&self, value: &Value<'_>) -> Option<Template> {
        const REMEDY: &str = "begin it with `/`, outside of `{{ }}`, and write what is no letter, digit or one of -._~/?&=+:@,;!$'()*% as %20";
        let template = template(value, self.bindings, &self.lists)?;
        let legal = |c: char| c.is_ascii_alphanumeric() || "-._~/?&=+:@,;!$'()*%".contains(c);
        let begins = template.begins_with('/');
        // Dots that stand for folders would be resolved by one transport and not by another.
        let dots = |text: &str| {
            text.to_lowercase().contains("%2e") || text.split(['/', '?']).any(|s| s == "." || s == "..")
        };
        if begins && !template.texts().any(dots) && template.texts().all(|text| text.chars().all(legal)) {
            return Some(template);
        }
        value.mistake("is no path", REMEDY);
        None
    }

    fn headers_of(&self, table: &mut Table<'_>) -> Vec<(HeaderName, Template)> {
        let Some(headers) = table.value("headers") else { return vec![] };
        let entries = headers.table(Table::entries).unwrap_or_default();
        entries.iter().filter_map(|(name, value)| self.header(name, value)).collect()
    }

    fn header(&self, name: &str, value: &Value<'_>) -> Option<(HeaderName, Template)> {
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            value.mistake("has a name that HTTP does not allow", "use letters, digits and `-`");
            return None;
        };
        let template = template(value, self.bindings, &self.lists)?;
        if template.texts().any(|text| HeaderValue::from_str(text).is_err()) {
            value.mistake(
                "has a value that HTTP does not allow",
                "leave out line breaks and control characters",
            );
            return None;
        }
        Some((header, template))
    }

    /// `json` (a value whose strings are templates) or `body` (a text).
    fn body(&self, table: &mut Table<'_>, headers: &mut Vec<(HeaderName, Template)>) -> Option<Template> {
        let (json, text) = (table.value("json"), table.value("body"));
        if let (Some(_), Some(text)) = (&json, &text) {
            text.mistake("stands beside `json`", "keep one of the two");
        }
        let Some(json) = json else { return template(&text?, self.bindings, &self.lists) };
        let type_header = HeaderName::from_static("content-type");
        if !headers.iter().any(|(name, _)| *name == type_header) {
            headers.push((type_header, Template::literal("application/json")));
        }
        told(&json, Template::parse_json(&json.to_json(), self.bindings, &self.lists))
    }
}

fn method(value: &Value<'_>) -> Option<Method> {
    const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    let text: String = value.read()?;
    if METHODS.contains(&text.as_str()) {
        return Method::from_bytes(text.as_bytes()).ok();
    }
    value.mistake("is no method", &format!("give one of {}", METHODS.join(", ")));
    None
}

fn repeat(value: &Value<'_>) -> Option<(u32, u32)> {
    let bounds: Vec<u32> = if value.is_array() { value.read()? } else { vec![value.read()?] };
    let range = match bounds.as_slice() {
        [n] => (*n, *n),
        [least, most] => (*least, *most),
        _ => (0, 0),
    };
    if range.0 >= 1 && range.0 <= range.1 && range.1 <= 1_000_000 {
        return Some(range);
    }
    value.mistake("is no count", "give 5 or [5, 10], 1 to 1000000, the smaller first");
    None
}

fn on_failure(table: &mut Table<'_>) -> Option<OnFailure> {
    let value = table.value("on_failure")?;
    let text: String = value.read()?;
    let words = OnFailure::WORDS;
    if let Some((_, choice)) = words.iter().find(|(word, _)| *word == text) {
        return Some(*choice);
    }
    let names = words.map(|(word, _)| word);
    let near = nearest(&text, &names).map_or(String::new(), |near| format!(", perhaps `{near}`"));
    value.mistake("is unknown", &format!("give continue, stop or stop_user{near}"));
    None
}

fn expect(table: &mut Table<'_>) -> Expect {
    let statuses = |value: Value<'_>| {
        let list: Vec<u16> = value.read()?;
        if list.is_empty() || !list.iter().all(|s| (100..=599).contains(s)) {
            value.mistake("is no set of statuses", "give one or more from 100 to 599, such as [200]");
        }
        Some(list)
    };
    let expected = table.value("status").and_then(statuses).unwrap_or_default();
    let throttled = table.value("throttled").and_then(statuses).unwrap_or_default();
    if let Some(both) = expected.iter().find(|status| throttled.contains(status)) {
        table.mistake(&format!("{both} is expected as a success and as throttled"), "keep one of the two");
    }
    Expect {
        statuses: expected,
        throttled,
        json: table.tables("json", json_check).into_iter().flatten().collect(),
    }
}

fn json_check(table: &mut Table<'_>) -> Option<JsonCheck> {
    let value = table.need_value("pointer")?;
    let pointer: String = value.read()?;
    let equals = table.value("equals").map(|v| v.to_json());
    let present: Option<bool> = table.get("present");
    if present == Some(false) || (present.is_some() && equals.is_some()) {
        table.mistake("`present` can only be true, without `equals`", "drop it");
    }
    if !pointer.is_empty() && !pointer.starts_with('/') {
        value.mistake("is no JSON pointer", "begin it with `/`, such as \"/metrics/latency_ms\"");
        return None;
    }
    Some(JsonCheck { pointer, equals })
}
