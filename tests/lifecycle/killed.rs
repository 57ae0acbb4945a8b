//! A service killed at any moment of a release's life comes back with the last good release, and goes on from there.
//!
//! The killed process is this program again, told by [`JOB`] what to do; it dies by SIGKILL, which nothing can catch.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use rustix::process::{Signal, getpid, kill_process};
use segue::snapshot::failpoint::Moment;
use segue::snapshot::live::Share;
use segue::snapshot::manifest::Version;
use segue::snapshot::release::Release;
use segue::snapshot::reload::Outcome;
use segue::snapshot::state::State;
use segue::snapshot::store::Store;
use tempfile::TempDir;

use crate::admin::{publish, version};
use crate::stand::{Stand, until};

/// Tells this program that it is the child: what to do, the label of the moment at which to die, and the store's
/// directory.
const JOB: &str = "SEGUE_TEST_LIFE_JOB";
/// The job of a child that is killed while it starts.
const START: &str = "start";
/// The job of a child that keeps nothing in memory that it could go back to.
const ROLLBACK_BY_LOAD: &str = "rollback_by_load";

const LOAD: &[Moment] =
    &[Moment::Opened, Moment::Verified, Moment::Completed, Moment::Warmed, Moment::Checked, Moment::Loaded];
const MOVE: &[Moment] = &[Moment::StateWritten, Moment::StateSynced, Moment::StateNamed];
const SWAP: &[Moment] = &[Moment::Pointed, Moment::Swapped];
const REMOVE: &[Moment] = &[Moment::Hidden, Moment::Removed];

/// A store where `c` is staged, `b` serves, `a` did before, `o` before that, and `d` only lies there.
fn store() -> TempDir {
    let dir = TempDir::new().expect("a temporary directory");
    ["o", "a", "b", "c", "d"].into_iter().for_each(|name| drop(publish(dir.path(), name, 0.5)));
    let store = Store::open(dir.path());
    for name in ["o", "a", "b"] {
        store.activate(&version(name)).expect("it is complete");
    }
    store.stage(&version("c")).expect("it is complete");
    dir
}

fn service(dir: &Path, keep_previous: bool) -> Stand {
    Stand::at(dir, |config| {
        // So that whatever goes out of use has the oldest removed at once.
        config.release.retired_max = 1;
        config.release.keep_previous = keep_previous;
    })
}

fn perform(stand: &Stand, act: &str) -> Outcome {
    let reloader = &stand.reloader;
    match act {
        "stage" => stand.stage("d"),
        "activate" => stand.activate("d"),
        "promote" => stand.wait(reloader.promote(version("c"))),
        "rollback" | ROLLBACK_BY_LOAD => stand.rollback(),
        "pin" => stand.pin("b"),
        "quarantine" => stand.quarantine("b"),
        "abort" => {
            stand.wait(reloader.set_canary(version("c"), Share::ALL));
            stand.quarantine("c")
        }
        act => panic!("no such act: {act}"),
    }
}

/// Not a test but what the others run in a process of its own; by itself it has no job.
#[test]
fn the_child() {
    let Ok(job) = std::env::var(JOB) else { return };
    let mut parts = job.splitn(3, '|');
    let mut part = || parts.next().expect("a job has three parts");
    let (act, moment, dir) = (part(), part(), Path::new(part()));
    let die = || kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
    let arm = || fail::cfg_callback(moment, die).expect("the registry of failpoints is on");
    if act == START {
        arm();
    }
    let stand = service(dir, act != ROLLBACK_BY_LOAD);
    stand.settle();
    let kept = || stand.reloader.status().resident.contains(&version("a"));
    until("what is kept in memory is there", || kept() == (act != ROLLBACK_BY_LOAD));
    arm();
    perform(&stand, act);
    // What is removed is removed by a thread of its own, and what is gone back to next is loaded by another.
    until("it is killed", || false);
}

/// Kills a service in the middle of an act, and gives what it left.
#[track_caller]
fn kill(act: &str, moment: Moment) -> TempDir {
    let dir = store();
    let job = format!("{act}|{}|{}", moment.label(), dir.path().display());
    let program = std::env::current_exe().expect("this program has a path");
    let arguments = ["--exact", "killed::the_child", "--nocapture"];
    let output = Command::new(program).args(arguments).env(JOB, job).output().expect("this program starts again");
    assert_eq!(output.status.signal(), Some(9), "{act}: {moment:?} was not reached: {output:?}");
    dir
}

