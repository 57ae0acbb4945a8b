//! Releases whose every answer tells which one gave it: candidates, scores and names all say its number.

use std::collections::BTreeMap;
use std::path::Path;

use segue::snapshot::release::Release;
use segue::snapshot::store::Store;
use segue::wire::json::AnswerBody;

use crate::support::release::{load, publish};

/// How many there are.
pub(crate) const RELEASES: u32 = 4;

/// The versions that belong together, by release.
pub(crate) type Editions = BTreeMap<String, Edition>;

/// What an answer of one release states besides it.
#[derive(Debug, PartialEq)]
pub(crate) struct Edition {
    pub(crate) number: u32,
    snapshot: String,
    catalogue: String,
}

/// The name of a release.
pub(crate) fn name(number: u32) -> String {
    format!("signed-{number}")
}

/// Publishes all of them.
pub(crate) fn publish_all(dir: &Path) -> Editions {
    (0..RELEASES).for_each(|number| publish_one(dir, number));
    let store = Store::open(dir);
    let edition = |number| {
        let release = load(&store, &name(number));
        let manifest = release.manifest();
        let (snapshot, catalogue) = (manifest.snapshot.to_string(), manifest.catalogue.to_string());
        (name(number), Edition { number, snapshot, catalogue })
    };
    (0..RELEASES).map(edition).collect()
}

/// Publishes one: its clusters are named after it, its first candidate is its own, and its scores are.
pub(crate) fn publish_one(dir: &Path, number: u32) {
    let names: Vec<String> = (1..=6).map(|id| word(id, number)).collect();
    let clusters: Vec<(u32, &str)> = (1..).zip(names.iter().map(String::as_str)).collect();
    let own = [(number + 1, score(number))];
    publish(dir, &name(number), &clusters, &[(&[], &own), (&[5], &own), (&[6], &own), (&[5, 6], &own)]);
}

/// Checks that an answer to a question with names is its stated release's, whole; gives the release's number.
#[track_caller]
pub(crate) fn check(answer: &AnswerBody, editions: &Editions) -> u32 {
    let edition = editions.get(&answer.release).unwrap_or_else(|| panic!("{} is none of ours", answer.release));
    assert_eq!((&answer.snapshot, &answer.catalogue), (&edition.snapshot, &edition.catalogue), "{answer:?}");
    let number = edition.number;
    let told: Vec<_> =
        answer.candidates.iter().map(|found| (found.cluster, found.score, found.name.as_deref())).collect();
    let decimal = (f64::from(score(number)) * 1e5).round() / 1e5;
    assert_eq!(told, [(number + 1, decimal, Some(word(number + 1, number).as_str()))], "{answer:?}");
    number
}

/// Checks a release that is read in process.
#[track_caller]
pub(crate) fn check_release(release: &Release, editions: &Editions) -> u32 {
    let manifest = release.manifest();
    let edition = &editions[manifest.version.as_str()];
    assert_eq!((manifest.snapshot.as_str(), manifest.catalogue.as_str()), (&*edition.snapshot, &*edition.catalogue));
    let indexes = [5, 6].map(|id| release.catalogue().index_of(id).expect("a cluster of the release"));
    let record = release.table().get(&indexes).expect("a history of the release");
    let (index, _) = record.iter().next().expect("a candidate");
    let cluster = release.catalogue().at(index).expect("a cluster of the release");
    assert_eq!((cluster.id, &cluster.name), (edition.number + 1, &word(edition.number + 1, edition.number)));
    edition.number
}

fn word(id: u32, number: u32) -> String {
    format!("cluster {id} of {number}")
}

fn score(number: u32) -> f32 {
    0.2 * (number + 1) as f32
}
