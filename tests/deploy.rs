//! The deployment files against the program they deploy: ports, paths, times and contexts must never drift apart.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use segue::config::Config;
use serde_json::Value;

/// A kubelet needs some time of its own between the service's last word and the kill.
const MARGIN_S: u64 = 5;

#[test]
fn kubernetes_waits_longer_than_a_drain_takes() {
    let given_s = pod()["terminationGracePeriodSeconds"].as_u64().unwrap();
    let defaults = Config::defaults(Path::new("store")).drain;
    let default_ms = u64::try_from((defaults.lame_duck + defaults.grace).as_millis()).unwrap();
    let drain = &settings()["drain"];
    let configured_ms = millis(drain, "lame_duck_ms") + millis(drain, "grace_ms");
    for drain_ms in [default_ms, configured_ms] {
        assert!(
            given_s * 1_000 >= drain_ms + MARGIN_S * 1_000,
            "{given_s} s are too short for a drain of {drain_ms} ms"
        );
    }
}

#[test]
fn a_draining_pod_is_seen_unready_before_its_doors_close() {
    let probe = &container()["readinessProbe"];
    let seen_s = probe["periodSeconds"].as_u64().unwrap() * probe["failureThreshold"].as_u64().unwrap();
    let lame_duck_ms = millis(&settings()["drain"], "lame_duck_ms");
    assert!(
        seen_s * 1_000 <= lame_duck_ms,
        "readiness fails after {seen_s} s, the doors close after {lame_duck_ms} ms"
    );
}

#[test]
fn the_image_asks_its_own_admin_door() {
    let admin = Config::defaults(Path::new("store")).admin.listen;
    assert!(read("Dockerfile").contains(&format!("\"health\", \"--url\", \"http://{admin}/livez\"")));
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
    let labels = &documents("deployment.yaml")[1]["spec"]["template"]["metadata"]["labels"];
    let mut selectors = vec![documents("deployment.yaml")[1]["spec"]["selector"]["matchLabels"].clone()];
    selectors.push(documents("pdb.yaml")[0]["spec"]["selector"]["matchLabels"].clone());
    selectors.extend(documents("service.yaml").into_iter().map(|service| service["spec"]["selector"].clone()));
    for selector in selectors {
        assert_eq!(&selector, labels);
    }
}

#[test]
fn the_service_accepts_the_configurations() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("segue.toml");
    for text in [configuration(), read("deploy/config/container.toml")] {
        fs::write(&file, text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_segue"))
            .args(["config", "check", "--config"])
            .arg(&file)
            .env_clear()
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
}

/// A variable wins over a file: one in the image would overrule the file that an operator mounts.
#[test]
fn a_mounted_file_decides_all_that_the_image_does() {
    let dockerfile = read("Dockerfile");
    let service = dockerfile.rsplit_once("\nFROM ").unwrap().1;
    assert!(!service.contains("SEGUE_") && !service.contains("\nENV"), "{service}");
    let mounted = list(&container()["args"]).last().unwrap().as_str().unwrap().to_owned();
    assert!(service.contains(&format!("COPY --from=source /src/deploy/config/container.toml {mounted}")), "{service}");
    assert!(service.contains(&format!("CMD [\"serve\", \"--config\", \"{mounted}\"]")), "{service}");
}

/// An image whose context lacks a file fails to build only where images are built, which is late.
#[test]
fn the_image_gets_all_that_compiling_needs() {
    let allowed = read(".dockerignore");
    let allowed: Vec<&str> = allowed.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let copied = "deploy/config/container.toml";
    for needed in [".cargo", "Cargo.lock", "Cargo.toml", "build.rs", "demo", copied, "pipeline", "proto", "src"] {
        if root().join(needed).exists() {
            assert!(allowed.contains(&needed), "compiling needs {needed}, .dockerignore does not let it through");
        }
    }
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    for member in manifest["workspace"]["members"].as_array().unwrap() {
        assert!(allowed.contains(&member.as_str().unwrap()), "the workspace member {member} is not let through");
    }
}

#[test]
fn the_image_copies_only_between_stages_that_exist() {
    let dockerfile = read("Dockerfile");
    let words = dockerfile.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let stages: Vec<String> =
        words.clone().filter_map(|line| (line.first() == Some(&"FROM")).then(|| line[3].to_owned())).collect();
    for line in words.filter(|line| line.first() == Some(&"COPY") && line[1] != ".") {
        let from = line[1].strip_prefix("--from=").expect("from the context only a whole copy is made");
        assert!(stages.iter().any(|stage| stage == from), "there is no stage {from} in {stages:?}");
    }
    assert_eq!(stages.last().map(String::as_str), Some("service"), "an image without a target must be the service");
}

#[test]
fn the_image_is_built_with_the_compiler_of_this_tree() {
    let toolchain: toml::Table = read("rust-toolchain.toml").parse().unwrap();
    let channel = toolchain["toolchain"]["channel"].as_str().unwrap();
    let (minor, _patch) = channel.rsplit_once('.').unwrap();
    assert!(read("Dockerfile").contains(&format!("FROM rust:{minor}-slim")), "expected rust {minor} in the Dockerfile");
}

/// The judge that operators use, where it is installed.
#[test]
fn promtool_accepts_rules_and_their_tests() {
    let rules = root().join("deploy/prometheus");
    for (what, file) in [("check", "alerts.yml"), ("test", "alerts.test.yml")] {
        let Ok(output) = Command::new("promtool").args([what, "rules", file]).current_dir(&rules).output() else {
            return;
        };
        assert!(output.status.success(), "{}", said(&output));
    }
}

fn pod() -> Value {
    documents("deployment.yaml")[1]["spec"]["template"]["spec"].clone()
}

fn container() -> Value {
    pod()["containers"][0].clone()
}

/// The service's settings as the cluster gives them.
fn settings() -> toml::Table {
    configuration().parse().unwrap()
}

fn configuration() -> String {
    documents("configmap.yaml")[0]["data"]["segue.toml"].as_str().unwrap().to_owned()
}

fn millis(section: &toml::Value, key: &str) -> u64 {
    section[key].as_integer().and_then(|value| value.try_into().ok()).unwrap()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().unwrap().clone()
}

fn documents(file: &str) -> Vec<Value> {
    let text = read(&format!("deploy/kubernetes/{file}"));
    let documents = serde_yaml_ng::Deserializer::from_str(&text);
    documents.map(|document| serde::Deserialize::deserialize(document).unwrap()).collect()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn read(file: &str) -> String {
    let path = root().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
