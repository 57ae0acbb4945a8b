//! What a start finds, and what it makes of it: the last good release serves, whatever the pointer names.

use segue::snapshot::live::Share;

use crate::admin::version;
use crate::stand::{Stand, spoil};

#[test]
fn the_release_before_and_the_staged_one_are_in_memory_again_and_no_trial_is() {
    let mut stand = Stand::of(&["a", "b", "c"]);
    stand.activate("b");
    stand.stage("c");
    stand.wait(stand.reloader.set_canary(version("c"), Share::ALL));
    stand.restart();
    let mut resident = stand.reloader.status().resident;
    resident.sort();
    assert_eq!(resident, ["a", "b", "c"].map(version));
    assert!(stand.live.trial().is_none(), "what may have ended the process does not come back by itself");
    assert_eq!(stand.wait(stand.reloader.promote(version("c"))).swapped(), Some(&version("c")));
}

/// Each row: the releases in the order in which they served, those that are bad at the start, and which one serves.
#[test]
fn the_last_good_release_serves() {
    let rows: &[(&[&str], &[&str], Option<&str>)] = &[
        (&["a", "b", "c"], &[], Some("c")),
        (&["a", "b", "c"], &["c"], Some("b")),
        (&["a", "b", "c"], &["b", "c"], Some("a")),
        (&["a", "b", "c"], &["a", "b", "c"], None),
    ];
    for (served, bad, expected) in rows {
        let mut stand = Stand::of(served);
        served[1..].iter().for_each(|name| drop(stand.activate(name)));
        bad.iter().for_each(|name| spoil(&stand.dir, name));
        stand.restart();
        assert_eq!(stand.served().as_deref(), *expected, "{served:?} without {bad:?}");
        let failure = stand.reloader.status().failure.and_then(|failure| failure.version);
        let pointed = served.last().map(|name| version(name));
        assert_eq!(failure, pointed.filter(|_| !bad.is_empty()), "what the pointer names is told of");
        assert_eq!(stand.state().current, served.last().map(|name| version(name)), "the pointer is the operator's");
    }
}

/// Two bad releases pointed at from outside, one after the other, must not push out the one that is known to be good.
#[test]
fn what_serves_is_never_forgotten() {
    let mut stand = Stand::with(&["good", "bad-1", "bad-2", "bad-3"], |config| config.release.retired_max = 0);
    for name in ["bad-1", "bad-2", "bad-3"] {
        spoil(&stand.dir, name);
        stand.store().activate(&version(name)).expect("its manifest is complete");
        assert!(stand.settle().failure().is_some(), "{name}");
        assert_eq!(stand.served().as_deref(), Some("good"), "{name}");
        assert_eq!(stand.state().retired, [], "{name}: the bad one before it is gone");
    }
    stand.restart();
    assert_eq!(stand.served().as_deref(), Some("good"));
    assert_eq!(stand.rollback().after.serving, Some(version("good")));
    assert_eq!(stand.state().current, Some(version("good")));
}

/// What was rolled back from serves again only where there is nothing else.
#[test]
fn a_declined_release_is_the_last_resort() {
    let mut stand = Stand::of(&["a", "b", "c"]);
    stand.activate("b");
    stand.activate("c");
    stand.rollback();
    spoil(&stand.dir, "b");
    stand.restart();
    assert_eq!(stand.served().as_deref(), Some("a"));
    spoil(&stand.dir, "a");
    stand.restart();
    assert_eq!(stand.served().as_deref(), Some("c"));
}
