//! Where the parts are placed: the manifests for Kubernetes against its own types and against each other, and the
//! balancer's configuration against the compose file.
//!
//! Each rule is shown to fail. It must not know what the parts do.

mod rules;
mod typed;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use typed::{documents, typed};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const BASE: &str = "load_tests/kubernetes/base";

/// What may stand in a `kustomization.yaml` of ours.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Kustomization {
    api_version: String,
    kind: String,
    namespace: String,
    resources: Vec<String>,
    secret_generator: Vec<SecretGenerator>,
    labels: Vec<Labels>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretGenerator {
    name: String,
    literals: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    pairs: std::collections::BTreeMap<String, String>,
}

fn read(file: &str) -> String {
    let path = PathBuf::from(ROOT).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names of the files beside `kustomization.yaml`.
fn files() -> BTreeSet<String> {
    let entries = std::fs::read_dir(PathBuf::from(ROOT).join(BASE)).expect("the folder is there");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| name != "kustomization.yaml").collect()
}

/// What is wrong with the text of `kustomization.yaml` beside these files.
fn kustomized(text: &str, files: &BTreeSet<String>) -> Vec<String> {
    let read: Kustomization = match serde_yaml_ng::from_str(text) {
        Ok(read) => read,
        Err(error) => return vec![format!("kustomization.yaml: {error}")],
    };
    let mut found = vec![];
    if (&*read.api_version, &*read.kind) != ("kustomize.config.k8s.io/v1beta1", "Kustomization") {
        found.push(format!("kustomization.yaml: `{}` of `{}`", read.kind, read.api_version));
    }
    let named: BTreeSet<_> = read.resources.iter().cloned().collect();
    found.extend(named.difference(files).map(|name| format!("{name}: named, and there is no such file")));
    found.extend(files.difference(&named).map(|name| format!("{name}: a file that is not named")));
    let is_pair = |literal: &&String| !literal.contains('=');
    let literals = read.secret_generator.iter().flat_map(|secret| &secret.literals);
    found.extend(literals.filter(is_pair).map(|literal| format!("`{literal}` is no name=value")));
    if read.namespace.is_empty() || read.labels.iter().all(|labels| labels.pairs.is_empty()) {
        found.push("kustomization.yaml: no namespace, or no labels".to_owned());
    }
    found
}

/// Names and keys of the secrets that are made.
fn secrets(text: &str) -> Vec<(String, Vec<String>)> {
    let read: Kustomization = serde_yaml_ng::from_str(text).expect("was read before");
    let key = |literal: &String| literal.split('=').next().unwrap_or_default().to_owned();
    let one = |secret: SecretGenerator| (secret.name, secret.literals.iter().map(key).collect());
    read.secret_generator.into_iter().map(one).collect()
}

fn manifests() -> Vec<Value> {
    let read = |file: &String| documents(&read(&format!("{BASE}/{file}"))).expect("YAML");
    files().iter().flat_map(read).collect()
}

/// The services that the balancer's configuration names and the compose file does not have, or the other way round.
fn balanced(haproxy: &str, compose: &Value) -> Vec<String> {
    let servers: BTreeSet<_> = haproxy
        .lines()
        .filter_map(|line| line.trim().strip_prefix("server ")?.split_whitespace().nth(1))
        .collect();
    let services = compose["services"].as_object().expect("there are services");
    let is_replica =
        |service: &Value| service["command"].as_str().is_some_and(|c| c.contains("--replica-of"));
    let replicas: BTreeSet<_> = services
        .iter()
        .filter(|(_, service)| is_replica(service))
        .map(|(name, _)| format!("{name}:8000"))
        .collect();
    let replicas: BTreeSet<_> = replicas.iter().map(String::as_str).collect();
    let apart = servers.symmetric_difference(&replicas);
    apart.map(|name| format!("{name}: a server or a replica, but not both")).collect()
}

#[track_caller]
fn right(found: &[String]) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// There is one finding, which says this.
#[track_caller]
fn wrong(found: &[String], part: &str) {
    assert!(found.len() == 1 && found[0].contains(part), "wanted `{part}`, found {found:#?}");
}

#[test]
fn manifests_are_kubernetes_own() {
    let all = manifests();
    assert!(all.len() >= 14, "the rules looked at {} documents", all.len());
    right(&all.iter().flat_map(typed).collect::<Vec<_>>());
    right(&kustomized(&read(&format!("{BASE}/kustomization.yaml")), &files()));
}

#[test]
fn manifests_fit_together() {
    let all = manifests();
    right(&rules::references(&all, &secrets(&read(&format!("{BASE}/kustomization.yaml")))));
    right(&rules::images(&all));
    right(&rules::pods_are_modest(&all));
    right(&rules::generators_are_fenced(&all));
}

#[test]
fn the_balancer_knows_the_replicas() {
    let compose = documents(&read("docker-compose.baseline.yml")).expect("YAML").remove(0);
    let haproxy = read("load_tests/haproxy.cfg");
    right(&balanced(&haproxy, &compose));
    right(&rules::images(&[compose["services"].clone()]));
    wrong(&balanced(&haproxy.replace("weaver-2:8000", "weaver-1:8000"), &compose), "weaver-2:8000: ");
    wrong(&balanced(&format!("{haproxy}\n    server four weaver-4:8000\n"), &compose), "weaver-4:8000: ");
}

