//! The answer against a naive model: straightforward code over a `BTreeMap` of the rows that went into the release.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use segue::answer::{Answer, LADDER, Reached, Source, answer, answer_all, climb};
use segue::ask::Ask;
use segue::config::Rung;
use segue::error::Error;
use segue::snapshot::live::Live;
use segue::snapshot::publish::About;
use segue::snapshot::release::Release;
use segue::snapshot::table::Score;
use support::table::{Candidates, Case, Rows, cases, catalogue, publish};
use tempfile::TempDir;

/// The id of the cluster at an index: sparse, so that an id taken for an index shows.
fn id(index: u32) -> u32 {
    index * 3 + 2
}

/// A release of a case, and the rows that went into it, by id.
struct Fixture {
    _store: TempDir,
    release: Release,
    model: Model,
}

/// The rows by cluster id, and all that a naive answer needs besides.
struct Model {
    rows: BTreeMap<Vec<u32>, Candidates>,
    clusters: Vec<u32>,
    depth: usize,
}

impl Fixture {
    fn of(case: &Case) -> Self {
        let store = TempDir::new().expect("a temporary directory");
        let clusters: Vec<_> = (0..case.shape.clusters).map(id).collect();
        let published = publish(store.path(), catalogue(clusters.iter().copied()), case, About::default());
        let release = Release::load(&published.path).expect("just published");
        let model = Model { rows: by_id(&case.rows), clusters, depth: usize::from(case.shape.depth) };
        Self { _store: store, release, model }
    }
}

fn by_id(rows: &Rows) -> BTreeMap<Vec<u32>, Candidates> {
    let history = |history: &Vec<u32>| history.iter().map(|&index| id(index)).collect();
    let named = |candidates: &Candidates| candidates.iter().map(|&(index, score)| (id(index), score)).collect();
    rows.iter().map(|(key, candidates)| (history(key), named(candidates))).collect()
}

/// What is compared of an answer.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    candidates: Vec<(u32, u16, Source)>,
    source: Source,
    matched: Vec<u32>,
    ignored: Vec<u32>,
}

impl Seen {
    fn of(answer: &Answer<'_>) -> Self {
        let candidate = |found: &segue::answer::Candidate| (found.cluster, found.score.0, found.source);
        Self {
            candidates: answer.candidates.iter().map(candidate).collect(),
            source: answer.source,
            matched: answer.matched.as_slice().to_vec(),
            ignored: answer.ignored.clone(),
        }
    }
}

impl Model {
    fn answer(&self, rungs: &[Rung], ask: &Ask) -> Seen {
        let known = self.known(&ask.history);
        let mut candidates: Vec<(u32, u16, Source)> = Vec::new();
        let mut first = (Source::Popular, Vec::new());
        for (source, suffix) in rungs.iter().flat_map(|rung| steps(*rung, &known)) {
            let Some(row) = self.rows.get(&suffix).filter(|_| candidates.len() < ask.limit) else { continue };
            if candidates.is_empty() {
                first = (source, suffix);
            }
            for &(cluster, score) in row {
                let taken = candidates.iter().any(|&(other, ..)| other == cluster);
                if !taken && candidates.len() < ask.limit && wanted(ask, cluster, score) {
                    candidates.push((cluster, score, source));
                }
            }
        }
        let (source, matched) = first;
        Seen { candidates, source, matched, ignored: self.ignored(&ask.history) }
    }

    /// The last clusters of the history that are known, each where it stands last.
    fn known(&self, history: &[u32]) -> Vec<u32> {
        let last = |place: usize| !history[place + 1..].contains(&history[place]);
        let kept = (0..history.len()).filter(|&place| last(place) && self.clusters.contains(&history[place]));
        let kept: Vec<_> = kept.map(|place| history[place]).collect();
        kept[kept.len().saturating_sub(self.depth)..].to_vec()
    }

    /// The clusters that are not known, most recent first, each once.
    fn ignored(&self, history: &[u32]) -> Vec<u32> {
        let mut ignored = Vec::new();
        for id in history.iter().rev() {
            if !self.clusters.contains(id) && !ignored.contains(id) {
                ignored.push(*id);
            }
        }
        ignored
    }
}

