//! One machine: the compose file and what it mounts, and the systemd unit.

use std::path::Path;

use segue::config::Config;
use serde_json::Value;

use crate::files::{documents, list, outlasts_a_drain, read, root};

#[test]
fn compose_mounts_files_that_are_there_and_read_only() {
    let compose = documents("deploy/compose/compose.yaml")[0].clone();
    for (name, service) in compose["services"].as_object().unwrap() {
        for mount in list(&service["volumes"]) {
            let mount = mount.as_str().unwrap().to_owned();
            let (from, to) = mount.split_once(':').unwrap();
            let here = root().join("deploy/compose").join(from);
            let ours = !from.starts_with('.') && compose["volumes"].get(from).is_some();
            assert!(ours || here.exists() && to.ends_with(":ro"), "{name}: {mount}");
        }
    }
}

#[test]
fn compose_publishes_on_loopback_only() {
    for (name, service) in documents("deploy/compose/compose.yaml")[0]["services"].as_object().unwrap() {
        let ports = list(&service["ports"]);
        assert!(ports.iter().all(|port| port.as_str().unwrap().starts_with("127.0.0.1:")), "{name}: {ports:?}");
    }
}

#[test]
fn compose_runs_the_service_as_the_cluster_does() {
    let service = documents("deploy/compose/compose.yaml")[0]["services"]["segue"].clone();
    assert_eq!((&service["read_only"], &service["cap_drop"][0]), (&Value::from(true), &Value::from("ALL")));
    let stop = service["stop_grace_period"].as_str().unwrap().trim_end_matches('s').to_owned();
    outlasts_a_drain(stop.parse().unwrap(), &compose_settings());
    let token = compose_settings()["admin"]["token_file"].as_str().unwrap().to_owned();
    assert_eq!(Path::new(&token), Path::new("/run/secrets").join(service["secrets"][0].as_str().unwrap()));
}

#[test]
fn prometheus_scrapes_the_operators_door_and_grafana_asks_prometheus() {
    let scraped = documents("deploy/compose/prometheus.yml")[0].clone();
    let admin = Config::defaults(Path::new("store")).admin.listen.port();
    assert_eq!(scraped["scrape_configs"][0]["static_configs"][0]["targets"][0], format!("segue:{admin}"));
    let provisioning = "deploy/compose/grafana/provisioning";
    let source = documents(&format!("{provisioning}/datasources/prometheus.yml"))[0].clone();
    assert_eq!(source["datasources"][0]["url"], "http://prometheus:9090");
    let dashboards = documents(&format!("{provisioning}/dashboards/segue.yml"))[0].clone();
    let looked_in = dashboards["providers"][0]["options"]["path"].as_str().unwrap().to_owned();
    assert!(read("deploy/compose/compose.yaml").contains(&format!("../grafana/segue.json:{looked_in}/")));
}

#[test]
fn systemd_waits_longer_than_a_drain_takes() {
    let [seconds] = &unit("TimeoutStopSec")[..] else { panic!("one TimeoutStopSec") };
    outlasts_a_drain(seconds.parse().unwrap(), &toml::Table::new());
}

#[test]
fn systemd_gives_the_service_little() {
    for (key, expected) in [
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("CapabilityBoundingSet", ""),
        ("StateDirectory", "segue"),
    ] {
        assert_eq!(unit(key), [expected], "{key}");
    }
}

/// What the compose file mounts as the service's settings.
fn compose_settings() -> toml::Table {
    read("deploy/compose/segue.toml").parse().unwrap()
}

/// Every value that the unit gives a key.
fn unit(key: &str) -> Vec<String> {
    let text = read("deploy/systemd/segue.service");
    let values = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    values.map(str::to_owned).collect()
}
