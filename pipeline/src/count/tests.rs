//! Counting on many threads in little memory gives what one counter gives, and that is what the definition says.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Counter, Counters, CountersSettings, Counts};
use crate::decay::{Decay, WEIGHT_ONE};
use crate::event::Event;
use crate::scan::Visitor;
use crate::sequence::{Cutter, Mode, Rules, Step};
use crate::tally::Cell;

/// Enough for triples to be counted in boxes, few enough for pairs to be counted in arrays.
const CLUSTERS: u32 = 120;
const DAY_US: i64 = 86_400_000_000;

/// Users with their events by time: cluster and hours.
type Log = Vec<Vec<(u32, i64)>>;

#[derive(Clone, Copy, Debug)]
struct Case {
    mode: Mode,
    gap_days: Option<i64>,
    half_life_days: Option<f64>,
    user_day_max: Option<u32>,
    users_min: u32,
}

impl Case {
    fn rules(&self) -> Rules {
        Rules { mode: self.mode, gap_us: self.gap_days.map(|days| days * DAY_US), since_us: None }
    }

    fn decay(&self) -> Decay {
        Decay::new(60 * DAY_US, self.half_life_days)
    }
}

fn events(user: &[(u32, i64)]) -> Vec<Event> {
    user.iter().map(|(cluster, hours)| Event { user: 0, cluster: *cluster, time_us: hours * DAY_US / 24 }).collect()
}

fn alone(log: &Log, case: &Case) -> Counts {
    let mut counter = Counter::new(CLUSTERS, 3, case.decay()).with_user_day_max(case.user_day_max);
    let mut cutter = Cutter::new(case.rules(), CLUSTERS as usize, |user, steps: &[Step]| counter.add(user, steps));
    for (number, user) in (0..).zip(log) {
        events(user).into_iter().for_each(|event| cutter.push(Event { user: number, ..event }));
    }
    cutter.finish();
    counter.finish().with_users_min(case.users_min)
}

fn together(log: &Log, case: &Case, (threads, memory_bytes): (usize, usize)) -> (Counts, usize) {
    let dir = tempfile::tempdir().unwrap();
    let settings = CountersSettings {
        clusters: CLUSTERS,
        depth: 3,
        decay: case.decay(),
        rules: case.rules(),
        user_day_max: case.user_day_max,
        window_us: (0, 60 * DAY_US),
        events: 1 << 20,
        memory_bytes,
        spill_dir: dir.path(),
        threads,
    };
    let counters = Counters::new(settings).unwrap();
    let mut parts: Vec<_> = (0..threads).map(|_| counters.counter()).collect();
    (0..).zip(log).for_each(|(at, user)| parts[at % threads].user(0, &events(user)));
    let counts = counters.add_up(parts).unwrap().counts(case.users_min).unwrap();
    (counts, counters.spills())
}

/// By history, oldest first, and the cluster after it: weights, times and users, straight from the definition.
fn naive(log: &Log, case: &Case) -> BTreeMap<Vec<u32>, Cell> {
    let mut cells: BTreeMap<Vec<u32>, (Cell, BTreeSet<u32>)> = BTreeMap::new();
    let mut sequences: Vec<(u32, Vec<Step>)> = Vec::new();
    let keep = |user, steps: &[Step]| sequences.push((user, steps.to_vec()));
    let mut cutter = Cutter::new(case.rules(), CLUSTERS as usize, keep);
    for (number, user) in (0..).zip(log) {
        events(user).into_iter().for_each(|event| cutter.push(Event { user: number, ..event }));
    }
    cutter.finish();
    let mut days: BTreeMap<(u32, i64), u32> = BTreeMap::new();
    for (user, steps) in sequences {
        for at in 0..steps.len() {
            let of_day = days.entry((user, steps[at].time_us.div_euclid(DAY_US))).or_default();
            *of_day += 1;
            if case.user_day_max.is_some_and(|most| *of_day > most) {
                continue;
            }
            for length in 0..=at.min(3) {
                let gram = steps[at - length..=at].iter().map(|step| step.cluster).collect();
                let (cell, users) = cells.entry(gram).or_default();
                cell.add(case.decay().weight(steps[at].time_us));
                users.insert(user);
            }
        }
    }
    let finished =
        |(gram, (cell, users)): (_, (Cell, BTreeSet<u32>))| (gram, Cell { users: users.len() as u32, ..cell });
    cells.into_iter().map(finished).filter(|(_, cell)| cell.users >= case.users_min).collect()
}