/// The suffixes that a rung looks up, in order.
fn steps(rung: Rung, known: &[u32]) -> Vec<(Source, Vec<u32>)> {
    match rung {
        Rung::Table if known.is_empty() => vec![],
        Rung::Table => vec![(Source::Table, known.to_vec())],
        Rung::Suffix => (1..known.len()).map(|from| (Source::Suffix, known[from..].to_vec())).collect(),
        Rung::Popular => vec![(Source::Popular, vec![])],
        Rung::Model => vec![],
    }
}

fn wanted(ask: &Ask, cluster: u32, score: u16) -> bool {
    let excluded = ask.exclude.contains(&cluster) || (ask.exclude_history && ask.history.contains(&cluster));
    !excluded && score >= ask.min_score.0
}

/// Any question about up to 71 clusters, some of them unknown.
fn asks() -> impl Strategy<Value = Ask> {
    let ids =
        || prop_oneof![4 => (0..12u32).prop_map(id), 2 => (0..70u32).prop_map(id), 1 => any::<u32>(), 1 => 0..20u32];
    let score = prop_oneof![3 => Just(0u16), 1 => any::<u16>(), 1 => 0..5u16];
    (vec(ids(), 0..8), 1..80usize, vec(ids(), 0..6), any::<bool>(), score).prop_map(
        |(history, limit, mut exclude, exclude_history, score)| {
            exclude.sort_unstable();
            Ask { history, limit, exclude, exclude_history, min_score: Score(score), ..Ask::default() }
        },
    )
}

/// Any order of any of the rungs.
fn rungs() -> impl Strategy<Value = Vec<Rung>> {
    let shuffled = Just(LADDER.to_vec()).prop_shuffle();
    prop_oneof![Just(LADDER.to_vec()), (shuffled, 1..=3usize).prop_map(|(rungs, kept)| rungs[..kept].to_vec())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_answer_is_the_models(case in cases(), rungs in rungs(), asks in vec(asks(), 100)) {
        let Fixture { release, model, .. } = Fixture::of(&case);
        for ask in asks {
            prop_assert_eq!(Seen::of(&climb(&release, &rungs, &ask)), model.answer(&rungs, &ask), "{:?}", ask);
        }
    }

    /// Questions about histories that the table holds, which random ones seldom hit at depth 3.
    #[test]
    fn a_history_present_is_found(case in cases(), filters in asks()) {
        let Fixture { release, model, .. } = Fixture::of(&case);
        for history in model.rows.keys() {
            let ask = Ask { history: history.clone(), ..filters.clone() };
            prop_assert_eq!(Seen::of(&climb(&release, &LADDER, &ask)), model.answer(&LADDER, &ask), "{:?}", ask);
        }
    }

    /// What holds whatever the model says.
    #[test]
    fn every_candidate_keeps_the_questions_terms(case in cases(), asks in vec(asks(), 20)) {
        let Fixture { release, .. } = Fixture::of(&case);
        for ask in asks {
            let found = Seen::of(&climb(&release, &LADDER, &ask)).candidates;
            let distinct: std::collections::BTreeSet<_> = found.iter().map(|&(cluster, ..)| cluster).collect();
            prop_assert!(found.len() <= ask.limit && distinct.len() == found.len());
            prop_assert!(found.iter().all(|&(cluster, score, _)| wanted(&ask, cluster, score)));
            prop_assert!(found.is_sorted_by_key(|&(.., source)| source as usize), "the ladder's order: {:?}", found);
        }
    }
}

/// The rows of the worked examples: 5 clusters with ids 2, 5, 8, 11 and 14, depth 2.
fn example() -> Fixture {
    let shape = segue::snapshot::format::Shape { clusters: 5, depth: 2, width: 3 };
    let row = |history: &[u32], candidates: &[(u32, u16)]| (history.to_vec(), candidates.to_vec());
    let rows = [
        row(&[], &[(0, 9000), (1, 8000), (2, 7000)]),
        row(&[1], &[(2, 6000), (3, 500)]),
        row(&[0, 1], &[(3, 5000), (4, 4000), (0, 300)]),
    ];
    Fixture::of(&Case { shape, rows: rows.into() })
}

/// A question about the example; the clusters, source and suffix that must come, and what is ignored.
type Worked<'a> = (Ask, &'a [u32], Source, &'a [u32], &'a [u32]);

