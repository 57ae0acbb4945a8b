//! What the audit log holds of a pointer that another hand moved: every such move with what came of it, and nothing else.

use std::fs;

use segue::snapshot::live::Share;
use segue::snapshot::manifest::TABLE;
use segue::snapshot::store::STATE;
use serde_json::{Value, json};

use crate::admin::version;
use crate::stand::{Stand, spoil};

/// The log's lines, without what differs from run to run, and without the reasons.
fn lines(stand: &Stand) -> Vec<Value> {
    let text = fs::read_to_string(stand.dir.join("audit.jsonl")).expect("there is a log");
    let line = |line: &str| {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        let fields = line.as_object_mut().expect("an object");
        for field in ["at", "id"] {
            assert!(fields.remove(field).is_some_and(|value| value.is_string()), "{field}: {fields:?}");
        }
        fields.remove("reason");
        line
    };
    text.lines().map(line).collect()
}

/// The reason in the last line.
fn reason(stand: &Stand) -> String {
    let text = fs::read_to_string(stand.dir.join("audit.jsonl")).expect("there is a log");
    let line: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    line["reason"].as_str().unwrap_or_default().to_owned()
}

fn line(from: &str, to: &str, outcome: &str) -> Value {
    json!({ "who": "segue:disk", "role": "operator", "change": "activate", "from": from, "to": to, "outcome": outcome })
}

fn point(stand: &Stand, name: &str) {
    stand.store().activate(&version(name)).expect("its manifest is complete");
}

#[test]
fn a_pointer_that_another_hand_moved_is_recorded_with_what_came_of_it() {
    let mut stand = Stand::of(&["a", "b", "bad"]);
    spoil(&stand.dir, "bad");
    point(&stand, "b");
    stand.settle();
    let mut expected = vec![line("a", "b", "begun"), line("a", "b", "done")];
    assert_eq!(lines(&stand), expected);
    point(&stand, "bad");
    for _ in 0..2 {
        assert!(stand.settle().failure().is_some());
    }
    expected.extend([line("b", "bad", "begun"), line("b", "bad", "refused")]);
    assert_eq!(lines(&stand), expected, "it is told once");
    assert!(reason(&stand).contains(TABLE), "{}", reason(&stand));
    // Back at what serves all the while.
    point(&stand, "b");
    stand.settle();
    expected.extend([line("bad", "b", "begun"), line("bad", "b", "done")]);
    assert_eq!(lines(&stand), expected);
    // What a start finds was not moved while anybody looked.
    point(&stand, "a");
    stand.restart();
    assert_eq!((lines(&stand), stand.served()), (expected, Some("a".to_owned())));
    assert_eq!(stand.counted("segue_audit_failures_total"), 0);
}

#[test]
fn a_release_that_heals_is_told_once_it_serves() {
    let stand = Stand::of(&["a", "b"]);
    let (table, aside) = (stand.store().release_path(&version("b")).join(TABLE), stand.dir.join("aside"));
    fs::rename(&table, &aside).expect("it is complete");
    point(&stand, "b");
    assert!(stand.settle().failure().is_some());
    fs::rename(&aside, &table).expect("it was there");
    assert_eq!(stand.settle().swapped(), Some(&version("b")));
    assert_eq!(lines(&stand), ["begun", "refused", "done"].map(|outcome| line("a", "b", outcome)));
}

#[test]
fn a_move_that_another_one_follows_is_told_as_overtaken() {
    let stand = Stand::of(&["a", "b", "c"]);
    point(&stand, "b");
    // The service's own move finds the other one.
    assert_eq!(stand.activate("c").swapped(), Some(&version("c")));
    assert_eq!(lines(&stand), ["begun", "refused"].map(|outcome| line("a", "b", outcome)));
    assert!(reason(&stand).contains("moved on"), "{}", reason(&stand));
    fs::remove_file(stand.dir.join(STATE)).expect("there is a pointer");
    assert!(stand.settle().failure().is_some());
    let gone = lines(&stand).split_off(2);
    let expected = |outcome: &str| {
        let mut line = line("c", "", outcome);
        line.as_object_mut().expect("an object").remove("to");
        line
    };
    assert_eq!(gone, ["begun", "refused"].map(expected));
}

#[test]
fn what_the_service_moves_itself_is_no_other_hands_doing() {
    let stand = Stand::with(&["a", "b", "c", "d"], |config| config.release.retired_max = 1);
    stand.activate("b");
    stand.rollback();
    stand.stage("c");
    stand.wait(stand.reloader.set_canary(version("c"), Share::ALL));
    stand.wait(stand.reloader.promote(version("c")));
    stand.pin("c");
    stand.wait(stand.reloader.unpin());
    stand.activate("d");
    assert_eq!(stand.quarantine("d").swapped(), Some(&version("c")));
    stand.settle();
    assert_eq!(lines(&stand), Vec::<Value>::new());
}

/// It is a fact already: it is followed, and the lines that are missing are counted.
#[test]
fn a_move_that_cannot_be_recorded_is_followed_and_counted() {
    let stand = Stand::of(&["a", "b"]);
    let log = stand.dir.join("audit.jsonl");
    fs::remove_file(&log).and_then(|()| fs::create_dir(&log)).expect("the store can be written");
    point(&stand, "b");
    assert_eq!(stand.settle().swapped(), Some(&version("b")));
    assert_eq!(stand.counted("segue_audit_failures_total"), 2);
}
