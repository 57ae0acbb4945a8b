//! Examples against sequences written out by hand, and contexts against a model that counts everything anew for each example.

use std::collections::BTreeMap;

use proptest::prelude::*;
use segue::model::prompt::Context;

use super::*;
use crate::build::CountSettings;
use crate::event::Event;
use crate::sequence::Mode;

const CLUSTERS: u32 = 6;
const DAY_US: i64 = 86_400_000_000;

fn log(rows: &[(u32, i64, u32)]) -> Log {
    let mut events: Vec<Event> =
        rows.iter().map(|&(user, time_us, cluster)| Event { user, cluster, time_us }).collect();
    events.sort_by_key(|event| (event.user, event.time_us));
    Log { events, clusters: CLUSTERS }
}

fn counting(mode: Mode) -> Counting {
    let count = CountSettings {
        mode,
        gap_days: None,
        window_days: None,
        half_life_days: None,
        smoothing: vec![3.0, 5.0],
        seen_min: 1,
        users_min: 1,
        user_day_max: None,
    };
    Counting { count, depth: 2, width: 4 }
}

fn rules(mode: Mode) -> ExampleRules {
    ExampleRules { rules: Rules { mode, ..Rules::default() }, ..ExampleRules::default() }
}

type Row<'a> = (u32, i64, &'a [u32], u32);

