//! Every file under `load_tests/` is read by the code that a user's run reads it with.

use std::fs::{read_dir, read_to_string};
use std::path::{Path, PathBuf};

use harness::{Bindings, ScenarioFile, read_scenario, read_suite};
use stub::Profile;
use wire::Mistakes;

const LOAD_TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../load_tests");

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn every_file_is_read_without_a_mistake() {
    let mut read = 0;
    for path in files(Path::new(LOAD_TESTS)) {
        let inside = path.strip_prefix(LOAD_TESTS).expect("below the folder").to_string_lossy().into_owned();
        let text = read_to_string(&path).unwrap_or_else(|error| panic!("{inside}: {error}"));
        let outcome: Result<(), Mistakes> = match inside.as_str() {
            "README.md" | "run_baseline.sh" => continue,
            // Read by the tests of placement in `cli`.
            "haproxy.cfg" => continue,
            name if name.starts_with("kubernetes/") => continue,
            "baseline.toml" => read_suite(&inside, &text).map(drop),
            name if name.starts_with("scenarios/") => {
                let file = ScenarioFile { name: name.to_owned(), text };
                read_scenario(&file, &Bindings::default()).map(drop)
            }
            name if name.starts_with("stub/") => Profile::parse(name, &text).map(drop),
            name => panic!("{name}: nobody reads it; give it a reader here or remove it"),
        };
        outcome.unwrap_or_else(|mistakes| panic!("{mistakes}"));
        read += 1;
    }
    assert!(read >= 8, "the folder holds the suite, five classes and the profiles: {read} were found");
}
