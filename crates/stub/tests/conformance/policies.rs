//! The policy files that stood around the real server: where, and what was edited before an exchange.

use std::fs;
use std::path::{Path, PathBuf};

/// What the recording began with. Its roles name a scope that there is not, which makes the file invalid.
const RULES: &str =
    "deny_patterns:\n  - topsecret\n  - a.b\n  - 'two  words'\npii_regexes:\n  - 'emp-\\d+'\n  - '('\n";
const ROLES: &str = "user:\n  - tool:python_eval\n  - badscope\n";

/// The folder of policies for this recording, if it has one: for `wrong_cwd` there is nothing in it.
pub(crate) fn folder(mode: &str, folder: &Path) -> Option<PathBuf> {
    match mode {
        "custom_policies" => {
            fs::write(folder.join("guardrails.yaml"), RULES).expect("a file");
            fs::write(folder.join("roles.yaml"), ROLES).expect("a file");
        }
        "wrong_cwd" => {}
        _ => return None,
    }
    Some(folder.to_owned())
}

/// The edit before the exchange of this name.
pub(crate) fn edit(name: &str, folder: &Path) {
    let file = folder.join("guardrails.yaml");
    let text = match name {
        "TopSecret after edit" => "deny_patterns: [zebra]\n",
        "empty file" => "",
        "empty pattern blocks everything" => "deny_patterns: ['']\n",
        "broken YAML -> 500" => "deny_patterns: [\n",
        "YAML list -> 500" => "- a\n- b\n",
        "non-string pattern -> 500" => "deny_patterns: [5]\n",
        "deny_patterns null -> 500" => "deny_patterns:\n",
        "file deleted -> 500" => return fs::remove_file(file).expect("a file"),
        _ => return,
    };
    fs::write(file, text).expect("a file");
}
