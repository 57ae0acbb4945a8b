//! What the audit log holds of a service that follows a channel, and that nothing is taken without it.

use std::fs;
use std::process::Command;
use std::time::Duration;

use segue::config::Pulled;
use serde_json::{Value, json};

use crate::depot::Made;
use crate::support::release::version;
use crate::support::service::{Running, until};
use crate::{following, looked, serves, serving_one, told};

/// The log's lines, without what differs from run to run.
fn lines(running: &Running) -> Vec<Value> {
    let text = fs::read_to_string(running.dir().join("audit.jsonl")).expect("there is a log");
    let line = |line: &str| {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        let fields = line.as_object_mut().expect("an object");
        for field in ["at", "id"] {
            assert!(fields.remove(field).is_some_and(|value| value.is_string()), "{field}: {fields:?}");
        }
        line
    };
    text.lines().map(line).collect()
}

fn line(change: &str, from: Option<&str>, to: &str, outcome: &str) -> Value {
    let mut line = json!({ "who": "segue:pull", "role": "operator", "change": change, "to": to, "outcome": outcome });
    from.into_iter().for_each(|from| line["from"] = json!(from));
    line
}

#[test]
fn what_is_pulled_is_recorded_before_and_after() {
    let (made, running) = serving_one();
    made.publish("two");
    until("two serves", || serves(&running, "two"));
    looked(&running, "unchanged");
    let pair = |from, to| ["begun", "done"].map(|outcome| line("activate", from, to, outcome));
    assert_eq!(lines(&running), [pair(None, "one"), pair(Some("one"), "two")].concat());
    // What is held leaves no line: nothing is about to change.
    running.service.reloader().pin(version("two")).blocking_recv().expect("the reloader runs");
    made.publish("three");
    looked(&running, "held");
    assert_eq!(lines(&running).len(), 4);
}

#[test]
fn what_is_staged_is_recorded_as_that_and_what_is_refused_with_the_reason() {
    let made = Made::new(&["one"]);
    let running = following(&made, |config| {
        config.pull.then = Pulled::Stage;
        config.gates.quality_floors = vec!["hit_5=0.25".parse().expect("a floor")];
        config.pull.interval = Duration::from_secs(3600);
    });
    until("it is refused", || lines(&running).len() == 2);
    let mut lines = lines(&running);
    let reason = lines[1].as_object_mut().and_then(|fields| fields.remove("reason")).unwrap_or_default();
    assert!(reason.as_str().is_some_and(|reason| reason.contains("gate quality")), "{reason}");
    assert_eq!(lines, ["begun", "refused"].map(|outcome| line("stage", None, "one", outcome)));
}

#[test]
fn what_cannot_be_recorded_is_not_pulled() {
    let (made, running) = serving_one();
    looked(&running, "unchanged");
    let log = running.dir().join("audit.jsonl");
    fs::remove_file(&log).and_then(|()| fs::create_dir(&log)).expect("the store can be written");
    made.publish("two");
    until("it fails", || told(&running).contains("nothing was changed, since"));
    assert!(serves(&running, "one") && running.counted("segue_audit_failures_total") > 0);
    fs::remove_dir(&log).expect("it is empty");
    until("two serves", || serves(&running, "two"));
}

/// The offline command beside a running service: the channel is what should serve, so that the next look undoes it.
#[test]
fn a_hand_on_the_disk_is_recorded_beside_the_pull() {
    let (made, running) = serving_one();
    made.publish("two");
    until("two serves", || serves(&running, "two"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
    let moved = command.args(["activate", "one", "--dir"]).arg(running.dir()).output().expect("it starts");
    assert!(moved.status.success(), "{moved:?}");
    let of = |who: &str| lines(&running).into_iter().filter(|line| line["who"] == who).collect::<Vec<_>>();
    until("both ended", || of("segue:pull").len() == 6 && of("segue:disk").len() == 2);
    assert!(serves(&running, "two"));
    let outside = &of("segue:disk")[0];
    let expected = [&json!("activate"), &json!("two"), &json!("one"), &json!("begun")];
    assert_eq!(["change", "from", "to", "outcome"].map(|field| &outside[field]), expected);
}
