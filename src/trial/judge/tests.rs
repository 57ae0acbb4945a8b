//! Judgements of counts made by hand: what chance explains is left alone, and nothing else is.

use std::path::Path;

use super::{Bound, Bounds};
use crate::config::Config;
use crate::trial::spread::{DURATION_BOUNDS_S, Spread};
use crate::trial::tally::ArmTotals;

/// Answers, as the table and the popular list gave them.
fn answers(table: u64, popular: u64) -> ArmTotals {
    ArmTotals { sources: [table, 0, 0, popular], ..ArmTotals::default() }
}

/// Answers that took so many microseconds, so many of each.
fn timed(times: &[(u64, u64)]) -> ArmTotals {
    let durations = Spread::new(DURATION_BOUNDS_S);
    for &(count, micros) in times {
        (0..count).for_each(|_| durations.record(micros * 1_000));
    }
    let count = times.iter().map(|(count, _)| count).sum();
    ArmTotals { durations: durations.totals(), ..answers(count, 0) }
}

fn failed(answered: u64, degraded: u64, errors: u64) -> ArmTotals {
    ArmTotals { degraded, errors, ..answers(answered, 0) }
}

#[track_caller]
fn check(rows: Vec<(&str, ArmTotals, ArmTotals, Option<Bound>)>) {
    // 200 answers; 5 points of fallback, 2 degraded, 1 of errors; twice the time, and a millisecond is never too long.
    let bounds = Bounds::new(&Config::defaults(Path::new("store")).canary);
    for (about, current, trial, expected) in rows {
        let breach = bounds.judge(&current, &trial);
        assert_eq!(breach.as_ref().map(|breach| breach.bound), expected, "{about}: {breach:?}");
    }
}

#[test]
fn shares_are_judged_against_the_current_releases() {
    check(vec![
        ("nothing", answers(0, 0), answers(0, 0), None),
        ("too few to judge", answers(1_000, 0), answers(0, 199), None),
        ("enough", answers(1_000, 0), answers(0, 200), Some(Bound::Fallback)),
        ("as bad as the other", answers(100, 900), answers(100, 900), None),
        ("within the excess", answers(10_000, 0), answers(9_600, 400), None),
        ("beyond it, and few", answers(10_000, 0), answers(184, 16), None),
        ("beyond it, and many", answers(10_000, 0), answers(9_200, 800), Some(Bound::Fallback)),
        ("the other may be what is unlucky", answers(200, 0), answers(185, 25), None),
        ("nothing to compare with", answers(199, 0), answers(0, 10_000), None),
        ("better", answers(0, 10_000), answers(10_000, 0), None),
    ]);
}

#[test]
fn failures_are_judged_even_where_all_callers_are_the_canarys() {
    let none = || answers(0, 0);
    check(vec![
        ("degraded, little", failed(10_000, 0, 0), failed(10_000, 200, 0), None),
        ("degraded", failed(10_000, 0, 0), failed(10_000, 300, 0), Some(Bound::Degraded)),
        ("both degraded", failed(10_000, 300, 0), failed(10_000, 300, 0), None),
        ("degraded, nothing beside it", none(), failed(10_000, 300, 0), Some(Bound::Degraded)),
        ("errors, few", failed(10_000, 0, 0), failed(10_000, 0, 100), None),
        ("errors", failed(10_000, 0, 0), failed(10_000, 0, 200), Some(Bound::Errors)),
        ("nothing but errors", failed(10_000, 0, 0), failed(0, 0, 200), Some(Bound::Errors)),
        ("both in error", failed(10_000, 0, 500), failed(10_000, 0, 500), None),
        ("errors, nothing beside it", none(), failed(10_000, 0, 200), Some(Bound::Errors)),
    ]);
}

#[test]
fn times_are_judged_by_how_many_take_too_long() {
    let usual = || timed(&[(10_000, 2_000)]);
    check(vec![
        ("as fast", usual(), usual(), None),
        ("less than twice as slow", usual(), timed(&[(10_000, 4_000)]), None),
        ("more than twice", usual(), timed(&[(10_000, 9_000)]), Some(Bound::Latency)),
        ("a slow hundredth", usual(), timed(&[(9_900, 2_000), (100, 90_000)]), None),
        ("a slow twentieth", usual(), timed(&[(9_500, 2_000), (500, 90_000)]), Some(Bound::Latency)),
        ("a slow twentieth of few", usual(), timed(&[(190, 2_000), (10, 90_000)]), None),
        ("slower by far, below the floor", timed(&[(10_000, 5)]), timed(&[(10_000, 900)]), None),
        ("above it", timed(&[(10_000, 5)]), timed(&[(10_000, 2_000)]), Some(Bound::Latency)),
        ("too few to compare with", timed(&[(199, 5)]), timed(&[(10_000, 90_000)]), None),
        ("too long for any bound", usual(), timed(&[(10_000, 5_000_000)]), Some(Bound::Latency)),
        ("both too long", timed(&[(10_000, 5_000_000)]), timed(&[(10_000, 5_000_000)]), None),
    ]);
}

#[test]
fn a_breach_says_what_was_expected_and_what_came() {
    let bounds = Bounds::new(&Config::defaults(Path::new("store")).canary);
    let told = |current: ArmTotals, trial: ArmTotals| bounds.judge(&current, &trial).map(|breach| breach.text);
    let fallback = "500 of 1000 (50.00 %) of its answers were not from the table, and 100 of 10000 (1.00 %) of the current \
                    release's; expected at most 5.00 points more (canary.fallback_excess_max)";
    assert_eq!(told(answers(9_900, 100), answers(500, 500)).as_deref(), Some(fallback));
    let latency = "1000 of 1000 (100.00 %) of its answers took longer than 4800 us, expected at most 1 %: the current release's \
                   99th percentile is 2400 us (canary.latency_percent_max, canary.latency_floor_us)";
    assert_eq!(told(timed(&[(1_000, 2_000)]), timed(&[(1_000, 90_000)])).as_deref(), Some(latency));
}
