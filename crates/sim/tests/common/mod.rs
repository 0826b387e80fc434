//! What the tests of the simulation share: the suite of the repository as a plan.

use std::fs::{read_dir, read_to_string};
use std::path::Path;

use harness::{Bindings, Plan, ScenarioFile, read_suite};
use wire::Seed;

pub(crate) const LOAD_TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../load_tests");

pub(crate) fn plan(seed: u64) -> Plan {
    let folder = Path::new(LOAD_TESTS);
    let suite_text = read_to_string(folder.join("baseline.toml")).expect("the suite file");
    let suite = read_suite("baseline.toml", &suite_text).unwrap_or_else(|e| panic!("{e}"));
    let mut files: Vec<ScenarioFile> = read_dir(folder.join(&suite.scenarios))
        .expect("the scenarios")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| ScenarioFile {
            name: path.display().to_string(),
            text: read_to_string(&path).expect("a scenario"),
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let bindings = Bindings { api_key: "test-api-key".into(), ..Bindings::default() };
    suite.plan("baseline.toml", &files, &bindings, Seed(seed)).unwrap_or_else(|e| panic!("{e}"))
}
