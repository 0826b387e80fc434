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

macro_rules! profiles {
    ($($name:literal),+ $(,)?) => {
        vec![$(($name, include_str!(concat!("../../../load_tests/stub/", $name, ".toml")))),+]
    };
}

/// Profiles of the stub, by name: what each is called, and its text.
pub(crate) fn stub_profiles() -> Vec<(&'static str, &'static str)> {
    profiles![
        "answer_cache",
        "batching",
        "default",
        "fixed_capacity",
        "instant",
        "md1",
        "mm1",
        "mm4",
        "no_pooling",
        "pooling",
        "replicas",
        "slow",
        "usl",
    ]
}
