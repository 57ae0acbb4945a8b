//! The cluster's manifests: probes, ports, mounts, and what a pod may do.

use std::path::Path;

use segue::config::Config;
use serde_json::Value;

use crate::files::{documents, list, outlasts_a_drain, read};

#[test]
fn kubernetes_waits_longer_than_a_drain_takes() {
    let given_s = pod()["terminationGracePeriodSeconds"].as_u64().unwrap();
    outlasts_a_drain(given_s, &settings());
    outlasts_a_drain(given_s, &toml::Table::new());
}

#[test]
fn a_draining_pod_is_seen_unready_before_its_doors_close() {
    let probe = &container()["readinessProbe"];
    let seen_s = probe["periodSeconds"].as_u64().unwrap() * probe["failureThreshold"].as_u64().unwrap();
    let lame_duck_ms = settings()["drain"]["lame_duck_ms"].as_integer().unwrap();
    assert!(
        seen_s * 1_000 <= lame_duck_ms.try_into().unwrap(),
        "readiness fails after {seen_s} s, the doors close after {lame_duck_ms} ms"
    );
}

#[test]
fn probes_ask_the_admin_door() {
    for (probe, path) in [("startupProbe", "/livez"), ("readinessProbe", "/readyz"), ("livenessProbe", "/livez")] {
        let get = &container()[probe]["httpGet"];
        assert_eq!((get["path"].as_str(), get["port"].as_str()), (Some(path), Some("admin")), "{probe}");
    }
}

#[test]
fn ports_are_those_the_service_listens_on() {
    let config = Config::defaults(Path::new("store"));
    let admin = settings()["admin"]["listen"].as_str().unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
    assert_eq!(admin, config.admin.listen.port());
    let expected = [("http", config.http.listen.port()), ("grpc", config.grpc.listen.port()), ("admin", admin)];
    for (name, port) in expected {
        let declared = list(&container()["ports"]).into_iter().find(|declared| declared["name"] == name).unwrap();
        assert_eq!(declared["containerPort"], port, "{name}");
    }
    let exposed = read("Dockerfile").lines().find_map(|line| line.strip_prefix("EXPOSE ").map(str::to_owned)).unwrap();
    assert_eq!(exposed, expected.map(|(_, port)| port.to_string()).join(" "));
}

#[test]
fn the_pod_mounts_what_its_configuration_names() {
    let mounts = list(&container()["volumeMounts"]);
    let mounted =
        |path: &str| mounts.iter().any(|mount| Path::new(path).starts_with(mount["mountPath"].as_str().unwrap()));
    let settings = settings();
    let config_path = list(&container()["args"]).last().unwrap().as_str().unwrap().to_owned();
    let token_path = settings["admin"]["token_file"].as_str().unwrap();
    for path in [config_path.as_str(), token_path, settings["release"]["dir"].as_str().unwrap()] {
        assert!(mounted(path), "nothing is mounted at {path}");
    }
    let volumes: Vec<String> = list(&pod()["volumes"]).iter().map(|volume| volume["name"].to_string()).collect();
    for mount in &mounts {
        assert!(volumes.contains(&mount["name"].to_string()), "{mount} has no volume");
    }
}

#[test]
fn the_pod_can_do_little() {
    let allowed = &container()["securityContext"];
    assert_eq!(allowed["readOnlyRootFilesystem"], true);
    assert_eq!(allowed["allowPrivilegeEscalation"], false);
    assert_eq!(list(&allowed["capabilities"]["drop"]), ["ALL"]);
    assert_eq!(pod()["securityContext"]["runAsNonRoot"], true);
    let user = format!("USER {0}:{0}", pod()["securityContext"]["runAsUser"]);
    assert!(read("Dockerfile").contains(&user), "the image runs as another user than {user}");
}

#[test]
fn everything_selects_the_same_pods() {
    let labels = &manifest("deployment.yaml", 1)["spec"]["template"]["metadata"]["labels"];
    let mut selectors = vec![manifest("deployment.yaml", 1)["spec"]["selector"]["matchLabels"].clone()];
    selectors.push(manifest("pdb.yaml", 0)["spec"]["selector"]["matchLabels"].clone());
    selectors.push(manifest("networkpolicy.yaml", 0)["spec"]["podSelector"]["matchLabels"].clone());
    selectors.extend(
        documents("deploy/kubernetes/service.yaml").into_iter().map(|service| service["spec"]["selector"].clone()),
    );
    for selector in selectors {
        assert_eq!(&selector, labels);
    }
}

/// The operator's door is open to few, and to no one without saying so.
#[test]
fn only_some_reach_the_operators_door() {
    let rules = list(&manifest("networkpolicy.yaml", 0)["spec"]["ingress"]);
    for rule in rules {
        let ports: Vec<Value> = list(&rule["ports"]).iter().map(|port| port["port"].clone()).collect();
        assert!(!ports.contains(&"admin".into()) || rule["from"].is_array(), "anyone reaches the admin port: {rule}");
    }
    for service in documents("deploy/kubernetes/service.yaml") {
        assert!(!service["spec"]["ports"].to_string().contains("admin"), "{service}");
    }
}

pub(crate) fn container() -> Value {
    pod()["containers"][0].clone()
}

/// The service's settings as the cluster gives them.
pub(crate) fn configuration() -> String {
    manifest("configmap.yaml", 0)["data"]["segue.toml"].as_str().unwrap().to_owned()
}

fn pod() -> Value {
    manifest("deployment.yaml", 1)["spec"]["template"]["spec"].clone()
}

fn settings() -> toml::Table {
    configuration().parse().unwrap()
}

fn manifest(file: &str, index: usize) -> Value {
    documents(&format!("deploy/kubernetes/{file}"))[index].clone()
}
