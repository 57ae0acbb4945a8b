//! Alerts: each has a test in which it fires, one in which all is well and it is silent, and a section of the runbook.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::files::{documents, list, read, root, said, texts};

const RUNBOOK: &str = "deploy/runbook.md";
const RUNBOOK_URL: &str = "https://github.com/segue-rs/segue/blob/main/deploy/runbook.md#";
const RULES: [&str; 1] = ["alerts.yml"];
const TESTS: [&str; 2] = ["alerts.test.yml", "alerts.days.test.yml"];

/// What stands in every section, in this order.
const PARTS: [&str; 4] = ["**Means.**", "**Look.**", "**Do.**", "**Verify.**"];

/// The judge that operators use, where it is installed.
#[test]
fn promtool_accepts_rules_and_their_tests() {
    let rules = root().join("deploy/prometheus");
    for (what, file) in RULES.map(|file| ("check", file)).into_iter().chain(TESTS.map(|file| ("test", file))) {
        let Ok(output) = Command::new("promtool").args([what, "rules", file]).current_dir(&rules).output() else {
            return;
        };
        assert!(output.status.success(), "{}", said(&output));
    }
}

#[test]
fn every_alert_fires_in_a_test_and_is_silent_where_all_is_well() {
    let (mut fires, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for test in TESTS.iter().flat_map(|file| list(&prometheus(file)["tests"])) {
        for case in test["alert_rule_test"].as_array().into_iter().flatten() {
            let name = case["alertname"].as_str().unwrap().to_owned();
            if case["exp_alerts"].is_array() {
                fires.insert(name)
            } else {
                silent.insert(name)
            };
        }
        let samples = test["promql_expr_test"].as_array().into_iter().flatten();
        let samples = samples.flat_map(|case| case["exp_samples"].as_array().cloned().unwrap_or_default());
        fires.extend(samples.filter_map(|sample| alert_of(sample["labels"].as_str()?)));
    }
    let alerts: BTreeSet<String> = alerts().into_keys().collect();
    assert_eq!(fires, alerts, "alerts that fire in a test");
    assert_eq!(silent, alerts, "alerts that stay silent in a test");
}

#[test]
fn every_alert_has_its_section_and_every_section_its_alert() {
    let runbook = read(RUNBOOK);
    let sections: BTreeMap<&str, &str> =
        runbook.split("\n### ").skip(1).filter_map(|section| section.split_once('\n')).collect();
    let alerts = alerts();
    assert_eq!(
        sections.keys().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(),
        alerts.keys().cloned().collect::<BTreeSet<_>>()
    );
    for (name, alert) in alerts {
        let url = alert["annotations"]["runbook_url"].as_str().unwrap_or_default();
        assert_eq!(url, format!("{RUNBOOK_URL}{}", name.to_lowercase()));
        assert!(["page", "ticket"].iter().any(|severity| alert["labels"]["severity"] == *severity), "{name}");
        let places: Vec<Option<usize>> = PARTS.iter().map(|part| sections[name.as_str()].find(part)).collect();
        assert!(places.is_sorted() && places[0].is_some(), "{name}: expected {PARTS:?}, got them at {places:?}");
    }
}

#[test]
fn every_alert_that_a_text_names_is_one() {
    let alerts = alerts();
    for (path, text) in texts() {
        for word in text.split(|letter: char| !letter.is_ascii_alphanumeric()) {
            let named =
                word.strip_prefix("Segue").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
            assert!(!named || alerts.contains_key(word), "{path}: there is no alert {word}");
        }
    }
}

/// The rules that alert, by name.
fn alerts() -> BTreeMap<String, Value> {
    let groups = RULES.iter().flat_map(|file| list(&prometheus(file)["groups"]));
    let rules = groups.flat_map(|group| list(&group["rules"]));
    rules.filter_map(|rule| Some((rule["alert"].as_str()?.to_owned(), rule))).collect()
}

fn prometheus(file: &str) -> Value {
    documents(&format!("deploy/prometheus/{file}"))[0].clone()
}

/// The alert in the labels of an expected sample.
fn alert_of(labels: &str) -> Option<String> {
    let (_, rest) = labels.split_once("alertname=\"")?;
    Some(rest.split_once('"')?.0.to_owned())
}
