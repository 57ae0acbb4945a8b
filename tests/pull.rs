//! A service that follows a channel: what it takes, what it leaves alone, and what a broken depot, a kill or a full disk
//! do to it, which is nothing that anybody who asks it sees.

mod support;

#[path = "pull/depot.rs"]
mod depot;
#[path = "pull/moved.rs"]
mod moved;
#[path = "pull/program.rs"]
mod program;
#[path = "pull/recorded.rs"]
mod recorded;
#[path = "support/s3.rs"]
mod s3;

use std::fs;
use std::time::Duration;

use depot::{Damage, Made};
use program::Program;
use s3::{S3, URL};
use segue::config::{Config, MissingModel, Pulled};
use segue::metrics::Polled;
use segue::model::engine::Precision;
use segue::pull::Status;
use segue::snapshot::manifest::{CATALOGUE, FILES, MANIFEST};
use support::release::version;
use support::service::{Running, start_on, until};
use tempfile::TempDir;

/// A service that follows what is made, with nothing to serve yet.
fn following(made: &Made, change: impl FnOnce(&mut Config)) -> Running {
    let from = made.path().to_string_lossy().into_owned();
    start_on(TempDir::new().expect("a temporary directory"), move |config| {
        config.pull.from = Some(from);
        (config.pull.interval, config.pull.jitter) = (Duration::from_millis(10), Duration::ZERO);
        config.pull.bytes_per_s_max = 0;
        change(config);
    })
}

/// A service that follows a channel, and serves the first release that it named.
fn serving_one() -> (Made, Running) {
    let made = Made::new(&["one"]);
    let running = following(&made, |_| {});
    until("one serves", || serves(&running, "one"));
    (made, running)
}

fn serves(running: &Running, name: &str) -> bool {
    running.service.reloader().status().serving == Some(version(name))
}

fn polls(running: &Running, outcome: &str) -> u64 {
    running.counted(&format!("segue_pull_polls_total{{outcome=\"{outcome}\"}}"))
}

/// Waits until the channel was looked at once more from now on.
fn looked(running: &Running, outcome: &str) {
    let before = polls(running, outcome);
    until("the channel was looked at again", || polls(running, outcome) > before + 1);
}

/// How pulling stands.
fn standing(running: &Running) -> Status {
    running.service.puller().and_then(|puller| puller.board().status()).expect("it pulls")
}

/// What the last look said.
fn told(running: &Running) -> String {
    standing(running).text.unwrap_or_default()
}

#[test]
fn what_the_channel_names_is_fetched_and_serves() {
    let (made, running) = serving_one();
    made.publish("two");
    until("two serves", || serves(&running, "two"));
    until("nothing is left to do", || polls(&running, "unchanged") > 0);
    let state = running.store.state().expect("a pointer");
    assert_eq!((state.current, state.previous), (Some(version("two")), Some(version("one"))));
    assert_eq!(running.counted("segue_pull_channel_info{channel=\"production\",release=\"two\"}"), 1);
    assert_eq!(running.counted("segue_pull_channel_info{channel=\"production\",release=\"one\"}"), 0);
    assert_eq!(running.counted("segue_pull_bytes_total"), made.bytes("one") + made.bytes("two"));
    assert!(running.counted("segue_pull_last_success_timestamp_seconds") > 0);
    assert_eq!(running.counted("segue_pushes_total{outcome=\"published\"}"), 2);
    // Back to what is here already: nothing is fetched.
    made.publish("one");
    until("one serves again", || serves(&running, "one"));
    assert_eq!(running.counted("segue_pull_bytes_total"), made.bytes("one") + made.bytes("two"));
}

#[test]
fn a_release_waits_beside_what_serves_where_that_is_configured() {
    let made = Made::new(&["one"]);
    let running = following(&made, |config| config.pull.then = Pulled::Stage);
    let staged = |name: &str| running.store.state().is_ok_and(|state| state.staged == Some(version(name)));
    until("one is staged", || staged("one"));
    running.service.reloader().activate(version("one")).blocking_recv().expect("the reloader runs");
    made.publish("two");
    until("two is staged", || staged("two"));
    looked(&running, "unchanged");
    assert!(serves(&running, "one"));
}

#[test]
fn what_an_operator_decided_holds() {
    let (made, running) = serving_one();
    let reloader = running.service.reloader();
    reloader.pin(version("one")).blocking_recv().expect("the reloader runs");
    made.publish("two");
    looked(&running, "held");
    assert!(serves(&running, "one") && told(&running).contains("pinned to one; unpin first"), "{}", told(&running));
    assert_eq!(running.store.versions().expect("a store"), [version("one")], "nothing is fetched meanwhile");
    reloader.unpin().blocking_recv().expect("the reloader runs");
    until("two serves", || serves(&running, "two"));

    reloader.rollback().blocking_recv().expect("the reloader runs");
    looked(&running, "held");
    assert!(serves(&running, "one") && told(&running).contains("rolled back from"), "{}", told(&running));

    made.publish("three");
    until("another is taken", || serves(&running, "three"));
    reloader.quarantine(version("three"), "it was bad".to_owned()).blocking_recv().expect("the reloader runs");
    looked(&running, "held");
    assert!(!serves(&running, "three") && told(&running).contains("quarantined"), "{}", told(&running));
    made.publish("four");
    until("and another", || serves(&running, "four"));
}

