//! Copies of `load_tests/` in the binary, so that it needs no checkout.

use harness::ScenarioFile;

/// Where the suite stands in a checkout.
pub(crate) const SUITE_PATH: &str = "load_tests/baseline.toml";

macro_rules! file {
    ($path:literal) => {
        ScenarioFile {
            name: concat!("load_tests/", $path).to_owned(),
            text: include_str!(concat!("../../../load_tests/", $path)).to_owned(),
        }
    };
}

/// The suite file.
pub(crate) fn suite() -> ScenarioFile {
    file!("baseline.toml")
}

/// The five classes.
pub(crate) fn scenarios() -> Vec<ScenarioFile> {
    vec![
        file!("scenarios/authentication_user.toml"),
        file!("scenarios/burst_user.toml"),
        file!("scenarios/simple_query_user.toml"),
        file!("scenarios/stress_test_user.toml"),
        file!("scenarios/workflow_user.toml"),
    ]
}
