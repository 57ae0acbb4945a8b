//! What one user's day changes is within the sensitivity that the noise is made for.

use proptest::prelude::*;

use super::{DAY_S, Row, catalogue, counted_once, dirs, merge, partition, rules, settings};
use crate::kept::format::CountsManifest;
use crate::kept::merge::{Given, Span};
use crate::kept::space::Space;
use crate::kept::support::Support;
use crate::kept::{KeptSettings, MergeRules, Merged};
use crate::privacy::Privacy;
use crate::sequence::Mode;

/// At `length`: the steps and the days of users of all rows until a day; those of one user's day are what the last day adds.
fn sums(out: &std::path::Path, to_day: i32) -> Vec<(u64, i64, i64)> {
    let Ok(merged) = merge(&dirs(out).unwrap(), &MergeRules { to_day: Some(to_day), ..rules() }, &catalogue(6)) else {
        return vec![(0, 0, 0); 3];
    };
    let catalogue = catalogue(6);
    let given = [Given { dir: out.to_owned(), manifest: CountsManifest::read(out).unwrap() }];
    let space = Space::new(&catalogue, 2).unwrap();
    let days = Support::user_days(2).read(&given, Span { from_day: i32::MIN, to_day }, &space).unwrap();
    let days = days.into_user_days();
    (0..3)
        .map(|length| {
            let total = days[length].values().sum();
            (steps(&merged, length), total, days[length].values().copied().max().unwrap_or_default())
        })
        .collect()
}

fn steps(merged: &Merged, length: usize) -> u64 {
    let cells = match length.checked_sub(1) {
        None => &merged.counts.popular,
        Some(at) => &merged.counts.levels[at].cells,
    };
    cells.iter().map(|cell| u64::from(cell.seen)).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn one_users_day_adds_at_most_its_bound(
        rows in prop::collection::vec((Just(1_u32), (0_i64..6).prop_map(|half| half * DAY_S / 2), 0_u32..6), 2..60),
        user_day_max in 1_u32..6,
        mode in prop::sample::select(vec![Mode::Distinct, Mode::Changes, Mode::Raw]),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("counts");
        counted_once(&out, &[partition(dir.path(), "1.csv", &rows)], &KeptSettings { user_day_max, ..settings(mode) });
        for day in 0..3 {
            for (with, without) in sums(&out, day).iter().zip(sums(&out, day - 1)) {
                prop_assert!(with.0 - without.0 <= u64::from(user_day_max), "steps of one length");
                prop_assert!(with.1 - without.1 <= i64::from(user_day_max), "rows of one length");
                prop_assert!(with.2 - without.2 <= 1, "days of one row");
            }
        }
    }
}

#[test]
fn merging_with_noise_says_so_and_keeps_no_exact_figure() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("counts");
    let rows: Vec<Row> = (0..4_000_u32).map(|at| (at % 400, i64::from(at) * 60, at / 400 % 2)).collect();
    let settings = KeptSettings { user_day_max: 3, ..settings(Mode::Changes) };
    counted_once(&out, &[partition(dir.path(), "1.csv", &rows)], &settings);
    let rules = MergeRules { privacy: Some(Privacy { epsilon: 4.0, delta: 1e-6 }), users_min: 5, ..rules() };
    let merged = merge(&dirs(&out).unwrap(), &rules, &catalogue(6)).unwrap();
    let figures = merged.figures.privacy.unwrap();
    assert_eq!((figures.user_day_max, figures.steps_sensitivity), (3, 9));
    assert_eq!((merged.figures.steps, merged.figures.suppressed.len()), (0, 0));
    assert!(!merged.counts.levels[0].nexts.is_empty(), "what hundreds did shows");
}