#[test]
fn a_damaged_file_changes_nothing_that_serves_and_stops_nothing_that_comes_next() {
    let of_files = FILES.into_iter().flat_map(|name| {
        let listed = "the manifest lists";
        [(Damage::Cut(name), listed), (Damage::Flip(name), listed), (Damage::Gone(name), "No such file")]
    });
    check_damaged(of_files);
}

#[test]
fn nor_does_a_damaged_manifest_or_channel() {
    check_damaged([
        (Damage::Cut(MANIFEST), "releases never change"),
        (Damage::Flip(MANIFEST), "releases never change"),
        (Damage::Gone(MANIFEST), "is not there, though the channel names it"),
        (Damage::Channel(|text| Some(text[..20].to_owned())), "is no channel"),
        (Damage::Channel(|_| Some(" ".repeat(1 << 17))), "has more than"),
        (Damage::Channel(|_| None), "there is no channel production"),
        (Damage::Channel(|text| Some(text.replace("channel/1", "channel/9"))), "upgrade this program"),
        (Damage::Channel(|text| Some(text.replace("blake3\": \"", "blake3\": \"0"))), "releases never change"),
    ]);
}

/// Publishes a damaged release and then a good one, for each damage.
#[track_caller]
fn check_damaged(rows: impl IntoIterator<Item = (Damage, &'static str)>) {
    let made = Made::new(&["good-0"]);
    let running = following(&made, |_| {});
    until("the first serves", || serves(&running, "good-0"));
    for (number, (damage, text)) in rows.into_iter().enumerate() {
        let (before, next) = (format!("good-{number}"), format!("good-{}", number + 1));
        made.publish_damaged(&format!("bad-{number}"), &damage);
        until(text, || told(&running).contains(text));
        assert!(serves(&running, &before), "row {number}");
        made.publish(&next);
        until("the next serves", || serves(&running, &next));
    }
}

#[test]
fn a_file_that_came_in_part_goes_on_where_it_stands() {
    let made = Made::new(&["one"]);
    let whole = made.read("one", CATALOGUE);
    made.change("one", CATALOGUE, |bytes| bytes.truncate(bytes.len() / 2));
    let running = following(&made, |_| {});
    until("it failed", || told(&running).contains("came with"));
    made.change("one", CATALOGUE, |bytes| *bytes = whole.clone());
    until("one serves", || serves(&running, "one"));
    assert_eq!(running.counted("segue_pull_bytes_total"), made.bytes("one"), "nothing was fetched twice");
}

#[test]
fn a_model_comes_before_its_release() {
    let made = Made::with_model("one");
    let running = following(&made, |config| {
        config.model.missing = MissingModel::Refuse;
        // The logits of three clusters may lie so close together that bytes cannot tell them apart.
        config.model.precision = Precision::Full;
    });
    until("one serves", || serves(&running, "one"));
    assert_eq!(running.store.models().expect("a store").len(), 1);
}

#[test]
fn a_look_can_be_asked_for() {
    let made = Made::new(&["one"]);
    let running = following(&made, |config| config.pull.interval = Duration::from_secs(3600));
    until("one serves", || serves(&running, "one"));
    made.publish("two");
    let puller = running.service.puller().expect("it pulls");
    until("two serves", || {
        puller.request();
        serves(&running, "two")
    });
    until("that was counted", || polls(&running, "fetched") == 2);
    assert_ne!(standing(&running).outcome, Some(Polled::Failed));
    assert_eq!(standing(&running).channel.map(|channel| channel.release), Some(version("two")));
}

#[test]
fn a_fetch_from_a_real_server_goes_on_after_a_kill() {
    let (s3, made, dir) = (S3::start(), Made::large("one"), TempDir::new().expect("a temporary directory"));
    made.publish_to(&s3, "one");
    let slow = Program::start(&s3, dir.path(), &["--pull-from", URL, "--pull-bytes-per-s-max", "65536"]);
    let part = dir.path().join(format!("releases/.partial-push-one/{CATALOGUE}.part"));
    until("a part of a file came", || fs::metadata(&part).is_ok_and(|about| about.len() > 0));
    drop(slow);
    let stands = fs::metadata(&part).expect("a kill leaves it").len();
    assert!(stands < made.read("one", CATALOGUE).len() as u64, "it was killed too late");

    let asked = s3.asked("GET", CATALOGUE).len();
    let program = Program::start(&s3, dir.path(), &["--pull-from", URL]);
    until("one serves", || program.release().as_deref() == Some("one"));
    let ranges: Vec<_> =
        s3.asked("GET", CATALOGUE).split_off(asked).into_iter().filter_map(|(_, _, range)| range).collect();
    assert!(ranges[0].starts_with(&format!("bytes={stands}-")), "{ranges:?}");
    assert!(s3.asked("GET", "table.segue").len() <= 2, "a file that is here is not fetched again");
}

#[test]
fn a_server_that_is_gone_stops_nobody_from_answering() {
    let (s3, made, dir) = (S3::start(), Made::new(&["one"]), TempDir::new().expect("a temporary directory"));
    made.publish_to(&s3, "one");
    let flags = ["--pull-from", URL, "--pull-interval-ms", "10", "--pull-jitter-ms", "0"];
    let program = Program::start(&s3, dir.path(), &flags);
    until("one serves", || program.release().as_deref() == Some("one"));
    drop(s3);
    assert_eq!(program.release().as_deref(), Some("one"));
    // And it starts without it.
    drop(program);
    let s3 = S3::start();
    let program = Program::start(&s3, dir.path(), &flags);
    until("one serves", || program.release().as_deref() == Some("one"));
}
