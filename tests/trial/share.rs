//! Who is part of a trial: laws by property, and places worked out by another program.

use proptest::prelude::*;
use segue::ask::Ask;
use segue::snapshot::live::{Lot, Seed, Share, ShareError};

use crate::support::release::version;

/// Places on the scale.
const SCALE: f64 = (1_u32 << 31) as f64;

fn seed(release: &str) -> Seed {
    Seed::of(&version(release))
}

/// Checks a lot to the place: the share that ends there does not hold it, and the next does.
#[track_caller]
fn check_place(lot: Lot, place: u32) {
    let share = |end: u32| Share::of(f64::from(end) / SCALE).unwrap();
    assert!(!share(place).holds(lot) && share(place + 1).holds(lot), "{lot:?} is not {place}");
}

/// As Python's `xxhash` says: `xxh3_64(key, seed=xxh3_64(release)) >> 33`.
#[test]
fn lots_are_those_that_anyone_can_work_out() {
    let long = "0123456789abcdef".repeat(4);
    let units = [
        ("vectors-1", "user-1", 925_282_928),
        ("vectors-1", &long, 2_147_257_638),
        ("vectors-1", "é", 857_261_012),
        ("march", "user-1", 1_494_563_701),
        ("march", &long, 497_044_993),
    ];
    for (release, unit, place) in units {
        let ask = Ask { unit: Some(unit.to_owned().into()), history: vec![7], ..Ask::default() };
        check_place(ask.lot(seed(release)), place);
    }
    let histories = [
        ("vectors-1", vec![], 1_047_896_752),
        ("vectors-1", vec![10, 20], 1_620_072_290),
        ("vectors-1", (1..=40).collect(), 127_564_125),
        ("march", (1..=40).collect(), 757_225_995),
    ];
    for (release, history, place) in histories {
        check_place(Ask { history, ..Ask::default() }.lot(seed(release)), place);
    }
}

proptest! {
    /// Whoever is part of a share is part of every larger one.
    #[test]
    fn shares_only_grow(unit in ".{0,40}", smaller in 0.0..=1.0_f64, larger in 0.0..=1.0_f64) {
        let lot = Lot::of(unit.as_bytes(), seed("two"));
        let [smaller, larger] = [smaller.min(larger), smaller.max(larger)].map(|ratio| Share::of(ratio).unwrap());
        prop_assert!(!smaller.holds(lot) || larger.holds(lot));
        prop_assert!(Share::ALL.holds(lot) && !Share::NONE.holds(lot));
    }

    /// A share is read as it was shown.
    #[test]
    fn shares_come_back(billionths in 0..=1_000_000_000_u32) {
        let ratio = f64::from(billionths) / 1e9;
        let share = Share::of(ratio).unwrap();
        prop_assert_eq!(share.ratio(), ratio);
        prop_assert_eq!(share.to_string().parse::<Share>(), Ok(share));
        prop_assert_eq!(serde_json::from_str::<Share>(&serde_json::to_string(&share).unwrap()).unwrap(), share);
    }
}

#[test]
fn shares_are_numbers_or_percentages() {
    let of = |ratio| Share::of(ratio).unwrap();
    for (text, expected) in
        [("0", of(0.0)), ("0.05", of(0.05)), ("5%", of(0.05)), (" 12.5 %", of(0.125)), ("1", Share::ALL)]
    {
        assert_eq!(text.parse::<Share>(), Ok(expected), "{text}");
    }
    for (text, got) in [("1.5", 1.5), ("-0.1", -0.1), ("101%", 1.01)] {
        assert_eq!(text.parse::<Share>(), Err(ShareError { got }), "{text}");
    }
    for text in ["", "half", "5%%", "NaN", "inf"] {
        assert!(text.parse::<Share>().is_err(), "{text}");
    }
    assert!(serde_json::from_str::<Share>("1.01").is_err());
}

/// Ten thousand users: a share is that share of them, and another release is tried on others.
#[test]
fn shares_are_as_large_as_they_say_and_fall_on_others_each_time() {
    let users: Vec<String> = (0..10_000).map(|user| format!("user-{user}")).collect();
    let share = Share::of(0.1).unwrap();
    let part = |release: &str| -> Vec<bool> {
        let seed = seed(release);
        users.iter().map(|user| share.holds(Lot::of(user.as_bytes(), seed))).collect()
    };
    let (march, april) = (part("march"), part("april"));
    let count = |of: &[bool]| of.iter().filter(|held| **held).count();
    let both = march.iter().zip(&april).filter(|(march, april)| **march && **april).count();
    // Within four standard errors: 30 of 1000, and 10 of 100.
    for held in [count(&march), count(&april)] {
        assert!((880..=1120).contains(&held), "{held}");
    }
    assert!((60..=140).contains(&both), "{both}");
}
