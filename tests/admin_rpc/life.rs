//! A release from its staging to its quarantine, each step a fact when its reply comes.

use segue::wire::proto::v1::{self, Standing};

use crate::caller::Caller;
use crate::support::{Site, publish};

/// Where releases stand, by name.
#[track_caller]
fn check_standings(caller: &Caller, expected: &[(&str, Standing)]) {
    let listed = caller.list().expect("it is only read");
    let standings: Vec<_> =
        listed.releases.iter().map(|release| (release.version.as_str(), release.standing())).collect();
    assert_eq!(standings, expected);
}

#[track_caller]
fn check_served(site: &Site, change: &v1::Change, serving: &str) {
    assert_eq!(change.serving.as_deref(), Some(serving));
    assert_eq!(site.served().as_deref(), Some(serving));
}

#[test]
fn every_change_is_a_fact_when_it_is_answered() {
    use Standing::{Canary, Current, Previous, Quarantined, Shadow, Staged};
    let site = Site::serving(|_| {});
    publish(site.dir.path(), "new", 0.25);
    let caller = Caller::of(&site);

    let staged = caller.stage("new").expect("it is complete");
    check_served(&site, &staged, "old");
    assert_eq!(staged.after.expect("positions").staged.as_deref(), Some("new"));
    check_standings(&caller, &[("new", Staged), ("old", Current)]);

    caller.shadow("new", 0.5).expect("it is staged");
    check_standings(&caller, &[("new", Shadow), ("old", Current)]);
    let set = caller.canary("new", 0.25).expect("it is staged");
    assert_eq!(set.after.map(|after| (after.shadow_share, after.canary_share)), Some((0.5, 0.25)));
    check_standings(&caller, &[("new", Canary), ("old", Current)]);
    let trial = caller.trial().expect("one is on");
    assert_eq!((trial.release.as_str(), trial.current.as_str()), ("new", "old"));
    assert_eq!(trial.canary.map(|canary| canary.share), Some(0.25));

    check_served(&site, &caller.promote("new").expect("it is staged"), "new");
    check_standings(&caller, &[("new", Current), ("old", Previous)]);
    assert_eq!(caller.trial(), None);

    let pinned = caller.pin("new").expect("it serves");
    assert_eq!(pinned.after.expect("positions").pinned.as_deref(), Some("new"));
    assert!(!caller.pin("new").expect("it is so already").changed);
    caller.unpin().expect("it is pinned");

    check_served(&site, &caller.rollback(Some("new")).expect("old is there"), "old");
    let again = caller.rollback(Some("new")).expect("it was done");
    assert!(!again.changed, "{again:?}");
    check_served(&site, &again, "old");

    caller.quarantine("new", "bad scores for novel users").expect("it does not serve");
    check_standings(&caller, &[("new", Quarantined), ("old", Current)]);
    let barred = caller.list().expect("it is only read").releases.remove(0);
    assert_eq!(barred.reason.map(|reason| (reason.class, reason.text)), {
        Some(("operator".to_owned(), "bad scores for novel users".to_owned()))
    });
    check_served(&site, &caller.activate("old").expect("it serves already"), "old");
}

#[test]
fn both_skins_say_the_same_of_a_release() {
    let site = Site::serving(|_| {});
    let listed = caller_list(&site);
    let release = listed.releases.first().expect("old is there");
    let told = site.get("/admin/v1/releases/old").json();
    assert_eq!(told["standing"], "current");
    assert_eq!(told["since_unix_s"].as_u64(), release.since_unix_s);
    let facts = release.facts.clone().expect("its manifest can be read");
    assert_eq!(told["facts"]["bytes"], facts.bytes);
    assert_eq!(told["facts"]["snapshot"], facts.snapshot);
    assert_eq!(told["steps"].as_array().map(Vec::len), Some(release.steps.len()));
    assert_eq!(site.get("/admin/v1/releases").json()["sequence"], listed.sequence);
}

fn caller_list(site: &Site) -> v1::Releases {
    Caller::of(site).list().expect("it is only read")
}
