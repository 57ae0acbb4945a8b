//! Releases small enough to answer by hand: six clusters, two deep, and [`vectors`](super::vectors) with the answers.
//!
//! Scores are fifths, which the table stores and shows exactly.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use segue::snapshot::catalogue::{Catalogue, Cluster};
use segue::snapshot::manifest::{CATALOGUE, Manifest, Version};
use segue::snapshot::publish::{About, ReleaseWriter, WriteShape};
use segue::snapshot::release::Release;
use segue::snapshot::store::Store;

/// The clusters: id and name. The ids are not the table's indexes.
pub(crate) const CLUSTERS: &[(u32, &str)] =
    &[(10, "tea"), (20, "coffee"), (30, "chocolate"), (40, "biscuits"), (50, "jam"), (60, "bread")];

/// A row by cluster ids: a history and its candidates.
pub(crate) type Row<'a> = (&'a [u32], &'a [(u32, f32)]);

/// The rows: what each history leads to.
pub(crate) const ROWS: &[Row<'_>] = &[
    (&[], &[(10, 0.8), (20, 0.6), (30, 0.4)]),
    (&[10], &[(40, 0.8), (20, 0.4)]),
    (&[20], &[(30, 0.6), (40, 0.6), (10, 0.2)]),
    (&[40], &[(50, 0.4)]),
    (&[10, 20], &[(50, 0.8), (30, 0.2)]),
    (&[20, 10], &[(60, 1.0), (40, 0.6), (50, 0.2)]),
    (&[40, 20], &[(60, 0.2)]),
];

/// The version of the release in [`store`].
pub(crate) const VERSION: &str = "vectors-1";

/// The model that the release names.
pub(crate) const MODEL: &str = "model-1";

/// A store at `dir` whose current release is of [`CLUSTERS`] and [`ROWS`].
pub(crate) fn store(dir: &Path) -> Store {
    publish(dir, VERSION, CLUSTERS, ROWS);
    let store = Store::open(dir);
    store.activate(&version(VERSION)).expect("the release is complete");
    store
}

/// The release that is current in `store`, verified and warm.
pub(crate) fn load(store: &Store, name: &str) -> Arc<Release> {
    Arc::new(Release::load(&store.release_path(&version(name))).expect("the release is sound"))
}

/// Publishes a release of `clusters` and `rows`, which come sorted by length and then by the clusters' order.
pub(crate) fn publish(dir: &Path, name: &str, clusters: &[(u32, &str)], rows: &[Row<'_>]) {
    publish_naming(dir, (name, Some(version(MODEL))), clusters, rows);
}

/// The same, where it names a model or none; gives what it is.
pub(crate) fn publish_naming(
    dir: &Path,
    (name, model): (&str, Option<Version>),
    clusters: &[(u32, &str)],
    rows: &[Row<'_>],
) -> Manifest {
    let cluster = |&(id, name): &(u32, &str)| Cluster {
        id,
        name: name.to_owned(),
        keywords: vec![format!("{name} of the day"), name.to_uppercase()],
        parent: (id % 20 == 0).then_some(10),
    };
    let catalogue = Catalogue::new(clusters.iter().map(cluster).collect()).expect("distinct ids");
    let index = |id: u32| catalogue.index_of(id).expect("rows name the catalogue's clusters");
    let shape = WriteShape { depth: 2, width: 3 };
    let mut writer = ReleaseWriter::create(dir, catalogue.clone(), shape, 1 << 16).expect("an empty place");
    for (history, candidates) in rows {
        let history: Vec<u32> = history.iter().map(|&id| index(id)).collect();
        let candidates: Vec<(u32, f32)> = candidates.iter().map(|&(id, score)| (index(id), score)).collect();
        writer.push(&history, &candidates).expect("a sorted row");
    }
    let about = About { version: Some(version(name)), model, ..About::default() };
    writer.finish(about).expect("room on the disk").manifest
}

/// A release whose load does not end: its catalogue is a pipe that nobody writes to. Gives the pipe.
pub(crate) fn endless(dir: &Path, name: &str) -> PathBuf {
    publish(dir, name, CLUSTERS, ROWS);
    let catalogue = dir.join("releases").join(name).join(CATALOGUE);
    fs::remove_file(&catalogue).expect("it was just published");
    let made = Command::new("mkfifo").arg(&catalogue).status().expect("mkfifo is there");
    assert!(made.success());
    catalogue
}

/// A version by its name.
pub(crate) fn version(name: &str) -> Version {
    name.parse().expect("a version name")
}
