//! The simplest model of kept counts: everything in memory, looked at from the start.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{DAY_S, Row, counted_once, merged, partition, rules, settings};
use crate::count::Counts;
use crate::decay::Decay;
use crate::event::{Event, US_PER_S};
use crate::kept::{KeptSettings, MergeRules, Merged};
use crate::sequence::{Cutter, Mode, Rules, Step};
use crate::tally::Cell;

/// (user, day, history oldest first, next) of every step that counts.
type Steps = Vec<(u32, i32, Vec<u32>, u32)>;

/// Every step of a log with its whole history, within the bound of a user's day.
fn steps(rows: &[Row], settings: &KeptSettings) -> Steps {
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    let mut sequences: Vec<(u32, Vec<Step>)> = Vec::new();
    let gap_us = settings.gap_days.map(|days| (days * 86_400e6) as i64);
    let cut = Rules { mode: settings.mode, gap_us, since_us: None };
    let mut cutter = Cutter::new(cut, 6, |user, steps: &[Step]| sequences.push((user, steps.to_vec())));
    rows.iter().for_each(|(user, time_s, cluster)| {
        cutter.push(Event { user: *user, cluster: *cluster, time_us: time_s * US_PER_S });
    });
    cutter.finish();
    let mut days: BTreeMap<(u32, i32), u32> = BTreeMap::new();
    let mut all = Vec::new();
    for (user, sequence) in &sequences {
        for (at, step) in sequence.iter().enumerate() {
            let day = (step.time_us / US_PER_S).div_euclid(DAY_S) as i32;
            let counted = days.entry((*user, day)).or_default();
            *counted += 1;
            if *counted <= settings.user_day_max {
                let history = sequence[..at].iter().map(|step| step.cluster).collect();
                all.push((*user, day, history, step.cluster));
            }
        }
    }
    all
}

/// Cells of one length, by looking at every step.
fn cells(steps: &Steps, length: usize, rules: &MergeRules) -> BTreeMap<(Vec<u32>, u32), Cell> {
    let to_day = rules.to_day.unwrap();
    let decay = Decay::from_day(to_day, rules.half_life_days);
    let mut cells: BTreeMap<(Vec<u32>, u32), (Cell, BTreeSet<u32>)> = BTreeMap::new();
    for (user, day, history, next) in steps {
        let age_days = i64::from(to_day) - i64::from(*day);
        let counts = age_days >= 0 && rules.window_days.is_none_or(|days| age_days < i64::from(days));
        if counts && history.len() >= length {
            let key = (history[history.len() - length..].to_vec(), *next);
            let (cell, users) = cells.entry(key).or_default();
            cell.add(decay.weight_of_day(*day));
            users.insert(*user);
        }
    }
    cells.retain(|_, (_, users)| users.len() >= rules.users_min as usize);
    cells.into_iter().map(|(key, (cell, _))| (key, cell)).collect()
}

/// The same of merged counts, without their users, which are only a bound.
fn told(counts: &Counts, length: usize) -> BTreeMap<(Vec<u32>, u32), Cell> {
    let without_users = |cell: &Cell| Cell { users: 0, ..*cell };
    let Some(at) = length.checked_sub(1) else {
        let met = (0..).zip(&counts.popular).filter(|(_, cell)| cell.seen > 0);
        return met.map(|(cluster, cell)| ((Vec::new(), cluster), without_users(cell))).collect();
    };
    let level = &counts.levels[at];
    let digits = |key: u64| (0..length as u32).rev().map(|place| (key / 6_u64.pow(place) % 6) as u32).collect();
    let row = |row: usize| {
        let places = level.places(row);
        places.map(move |at| ((digits(level.histories[row]), level.nexts[at]), without_users(&level.cells[at])))
    };
    (0..level.histories.len()).flat_map(row).collect()
}

fn check(merged: &Merged, steps: &Steps, rules: &MergeRules) -> Result<(), TestCaseError> {
    for length in 0..=usize::from(rules.depth) {
        prop_assert_eq!(told(&merged.counts, length), cells(steps, length, rules), "length {}", length);
    }
    Ok(())
}

pub(super) fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    // Times within six days, a third of a day apart, so that many are equal, many of one day, and pauses differ.
    prop::collection::vec((0_u32..12, (0_i64..18).prop_map(|third| third * DAY_S / 3), 0_u32..6), 1..160)
}

pub(super) fn any_settings() -> impl Strategy<Value = KeptSettings> {
    let mode = prop::sample::select(vec![Mode::Distinct, Mode::Changes, Mode::Raw]);
    let gap_days = prop::sample::select(vec![None, Some(0.5), Some(1.5)]);
    (mode, gap_days, 1_u8..=3, 1_u32..6, 2_u32..5).prop_map(|(mode, gap_days, depth, user_day_max, witness_max)| {
        KeptSettings { gap_days, depth, user_day_max, witness_max, ..settings(mode) }
    })
}

/// Rules that settings allow: a `users_min` up to `witness_max`.
pub(super) fn any_rules(settings: &KeptSettings) -> impl Strategy<Value = MergeRules> + use<> {
    let half_life_days = prop::sample::select(vec![None, Some(2.0)]);
    let days = (prop::option::of(0_i32..7), prop::option::of(1_u32..7));
    (days, half_life_days, 1..=settings.witness_max, 1..=settings.depth).prop_map(
        |((to_day, window_days), half_life_days, users_min, depth)| MergeRules {
            to_day,
            window_days,
            half_life_days,
            users_min,
            depth,
            ..rules()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn counts_as_of_any_day_are_the_naive_models(
        (rows, settings, rules) in any_settings().prop_flat_map(|settings| {
            let rules = any_rules(&settings);
            (any_rows(), Just(settings), rules)
        }),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("counts");
        let steps = steps(&rows, &settings);
        let last_day = rows.iter().map(|row| (row.1 / DAY_S) as i32).max();
        let known = MergeRules { to_day: rules.to_day.or(last_day), ..rules.clone() };
        counted_once(&out, &[partition(dir.path(), "all.csv", &rows)], &settings);
        match merged(&out, &rules) {
            Ok(merged) => check(&merged, &steps, &known)?,
            Err(_) => {
                let none = steps.is_empty() || cells(&steps, 0, &MergeRules { users_min: 1, ..known }).is_empty();
                prop_assert!(none, "only nothing is refused");
            }
        }
    }
}
