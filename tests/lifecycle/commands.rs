//! What an operator asks for, one by one: what it does, and why it is refused.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use segue::snapshot::lifecycle::{Reason, Standing};
use segue::snapshot::live::Share;
use segue::snapshot::manifest::CATALOGUE;
use segue::snapshot::reload::{Effect, Outcome};

use crate::admin::{publish, version};
use crate::stand::{Stand, spoil, until};

fn share() -> Share {
    Share::of(0.25).expect("a share")
}

#[track_caller]
fn check_refused(outcome: &Outcome, reason: &str, says: &str) {
    let failure = outcome.failure().expect("it is refused");
    assert!(failure.reason == reason && failure.text.contains(says), "{failure:?}");
    assert_eq!(outcome.before, outcome.after);
}

#[test]
fn a_staged_release_is_promoted_without_a_load() {
    let stand = Stand::of(&["a", "b"]);
    let staged = stand.stage("b");
    assert_eq!((staged.result.ok(), stand.served()), (Some(Effect::Changed), Some("a".to_owned())));
    assert_eq!(stand.standing("b"), Some(Standing::Staged));
    let steps: Vec<_> = stand.book.entry(&version("b")).expect("it was loaded").steps;
    let steps: Vec<_> = steps.iter().map(|step| step.standing.word()).collect();
    assert_eq!(steps, ["verifying", "loading", "warming", "checking", "staged"]);
    // What is in memory need not be read again.
    spoil(&stand.dir, "b");
    let promoted = stand.wait(stand.reloader.promote(version("b")));
    assert_eq!(promoted.swapped(), Some(&version("b")));
    let (before, after) = (promoted.before, promoted.after);
    assert_eq!((before.serving, before.staged), (Some(version("a")), Some(version("b"))));
    assert_eq!((after.serving, after.previous, after.staged), (Some(version("b")), Some(version("a")), None));
    assert_eq!((stand.standing("a"), stand.standing("b")), (Some(Standing::Previous), Some(Standing::Current)));
}

#[test]
fn a_rollback_loads_nothing_and_is_not_undone_by_itself() {
    let stand = Stand::of(&["a", "b"]);
    stand.activate("b");
    // The release before is in memory: its files could be gone, and a load of it would fail.
    spoil(&stand.dir, "a");
    assert_eq!(stand.rollback().swapped(), Some(&version("a")));
    assert_eq!(stand.state().declined, Some(version("b")));
    assert_eq!(stand.counted("segue_rollbacks_total"), 1);
    check_refused(&stand.rollback(), "declined", "release b was rolled back from before; activate it by name");
    assert_eq!(stand.activate("b").swapped(), Some(&version("b")), "an operator may");
    assert_eq!(stand.state().declined, None);
}

#[test]
fn a_rollback_needs_somewhere_to_go() {
    let stand = Stand::of(&["a"]);
    check_refused(&stand.rollback(), "no_previous", "activate one by name");
    check_refused(&stand.quarantine("a"), "no_previous", "activate one by name");
    assert_eq!(stand.served(), Some("a".to_owned()));
}

/// Without the memory for it, a rollback is a load and one durable move.
#[test]
fn a_release_before_that_is_not_kept_is_loaded() {
    let stand = Stand::with(&["a", "b"], |config| config.release.keep_previous = false);
    stand.activate("b");
    assert_eq!(stand.reloader.status().resident, [version("b")]);
    assert_eq!(stand.rollback().swapped(), Some(&version("a")));
    stand.activate("b");
    spoil(&stand.dir, "a");
    check_refused(&stand.rollback(), "checksum", "table.segue");
    assert_eq!((stand.served(), stand.state().current), (Some("b".to_owned()), Some(version("b"))));
}

#[test]
fn a_pin_keeps_every_other_release_out() {
    let stand = Stand::of(&["a", "b", "c"]);
    stand.activate("b");
    check_refused(&stand.pin("a"), "not_current", "release a does not serve, b does; activate it first");
    assert_eq!(stand.pin("b").after.pinned, Some(version("b")));
    assert_eq!(stand.counted("segue_release_pinned"), 1);
    for refused in [stand.activate("c"), stand.rollback(), stand.quarantine("b")] {
        check_refused(&refused, "pinned", "pinned to b; unpin first");
    }
    assert!(stand.stage("c").failure().is_none(), "it answers nobody");
    check_refused(&stand.wait(stand.reloader.promote(version("c"))), "pinned", "pinned to b");
    check_refused(&stand.wait(stand.reloader.set_canary(version("c"), share())), "pinned", "pinned to b");
    stand.wait(stand.reloader.unpin());
    assert_eq!(stand.activate("c").swapped(), Some(&version("c")));
    assert_eq!(stand.counted("segue_release_pinned"), 0);
}

#[test]
fn a_quarantined_release_is_barred_for_good() {
    let mut stand = Stand::of(&["a", "b", "c"]);
    stand.activate("b");
    stand.stage("c");
    stand.wait(stand.reloader.set_canary(version("c"), share()));
    assert_eq!(stand.standing("c"), Some(Standing::Canary));
    let reason = Reason { class: "errors", text: "every tenth answer came too late".to_owned() };
    stand.wait(stand.reloader.abort_canary(version("c"), reason.clone()));
    assert!(stand.live.trial().is_none(), "it answers nobody any more");
    assert_eq!(stand.quarantine("b").swapped(), Some(&version("a")), "what serves is rolled back from first");
    assert_eq!(stand.counted("segue_releases_quarantined"), 2);
    for _ in 0..2 {
        for name in ["b", "c"] {
            check_refused(&stand.activate(name), "quarantined", "is quarantined for good");
            check_refused(&stand.stage(name), "quarantined", "is quarantined for good");
            assert_eq!(stand.standing(name), Some(Standing::Quarantined));
            assert!(!stand.push(&version(name), false));
        }
        assert_eq!(stand.book.entry(&version("c")).and_then(|entry| entry.reason), Some(reason.clone()));
        check_refused(&stand.rollback(), "no_previous", "");
        assert_eq!(stand.served(), Some("a".to_owned()));
        stand.restart();
    }
}

