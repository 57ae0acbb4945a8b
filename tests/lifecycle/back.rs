//! How far a rollback reaches once a release was quarantined: to what served here well before, and no further.

use std::fs;
use std::path::PathBuf;

use segue::snapshot::lifecycle::Standing;
use segue::snapshot::manifest::MANIFEST;

use crate::admin::{publish, version};
use crate::stand::{Stand, spoil, until};

/// Has releases serve one after the other.
fn served(names: &[&str], keep_previous: bool) -> Stand {
    let stand = Stand::with(names, |config| config.release.keep_previous = keep_previous);
    for name in &names[1..] {
        assert_eq!(stand.activate(name).swapped(), Some(&version(name)));
    }
    stand
}

fn previous(stand: &Stand) -> Option<String> {
    stand.state().previous.map(String::from)
}

#[test]
fn what_served_before_comes_into_memory_again_and_a_second_rollback_stops() {
    let stand = served(&["a", "b", "c"], true);
    assert_eq!(stand.standing("a"), Some(Standing::Retired));
    let quarantined = stand.quarantine("c");
    assert_eq!(quarantined.swapped(), Some(&version("b")));
    assert_eq!(quarantined.after.previous, Some(version("a")));
    until("it is in memory", || stand.reloader.status().resident.contains(&version("a")));
    assert_eq!((stand.standing("a"), stand.counted("segue_rollbacks_total")), (Some(Standing::Previous), 1));
    // It need not be read again.
    spoil(&stand.dir, "a");
    assert_eq!(stand.rollback().swapped(), Some(&version("a")));
    assert_eq!(stand.rollback().failure().map(|failure| failure.reason), Some("declined"));
    let state = stand.state();
    assert_eq!((state.current, state.declined), (Some(version("a")), Some(version("b"))));
}

#[test]
fn what_is_not_kept_in_memory_is_loaded_by_the_rollback() {
    let stand = served(&["a", "b", "c"], false);
    assert_eq!(stand.quarantine("c").swapped(), Some(&version("b")));
    assert_eq!((stand.standing("a"), stand.reloader.status().resident), (Some(Standing::Previous), vec![version("b")]));
    assert_eq!(stand.rollback().swapped(), Some(&version("a")));
}

/// One that is complete and yet damaged is the one to go back to, until somebody bars it too.
#[test]
fn one_that_cannot_serve_gives_way_when_it_is_quarantined() {
    let stand = served(&["a", "b", "c", "d"], true);
    spoil(&stand.dir, "b");
    assert_eq!(stand.quarantine("d").after.previous, Some(version("b")));
    until("it failed", || stand.standing("b") == Some(Standing::Failed));
    assert_eq!(stand.rollback().failure().map(|failure| failure.reason), Some("checksum"));
    assert_eq!(stand.served(), Some("c".to_owned()));
    assert_eq!(stand.quarantine("b").after.previous, Some(version("a")));
    assert_eq!(stand.rollback().swapped(), Some(&version("a")));
}

/// Each row: what an operator does before `c` is quarantined, after `a`, `b` and `c` served in this order; and where a
/// rollback goes then.
#[test]
fn what_never_served_is_barred_or_gone_is_passed_over() {
    type Act = fn(&Stand);
    let rows: [(&str, Act, Option<&str>); 4] = [
        ("nothing", |_| {}, Some("a")),
        ("a loses its manifest", |stand| fs::remove_file(manifest_of(stand, "a")).expect("it is complete"), None),
        ("a is barred", |stand| drop(stand.quarantine("a")), None),
        (
            "a is barred, d and e are staged",
            |stand| {
                stand.quarantine("a");
                stand.stage("d");
                stand.stage("e");
            },
            None,
        ),
    ];
    for (what, act, expected) in rows {
        let stand = Stand::of(&["a", "b", "c", "d", "e"]);
        ["b", "c"].into_iter().for_each(|name| drop(stand.activate(name)));
        act(&stand);
        assert_eq!(stand.quarantine("c").swapped(), Some(&version("b")), "{what}");
        assert_eq!(previous(&stand).as_deref(), expected, "{what}");
    }
}

fn manifest_of(stand: &Stand, name: &str) -> PathBuf {
    stand.store().release_path(&version(name)).join(MANIFEST)
}

/// Not only the one that was rolled back from last: whoever went back from a release does not want it back.
#[test]
fn what_was_rolled_back_from_is_passed_over() {
    let stand = served(&["a", "b", "c"], true);
    publish(&stand.dir, "d", 0.5);
    publish(&stand.dir, "e", 0.5);
    for next in ["d", "e"] {
        stand.rollback();
        assert_eq!(stand.activate(next).swapped(), Some(&version(next)));
    }
    assert_eq!(stand.quarantine("e").swapped(), Some(&version("b")));
    let state = stand.state();
    assert_eq!((state.previous, state.declined), (Some(version("a")), Some(version("d"))));
}

/// An operator who goes back first, and bars what he left then, can go back further as well.
#[test]
fn a_release_that_is_quarantined_after_the_rollback_makes_way_too() {
    let stand = served(&["a", "b", "c"], true);
    stand.rollback();
    stand.quarantine("c");
    assert_eq!(previous(&stand).as_deref(), Some("a"));
    assert_eq!(stand.rollback().swapped(), Some(&version("a")));
}

/// A pull leaves alone what was rolled back from, also once another release was quarantined.
#[test]
fn what_was_declined_stays_so() {
    let stand = served(&["a", "b", "c", "d"], true);
    stand.rollback();
    stand.activate("a");
    assert_eq!(stand.quarantine("a").swapped(), Some(&version("c")));
    let state = stand.state();
    assert_eq!((state.previous, state.declined), (Some(version("b")), Some(version("d"))));
}