#[test]
fn worked_examples() {
    let ask = |history: &[u32], limit| Ask { history: history.to_vec(), limit, ..Ask::default() };
    let rows: &[Worked<'_>] = &[
        (ask(&[2, 5], 3), &[11, 14, 2], Source::Table, &[2, 5], &[]),
        (ask(&[2, 5], 5), &[11, 14, 2, 8, 5], Source::Table, &[2, 5], &[]),
        (ask(&[14, 2, 2, 5, 5], 1), &[11], Source::Table, &[2, 5], &[]),
        (ask(&[5, 2, 5], 1), &[11], Source::Table, &[2, 5], &[]),
        (ask(&[2, 77, 5, 78, 77], 1), &[11], Source::Table, &[2, 5], &[77, 78]),
        (ask(&[8, 5], 2), &[8, 11], Source::Suffix, &[5], &[]),
        (ask(&[5], 2), &[8, 11], Source::Table, &[5], &[]),
        (ask(&[5, 8], 2), &[2, 5], Source::Popular, &[], &[]),
        (ask(&[77], 1), &[2], Source::Popular, &[], &[77]),
        (ask(&[], 9), &[2, 5, 8], Source::Popular, &[], &[]),
        (Ask { exclude: vec![8, 11], ..ask(&[2, 5], 2) }, &[14, 2], Source::Table, &[2, 5], &[]),
        (Ask { exclude_history: true, ..ask(&[2, 5], 9) }, &[11, 14, 8], Source::Table, &[2, 5], &[]),
        (Ask { exclude_history: true, ..ask(&[8, 5], 9) }, &[11, 2], Source::Suffix, &[5], &[]),
        (Ask { exclude: vec![2, 11, 14], ..ask(&[2, 5], 1) }, &[8], Source::Suffix, &[5], &[]),
        (Ask { min_score: Score(6000), ..ask(&[2, 5], 9) }, &[8, 2, 5], Source::Suffix, &[5], &[]),
        (Ask { min_score: Score(9001), ..ask(&[2, 5], 9) }, &[], Source::Popular, &[], &[]),
    ];
    let Fixture { release, .. } = example();
    for (ask, clusters, source, matched, ignored) in rows {
        let found = climb(&release, &LADDER, ask);
        assert_eq!(found.candidates.iter().map(|found| found.cluster).collect::<Vec<_>>(), *clusters, "{ask:?}");
        assert_eq!((found.source, found.matched.as_slice()), (*source, *matched), "{ask:?}");
        assert_eq!(&found.ignored, ignored, "{ask:?}");
        assert!(found.candidates.iter().all(|found| release.catalogue().id_at(found.index) == Some(found.cluster)));
    }
}

#[test]
fn without_a_release_there_is_no_answer_and_with_one_every_door_gives_the_same() {
    let live = Live::default();
    let ask = Ask { history: vec![2, 5], limit: 4, ..Ask::default() };
    let asks = [Ok(ask.clone()), Err(Error::BodyBroken), Ok(ask.clone())];
    assert_eq!(answer(&live, &LADDER, &ask, |_, _| ()).err(), Some(Error::NotReady));
    assert_eq!(answer_all(&live, &LADDER, &asks, |_, _| ()).err(), Some(Error::NotReady));
    let Fixture { release, model, _store } = example();
    assert!(live.swap(Arc::new(release)).is_none() && live.is_ready());
    let expected = model.answer(&LADDER, &ask);
    assert_eq!(end(answer(&live, &LADDER, &ask, |answer, _| Seen::of(answer))), expected);
    let all = end(answer_all(&live, &LADDER, &asks, |all, _| [0, 1, 2].map(|at| all.answer(at).map(seen).ok())));
    assert_eq!(all, [Some(expected.clone()), None, Some(expected)]);
}

fn seen((answer, _): (Answer<'_>, &Ask)) -> Seen {
    Seen::of(&answer)
}

/// What was reached without any model.
fn end<R>(reached: Result<Reached<R>, Error>) -> R {
    match reached {
        Ok(Reached::End(end)) => end,
        Ok(Reached::Model(..)) => panic!("nobody is to be asked"),
        Err(error) => panic!("{error}"),
    }
}
