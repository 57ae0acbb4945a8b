//! Evaluations of made-up logs, against what can be known at a time.

use proptest::prelude::*;

use super::contenders::{Contender, Family};
use super::*;
use crate::build::CountSettings;
use crate::event::Event;
use crate::examples::Example;
use crate::read::{Columns, TimeUnit};
use crate::sequence::Rules;

const DAY_US: i64 = 86_400_000_000;
const CLUSTERS: u32 = 6;

fn settings() -> EvaluateSettings {
    let columns = Columns { user: String::new(), time: String::new(), target: String::new(), weight: None };
    let log = LogSettings {
        events: Vec::new(),
        format: None,
        columns,
        time_unit: TimeUnit::default(),
        weight_min: None,
        items: None,
    };
    EvaluateSettings {
        log,
        catalogue: PathBuf::new(),
        catalogue_columns: CatalogueColumns { id: String::new(), name: String::new(), keywords: None, parent: None },
        policy: Policy::Count,
        memory_bytes: 0,
        counting: counting(Mode::Changes),
        modes: vec![Mode::Changes],
        cadences: vec![1, 7],
        ages: vec![14],
        requests: Bounds { min: 1, max: 100_000 },
        learning: Some(Learning {
            size: Size { hidden: 8, intermediate: 8, layers: 1, heads: 1 },
            retrieved_max: 3,
            examples_max: 100_000,
            epochs: 2,
            epochs_monthly: 1,
            learning_rate: 0.01,
            seed: 1,
        }),
        bootstrap: Bootstrap { draws: 10, seed: 1 },
    }
}

fn counting(mode: Mode) -> Counting {
    let count = CountSettings {
        mode,
        gap_days: None,
        window_days: None,
        half_life_days: Some(20.0),
        smoothing: vec![2.0],
        seen_min: 1,
        users_min: 1,
        user_day_max: None,
    };
    Counting { count, depth: 2, width: 15 }
}

fn log(rows: &[(u32, i64, u32)]) -> Log {
    let mut events: Vec<Event> =
        rows.iter().map(|&(user, time_us, cluster)| Event { user, cluster, time_us }).collect();
    events.sort_by_key(|event| (event.user, event.time_us));
    Log { events, clusters: CLUSTERS }
}

/// Everyone's answers to a log, with the requests in their order.
fn answers(log: &Log, mode: Mode) -> (Vec<Asked>, Vec<Contender>) {
    let (settings, counting) = (settings(), counting(mode));
    let examples = Examples::new(log, &example_rules(&counting));
    let months = Months::new(&examples, settings.requests);
    let days = DayCounts::new(log, counting.rules(), Constants::new(&counting.count.smoothing, 2));
    let replay =
        Replay { settings: &settings, counting: &counting, log, examples: &examples, months: &months, days: &days };
    let requests = months.asked.iter().flat_map(|month| examples.iter(month.range.clone())).map(Asked::of).collect();
    (requests, replay.answers().unwrap().contenders)
}

/// A request that owns its history.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    time_us: i64,
    history: Vec<u32>,
    next: u32,
}

impl Asked {
    fn of(example: Example<'_>) -> Self {
        Self { time_us: example.time_us, history: example.history.to_vec(), next: example.next }
    }
}

/// Every day someone goes 0, 2, 1; from the oracle's day on, so many that they outnumber all before go 0, 2, 5, which nobody met before.
fn oracle(from_day: i64) -> Log {
    let visit = |day: i64| {
        let (users, next) = if day >= from_day { (60, 5) } else { (1, 1) };
        let at = day * DAY_US + DAY_US / 2;
        (0..users).flat_map(move |user| {
            let user = day as u32 * 100 + user;
            [(user, at, 0), (user, at + 1, 2), (user, at + 2, next)]
        })
    };
    log(&(0..130).flat_map(visit).collect::<Vec<_>>())
}

#[test]
fn what_only_the_future_reveals_gains_nobody_anything() {
    // Day 100 is 1970-04-11, in the second month that is asked about; weeks begin on days 98 and 105.
    let (requests, contenders) = answers(&oracle(100), Mode::Changes);
    for Contender { family, name, every_days, outcomes } in contenders {
        let known_from_day = match (family, every_days) {
            (Family::Reference, _) if name.contains("weekly") => 105,
            (Family::Retrieved | Family::Smoothed | Family::Hybrid, Some(7)) => 105,
            (Family::Retrieved | Family::Smoothed | Family::Hybrid, Some(1)) => 101,
            (Family::Smoothed, None) => i64::MAX,
            // The month after.
            _ => 120,
        };
        for (request, rank) in requests.iter().zip(outcomes.ranks()) {
            let day = request.time_us / DAY_US;
            if (100..known_from_day).contains(&day) {
                assert_ne!(rank, Some(1), "{name} knew on day {day}");
            } else if day < 100 && family != Family::Unretrieved {
                assert!(rank == Some(1) || name.contains("pop"), "{name} forgot on day {day}: {rank:?}");
            }
        }
    }
}

