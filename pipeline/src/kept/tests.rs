//! A log in pieces against the same log at once, and both against a model that looks at everything.

mod bound;
mod equal;
mod kill;
mod late;
mod naive;
mod opaque;
mod refused;
mod ties;

use std::fmt::Write as _;
use std::path::Path;

use segue::snapshot::catalogue::{Catalogue, Cluster};

use crate::build::LogSettings;
use crate::kept::{
    Counting, KeptReport, KeptSettings, MergeRules, Merged, WITNESS_MAX, count, count_once, dirs, merge,
};
use crate::progress::Progress;
use crate::read::{Columns, TimeUnit};
use crate::refusals::Policy;
use crate::scan::Ties;
use crate::sequence::Mode;
use crate::source::{Location, Partition};

/// Seconds in a day.
const DAY_S: i64 = 86_400;

/// A user, a time in seconds, and a cluster's dense index.
type Row = (u32, i64, u32);

/// Clusters with ids that are not their indexes.
pub(crate) fn catalogue(clusters: u32) -> Catalogue {
    let cluster = |index: u32| Cluster { id: index * 3 + 7, name: index.to_string(), keywords: vec![], parent: None };
    Catalogue::new((0..clusters).map(cluster).collect()).unwrap()
}

fn settings(mode: Mode) -> KeptSettings {
    KeptSettings {
        mode,
        gap_days: None,
        ties: Ties::ByCluster,
        depth: 2,
        user_day_max: 100,
        witness_max: WITNESS_MAX,
        request_users_share: 1.0,
    }
}

fn rules() -> MergeRules {
    MergeRules { to_day: None, window_days: None, half_life_days: None, users_min: 1, privacy: None, depth: 2 }
}

fn partition(dir: &Path, name: &str, rows: &[Row]) -> Partition {
    let mut text = "user,ts,cluster\n".to_owned();
    rows.iter().for_each(|(user, time_s, cluster)| writeln!(text, "u{user},{time_s},{}", cluster * 3 + 7).unwrap());
    let path = dir.join(name);
    std::fs::write(&path, &text).unwrap();
    Partition { name: name.to_owned(), location: Location::Path(path), bytes: text.len() as u64, stamp: "1".to_owned() }
}

/// Runs with the settings of a small log.
fn with_counting<T>(catalogue: &Catalogue, run: impl FnOnce(&Counting<'_>) -> T) -> T {
    let columns =
        Columns { user: "user".to_owned(), time: "ts".to_owned(), target: "cluster".to_owned(), weight: None };
    let log = LogSettings {
        events: Vec::new(),
        format: None,
        columns,
        time_unit: TimeUnit::Seconds,
        weight_min: None,
        items: None,
    };
    let (policy, progress) = (Policy::Strict, Progress::reading_bytes(0));
    run(&Counting { log: &log, catalogue, policy, memory_bytes: 1 << 20, threads: 2, progress: &progress })
}

fn counted(dir: &Path, partitions: &[Partition], settings: &KeptSettings) -> anyhow::Result<KeptReport> {
    with_counting(&catalogue(6), |counting| count(partitions, dir, settings, counting))
}

fn counted_once(out: &Path, partitions: &[Partition], settings: &KeptSettings) -> KeptReport {
    with_counting(&catalogue(6), |counting| count_once(partitions, out, settings, counting)).unwrap()
}

fn merged(path: &Path, rules: &MergeRules) -> anyhow::Result<Merged> {
    merge(&dirs(path)?, rules, &catalogue(6))
}

/// What can be compared of merged counts.
fn shown(merged: &Merged) -> impl PartialEq + std::fmt::Debug + use<> {
    let counts = merged.counts.clone();
    (counts.popular, counts.levels, counts.tails, merged.figures.suppressed.clone(), merged.figures.steps)
}