#[track_caller]
fn check(rules: ExampleRules, rows: &[(u32, i64, u32)], expected: &[Row<'_>]) {
    let examples = Examples::new(&log(rows), &rules);
    let found: Vec<Row<'_>> = examples
        .iter(0..examples.len())
        .map(|example| (example.user, example.time_us, example.history, example.next))
        .collect();
    assert_eq!(found, expected);
}

/// Two users whose events interleave; the first comes back to what it had met.
const ROWS: [(u32, i64, u32); 8] =
    [(0, 1, 0), (0, 3, 0), (0, 5, 1), (0, 7, 0), (0, 9, 2), (1, 5, 3), (1, 5, 4), (2, 6, 5)];

#[test]
fn distinct_examples_are_novel_and_in_order_of_time() {
    check(rules(Mode::Distinct), &ROWS, &[(0, 5, &[0], 1), (1, 5, &[3], 4), (0, 9, &[0, 1], 2)]);
}

#[test]
fn a_cluster_met_again_moves_to_the_end_of_the_history() {
    let changes: [Row<'_>; 4] = [(0, 5, &[0], 1), (1, 5, &[3], 4), (0, 7, &[0, 1], 0), (0, 9, &[1, 0], 2)];
    check(rules(Mode::Changes), &ROWS, &changes);
    let raw: [Row<'_>; 5] = [(0, 3, &[0], 0), (0, 5, &[0], 1), (1, 5, &[3], 4), (0, 7, &[0, 1], 0), (0, 9, &[1, 0], 2)];
    check(rules(Mode::Raw), &ROWS, &raw);
}

#[test]
fn histories_are_bounded_from_both_ends() {
    let short = ExampleRules { history_max: 1, ..rules(Mode::Changes) };
    check(short, &ROWS, &[(0, 5, &[0], 1), (1, 5, &[3], 4), (0, 7, &[1], 0), (0, 9, &[0], 2)]);
    let long = ExampleRules { history_min: 2, ..rules(Mode::Distinct) };
    check(long, &ROWS, &[(0, 9, &[0, 1], 2)]);
    let all = ExampleRules { history_min: 0, ..rules(Mode::Distinct) };
    let expected: [Row<'_>; 5] = [(0, 1, &[], 0), (0, 5, &[0], 1), (1, 5, &[], 3), (1, 5, &[3], 4), (0, 9, &[0, 1], 2)];
    check(all, &ROWS, &expected);
}

#[test]
fn kept_repeats_are_the_places_of_the_sequence() {
    let kept = ExampleRules { history_min: 2, history_max: 2, repeats: Repeats::Kept, ..rules(Mode::Raw) };
    check(kept, &ROWS, &[(0, 5, &[0, 0], 1), (0, 7, &[0, 1], 0), (0, 9, &[1, 0], 2)]);
}

#[test]
fn an_example_is_seen_with_its_most_recent_clusters() {
    let example = Example { user: 0, time_us: 0, history: &[1, 2, 3], next: 4 };
    for (length_max, history) in [(0, &[][..]), (2, &[2, 3]), (3, &[1, 2, 3]), (9, &[1, 2, 3])] {
        assert_eq!(example.recent(length_max).history, history);
    }
}

/// Everyone goes from 0 to 1; from the oracle's day on, everyone goes from 0 to 5.
fn oracle(day: i64) -> Log {
    let mut rows = Vec::new();
    for user in 0..300 {
        let at = i64::from(user) * DAY_US / 5;
        let next = if at >= day * DAY_US { 5 } else { 1 };
        rows.extend([(user, at, 0), (user, at + 1, next), (user, at + 2, 2)]);
    }
    log(&rows)
}

/// An example that owns its history.
struct Asked {
    time_us: i64,
    history: Vec<u32>,
    next: u32,
}

fn contexts_of(log: &Log, counting: &Counting, refresh: Refresh) -> Vec<(Asked, Context)> {
    let examples = Examples::new(log, &rules(counting.count.mode));
    let contexts = Contexts::new(&examples, 0..examples.len(), &refresh, &mut AsOf::new(log, counting));
    let asked = |Example { time_us, history, next, .. }| Asked { time_us, history: history.to_vec(), next };
    (0..examples.len()).map(|at| (asked(examples.get(at)), contexts.get(at).clone())).collect()
}

/// The clusters of a context, best first.
fn clusters(context: &Context) -> Vec<u32> {
    context.continuations.iter().map(|(cluster, _)| *cluster).collect()
}

#[test]
fn no_context_holds_the_oracle_before_a_refresh_has_seen_it() {
    // Day 15 lies inside the week from day 14 to day 21.
    let log = oracle(15);
    for (freshness, seen_from_day) in
        [(Freshness::Fresh, 21), (Freshness::stale_days(7.0), 28), (Freshness::Empty, i64::MAX / DAY_US)]
    {
        let contexts = contexts_of(&log, &counting(Mode::Distinct), Refresh::every_days(7.0).with(freshness));
        let (after, before): (Vec<_>, Vec<_>) =
            contexts.into_iter().partition(|(example, _)| example.time_us >= seen_from_day * DAY_US);
        assert!(before.iter().any(|(example, _)| example.next == 5), "the oracle comes before it was seen");
        assert!(before.iter().all(|(_, context)| !clusters(context).contains(&5)), "{freshness:?}");
        // It would have been found: once seen, it stands in every list but those of its own, and leads those of 0 in the end.
        let others = || after.iter().filter(|(example, _)| !example.history.contains(&5));
        assert!(others().all(|(_, context)| clusters(context).contains(&5)), "{freshness:?}");
        let leads = others().any(|(_, context)| clusters(context).first() == Some(&5));
        assert_eq!(leads, freshness != Freshness::Empty, "{freshness:?}");
    }
}

#[test]
fn an_event_at_the_refresh_itself_is_not_before_it() {
    let log = log(&[(0, -2, 0), (0, -1, 1), (1, -1, 0), (1, 0, 5), (2, 1, 0), (2, 2, 3)]);
    let contexts = contexts_of(&log, &counting(Mode::Distinct), Refresh::every_days(1.0));
    let of_last = &contexts.last().unwrap().1;
    assert_eq!((of_last.matched, clusters(of_last)), (1, vec![1]), "1 came before midnight, 5 at midnight");
}

#[test]
fn nothing_known_is_an_empty_context() {
    let log = oracle(15);
    let contexts = contexts_of(&log, &counting(Mode::Raw), Refresh::default().with(Freshness::Empty));
    assert!(!contexts.is_empty());
    assert!(contexts.iter().all(|(_, context)| *context == Context::default()));
}

/// Sequences of what came before a time, cut by the letter of the modes.
fn naive_sequences(log: &Log, mode: Mode, until_us: i64) -> Vec<Vec<u32>> {
    let mut users = BTreeMap::<u32, Vec<u32>>::new();
    for event in log.events.iter().filter(|event| event.time_us < until_us) {
        let sequence = users.entry(event.user).or_default();
        let kept = match mode {
            Mode::Distinct => !sequence.contains(&event.cluster),
            Mode::Changes => sequence.last() != Some(&event.cluster),
            Mode::Raw => true,
        };
        sequence.extend(kept.then_some(event.cluster));
    }
    users.into_values().filter(|sequence| sequence.len() >= 2).collect()
}

/// The smoothed probability by its formula, over the sequences themselves.
fn naive_score(sequences: &[Vec<u32>], history: &[u32], next: u32) -> f64 {
    let Some((_, shorter)) = history.split_first() else {
        let all = sequences.concat();
        return all.iter().filter(|cluster| **cluster == next).count() as f64 / all.len().max(1) as f64;
    };
    let constant = [3.0, 5.0][history.len() - 1];
    let after = |window: &&[u32]| window.starts_with(history);
    let windows: Vec<_> = sequences.iter().flat_map(|all| all.windows(history.len() + 1)).filter(after).collect();
    let found = windows.iter().filter(|window| window[history.len()] == next).count() as f64;
    (found + constant * naive_score(sequences, shorter, next)) / (windows.len() as f64 + constant)
}

/// How long the longest suffix is that anything followed.
fn naive_matched(sequences: &[Vec<u32>], history: &[u32]) -> usize {
    let followed = |suffix: &[u32]| {
        sequences.iter().any(|sequence| sequence.windows(suffix.len() + 1).any(|window| window.starts_with(suffix)))
    };
    let suffix = |length: &usize| &history[history.len() - length..];
    (1..=history.len().min(2)).rev().find(|length| followed(suffix(length))).unwrap_or(0)
}

/// Checks that a context is the naive model's, up to the rounding of stored scores.
fn check_context(context: &Context, sequences: &[Vec<u32>], example: &Example<'_>, mode: Mode) {
    let matched = naive_matched(sequences, example.history);
    let suffix = &example.history[example.history.len() - matched..];
    let score = |cluster: u32| naive_score(sequences, suffix, cluster);
    let mut scores: Vec<f64> =
        (0..CLUSTERS).filter(|cluster| !mode.barred(suffix).contains(cluster)).map(score).collect();
    scores.sort_by(|left, right| right.total_cmp(left));
    scores.retain(|score| *score > 0.0);
    scores.truncate(4);
    assert_eq!((context.matched, context.continuations.len()), (matched, scores.len()));
    for ((cluster, stored), best) in context.continuations.iter().zip(scores) {
        assert!(!mode.barred(suffix).contains(cluster));
        assert!((score(*cluster) - best).abs() < 1e-9, "{cluster} is not the next best");
        assert!((f64::from(*stored) - best).abs() < 1.3e-5, "{stored} for {best}");
    }
}

proptest! {
    #[test]
    fn contexts_are_those_of_a_recount_for_each_example(
        rows in prop::collection::vec((0..5_u32, 0..40_i64, 0..CLUSTERS), 2..60),
        mode in prop::sample::select(vec![Mode::Distinct, Mode::Changes, Mode::Raw]),
        (period_days, stale_days) in (1..12_i64, 0..4_i64),
    ) {
        let rows: Vec<_> = rows.into_iter().map(|(user, day, cluster)| (user, day * DAY_US, cluster)).collect();
        let (log, counting) = (log(&rows), counting(mode));
        let freshness = if stale_days == 0 { Freshness::Fresh } else { Freshness::stale_days(stale_days as f64) };
        let refresh = Refresh::every_days(period_days as f64).with(freshness);
        let examples = Examples::new(&log, &rules(mode));
        let contexts = Contexts::new(&examples, 0..examples.len(), &refresh, &mut AsOf::new(&log, &counting));
        for (at, example) in examples.iter(0..examples.len()).enumerate() {
            let period_us = period_days * DAY_US;
            let until_us = example.time_us / period_us * period_us - stale_days * DAY_US;
            check_context(contexts.get(at), &naive_sequences(&log, mode, until_us), &example, mode);
        }
    }

    #[test]
    fn examples_are_those_of_a_walk_through_each_sequence(
        rows in prop::collection::vec((0..3_u32, 0..40_i64, 0..CLUSTERS), 2..60),
        mode in prop::sample::select(vec![Mode::Distinct, Mode::Changes, Mode::Raw]),
        history_max in 1..5_u8,
    ) {
        let log = log(&rows);
        let examples = Examples::new(&log, &ExampleRules { history_max, ..rules(mode) });
        let mut found: Vec<(Vec<u32>, u32)> =
            examples.iter(0..examples.len()).map(|example| (example.history.to_vec(), example.next)).collect();
        let mut expected = Vec::new();
        for sequence in naive_sequences(&log, mode, i64::MAX) {
            for at in 1..sequence.len() {
                let mut history = Vec::new();
                for cluster in sequence[..at].iter().rev() {
                    if history.len() < usize::from(history_max) && !history.contains(cluster) {
                        history.insert(0, *cluster);
                    }
                }
                expected.push((history, sequence[at]));
            }
        }
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
        let times: Vec<i64> = examples.iter(0..examples.len()).map(|example| example.time_us).collect();
        prop_assert!(times.is_sorted());
        for time_us in [0, 7, 40] {
            prop_assert_eq!(examples.place_at(time_us), times.iter().filter(|time| **time < time_us).count());
        }
    }
}
