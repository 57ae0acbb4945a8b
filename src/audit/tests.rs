//! What the log holds after changes, refusals and disks that refuse.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Audit, Change, Ending, Verb};
use crate::auth::Caller;
use crate::metrics::Metrics;

fn change(verb: Verb) -> Change {
    Change::new(Caller::service("test"), verb).from(Some("old".to_owned())).to("new")
}

fn open(dir: &TempDir) -> (Audit, Metrics) {
    let metrics = Metrics::new();
    (Audit::open(None, dir.path(), metrics.clone()).unwrap(), metrics)
}

/// The lines, without what differs from run to run.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &mut lines {
        let line = line.as_object_mut().unwrap();
        let (at, id) = (line.remove("at").unwrap(), line.remove("id").unwrap());
        assert!(humantime::parse_rfc3339(at.as_str().unwrap()).is_ok(), "{at}");
        assert_eq!(id.as_str().unwrap().len(), 16);
    }
    lines
}

#[test]
fn a_change_has_a_line_before_it_and_one_after() {
    let dir = TempDir::new().unwrap();
    let (audit, metrics) = open(&dir);
    let begun = audit.begin(change(Verb::Activate)).unwrap();
    let path = dir.path().join("audit.jsonl");
    let line = |outcome: &str| json!({ "who": "segue:test", "role": "operator", "change": "activate", "from": "old", "to": "new", "outcome": outcome });
    assert_eq!(lines(&path), [line("begun")]);
    begun.done(None);
    audit.begin(change(Verb::Activate).because("was told to")).unwrap().refused("it is pinned");
    let mut reasoned = [line("begun"), line("refused")];
    reasoned[0]["reason"] = json!("was told to");
    reasoned[1]["reason"] = json!("it is pinned");
    let expected = [&[line("begun"), line("done")][..], &reasoned].concat();
    assert_eq!(lines(&path), expected);
    let text = metrics.render();
    for outcome in ["done", "refused"] {
        let counted = format!("segue_admin_changes_total{{change=\"activate\",outcome=\"{outcome}\"}} 1");
        assert!(text.contains(&counted), "{counted}");
    }
}

#[test]
fn both_lines_of_a_change_have_one_name_and_a_forgotten_end_is_unknown() {
    let dir = TempDir::new().unwrap();
    let (audit, _) = open(&dir);
    drop(audit.begin(change(Verb::Push)).unwrap());
    audit.note(&change(Verb::Canary));
    let text = fs::read_to_string(dir.path().join("audit.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["id"], lines[1]["id"]);
    assert_ne!(lines[0]["id"], lines[2]["id"]);
    let outcomes: Vec<_> = lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, [Ending::Begun.word(), Ending::Unknown.word(), Ending::Done.word()]);
}

#[test]
fn no_text_from_outside_makes_a_line_of_its_own() {
    let dir = TempDir::new().unwrap();
    let (audit, _) = open(&dir);
    let forged = "x\n{\"who\":\"alice\",\"outcome\":\"done\"}\r\u{2028}";
    audit.begin(change(Verb::Quarantine).because(forged)).unwrap().refused(&"ä".repeat(5000));
    let lines = lines(&dir.path().join("audit.jsonl"));
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["reason"], forged);
    assert_eq!(lines[1]["reason"].as_str().unwrap().len(), 2048);
}

#[test]
fn what_cannot_be_recorded_may_not_be_made() {
    let dir = TempDir::new().unwrap();
    let (audit, metrics) = open(&dir);
    let path = dir.path().join("audit.jsonl");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = audit.begin(change(Verb::Activate)).err().unwrap().to_string();
    assert!(error.starts_with("nothing was changed, since") && error.contains("admin.audit_file"), "{error}");
    let text = metrics.render();
    for line in
        ["segue_audit_failures_total 1", "segue_admin_changes_total{change=\"activate\",outcome=\"unrecorded\"} 1"]
    {
        assert!(text.contains(line), "{line}");
    }
    // Renamed away, as a program that turns logs over does, the next line makes a new file.
    fs::remove_dir(&path).unwrap();
    audit.begin(change(Verb::Activate)).unwrap().done(None);
    assert_eq!(lines(&path).len(), 2);
    assert!(Audit::open(Some(&dir.path().join("audit.jsonl/x")), dir.path(), Metrics::new()).is_err());
}

#[test]
fn half_a_line_is_nobodys() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("audit.jsonl");
    fs::write(&path, "{\"at\":").unwrap();
    let (audit, _) = open(&dir);
    audit.begin(change(Verb::Pin)).unwrap().done(Some("late".to_owned()));
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "{\"at\":"));
    assert!(lines[2].contains("\"to\":\"late\""), "{text}");
}

#[cfg(unix)]
#[test]
fn nobody_else_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    open(&dir);
    let mode = fs::metadata(dir.path().join("audit.jsonl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o007, 0, "{mode:o}");
}