#[test]
fn an_unknown_field_is_found() {
    let service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  ports:\n    - port: 80\n";
    let check = |from: &str, to: &str| {
        let text = service.replace(from, to);
        documents(&text).expect("YAML").iter().flat_map(typed).collect::<Vec<_>>()
    };
    right(&check("", ""));
    wrong(&check("port: 80", "port: 80\n      prot: TCP"), ".spec.ports[0].prot: an unknown field");
    wrong(&check("port: 80", "port: http"), "invalid type");
    wrong(&check("v1", "v2"), "`Service` of `v2` is not known");
    wrong(&check("name: a", "name: a\n  finalizers: null"), ".metadata.finalizers");
}

#[test]
fn a_kustomization_that_does_not_fit_is_found() {
    let (text, files) = (read(&format!("{BASE}/kustomization.yaml")), files());
    let check = |from: &str, to: &str| kustomized(&text.replace(from, to), &files);
    wrong(&check("  - stub.yaml\n", ""), "stub.yaml: a file that is not named");
    wrong(&check("  - stub.yaml", "  - stub.yaml\n  - more.yaml"), "more.yaml: named");
    wrong(&check("resources:", "resource:"), "unknown field `resource`");
    wrong(&check("kind: Kustomization", "kind: Component"), "`Component`");
    wrong(&check("csrf-secret=", "csrf-secret:"), "is no name=value");
    wrong(&check("namespace: weaver-bench", "namespace: ''"), "no namespace");
}

/// What a rule finds once the only document of this kind and name, as JSON, has `to` in place of `from`.
fn changed(of: &str, from: &str, to: &str, rule: impl Fn(&[Value]) -> Vec<String>) -> Vec<String> {
    let mut all = manifests();
    let (kind, name) = of.split_once(' ').expect("kind and name");
    let one = all.iter_mut().find(|one| one["kind"] == kind && one["metadata"]["name"] == name);
    let one = one.unwrap_or_else(|| panic!("no {of}"));
    let text = one.to_string();
    assert!(text.contains(from), "{of} has no {from}: {text}");
    *one = serde_json::from_str(&text.replacen(from, to, 1)).expect("it stays JSON");
    rule(&all)
}

#[test]
fn a_name_that_leads_nowhere_is_found() {
    let secrets = secrets(&read(&format!("{BASE}/kustomization.yaml")));
    let check = |of: &str, from: &str, to: &str, part: &str| {
        wrong(&changed(of, from, to, |all| rules::references(all, &secrets)), part);
    };
    check(
        "Job worker",
        r#""key":"fleet-secret""#,
        r#""key":"secret""#,
        "no secret `fleet` has a key `secret`",
    );
    check("Job coordinator", r#""claimName":"results""#, r#""claimName":"else""#, "no claim `else`");
    check(
        "HorizontalPodAutoscaler stub",
        r#""kind":"Deployment","name":"stub""#,
        r#""kind":"Deployment","name":"x""#,
        "no `x` to be scaled",
    );
    check("Service stub", r#"io/name":"stub""#, r#"io/name":"stab""#, "Service stub: no pod has the labels");
    check("Job coordinator", "http://stub:8000", "http://stab:8000", "no service `stab:8000`");
    check("Job worker", "stub:8000", "stub:8001", "no service `stub:8001`");
    check("Deployment stub", "@redis:6379", "@redis:6380", "no service `redis:6380`");
    check(
        "Service redis",
        r#""targetPort":"redis""#,
        r#""targetPort":"rdb""#,
        "no container has a port `rdb`",
    );
    check(
        "Job coordinator",
        r#""mountPath":"/results","name":"results""#,
        r#""mountPath":"/results","name":"r""#,
        "no volume `r`",
    );
}

#[test]
fn a_pod_that_asks_for_too_much_is_found() {
    let check = |of: &str, from: &str, to: &str, part: &str| {
        wrong(&changed(of, from, to, rules::pods_are_modest), part);
    };
    for (from, to) in [
        (r#""runAsNonRoot":true"#, r#""runAsNonRoot":false"#),
        (r#""allowPrivilegeEscalation":false"#, r#""allowPrivilegeEscalation":true"#),
        (r#""readOnlyRootFilesystem":true"#, r#""readOnlyRootFilesystem":false"#),
        (r#""automountServiceAccountToken":false"#, r#""automountServiceAccountToken":true"#),
    ] {
        let field = from.split(':').next().unwrap_or_default().trim_matches('"');
        check("Job worker", from, to, field);
    }
    check("Deployment redis", r#"["ALL"]"#, r#"["NET_RAW"]"#, "capabilities");
    check("Deployment stub", "RuntimeDefault", "Unconfined", "seccompProfile");
    check("Deployment stub", r#""requests":{"cpu":"500m","#, r#""requests":{"#, "requests/cpu is missing");
    check("Deployment stub", "livenessProbe", "other", "livenessProbe is missing");
    let other = changed("Deployment redis", "redis:7-bookworm", "redis:latest", rules::images);
    wrong(&other, "image \"redis:latest\"");
}

#[test]
fn a_gap_in_the_fence_is_found() {
    let check = |of: &str, from: &str, to: &str, part: &str| {
        wrong(&changed(of, from, to, rules::generators_are_fenced), part);
    };
    check(
        "NetworkPolicy nothing-else",
        r#"["Ingress","Egress"]"#,
        r#"["Ingress"]"#,
        "no policy closes everything",
    );
    check("NetworkPolicy generators", r#""to":["#, r#""to":[],"x":["#, "lets pods go anywhere");
    check("NetworkPolicy generators", r#"name":"stub""#, r#"name":"other""#, "lets pods go to");
    check("Job worker", r#""weaver-bench/role":"generator""#, r#""weaver-bench/role":"other""#, "no fence");
}