fn by_gram(counts: &Counts) -> BTreeMap<Vec<u32>, Cell> {
    let digits = |key: u64, length: usize| -> Vec<u32> {
        let digit = |at: usize| (key / u64::from(CLUSTERS).pow(at as u32) % u64::from(CLUSTERS)) as u32;
        (0..length).rev().map(digit).collect()
    };
    let popular = (0..).zip(&counts.popular).filter(|(_, cell)| cell.seen > 0);
    let mut cells: BTreeMap<Vec<u32>, Cell> = popular.map(|(cluster, cell)| (vec![cluster], *cell)).collect();
    for (length, level) in (1..).zip(&counts.levels) {
        for row in 0..level.histories.len() {
            let history = digits(level.histories[row], length);
            cells.extend(level.places(row).map(|at| ([&history[..], &[level.nexts[at]]].concat(), level.cells[at])));
        }
    }
    cells
}

fn cases() -> impl Strategy<Value = Case> {
    let mode = prop_oneof![Just(Mode::Distinct), Just(Mode::Changes), Just(Mode::Raw)];
    let half_life = prop::option::of(prop_oneof![Just(0.5), Just(7.0), Just(1000.0)]);
    (mode, prop::option::of(1..5_i64), half_life, prop::option::of(1..4_u32), 1..4_u32).prop_map(
        |(mode, gap_days, half_life_days, user_day_max, users_min)| Case {
            mode,
            gap_days,
            half_life_days,
            user_day_max,
            users_min,
        },
    )
}

/// Few clusters, so that much is met again and by several users.
fn logs() -> impl Strategy<Value = Log> {
    let user = prop::collection::vec((prop_oneof![0..3_u32, 117..CLUSTERS], 0..60 * 24_i64), 0..25);
    prop::collection::vec(user, 0..8).prop_map(|mut log| {
        log.iter_mut().for_each(|user| user.sort_by_key(|(_, hours)| *hours));
        log
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn one_and_many_count_as_the_definition_says(log in logs(), case in cases()) {
        let expected = alone(&log, &case);
        prop_assert_eq!(by_gram(&expected), naive(&log, &case));
        for (threads, memory_bytes) in [(1, usize::MAX), (3, 0)] {
            let (counts, spills) = together(&log, &case, (threads, memory_bytes));
            prop_assert_eq!(&counts.popular, &expected.popular);
            prop_assert_eq!(&counts.levels, &expected.levels);
            prop_assert_eq!(&counts.tails, &expected.tails);
            prop_assert!(spills == 0 || memory_bytes == 0);
        }
    }
}

#[test]
fn records_that_memory_does_not_hold_are_spilled_and_counted() {
    let log: Log =
        (0..40).map(|user| (0..60).map(|at| ((at * 7 + user) % CLUSTERS, i64::from(at))).collect()).collect();
    let case = Case { mode: Mode::Raw, gap_days: None, half_life_days: None, user_day_max: None, users_min: 1 };
    let (counts, spills) = together(&log, &case, (2, 1));
    assert!(spills > 0);
    assert_eq!(by_gram(&counts), naive(&log, &case));
    let seen: u64 = counts.levels[2].cells.iter().map(|cell| u64::from(cell.seen)).sum();
    assert_eq!((seen, counts.popular[0].weight), (40 * 57, u64::from(counts.popular[0].seen) * WEIGHT_ONE));
}

#[test]
fn what_does_not_fit_a_record_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let settings = CountersSettings {
        clusters: 1 << 20,
        depth: 3,
        decay: Decay::new(0, Some(9.0)),
        rules: Rules::default(),
        user_day_max: None,
        window_us: (0, 60 * DAY_US),
        events: 1,
        memory_bytes: 1,
        spill_dir: dir.path(),
        threads: 1,
    };
    let said = Counters::new(settings).unwrap_err().to_string();
    assert!(said.contains("80 bits") && said.contains("--depth"), "{said}");
}
