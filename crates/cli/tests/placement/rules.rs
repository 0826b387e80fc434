//! What must hold of all manifests together: names lead somewhere, images are the fixed ones, pods have no more rights
//! and no less room than they need.
//!
//! Each rule is a function from documents to findings, so that it can be shown to fail.

use regex::Regex;
use serde_json::Value;

const IMAGES: [&str; 3] = ["haproxy:2.6-bookworm", "redis:7-bookworm", "weaver-bench:local"];

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn shown(document: &Value) -> String {
    format!("{} {}", text(document, "/kind"), text(document, "/metadata/name"))
}

/// Documents that have a pod's template, and the template.
fn pods(documents: &[Value]) -> impl Iterator<Item = (&Value, &Value)> {
    documents.iter().filter_map(|document| Some((document, document.pointer("/spec/template")?)))
}

/// Whether all labels of a selector are on one of the pods.
fn selects(documents: &[Value], labels: &Value) -> bool {
    let Value::Object(wanted) = labels else { return true };
    pods(documents)
        .any(|(_, pod)| wanted.iter().all(|(name, value)| pod["metadata"]["labels"].get(name) == Some(value)))
}

/// Every object of this kind in a document, wherever it stands.
fn all_of<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(name));
            fields.values().for_each(|inner| all_of(inner, name, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| all_of(inner, name, found)),
        _ => {}
    }
}

fn each<'a>(document: &'a Value, name: &str) -> Vec<&'a Value> {
    let mut found = vec![];
    all_of(document, name, &mut found);
    found
}

/// Names that are meant for another document, or for another part of the same one.
pub(crate) fn references(documents: &[Value], secrets: &[(String, Vec<String>)]) -> Vec<String> {
    let is_there = |kind: &str, name: &str| {
        documents.iter().any(|other| text(other, "/kind") == kind && text(other, "/metadata/name") == name)
    };
    let mut found = vec![];
    for document in documents {
        let here = shown(document);
        for secret in each(document, "secretKeyRef") {
            let (name, key) = (text(secret, "/name"), text(secret, "/key"));
            let known = secrets.iter().any(|(known, keys)| known == name && keys.iter().any(|k| k == key));
            if !known {
                found.push(format!("{here}: no secret `{name}` has a key `{key}`"));
            }
        }
        for claim in each(document, "claimName").into_iter().filter_map(Value::as_str) {
            if !is_there("PersistentVolumeClaim", claim) {
                found.push(format!("{here}: there is no claim `{claim}`"));
            }
        }
        let (kind, name) = ("/spec/scaleTargetRef/kind", "/spec/scaleTargetRef/name");
        if document.pointer(name).is_some() && !is_there(text(document, kind), text(document, name)) {
            found.push(format!("{here}: there is no `{}` to be scaled", text(document, name)));
        }
        let mut selectors = each(document, "matchLabels");
        if text(document, "/kind") == "Service" {
            selectors.push(&document["spec"]["selector"]);
        }
        // Namespaces are not of our making.
        let ours = |labels: &&Value| labels.get("kubernetes.io/metadata.name").is_none();
        let foreign = |labels: &&Value| labels.get("k8s-app").is_none();
        for labels in selectors.into_iter().filter(ours).filter(foreign) {
            if !selects(documents, labels) {
                found.push(format!("{here}: no pod has the labels {labels}"));
            }
        }
        found.extend(ports_and_volumes(document, documents));
        found.extend(hosts(document, documents));
    }
    found
}

/// Hosts with ports in arguments and variables: each is a service.
fn hosts(document: &Value, documents: &[Value]) -> Vec<String> {
    let host = Regex::new(r"^(?:.*[@/])?([a-z-]+):([0-9]+)$").expect("is a regular expression");
    let services = || documents.iter().filter(|document| text(document, "/kind") == "Service");
    let (mut found, mut said) = (vec![], vec![]);
    for container in pods(std::slice::from_ref(document)).flat_map(|(_, pod)| list(pod, "/spec/containers")) {
        said.extend(list(container, "/args").iter().filter_map(Value::as_str));
        said.extend(list(container, "/env").iter().map(|variable| text(variable, "/value")));
    }
    for parts in said.into_iter().filter_map(|said| host.captures(said)) {
        let has_port = |service: &Value| {
            list(service, "/spec/ports").iter().any(|port| port["port"].as_u64() == parts[2].parse().ok())
        };
        if !services().any(|service| text(service, "/metadata/name") == &parts[1] && has_port(service)) {
            found.push(format!("{}: there is no service `{}:{}`", shown(document), &parts[1], &parts[2]));
        }
    }
    found
}

