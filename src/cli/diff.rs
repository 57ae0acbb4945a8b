//! `segue diff`: what changed between two releases, by the catalogue's own ids, because the same cluster may have
//! another index in another release. It must never judge: a large difference is normal after a refresh.

use std::iter::Sum;
use std::path::PathBuf;

use indicatif::HumanCount;
use serde::Serialize;

use super::output::{self, Column, OutputArgs, Report, percent, table};
use super::place;
use crate::snapshot::catalogue::Catalogue;
use crate::snapshot::release::Release;
use crate::snapshot::table::Record;

/// How many leading candidates of an answer are compared.
const TOP: usize = 5;

/// Compare two releases.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The older release: its directory, or a store for its current one
    from: PathBuf,
    /// The newer release: its directory, or a store for its current one
    to: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Difference {
    from: String,
    to: String,
    clusters: Clusters,
    levels: Vec<Row>,
    all: Row,
}

/// How the catalogues differ, in clusters.
#[derive(Debug, Serialize)]
struct Clusters {
    both: usize,
    added: usize,
    gone: usize,
    /// In both, under another name, keywords or parent.
    changed: usize,
}

/// How the histories of one length differ; of all lengths where `length` is none.
#[derive(Debug, Serialize)]
struct Row {
    length: Option<usize>,
    both: u64,
    added: u64,
    gone: u64,
    /// Share of `both` whose first candidate differs; none where `both` is 0.
    top_1_differs: Option<f64>,
    /// Share of `both` whose first five candidates differ, in members or order.
    top_5_differs: Option<f64>,
    /// Mean over `both` of the Jaccard index of the first five candidates.
    overlap_at_5: Option<f64>,
}

/// The counts behind a row.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    both: u64,
    added: u64,
    gone: u64,
    top_1: u64,
    top_5: u64,
    overlap: f64,
}

/// The ids of an answer's first candidates; none past its end.
type Top = [Option<u32>; TOP];

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let (from, to) = (place::open(&args.from)?, place::open(&args.to)?);
    output::print(args.output, &Difference::between(&from, &to))
}

impl Difference {
    fn between(from: &Release, to: &Release) -> Self {
        let depth = from.table().shape().depth.max(to.table().shape().depth);
        let tallies: Vec<_> = (0..=usize::from(depth)).map(|length| tally(from, to, length)).collect();
        Self {
            from: from.manifest().version.to_string(),
            to: to.manifest().version.to_string(),
            clusters: Clusters::between(from.catalogue(), to.catalogue()),
            levels: tallies.iter().enumerate().map(|(length, tally)| tally.row(Some(length))).collect(),
            all: tallies.into_iter().sum::<Tally>().row(None),
        }
    }
}

impl Clusters {
    fn between(from: &Catalogue, to: &Catalogue) -> Self {
        let pairs = || from.clusters().iter().filter_map(|cluster| Some((cluster, to.cluster(cluster.id)?)));
        let both = pairs().count();
        let changed = pairs().filter(|(old, new)| old != new).count();
        Self { both, added: to.len() - both, gone: from.len() - both, changed }
    }
}

fn tally(from: &Release, to: &Release, length: usize) -> Tally {
    let translation = translation(from.catalogue(), to.catalogue());
    let mut tally = Tally::default();
    for (history, record) in from.table().histories(length) {
        let translated: Option<Vec<u32>> = history.iter().map(|&index| translation[index as usize]).collect();
        match translated.and_then(|history| to.table().get(&history)) {
            Some(other) => tally.meet(&top(from.catalogue(), record), &top(to.catalogue(), other)),
            None => tally.gone += 1,
        }
    }
    tally.added = to.table().present(length).saturating_sub(tally.both);
    tally
}

/// For each index of `from`, the index of the same cluster in `to`.
fn translation(from: &Catalogue, to: &Catalogue) -> Vec<Option<u32>> {
    from.clusters().iter().map(|cluster| to.index_of(cluster.id)).collect()
}

fn top(catalogue: &Catalogue, record: Record<'_>) -> Top {
    let mut ids = [None; TOP];
    for (place, (index, _)) in ids.iter_mut().zip(record.iter()) {
        *place = catalogue.id_at(index);
    }
    ids
}

impl Tally {
    fn meet(&mut self, from: &Top, to: &Top) {
        self.both += 1;
        self.top_1 += u64::from(from[0] != to[0]);
        self.top_5 += u64::from(from != to);
        self.overlap += jaccard(from, to);
    }

    fn row(self, length: Option<usize>) -> Row {
        let share = |sum: f64| (self.both > 0).then(|| sum / self.both as f64);
        Row {
            length,
            both: self.both,
            added: self.added,
            gone: self.gone,
            top_1_differs: share(self.top_1 as f64),
            top_5_differs: share(self.top_5 as f64),
            overlap_at_5: share(self.overlap),
        }
    }
}

/// Members in both over members in either; two empty answers are alike.
fn jaccard(from: &Top, to: &Top) -> f64 {
    let (left, right) = (from.iter().flatten().count(), to.iter().flatten().count());
    let both = from.iter().flatten().filter(|id| to.contains(&Some(**id))).count();
    if left + right == 0 { 1.0 } else { both as f64 / (left + right - both) as f64 }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |sum, tally| Self {
            both: sum.both + tally.both,
            added: sum.added + tally.added,
            gone: sum.gone + tally.gone,
            top_1: sum.top_1 + tally.top_1,
            top_5: sum.top_5 + tally.top_5,
            overlap: sum.overlap + tally.overlap,
        })
    }
}

impl Report for Difference {
    fn human(&self) -> String {
        let headers = ["history length", "in both", "added", "gone", "top-1 differs", "top-5 differs", "overlap@5"];
        let mut table = table(&headers.map(Column::Number));
        for row in self.levels.iter().chain([&self.all]) {
            table.add_row(row.cells());
        }
        let Clusters { both, added, gone, changed } = self.clusters;
        format!(
            "{} -> {}\nclusters: {both} in both ({changed} changed), {added} added, {gone} gone\n{table}",
            self.from, self.to
        )
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let count = |count: u64| HumanCount(count).to_string();
        let overlap = self.overlap_at_5.map_or_else(|| "-".to_owned(), |overlap| format!("{overlap:.3}"));
        vec![
            self.length.map_or_else(|| "all".to_owned(), |length| length.to_string()),
            count(self.both),
            count(self.added),
            count(self.gone),
            percent(self.top_1_differs),
            percent(self.top_5_differs),
            overlap,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::{Top, jaccard};

    #[test]
    fn overlap_counts_members_whatever_their_order_and_number() {
        let top = |ids: &[u32]| -> Top { std::array::from_fn(|place| ids.get(place).copied()) };
        let rows: [(&[u32], &[u32], f64); 5] = [
            (&[1, 2, 3, 4, 5], &[5, 4, 3, 2, 1], 1.0),
            (&[1, 2, 3, 4, 5], &[6, 7, 8, 9, 10], 0.0),
            (&[1, 2], &[2, 3], 1.0 / 3.0),
            (&[1], &[], 0.0),
            (&[], &[], 1.0),
        ];
        for (from, to, expected) in rows {
            assert_eq!(jaccard(&top(from), &top(to)), expected, "{from:?} {to:?}");
        }
    }
}
