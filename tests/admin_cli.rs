//! The commands that operate a running service, from a stage to a quarantine, as an operator types them.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

#[path = "support/admin.rs"]
mod support;

use support::{Site, publish, run, segue};

/// A command against a service.
fn command(site: &Site, words: &[&str]) -> Command {
    let flag = if words[0] == "status" { "--from" } else { "--to" };
    let mut command = segue();
    command.args(words).args([flag, &site.url("")]);
    command
}

/// What a command prints for people.
#[track_caller]
fn told(site: &Site, words: &[&str]) -> String {
    String::from_utf8_lossy(&run(&mut command(site, words), 0).stdout).into_owned()
}

/// Why a command failed.
#[track_caller]
fn refused(site: &Site, words: &[&str], code: i32) -> String {
    String::from_utf8_lossy(&run(&mut command(site, words), code).stderr).into_owned()
}

#[test]
fn a_release_is_operated_by_commands_alone() {
    let site = Site::serving(|_| {});
    publish(site.dir.path(), "new", 0.25);
    let rows: [(&[&str], &[&str]); 12] = [
        (&["stage", "new"], &["old serves", "staged    new (was none)"]),
        (&["stage", "new"], &["nothing to change: old serves already"]),
        (&["shadow", "50%"], &["shadow    50.00 % (was 0.00 %)"]),
        (&["canary", "0.05", "--release", "new"], &["canary    5.00 % (was 0.00 %)"]),
        (&["status"], &["release   old serves", "trial of new beside old", "canary    5.00 % of callers"]),
        (&["promote"], &["new serves", "serving   new (was old)", "canary    0.00 % (was 5.00 %)"]),
        (&["pin"], &["pinned    new (was none)"]),
        (&["status"], &["pinned    new; no other is served until `segue unpin`"]),
        (&["unpin"], &["pinned    none (was new)"]),
        (&["rollback"], &["old serves", "serving   old (was new)", "previous  new (was old)"]),
        (&["quarantine", "new", "--reason", "bad scores"], &["old serves", "previous  none (was new)"]),
        (&["status"], &["quarantined", "new (operator): bad scores"]),
    ];
    for (words, lines) in rows {
        let told = told(&site, words);
        assert!(lines.iter().all(|line| told.contains(line)), "{words:?}: {told}");
    }
    assert_eq!(site.served().as_deref(), Some("old"));
}

#[test]
fn what_is_refused_is_told_with_what_to_do() {
    let site = Site::serving(|_| {});
    let rows: [(&[&str], i32, &str); 7] = [
        (&["stage", "none"], 1, "release none was not staged: the store has no release of that name; push it first"),
        (&["activate", "none"], 1, "release none was not activated: the store has no release of that name"),
        (&["promote"], 1, "no release is staged there; `segue stage VERSION` does it"),
        (&["canary", "5%"], 1, "no release is staged there"),
        (&["canary", "5"], 2, "the share is 5, expected a number from 0 to 1"),
        (&["rollback"], 1, "nothing was rolled back: "),
        (&["quarantine", "new"], 2, "--reason"),
    ];
    for (words, code, text) in rows {
        let told = refused(&site, words, code);
        assert!(told.contains(text), "{words:?}: {told}");
    }
    // A mistyped name is no failed load.
    assert_eq!(site.get("/admin/v1/status").json()["failure"], Value::Null);
}

#[test]
fn machines_read_what_people_do() {
    let site = Site::serving(|_| {});
    let shown: Value = serde_json::from_str(&told(&site, &["status", "--json"])).expect("--json prints JSON");
    assert_eq!(shown["status"]["release"]["version"], "old");
    assert_eq!(shown["releases"]["releases"][0]["standing"], "current");
    assert_eq!(shown["trial"], Value::Null);
    publish(site.dir.path(), "new", 0.25);
    let changed: Value = serde_json::from_str(&told(&site, &["activate", "new", "--json"])).expect("JSON");
    assert_eq!((&changed["before"]["serving"], &changed["after"]["serving"]), (&"old".into(), &"new".into()));
}

#[test]
fn a_watch_tells_each_change_in_a_line() {
    let site = Site::serving(|_| {});
    publish(site.dir.path(), "new", 0.25);
    let mut watching = command(&site, &["status", "--watch"]).stdout(Stdio::piped()).spawn().expect("it starts");
    let lines = BufReader::new(watching.stdout.take().expect("it is piped")).lines();
    let mut lines = lines.map(|line| line.expect("text"));
    // All there is is shown first; what is told after it is told of that very moment on.
    assert!(lines.any(|line| line.contains("old") && line.contains("current")));
    told(&site, &["activate", "new"]);
    assert!(lines.any(|line| line.contains("new stored -> verifying")));
    assert!(lines.any(|line| line.contains("serving old -> new")));
    told(&site, &["pin"]);
    assert!(lines.any(|line| line.contains("pinned none -> new")));
    watching.kill().expect("it runs");
    watching.wait().expect("it ends");
}
