//! Writes the reference file and the effective settings; it must never open a file that a key names.

use std::fmt::Write;

use serde_json::{Map, json};

use super::key::{Key, Kind, Section};
use super::settings::Settings;
use super::table::{SECTIONS, keys};
use super::value::Value;

/// Standard text at the top of the reference file.
const REFERENCE_HEAD: &str = "\
# Segue: every key with its default. A key may also be given as a flag (--http-listen) or as an environment variable
# (SEGUE_HTTP_LISTEN); a flag wins over a variable, a variable over this file, this file over the default.
# Unknown keys are refused. `segue config check --config FILE` reports all problems of a file at once.
# This file is written by `segue config reference`.
";

/// Width to which values are padded, so that the origins stand in a column.
const VALUE_COLUMNS: usize = 50;

/// A complete, commented configuration file with every key at its default.
pub fn reference() -> String {
    SECTIONS.iter().fold(REFERENCE_HEAD.to_owned(), |text, section| text + &reference_section(section))
}

/// The effective settings as TOML, each line with the origin of its value.
pub fn show_toml(settings: &Settings) -> String {
    SECTIONS.iter().map(|section| show_section(section, settings)).collect::<Vec<_>>().join("\n")
}

/// The effective settings as one JSON object: key name -> value and origin.
pub fn show_json(settings: &Settings) -> serde_json::Value {
    let entry = |key: &'static Key| {
        let setting = settings.setting(key);
        let value = if setting.at_fault { serde_json::Value::Null } else { json_value(&setting.value) };
        (key.name.to_owned(), json!({ "value": value, "origin": setting.origin.to_string() }))
    };
    serde_json::Value::Object(keys().map(entry).collect::<Map<_, _>>())
}

fn reference_section(section: &Section) -> String {
    let mut text = format!("\n{}[{}]\n", comment(section.help), section.name);
    for key in section.keys {
        text.push_str(&comment(key.help));
        text.push_str(&reference_line(key));
    }
    text
}

/// A key that must be set stands with an example; one that may be left out stands as a comment.
fn reference_line(key: &Key) -> String {
    let shape = &key.kind;
    match (key.kind.default(), key.kind.example()) {
        (Some(Value::Unset), Some(example)) => {
            format!("# Takes {shape}; not set by default.\n# {} = {example}\n", key.word)
        }
        (None, Some(example)) => format!("# Takes {shape}; must be set.\n{} = {example}\n", key.word),
        (default, _) => {
            let default = default.unwrap_or(Value::Unset);
            format!("# Takes {shape}.\n{} = {default}\n", key.word)
        }
    }
}

fn comment(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("#{line}\n")).collect()
}

fn show_section(section: &Section, settings: &Settings) -> String {
    let mut text = format!("[{}]\n", section.name);
    for key in section.keys {
        let _ = writeln!(text, "{}", show_line(key, settings));
    }
    text
}

/// A key without a usable value stands as a comment, so that the output is always a valid file.
fn show_line(key: &Key, settings: &Settings) -> String {
    let setting = settings.setting(key);
    let origin = &setting.origin;
    match (&setting.value, &key.kind) {
        _ if setting.at_fault => format!("# {} has no usable value ({origin})", key.word),
        (Value::Unset, _) => format!("# {} is not set ({origin})", key.word),
        (value, Kind::SecretFile { .. }) => padded(key, value, &format!("{origin}; contents hidden")),
        (value, _) => padded(key, value, &origin.to_string()),
    }
}

fn padded(key: &Key, value: &Value, note: &str) -> String {
    let assignment = format!("{} = {value}", key.word);
    format!("{assignment:VALUE_COLUMNS$} # {note}")
}

fn json_value(value: &Value) -> serde_json::Value {
    match value {
        Value::Address(address) => json!(address.to_string()),
        Value::Number(number) => json!(number),
        Value::Share(share) => json!(share),
        Value::Switch(on) => json!(on),
        Value::Word(word) => json!(word),
        Value::Words(words) => json!(words),
        Value::Path(path) => json!(path.to_string_lossy()),
        Value::Paths(paths) => json!(paths.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>()),
        Value::Floors(floors) => json!(floors.iter().map(ToString::to_string).collect::<Vec<_>>()),
        Value::Place(place) => place.as_str().into(),
        Value::Name(name) => name.as_str().into(),
        Value::Unset => serde_json::Value::Null,
    }
}
