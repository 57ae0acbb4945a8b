//! Settings: every file is accepted, and every key that a text names is one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::files::{read, said, segue, texts};
use crate::kubernetes::configuration;

/// Endings of files that are named like sections.
const FILES: [&str; 5] = ["toml", "yaml", "yml", "json", "rs"];

/// Keys by section.
type Keys = BTreeMap<String, BTreeSet<String>>;

#[test]
fn the_service_accepts_the_configurations() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("segue.toml");
    for text in [configuration(), read("deploy/config/container.toml"), read("deploy/compose/segue.toml")] {
        fs::write(&file, text).unwrap();
        let output = segue(&["config", "check", "--config", file.to_str().unwrap()]);
        assert!(output.status.success(), "{}", said(&output));
    }
}

/// `section.key` in a comment, a rule or the runbook.
#[test]
fn every_key_that_a_text_names_is_one() {
    let keys = keys();
    let mut named = 0;
    for (path, text) in texts() {
        for (section, key) in text.split(|letter: char| !is_dotted(letter)).filter_map(|word| dotted(&keys, word)) {
            assert!(keys[section].contains(key), "{path}: there is no key {section}.{key}");
            named += 1;
        }
    }
    assert!(named > 20, "only {named} keys were found");
}

#[test]
fn every_variable_that_a_text_names_is_one() {
    let keys = keys();
    let variable = |(section, key): (&String, &String)| format!("SEGUE_{section}_{key}").to_uppercase();
    let mut known: BTreeSet<String> =
        keys.iter().flat_map(|(section, keys)| keys.iter().map(move |key| variable((section, key)))).collect();
    known.insert("SEGUE_CONFIG".to_owned());
    for (path, text) in texts() {
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        for word in words.filter(|word| word.starts_with("SEGUE_") && *word != "SEGUE_") {
            assert!(known.contains(word), "{path}: there is no variable {word}");
        }
    }
}

/// The checks above can fail.
#[test]
fn a_key_that_is_none_is_found_out() {
    let keys = keys();
    assert_eq!(dotted(&keys, "release.poll_s"), Some(("release", "poll_s")));
    assert!(!keys["release"].contains("poll_s") && keys["release"].contains("poll_ms"));
    assert_eq!(
        [dotted(&keys, "release.dir."), dotted(&keys, "segue.toml"), dotted(&keys, "a.b.c")],
        [Some(("release", "dir")), None, None]
    );
}

/// `segue config reference`, whose file is held equal to the program by tests/config.rs.
fn keys() -> Keys {
    let mut keys = Keys::new();
    let mut section = String::new();
    for line in read("deploy/config/segue.toml").lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if let Some((key, _)) = line.trim_start_matches("# ").split_once(" = ").filter(|(key, _)| is_key(key)) {
            keys.entry(section.clone()).or_default().insert(key.to_owned());
        }
    }
    keys
}

fn is_key(text: &str) -> bool {
    text.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_')
}

fn is_dotted(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "._/$-".contains(letter)
}

/// A word as section and key, where it has the form of a key in a section that there is.
fn dotted<'w>(keys: &Keys, word: &'w str) -> Option<(&'w str, &'w str)> {
    let (section, key) = word.trim_end_matches('.').split_once('.')?;
    (keys.contains_key(section) && is_key(key) && !FILES.contains(&key)).then_some((section, key))
}