/// Ports by name, and mounts of volumes.
fn ports_and_volumes(document: &Value, documents: &[Value]) -> Vec<String> {
    let (here, mut found) = (shown(document), vec![]);
    let has_port = |name: &str| {
        let ports = pods(documents).flat_map(|(_, pod)| list(pod, "/spec/containers"));
        ports.flat_map(|container| list(container, "/ports")).any(|port| text(port, "/name") == name)
    };
    if text(document, "/kind") == "Service" {
        for port in list(document, "/spec/ports") {
            let target = text(port, "/targetPort");
            if !has_port(target) {
                found.push(format!("{here}: no container has a port `{target}`"));
            }
        }
    }
    for (_, pod) in pods(std::slice::from_ref(document)) {
        let volumes: Vec<_> = list(pod, "/spec/volumes").iter().map(|volume| text(volume, "/name")).collect();
        for container in list(pod, "/spec/containers") {
            for mount in list(container, "/volumeMounts") {
                if !volumes.contains(&text(mount, "/name")) {
                    found.push(format!("{here}: there is no volume `{}`", text(mount, "/name")));
                }
            }
        }
    }
    found
}

/// Images, in documents of Kubernetes as in the compose file.
pub(crate) fn images(documents: &[Value]) -> Vec<String> {
    let named = documents.iter().flat_map(|document| each(document, "image"));
    let strange = named.filter(|image| !image.as_str().is_some_and(|image| IMAGES.contains(&image)));
    strange.map(|image| format!("image {image}; use one of {}", IMAGES.join(", "))).collect()
}

/// Pods: no rights, a bounded room, and a sign of life where they serve.
pub(crate) fn pods_are_modest(documents: &[Value]) -> Vec<String> {
    let mut found = vec![];
    for (document, pod) in pods(documents) {
        let mut want = |holds: bool, what: &str| {
            if !holds {
                found.push(format!("{}: {what}", shown(document)));
            }
        };
        let spec = &pod["spec"];
        want(spec["automountServiceAccountToken"] == false, "automountServiceAccountToken is not false");
        want(spec["securityContext"]["runAsNonRoot"] == true, "runAsNonRoot is not true");
        let profile = text(spec, "/securityContext/seccompProfile/type");
        want(profile == "RuntimeDefault", "seccompProfile is not RuntimeDefault");
        for container in list(spec, "/containers") {
            let security = &container["securityContext"];
            want(security["allowPrivilegeEscalation"] == false, "allowPrivilegeEscalation is not false");
            want(security["readOnlyRootFilesystem"] == true, "readOnlyRootFilesystem is not true");
            want(
                security["capabilities"]["drop"] == serde_json::json!(["ALL"]),
                "not all capabilities are dropped",
            );
            for room in ["/resources/requests/cpu", "/resources/requests/memory", "/resources/limits/memory"]
            {
                want(container.pointer(room).is_some(), &format!("{room} is missing"));
            }
            if text(document, "/kind") == "Deployment" {
                for probe in ["readinessProbe", "livenessProbe"] {
                    want(container.get(probe).is_some(), &format!("{probe} is missing"));
                }
            }
        }
    }
    found
}

/// Where generators may go: to the stub, to Redis, and to servers of names; and nothing is open by itself.
pub(crate) fn generators_are_fenced(documents: &[Value]) -> Vec<String> {
    let policies = || documents.iter().filter(|document| text(document, "/kind") == "NetworkPolicy");
    let mut found = vec![];
    let closes = |policy: &Value| {
        policy["spec"]["podSelector"] == serde_json::json!({})
            && list(policy, "/spec/policyTypes").len() == 2
            && policy["spec"].get("egress").or(policy["spec"].get("ingress")).is_none()
    };
    if !policies().any(closes) {
        found.push("no policy closes everything: pods may talk to anybody".to_owned());
    }
    let role = "/spec/template/metadata/labels/weaver-bench~1role";
    for job in documents.iter().filter(|document| text(document, "/kind") == "Job") {
        if text(job, role) != "generator" {
            found.push(format!(
                "{}: is no generator by its labels, so that no fence is around it",
                shown(job)
            ));
        }
    }
    for policy in policies() {
        for rule in list(policy, "/spec/egress") {
            if list(rule, "/to").is_empty() || list(rule, "/ports").is_empty() {
                found.push(format!("{}: lets pods go anywhere", shown(policy)));
            }
            for to in list(rule, "/to") {
                let name = text(to, "/podSelector/matchLabels/app.kubernetes.io~1name");
                let names = text(to, "/podSelector/matchLabels/k8s-app") == "kube-dns";
                if !names && !["stub", "redis"].contains(&name) {
                    found.push(format!("{}: lets pods go to {to}", shown(policy)));
                }
            }
        }
    }
    found
}
