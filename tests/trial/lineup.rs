//! The lineup against a naive model of it, and what a trial counts from when it begins.

use std::sync::{Arc, LazyLock};

use proptest::collection::vec;
use proptest::prelude::*;
use segue::answer::{LADDER, climb};
use segue::ask::Ask;
use segue::snapshot::live::{Arm, Live, Seed, Share, Trial};
use segue::snapshot::release::Release;

use crate::site::{OTHER_ROWS, Shop, share};
use crate::support::release::{CLUSTERS, load, publish_naming};

/// Three releases, opened once.
static RELEASES: LazyLock<[Arc<Release>; 3]> = LazyLock::new(|| {
    let shop = Shop::new();
    publish_naming(shop.store.dir(), ("three", None), CLUSTERS, OTHER_ROWS);
    ["one", "two", "three"].map(|name| load(&shop.store, name))
});

/// What may be done to a lineup, with releases by their place.
#[derive(Clone, Debug)]
enum Deed {
    Swap(usize),
    TryOut(usize, f64),
    End,
    Halt(usize),
}

/// The naive model: who serves, and who is tried on what share.
#[derive(Clone, Debug, Default, PartialEq)]
struct Naive {
    current: Option<usize>,
    trial: Option<(usize, f64)>,
}

impl Naive {
    fn is_done(&mut self, deed: &Deed) {
        match *deed {
            Deed::Swap(next) => {
                self.current = Some(next);
                self.trial = self.trial.filter(|(tried, _)| *tried != next);
            }
            Deed::TryOut(..) | Deed::End | Deed::Halt(_) if self.current.is_none() => {}
            Deed::TryOut(next, canary) => self.trial = Some((next, canary)),
            Deed::End => self.trial = None,
            Deed::Halt(halted) => {
                self.trial = self.trial.map(|(tried, canary)| (tried, if tried == halted { 0.0 } else { canary }));
            }
        }
    }

    /// Who answers.
    fn answers(&self, ask: &Ask) -> Option<usize> {
        let tried = self.trial.filter(|(tried, canary)| share(*canary).holds(ask.lot(seed(*tried))));
        Some(tried.map_or(self.current?, |(tried, _)| tried))
    }
}

fn seed(place: usize) -> Seed {
    Seed::of(&RELEASES[place].manifest().version)
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        (0..3_usize).prop_map(Deed::Swap),
        (0..3_usize, prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0])
            .prop_map(|(next, canary)| Deed::TryOut(next, canary)),
        Just(Deed::End),
        (0..3_usize).prop_map(Deed::Halt),
    ];
    vec(deed, 0..12)
}

fn does(live: &Live, deed: &Deed) {
    match *deed {
        Deed::Swap(next) => drop(live.swap(RELEASES[next].clone())),
        Deed::TryOut(next, canary) => {
            live.try_out(Some(Trial::new(RELEASES[next].clone(), share(canary), Share::NONE)));
        }
        Deed::End => drop(live.try_out(None)),
        Deed::Halt(halted) => drop(live.halt(&RELEASES[halted].manifest().version)),
    }
}

fn place(release: &Release) -> usize {
    RELEASES.iter().position(|known| known.manifest().version == release.manifest().version).unwrap()
}

proptest! {
    /// Whatever was done, a caller is answered by who the model says, and so on another replica to which the same was done.
    #[test]
    fn callers_are_answered_by_who_the_model_says(deeds in deeds(), units in vec(".{1,8}", 1..8)) {
        let (live, other, mut naive) = (Live::default(), Live::default(), Naive::default());
        for deed in &deeds {
            does(&live, deed);
            does(&other, deed);
            naive.is_done(deed);
            prop_assert_eq!(live.read(place), naive.current);
            prop_assert_eq!(live.trial().map(|trial| place(&trial.release)), naive.trial.map(|(tried, _)| tried));
            for unit in &units {
                let ask = Ask { unit: Some(unit.clone().into()), ..Ask::default() };
                let lent = |live: &Live| live.lend(|seed| ask.lot(seed), |lent| place(lent.release));
                prop_assert_eq!(lent(&live), naive.answers(&ask));
                prop_assert_eq!(lent(&other), lent(&live));
            }
        }
    }
}

#[test]
fn without_a_trial_nobody_works_out_a_lot() {
    let live = Live::default();
    assert_eq!(live.lend(|_| unreachable!("nothing serves"), |_| ()), None);
    live.swap(RELEASES[0].clone());
    let lent = live.lend(|_| unreachable!("there is no trial"), |lent| (place(lent.release), lent.turn));
    assert_eq!(lent, Some((0, None)));
    live.try_out(Some(Trial::new(RELEASES[1].clone(), Share::NONE, share(0.5))));
    let lent = live.lend(|_| unreachable!("there is no canary"), |lent| (place(lent.release), lent.turn.unwrap()));
    let (answered, turn) = lent.unwrap();
    assert_eq!((answered, turn.arm, turn.shadow), (0, None, share(0.5)));
}

#[test]
fn what_is_given_back_is_what_was_there() {
    let (live, trial) = (Live::default(), || Trial::new(RELEASES[1].clone(), share(0.5), Share::NONE));
    let name = |trial: Option<Trial>| trial.map(|trial| place(&trial.release));
    assert_eq!(name(live.try_out(Some(trial()))), Some(1), "nothing serves that it could be tried beside");
    assert!(live.trial().is_none() && live.swap(RELEASES[0].clone()).is_none());
    assert_eq!(name(live.try_out(Some(trial()))), None);
    assert_eq!(name(live.try_out(Some(trial()))), Some(1));
    assert!(live.halt(trial().version()) && !live.halt(trial().version()));
    assert_eq!(live.trial().map(|trial| trial.canary), Some(Share::NONE));
    assert_eq!(live.swap(RELEASES[1].clone()).map(|before| place(&before)), Some(0));
    assert!(live.trial().is_none(), "a trial of what serves is over");
}

/// Another share of the same trial goes on counting, and bakes anew; another release, or another one beside it, begins anew.
#[test]
fn a_trial_begins_when_its_release_or_its_rival_does() {
    let live = Live::default();
    live.swap(RELEASES[0].clone());
    let began = |live: &Live| live.trial().unwrap().began().unwrap().clone();
    let try_out = |place: usize, canary, shadow| {
        live.try_out(Some(Trial::new(RELEASES[place].clone(), share(canary), share(shadow))));
        live.tally().answered(Arm::Trial, &climb(&RELEASES[1], &LADDER, &Ask::default()));
        began(&live)
    };
    let first = try_out(1, 0.1, 0.0);
    let shadowed = try_out(1, 0.1, 0.5);
    assert_eq!((shadowed.at, shadowed.changed), (first.at, first.changed));
    let raised = try_out(1, 0.2, 0.5);
    assert!(raised.at == first.at && raised.changed > first.changed && raised.totals == first.totals);
    let answers = |began: &segue::trial::tally::Began| began.totals.canary[Arm::Trial as usize].answers();
    assert_eq!((answers(&raised), answers(&try_out(2, 0.2, 0.5))), (0, 3));
    live.swap(RELEASES[1].clone());
    assert_eq!(answers(&began(&live)), 4, "it is compared with another release from here on");
}
