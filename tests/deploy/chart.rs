//! The Helm chart: its values, and that with these it renders the cluster's manifests. Rendering needs `helm` on the path.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::files::{documents, parse, read, root, said, texts};
use crate::kubernetes::{configuration, container};

const CHART: &str = "deploy/helm/segue";

/// What a chart adds to every object, and to no other end than to find it again.
const ADDED: [&str; 6] = [
    "helm.sh/chart",
    "helm.sh/resource-policy",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
    "checksum/config",
];

#[test]
fn every_value_is_used_and_every_used_one_is_there() {
    let templates = texts().into_iter().filter(|(path, _)| path.starts_with(CHART));
    let used: BTreeSet<String> = templates.flat_map(|(_, text)| values_in(&text)).collect();
    let there = leaves("", &values());
    let begins = |path: &str, of: &str| of == path || of.starts_with(&format!("{path}."));
    for path in &used {
        assert!(there.iter().any(|leaf| begins(path, leaf)), "a template uses {path}, values.yaml has none");
    }
    for leaf in &there {
        let (parent, name) = leaf.rsplit_once('.').unwrap_or(("", leaf));
        // `with .Values.memory` and then `.tables`.
        let within =
            used.contains(parent) && read(&format!("{CHART}/templates/_helpers.tpl")).contains(&format!(".{name}"));
        assert!(used.contains(leaf) || within, "no template uses {leaf}");
    }
}

#[test]
fn the_schema_knows_the_values_and_nothing_else() {
    let schema: Value = serde_json::from_str(&read(&format!("{CHART}/values.schema.json"))).unwrap();
    let mut known = properties("", &schema);
    assert!(known.remove("global"), "Helm adds `global` to what it judges");
    assert_eq!(known, leaves("", &values()));
}

#[test]
fn the_settings_are_those_of_the_manifests() {
    let settings = values()["config"].as_str().unwrap().replace("{{ .Values.cores }}", &values()["cores"].to_string());
    assert_eq!(settings, configuration());
}

#[test]
fn memory_is_the_program_two_tables_and_the_model() {
    let memory = values()["memory"].clone();
    let mebibytes = |key: &str| memory[key].as_u64().unwrap();
    let sum = mebibytes("programMi") + mebibytes("tables") * mebibytes("tableMi") + mebibytes("modelMi");
    assert_eq!(mebibytes("tables"), 2);
    for kind in ["requests", "limits"] {
        assert_eq!(container()["resources"][kind]["memory"], format!("{sum}Mi"), "{kind}");
    }
}

/// Helm takes no file from outside of a chart but through a link.
#[test]
fn rules_and_dashboard_are_links() {
    for (link, to) in [("alerts.yml", "deploy/prometheus/alerts.yml"), ("dashboard.json", "deploy/grafana/segue.json")]
    {
        let found = fs::canonicalize(root().join(CHART).join("files").join(link)).unwrap();
        assert_eq!(found, fs::canonicalize(root().join(to)).unwrap());
    }
}

#[test]
fn the_chart_renders_the_manifests() {
    let Some(rendered) = render(&[]) else { return };
    let files = ["configmap", "deployment", "networkpolicy", "pdb", "service"];
    let expected = files.iter().flat_map(|file| documents(&format!("deploy/kubernetes/{file}.yaml")));
    let expected: BTreeSet<String> = expected.map(|document| plain(document).to_string()).collect();
    assert_eq!(rendered.into_iter().map(|found| plain(found).to_string()).collect::<BTreeSet<_>>(), expected);
}

#[test]
fn the_chart_renders_what_its_values_offer() {
    let all = ["store.kind=ephemeral", "tls.secret=segue-tls", "tls.admin=true", "monitoring.podMonitor=true"];
    let rest = ["monitoring.rules=true", "monitoring.dashboard=true", "env[0].name=A", "nodeSelector.a=b"];
    let Some(rendered) = render(&[all, rest].concat()) else { return };
    let kind = |kind: &str| rendered.iter().filter(|found| found["kind"] == kind).collect::<Vec<_>>();
    assert_eq!((kind("PersistentVolumeClaim").len(), kind("PodMonitor").len()), (0, 1));
    let rules = documents("deploy/prometheus/alerts.yml")[0].clone();
    assert_eq!(kind("PrometheusRule")[0]["spec"], rules);
    let pod = kind("Deployment")[0]["spec"]["template"]["spec"].clone();
    assert_eq!(pod["containers"][0]["readinessProbe"]["httpGet"]["scheme"], "HTTPS");
    assert!(pod["volumes"].to_string().contains("segue-tls") && pod["volumes"].to_string().contains("emptyDir"));
}

#[test]
fn the_chart_refuses_values_that_mean_nothing() {
    for wrong in ["cores=two", "coress=2", "store.kind=none", "memory.tables=1"] {
        assert!(render(&[]).is_none() || render(&[wrong]).is_none(), "{wrong} was rendered");
    }
}

/// The chart with some values set; none where there is no Helm, or where it refuses.
fn render(set: &[&str]) -> Option<Vec<Value>> {
    let mut helm = Command::new("helm");
    helm.args(["template", "segue", CHART]).args(set.iter().flat_map(|value| ["--set", value])).current_dir(root());
    let output = helm.output().ok()?;
    assert!(output.status.success() || !set.is_empty(), "{}", said(&output));
    output.status.success().then(|| parse(&String::from_utf8(output.stdout).unwrap()))
}

/// An object without what only the chart, or only the manifest, says of it.
fn plain(mut object: Value) -> Value {
    strip(&mut object);
    object
}

fn strip(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(strip),
        Value::Object(fields) => {
            fields.retain(|key, value| {
                strip(value);
                !ADDED.contains(&key.as_str())
                    && key != "imagePullPolicy"
                    && !(key == "annotations" && *value == serde_json::json!({}))
            });
        }
        _ => {}
    }
}

fn values() -> Value {
    documents(&format!("{CHART}/values.yaml"))[0].clone()
}

/// Every `.Values.path` of a template.
fn values_in(text: &str) -> Vec<String> {
    let path = |rest: &str| {
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.').unwrap_or(rest.len());
        rest[..end].trim_end_matches('.').to_owned()
    };
    text.split(".Values.").skip(1).map(path).collect()
}

/// The paths of all values that hold no others.
fn leaves(under: &str, value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().flat_map(|(key, value)| leaves(&join(under, key), value)).collect()
        }
        _ => [under.to_owned()].into(),
    }
}

/// The same of a schema.
fn properties(under: &str, schema: &Value) -> BTreeSet<String> {
    match schema["properties"].as_object() {
        Some(fields) => fields.iter().flat_map(|(key, schema)| properties(&join(under, key), schema)).collect(),
        None => [under.to_owned()].into(),
    }
}

fn join(under: &str, key: &str) -> String {
    if under.is_empty() { key.to_owned() } else { format!("{under}.{key}") }
}
