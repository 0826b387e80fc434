//! Documents of YAML against Kubernetes' own types: what a type does not know, or would read otherwise, is found.
//!
//! It must not know what a manifest is for.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, PersistentVolumeClaim, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_yaml_ng::Deserializer;

/// All documents of a file.
pub(crate) fn documents(text: &str) -> Result<Vec<Value>, String> {
    let read = |document| {
        let mut yaml: serde_yaml_ng::Value = serde::Deserialize::deserialize(document)?;
        yaml.apply_merge()?;
        serde_yaml_ng::from_value(yaml)
    };
    let all: Result<_, serde_yaml_ng::Error> = Deserializer::from_str(text).map(read).collect();
    all.map_err(|error| error.to_string())
}

/// What is wrong with a document as one of Kubernetes'.
pub(crate) fn typed(document: &Value) -> Vec<String> {
    let text = |name: &str| document[name].as_str().unwrap_or_default();
    match (text("apiVersion"), text("kind")) {
        ("v1", "Namespace") => known::<Namespace>(document),
        ("v1", "Service") => known::<Service>(document),
        ("v1", "PersistentVolumeClaim") => known::<PersistentVolumeClaim>(document),
        ("apps/v1", "Deployment") => known::<Deployment>(document),
        ("autoscaling/v2", "HorizontalPodAutoscaler") => known::<HorizontalPodAutoscaler>(document),
        ("batch/v1", "Job") => known::<Job>(document),
        ("networking.k8s.io/v1", "NetworkPolicy") => known::<NetworkPolicy>(document),
        (version, kind) => vec![format!("`{kind}` of `{version}` is not known here; give its type a line")],
    }
}

/// Reads the document as a `T` and writes it again: what does not come back the type does not know.
fn known<T: DeserializeOwned + Serialize>(document: &Value) -> Vec<String> {
    match serde_json::from_value::<T>(document.clone()) {
        Err(error) => vec![format!("{error}")],
        Ok(read) => lost("", document, &serde_json::to_value(read).expect("it is JSON")),
    }
}

/// What `given` has and `kept` has not, or otherwise.
fn lost(place: &str, given: &Value, kept: &Value) -> Vec<String> {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => {
            let one = |(name, value): (&String, &Value)| {
                let place = format!("{place}.{name}");
                match kept.get(name) {
                    None => vec![format!("{place}: an unknown field, or nothing in it")],
                    Some(kept) => lost(&place, value, kept),
                }
            };
            given.iter().flat_map(one).collect()
        }
        (Value::Array(given), Value::Array(kept)) if given.len() == kept.len() => {
            let each = given.iter().zip(kept).enumerate();
            each.flat_map(|(at, (given, kept))| lost(&format!("{place}[{at}]"), given, kept)).collect()
        }
        _ if given == kept => vec![],
        _ => vec![format!("{place}: `{given}` is read as `{kept}`")],
    }
}
