//! What users do, as checked data. TOML and Rust code build the same values.

mod expression;
mod read;
mod template;
mod wait;

use std::time::Duration;

use ::http::{HeaderName, Method};
use measure::NameId;

pub use read::{ScenarioFile, read_scenario, read_scenarios};
pub use template::{Bindings, Template};
pub use wait::{Span, Wait};

pub(crate) use template::Scope;

/// A user class.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The class's name.
    pub class: String,
    /// Its share among the classes.
    pub weight: u32,
    /// How long a user waits after a task.
    pub wait: Wait,
    /// What each user does once, first.
    pub on_start: Vec<Step>,
    /// What its users do, again and again.
    pub tasks: Vec<Task>,
}

/// A task: steps, taken in order.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// Its share among the class's tasks.
    pub weight: u32,
    /// Words to choose tasks by.
    pub tags: Vec<String>,
    /// The steps are taken this often: a whole number drawn between the two, both included.
    pub repeat: (u32, u32),
    /// Time between two repeats.
    pub pause: Option<Span>,
    /// What an answer that is no success does to the task.
    pub on_failure: OnFailure,
    /// The steps.
    pub steps: Vec<Step>,
}

/// One thing a task does.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends a request and reads its answer.
    Request(Box<Request>),
    /// Thinks.
    Think(Span),
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// What it counts under; the path as written, unless the scenario names it.
    pub name: String,
    /// The method.
    pub method: Method,
    /// The path, with its query string.
    pub path: Template,
    /// The path as the scenario writes it, for records: what a template fills in is not in it.
    pub path_written: String,
    /// Headers, those of the class included.
    pub headers: Vec<(HeaderName, Template)>,
    /// The body.
    pub body: Option<Template>,
    /// How long the answer may take, to its last byte.
    pub timeout: Duration,
    /// What makes the answer a success.
    pub expect: Expect,
    /// Overrides the task's.
    pub on_failure: Option<OnFailure>,
    /// Index into the plan's entries; the plan sets it.
    pub entry: NameId,
}

/// What makes an answer a success.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// Statuses that are a success; empty means any below 400, as in Locust.
    pub statuses: Vec<u16>,
    /// Statuses that count as throttled: neither success nor failure.
    pub throttled: Vec<u16>,
    /// What the body must hold.
    pub json: Vec<JsonCheck>,
}

/// What a JSON body must hold at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonCheck {
    /// A JSON pointer (RFC 6901).
    pub pointer: String,
    /// The value; `None` when it only has to be there.
    pub equals: Option<serde_json::Value>,
}

/// What an answer that is no success (throttled included) does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// The task goes on.
    #[default]
    Continue,
    /// The task ends; the user waits and begins another.
    StopTask,
    /// The user ends.
    StopUser,
}

impl OnFailure {
    pub(crate) const WORDS: [(&'static str, OnFailure); 3] =
        [("continue", Self::Continue), ("stop", Self::StopTask), ("stop_user", Self::StopUser)];
}

impl Scenario {
    /// All requests, those of `on_start` first.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        let steps = self.on_start.iter().chain(self.tasks.iter().flat_map(|task| &task.steps));
        steps.filter_map(|step| match step {
            Step::Request(request) => Some(request.as_ref()),
            Step::Think(_) => None,
        })
    }

    /// Whether one of its requests is to be signed, and there is no key.
    pub(crate) fn lacks_key(&self) -> bool {
        let headers = |request: &Request| request.headers.iter().any(|(_, value)| value.lacks_key());
        let body = |request: &Request| request.body.as_ref().is_some_and(Template::lacks_key);
        self.requests().any(|request| request.path.lacks_key() || headers(request) || body(request))
    }

    pub(crate) fn requests_mut(&mut self) -> impl Iterator<Item = &mut Request> {
        let steps = self.on_start.iter_mut().chain(self.tasks.iter_mut().flat_map(|task| &mut task.steps));
        steps.filter_map(|step| match step {
            Step::Request(request) => Some(request.as_mut()),
            Step::Think(_) => None,
        })
    }
}
