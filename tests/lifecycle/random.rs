//! Whatever is done in whatever order, the service does what the naive model says, and the promises hold.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use segue::snapshot::lifecycle::Standing;
use segue::snapshot::live::Share;
use segue::snapshot::manifest::Version;
use segue::snapshot::release::Release;

use crate::admin::version;
use crate::model::{Act, Model, Told};
use crate::stand::{Stand, spoil};

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
/// Few, so that releases go from the disk.
const RETIRED_MAX: usize = 2;

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let named = |act: fn(Version) -> Act| select(&NAMES[..]).prop_map(move |name| act(version(name)));
    let act = prop_oneof![
        4 => named(Act::Push),
        1 => named(Act::PushDamaged),
        1 => named(Act::Spoil),
        3 => named(Act::Stage),
        4 => named(Act::Activate),
        2 => named(Act::Promote),
        3 => Just(Act::Rollback),
        1 => named(Act::Pin),
        1 => Just(Act::Unpin),
        3 => named(Act::Quarantine),
        2 => named(Act::Canary),
        1 => Just(Act::EndTrial),
        1 => named(Act::Abort),
        2 => named(Act::Point),
        1 => Just(Act::Restart),
    ];
    // Some served already, so that there is something to go back to.
    let served = |count: usize| NAMES[..count].iter().map(|name| version(name));
    let serve = |name: Version| [Act::Push(name.clone()), Act::Activate(name)];
    (0..NAMES.len(), vec(act, 1..20)).prop_map(move |(count, acts)| served(count).flat_map(serve).chain(acts).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_service_does_what_the_model_says(acts in acts(), keep_previous in any::<bool>()) {
        let mut stand = Stand::new(|config| {
            config.release.retired_max = RETIRED_MAX;
            config.release.keep_previous = keep_previous;
        });
        let mut model = Model { retired_max: RETIRED_MAX, ..Model::default() };
        for (step, act) in acts.iter().enumerate() {
            let expected = model.act(act);
            let told = perform(&mut stand, &model, act);
            if expected.is_some() {
                prop_assert_eq!(&told, &expected, "step {} of {:?}", step, acts);
            }
            check(&stand, &model, &format!("step {step} of {acts:?}"));
        }
    }
}

/// Does an act to the service; what it says of it.
fn perform(stand: &mut Stand, model: &Model, act: &Act) -> Option<Told> {
    let reloader = &stand.reloader;
    let outcome = match act.clone() {
        Act::Push(version) => {
            let taken = stand.push(&version, false);
            assert_eq!(taken, !model.barred.contains(&version), "a push of {version}");
            return None;
        }
        Act::PushDamaged(version) => {
            let here = model.disk.contains_key(&version);
            assert!(here || !stand.push(&version, true), "a damaged push of {version} was taken");
            return None;
        }
        Act::Spoil(version) => {
            if model.disk.get(&version) == Some(&false) {
                respoil(stand, &version);
            }
            return None;
        }
        Act::Restart => {
            stand.restart();
            return None;
        }
        Act::Point(version) => {
            stand.store().activate(&version).ok()?;
            reloader.request()
        }
        Act::Stage(version) => reloader.stage(version),
        Act::Activate(version) => reloader.activate(version),
        Act::Promote(version) => reloader.promote(version),
        Act::Rollback => reloader.rollback(),
        Act::Pin(version) => reloader.pin(version),
        Act::Unpin => reloader.unpin(),
        Act::Quarantine(version) => reloader.quarantine(version, "it is wrong".to_owned()),
        Act::Canary(version) => reloader.set_canary(version, Share::of(0.5).expect("a share")),
        Act::EndTrial => reloader.end_trial(),
        Act::Abort(version) => reloader
            .abort_canary(version, segue::snapshot::lifecycle::Reason { class: "errors", text: "too many".to_owned() }),
    };
    let outcome = stand.wait(outcome);
    Some(outcome.result.map_err(|failure| failure.reason))
}

/// Damages it once.
fn respoil(stand: &Stand, version: &Version) {
    if Release::load(&stand.store().release_path(version)).is_ok() {
        spoil(&stand.dir, version.as_str());
    }
}

/// The promises, one by one.
#[track_caller]
fn check(stand: &Stand, model: &Model, when: &str) {
    let served = stand.served().map(|name| version(&name));
    assert_eq!(served, model.serving, "what serves; {when}");
    let mut state = stand.state();
    let barred: BTreeMap<_, _> = std::mem::take(&mut state.quarantined);
    assert_eq!(state, model.state, "what the store remembers; {when}");
    assert!(barred.keys().eq(&model.barred), "what is quarantined: {barred:?}; {when}");
    let trial = stand.live.trial().map(|trial| trial.version().clone());
    assert_eq!(trial, model.state.staged.clone().filter(|_| model.canary), "what is on trial; {when}");
    for answers in served.iter().chain(&trial) {
        assert!(!model.barred.contains(answers), "a quarantined release answers; {when}");
        Release::load(&stand.store().release_path(answers)).expect("what answers is complete on the disk");
    }
    for back in model.state.previous.iter().filter(|back| Some(*back) != model.serving.as_ref()) {
        assert!(!model.barred.contains(back) && model.disk.contains_key(back), "where a rollback goes; {when}");
    }
    let versions = stand.store().versions().expect("a store");
    assert!(versions.iter().eq(model.disk.keys()), "what is on the disk: {versions:?}; {when}");
    check_book(stand, model, when);
}

#[track_caller]
fn check_book(stand: &Stand, model: &Model, when: &str) {
    let current: Vec<_> =
        stand.book.entries().into_iter().filter(|entry| entry.standing == Standing::Current).collect();
    assert!(current.iter().map(|entry| &entry.version).eq(&model.serving), "who is current: {current:?}; {when}");
    for version in &model.barred {
        assert_eq!(stand.book.standing(version), Some(Standing::Quarantined), "{version}; {when}");
    }
    if let Some(version) = model.state.staged.as_ref().filter(|staged| model.serving.as_ref() != Some(staged)) {
        let expected = if model.canary { Standing::Canary } else { Standing::Staged };
        assert_eq!(stand.book.standing(version), Some(expected), "{version}; {when}");
    }
}