fn ranks(contenders: &[Contender]) -> Vec<(String, Vec<Option<u32>>)> {
    contenders.iter().map(|contender| (contender.name.clone(), contender.outcomes.ranks().collect())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn another_future_changes_no_answer_of_the_past(
        rows in prop::collection::vec((0..8_u32, 0..140 * 24_i64, 0..CLUSTERS), 60..160),
        future in prop::collection::vec((0..8_u32, 0..CLUSTERS), 20),
        mode in prop::sample::select(vec![Mode::Distinct, Mode::Changes, Mode::Raw]),
        cut_hour in 60 * 24..140 * 24_i64,
    ) {
        let hour_us = DAY_US / 24;
        let rows: Vec<_> = rows.into_iter().map(|(user, hour, cluster)| (user, hour * hour_us, cluster)).collect();
        let past = rows.iter().copied().filter(|(_, time_us, _)| *time_us < cut_hour * hour_us);
        let other = (0..).zip(future).map(|(at, (user, cluster))| (user, (cut_hour + at) * hour_us, cluster));
        let changed: Vec<_> = past.chain(other).collect();
        let (requests, ours) = answers(&log(&rows), mode);
        let (changed_requests, theirs) = answers(&log(&changed), mode);
        let before = requests.iter().take_while(|request| request.time_us < cut_hour * hour_us).count();
        prop_assert_eq!(&requests[..before], &changed_requests[..before]);
        for ((name, ours), (_, theirs)) in ranks(&ours).iter().zip(&ranks(&theirs)) {
            prop_assert_eq!(&ours[..before], &theirs[..before], "{}", name);
        }
    }

    #[test]
    fn the_reference_counts_as_its_rules_say(
        rows in prop::collection::vec((0..6_u32, 0..130 * 24_i64, 0..CLUSTERS), 100..200),
        mode in prop::sample::select(vec![Mode::Changes, Mode::Raw]),
    ) {
        let rows: Vec<_> = rows.into_iter().map(|(user, hour, cluster)| (user, hour * DAY_US / 24, cluster)).collect();
        let log = log(&rows);
        let (requests, contenders) = answers(&log, mode);
        let triples = naive_triples(&log, mode);
        let found = ranks(&contenders);
        for (at, request) in requests.iter().enumerate() {
            for (place, naive) in [naive_popularity, naive_pair, naive_last].into_iter().enumerate() {
                let (name, ranks) = &found[[0, 1, 3][place]];
                let ranked = naive(&triples, request);
                let barred = mode.barred(&request.history);
                let rank = ranked.iter().filter(|cluster| !barred.contains(cluster)).position(|one| *one == request.next);
                prop_assert_eq!(ranks[at], rank.map(|rank| rank as u32 + 1), "{} {:?}", name, request);
            }
        }
    }
}

/// Three places of a user's sequence that follow each other, with the month of the third.
type Triple = ([u32; 3], i32);

fn month(time_us: i64) -> i32 {
    crate::drift::Period::Month.of(time_us)
}

fn naive_triples(log: &Log, mode: Mode) -> Vec<Triple> {
    let mut triples = Vec::new();
    let rules = Rules { mode, ..Rules::default() };
    let mut cutter = crate::sequence::Cutter::new(rules, CLUSTERS as usize, |_, steps: &[crate::sequence::Step]| {
        triples.extend(steps.windows(3).map(|three| ([0, 1, 2].map(|at| three[at].cluster), month(three[2].time_us))));
    });
    log.events.iter().for_each(|event| cutter.push(*event));
    cutter.finish();
    triples
}

/// The clusters by how many of these triples they are the third of, then by id; only those that are.
fn ranked(triples: &[&Triple], popular: &[&Triple]) -> Vec<u32> {
    let count = |triples: &[&Triple], cluster: u32| triples.iter().filter(|triple| triple.0[2] == cluster).count();
    let mut clusters: Vec<u32> = (0..CLUSTERS).filter(|cluster| count(triples, *cluster) > 0).collect();
    clusters.sort_by_key(|cluster| {
        std::cmp::Reverse((count(triples, *cluster), count(popular, *cluster), std::cmp::Reverse(*cluster)))
    });
    clusters
}

fn naive_popularity(triples: &[Triple], request: &Asked) -> Vec<u32> {
    let last_month: Vec<_> = triples.iter().filter(|triple| triple.1 == month(request.time_us) - 1).collect();
    let mut all = ranked(&last_month, &[]);
    all.extend((0..CLUSTERS).filter(|cluster| !all.contains(cluster)).collect::<Vec<_>>());
    all
}

fn naive_pair(triples: &[Triple], request: &Asked) -> Vec<u32> {
    let last_month: Vec<_> = triples.iter().filter(|triple| triple.1 == month(request.time_us) - 1).collect();
    let same: Vec<_> = last_month.iter().copied().filter(|triple| triple.0[..2] == request.history).collect();
    ranked(&same, &last_month)
}

fn naive_last(triples: &[Triple], request: &Asked) -> Vec<u32> {
    let before: Vec<_> = triples.iter().filter(|triple| triple.1 < month(request.time_us)).collect();
    let same: Vec<_> = before.iter().copied().filter(|triple| triple.0[1] == request.history[1]).collect();
    let mut lists = ranked(&same, &before);
    let mut popular = ranked(&before, &[]);
    popular.extend((0..CLUSTERS).filter(|cluster| !popular.contains(cluster)).collect::<Vec<_>>());
    lists.extend(popular.into_iter().filter(|cluster| !lists.contains(cluster)).collect::<Vec<_>>());
    lists
}

#[test]
fn a_log_without_a_third_month_says_so() {
    let log = log(&[(0, 0, 0), (0, 1, 1), (0, 2, 2)]);
    let said = evaluate_mode(&settings(), &log, Mode::Changes).unwrap_err().to_string();
    assert!(said.contains("no month from the third on has 1 requests"), "{said}");
}