/// Kills a service at each of these moments of an act. What it left is what `before` or `after` says, the latter from the
/// moment on that the pointer has moved, and a new service goes on with it.
#[track_caller]
fn check(act: &str, moments: &[&[Moment]], after: impl Fn(&mut State)) {
    for &moment in moments.iter().copied().flatten() {
        let dir = kill(act, moment);
        let mut expected = State {
            current: Some(version("b")),
            previous: Some(version("a")),
            staged: Some(version("c")),
            retired: vec![version("o")],
            ..State::default()
        };
        let moved = [Moment::StateNamed, Moment::Pointed, Moment::Swapped, Moment::Hidden, Moment::Removed];
        if moved.contains(&moment) {
            after(&mut expected);
        }
        check_left(dir.path(), expected, &format!("{act}, killed at {moment:?}"));
    }
}

#[track_caller]
fn check_left(dir: &Path, expected: State, when: &str) {
    let left = Store::open(dir).state().expect("the pointer is whole");
    assert_eq!(left.current, expected.current, "{when}");
    let stand = service(dir, true);
    stand.settle();
    let served = stand.served().map(|name| version(&name));
    assert_eq!(served, expected.current, "what serves; {when}");
    let state = stand.state();
    let barred: Vec<&Version> = state.quarantined.keys().collect();
    assert!(served.iter().all(|served| !barred.contains(&served)), "{when}");
    assert!(barred.iter().copied().eq(expected.quarantined.keys()), "{barred:?}; {when}");
    assert_eq!(
        (&state.previous, &state.staged, &state.pinned, &state.declined, &state.retired),
        (&expected.previous, &expected.staged, &expected.pinned, &expected.declined, &expected.retired),
        "{when}"
    );
    assert!(stand.live.trial().is_none(), "{when}");
    for version in [&state.current, &state.previous, &state.staged].into_iter().flatten() {
        Release::load(&stand.store().release_path(version)).expect("what is kept is complete");
    }
    until("nothing hidden is left", || hidden(dir) == 0);
    // What was left behind hinders nothing: the next release comes, and serves.
    assert!(stand.push(&version("next"), false), "{when}");
    stand.wait(stand.reloader.unpin());
    assert_eq!(stand.activate("next").swapped(), Some(&version("next")), "{when}");
}

/// Releases that are hidden to be removed.
fn hidden(dir: &Path) -> usize {
    let entries = fs::read_dir(Store::open(dir).releases_dir()).expect("a store").filter_map(Result::ok);
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".expired-")).count()
}

#[test]
fn while_it_starts() {
    check(START, &[LOAD, &[Moment::Swapped]], |_| {});
}

#[test]
fn while_it_stages() {
    check("stage", &[LOAD, MOVE], |state| state.staged = Some(version("d")));
}

#[test]
fn while_it_activates() {
    check("activate", &[LOAD, MOVE], swapped);
}

#[test]
fn while_it_swaps_and_removes_what_served_long_ago() {
    check("activate", &[SWAP, REMOVE], swapped);
}

fn swapped(state: &mut State) {
    (state.current, state.previous) = (Some(version("d")), Some(version("b")));
    state.retired = vec![version("a")];
}

#[test]
fn while_it_promotes() {
    check("promote", &[MOVE, SWAP, REMOVE], |state| {
        (state.current, state.previous, state.staged) = (Some(version("c")), Some(version("b")), None);
        state.retired = vec![version("a")];
    });
}

#[test]
fn while_it_rolls_back() {
    check("rollback", &[MOVE, SWAP], rolled_back);
}

/// What is not in memory is loaded first, and then the pointer moves once.
#[test]
fn while_it_rolls_back_by_a_load() {
    check(ROLLBACK_BY_LOAD, &[LOAD, MOVE, SWAP], rolled_back);
}

fn rolled_back(state: &mut State) {
    (state.current, state.previous) = (Some(version("a")), Some(version("b")));
    state.declined = Some(version("b"));
}

#[test]
fn while_it_pins() {
    check("pin", &[MOVE], |state| state.pinned = Some(version("b")));
}

#[test]
fn while_it_quarantines_what_serves() {
    check("quarantine", &[MOVE, SWAP], reached_back);
}

/// What served before what is gone back to takes its place in memory, after the fact.
#[test]
fn while_it_loads_what_it_goes_back_to_next() {
    for &moment in LOAD {
        let mut expected = State { staged: Some(version("c")), ..State::default() };
        reached_back(&mut expected);
        check_left(kill("quarantine", moment).path(), expected, &format!("killed at {moment:?}"));
    }
}

fn reached_back(state: &mut State) {
    (state.current, state.previous) = (Some(version("a")), Some(version("o")));
    bar(state, "b");
}

#[test]
fn while_it_takes_a_canary_back() {
    check("abort", &[MOVE, REMOVE], |state| {
        state.staged = None;
        bar(state, "c");
    });
}

fn bar(state: &mut State, name: &str) {
    let why = segue::snapshot::state::Quarantined { reason: String::new(), text: String::new(), at_unix_s: 0 };
    state.quarantined.insert(version(name), why);
    state.retired = vec![version(name)];
}
