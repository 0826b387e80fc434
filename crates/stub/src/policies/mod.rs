//! Policies: what queries may say, what is personal, and what roles may do. Shipped ones, or those of a folder.
//!
//! It must not know requests or callers.

mod deny;
mod roles;
mod rules;
mod translate;
mod yaml;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

pub(crate) use deny::Disguised;
pub(crate) use roles::Roles;
pub(crate) use rules::{Listed, Rules};

use crate::quirk::{Quirk, Repairs};
use crate::refusal::Refusal;

const RULES_FILE: &str = "guardrails.yaml";
const ROLES_FILE: &str = "roles.yaml";
/// Longest file that is read.
const FILE_BYTES_MAX: usize = 1 << 20;

/// The policies in force.
pub(crate) struct Policies {
    /// Where the files lie; without it what the real server is shipped with is in force.
    folder: Option<PathBuf>,
    reads_changes_only: bool,
    kept: Mutex<Kept>,
    roles: OnceLock<Arc<Roles>>,
}

/// The guardrail file as it was last read.
struct Kept {
    seen: Option<Seen>,
    rules: Arc<Rules>,
}

/// How a file can be told to be another one.
#[derive(PartialEq, Eq)]
enum Seen {
    /// By its text.
    Text(String),
    /// By when it was changed and its length in bytes; neither for a file that is not there.
    Stamp(Option<(SystemTime, u64)>),
}

impl Policies {
    pub(crate) fn new(folder: Option<PathBuf>, repairs: Repairs) -> Self {
        Self {
            folder,
            reads_changes_only: repairs.has(Quirk::PolicyReload),
            kept: Mutex::new(Kept { seen: None, rules: Arc::new(Rules::shipped()) }),
            roles: OnceLock::new(),
        }
    }

    /// The rules of this moment.
    ///
    /// # Errors
    /// The real server fails over the file.
    pub(crate) fn rules(&self) -> Result<Arc<Rules>, Refusal> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(folder) = &self.folder else { return Ok(Arc::clone(&kept().rules)) };
        let path = folder.join(RULES_FILE);
        if self.reads_changes_only {
            let mut kept = kept();
            kept.if_changed(&path);
            return Ok(Arc::clone(&kept.rules));
        }
        // Nobody waits for the lock while a disk is waited for.
        let text = text(&path).map_err(|_| Refusal::Crash("the guardrail file cannot be read"))?;
        let mut kept = kept();
        kept.anew(text)?;
        Ok(Arc::clone(&kept.rules))
    }

    /// The roles. A file is read until it is right or not there, and then never again; a wrong one gives nobody
    /// anything.
    ///
    /// # Errors
    /// The real server fails over the file.
    pub(crate) fn roles(&self) -> Result<Arc<Roles>, Refusal> {
        if let Some(roles) = self.roles.get() {
            return Ok(Arc::clone(roles));
        }
        let path = self.folder.as_ref().map(|folder| folder.join(ROLES_FILE));
        let roles = match path {
            None => Some(Roles::shipped()),
            Some(path) if !path.is_file() => Some(Roles::default()),
            Some(path) => match text(&path).map(|text| Roles::parse(&text)) {
                Ok(Ok(roles)) => roles,
                Ok(Err(_)) => return Err(Refusal::Crash("the roles file is no YAML")),
                Err(_) => None,
            },
        };
        Ok(match roles {
            Some(roles) => Arc::clone(self.roles.get_or_init(|| Arc::new(roles))),
            None => Arc::default(),
        })
    }
}

impl Kept {
    /// Takes the file's text; what is parsed already is not parsed again.
    fn anew(&mut self, text: String) -> Result<(), Refusal> {
        let seen = Seen::Text(text);
        if self.seen.as_ref() == Some(&seen) {
            return Ok(());
        }
        let Seen::Text(text) = &seen else { return Ok(()) };
        let rules = Rules::parse(text).map_err(|_| Refusal::Crash("the guardrail file is no YAML"))?;
        *self = Self { seen: Some(seen), rules: Arc::new(rules) };
        Ok(())
    }

    /// Reads the file if it is not the one that was last read; a wrong one leaves the rules as they are.
    fn if_changed(&mut self, path: &Path) {
        let stamp = path.metadata().and_then(|file| Ok((file.modified()?, file.len()))).ok();
        let seen = Some(Seen::Stamp(stamp));
        if self.seen == seen {
            return;
        }
        self.seen = seen;
        let read = text(path).and_then(|text| Rules::parse(&text)).and_then(|rules| match rules.is_sound() {
            true => Ok(rules),
            false => Err("deny_patterns and pii_regexes have to be lists of texts".to_owned()),
        });
        match read {
            Ok(rules) => self.rules = Arc::new(rules),
            Err(error) => {
                tracing::warn!(file = %path.display(), error, "the guardrail file cannot be used: the rules stay as they were");
            }
        }
    }
}

/// The text of a file.
fn text(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = vec![];
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(format!("it is longer than {FILE_BYTES_MAX} bytes: shorten it"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8: save it as UTF-8".to_owned())
}
