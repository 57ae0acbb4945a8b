//! The deployment's files, read; it must hold no test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use segue::config::Config;
use serde_json::Value;

/// Whoever kills a service that does not stop needs some time of its own after the service's last word.
const KILL_MARGIN: Duration = Duration::from_secs(5);

/// The text of a file of the checkout.
pub(crate) fn read(file: &str) -> String {
    let path = root().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The checkout.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All that an operator reads or runs: every text under `deploy/`, and the image's recipe; by its path from the root.
pub(crate) fn texts() -> Vec<(String, String)> {
    let mut paths = vec![root().join("Dockerfile")];
    collect(&root().join("deploy"), &mut paths);
    paths.sort();
    let named = |path: PathBuf| {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        (name.clone(), read(&name))
    };
    paths.into_iter().map(named).collect()
}

/// The documents of a YAML file.
pub(crate) fn documents(file: &str) -> Vec<Value> {
    parse(&read(file))
}

/// The documents of a YAML text; those that hold nothing are left out.
pub(crate) fn parse(text: &str) -> Vec<Value> {
    let documents = serde_yaml_ng::Deserializer::from_str(text);
    let documents = documents.map(|document| -> Value { serde::Deserialize::deserialize(document).unwrap() });
    documents.filter(|document| !document.is_null()).collect()
}

/// The elements of what must be a list.
pub(crate) fn list(value: &Value) -> Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("a list, got {value}")).clone()
}

/// Runs the program with nothing in its environment.
pub(crate) fn segue(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_segue")).args(args).env_clear().output().unwrap()
}

/// All that a program said.
pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Whether a service with these settings has stopped, by itself, before it is killed.
pub(crate) fn outlasts_a_drain(given_s: u64, settings: &toml::Table) {
    let defaults = Config::defaults(Path::new("store")).drain;
    let configured = |key: &str, default: Duration| {
        let set = settings.get("drain").and_then(|drain| drain.get(key)).and_then(toml::Value::as_integer);
        set.map_or(default, |set| Duration::from_millis(set.try_into().unwrap()))
    };
    let drain = configured("lame_duck_ms", defaults.lame_duck) + configured("grace_ms", defaults.grace);
    assert!(Duration::from_secs(given_s) >= drain + KILL_MARGIN, "{given_s} s are too short for a drain of {drain:?}");
}

fn collect(dir: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            collect(&entry.path(), paths);
        } else if kind.is_file() {
            paths.push(entry.path());
        }
    }
}