/// A guard that comes late finds a release that an operator promoted: it is his to judge.
#[test]
fn a_canary_that_was_promoted_is_not_aborted() {
    let stand = Stand::of(&["a", "b"]);
    stand.stage("b");
    stand.wait(stand.reloader.set_canary(version("b"), share()));
    assert_eq!(stand.wait(stand.reloader.promote(version("b"))).swapped(), Some(&version("b")));
    let late = stand.wait(stand.reloader.abort_canary(version("b"), Reason { class: "errors", text: String::new() }));
    check_refused(&late, "not_staged", "release b is not staged, none is; stage it first");
    assert_eq!(stand.served(), Some("b".to_owned()));
}

#[test]
fn a_trial_is_of_the_staged_release_and_ends_with_it() {
    let stand = Stand::of(&["a", "b", "c"]);
    let canary = |name: &str| stand.wait(stand.reloader.set_canary(version(name), share()));
    let shadow = |name: &str| stand.wait(stand.reloader.set_shadow(version(name), share()));
    check_refused(&canary("b"), "not_staged", "release b is not staged, none is; stage it first");
    stand.stage("b");
    assert_eq!(shadow("b").after.shadow, share());
    assert_eq!(stand.standing("b"), Some(Standing::Shadow));
    let both = canary("b").after;
    assert_eq!((both.canary, both.shadow), (share(), share()));
    assert_eq!(stand.standing("b"), Some(Standing::Canary));
    assert_eq!(stand.wait(stand.reloader.end_trial()).result.ok(), Some(Effect::Changed));
    assert_eq!((stand.live.trial().is_none(), stand.standing("b")), (true, Some(Standing::Staged)));
    canary("b");
    stand.stage("c");
    assert!(stand.live.trial().is_none(), "another one took its place");
    assert_eq!((stand.standing("b"), stand.standing("c")), (Some(Standing::Retired), Some(Standing::Staged)));
}

/// Who goes back does not want to be taken forward a moment later by what was asked for before.
#[test]
fn a_rollback_does_not_wait_for_a_load_and_overtakes_it() {
    let stand = Stand::of(&["a", "b"]);
    stand.activate("b");
    publish(&stand.dir, "c", 0.5);
    let pipe = pipe(&stand, "c");
    let activation = stand.reloader.activate(version("c"));
    until("it is loading", || stand.reloader.status().loading == Some(version("c")));
    assert_eq!(stand.rollback().swapped(), Some(&version("a")));
    assert_eq!(stand.pin("a").result.ok(), Some(Effect::Changed));
    end(&pipe, &fs::read(stand.store().release_path(&version("a")).join(CATALOGUE)).expect("it is complete"));
    let activation = stand.wait(activation);
    check_refused(&activation, "superseded", "overtaken");
    assert_eq!(stand.served(), Some("a".to_owned()));
    assert_eq!(stand.standing("c"), Some(Standing::Failed));
}

/// A rollback that has to load goes to what is the release before when the load ends, whatever came between.
#[test]
fn a_rollback_goes_back_from_what_serves_by_then() {
    let stand = Stand::with(&["a", "b", "c"], |config| config.release.keep_previous = false);
    stand.activate("b");
    stand.stage("c");
    let catalogue = fs::read(stand.store().release_path(&version("a")).join(CATALOGUE)).expect("it is complete");
    let pipe = pipe(&stand, "a");
    let rollback = stand.reloader.rollback();
    until("it is loading", || stand.reloader.status().loading == Some(version("a")));
    assert_eq!(stand.wait(stand.reloader.promote(version("c"))).swapped(), Some(&version("c")));
    end(&pipe, &catalogue);
    let rollback = stand.wait(rollback);
    assert_eq!((rollback.swapped(), &rollback.before.serving), (Some(&version("b")), &Some(version("c"))));
    let state = stand.state();
    assert_eq!((state.current, state.declined), (Some(version("b")), Some(version("c"))));
}

/// Writes what the reader of a pipe waits for; who comes after finds a file in its place.
fn end(pipe: &Path, bytes: &[u8]) {
    let mut writer = OpenOptions::new().write(true).open(pipe).expect("someone reads it");
    let file = pipe.with_extension("file");
    fs::write(&file, bytes).and_then(|()| fs::rename(&file, pipe)).expect("the release can be written");
    writer.write_all(bytes).expect("someone reads it");
}

/// Makes a release one whose catalogue comes only when someone writes it.
fn pipe(stand: &Stand, name: &str) -> PathBuf {
    let pipe = stand.store().release_path(&version(name)).join(CATALOGUE);
    fs::remove_file(&pipe).expect("it is there");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    pipe
}

#[test]
fn what_served_long_ago_goes_and_nothing_else_does() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let stand = Stand::with(&names, |config| config.release.retired_max = 1);
    stand.stage("f");
    for name in ["b", "c", "d", "e"] {
        assert!(stand.activate(name).failure().is_none());
    }
    assert_eq!(stand.state().retired, [version("c")]);
    let left = stand.store().versions().expect("a store");
    assert_eq!(left, ["c", "d", "e", "f"].map(version));
    until("their files are gone", || stand.counted("segue_releases_retired_total") == 2);
    let entries = fs::read_dir(stand.store().releases_dir()).expect("a store").count();
    assert_eq!(entries, left.len(), "nothing hidden is left");
    assert_eq!(stand.standing("a"), Some(Standing::Retired));
}
