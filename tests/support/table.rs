//! Rows, tables and releases to test with: made by the library's writer from rows that the tests keep to compare with.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use segue::snapshot::catalogue::{Catalogue, Cluster};
use segue::snapshot::format::{HEADER_BYTES, Header, Level, Shape};
use segue::snapshot::publish::{About, Published, ReleaseWriter, WriteShape};
use segue::snapshot::table::{Record, Table};
use segue::snapshot::write::{TableWriter, WriteError};
use tempfile::TempDir;

/// Candidates of one history: cluster index and stored score, best first.
pub(crate) type Candidates = Vec<(u32, u16)>;

/// The naive model of a table.
pub(crate) type Rows = BTreeMap<Vec<u32>, Candidates>;

/// A table to write and what must be read back from it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) shape: Shape,
    pub(crate) rows: Rows,
}

/// The number that is stored as `score`.
pub(crate) fn share(score: u16) -> f32 {
    f32::from(score) / f32::from(u16::MAX)
}

/// Candidates as the writer takes them.
pub(crate) fn shares(candidates: &[(u32, u16)]) -> Vec<(u32, f32)> {
    candidates.iter().map(|&(index, score)| (index, share(score))).collect()
}

/// Rows in the writer's order: by length, then by indexes.
pub(crate) fn sorted(rows: &Rows) -> Vec<(&Vec<u32>, &Candidates)> {
    let mut sorted: Vec<_> = rows.iter().collect();
    sorted.sort_by_key(|(history, _)| (history.len(), (*history).clone()));
    sorted
}

/// Writes a table to `path`.
pub(crate) fn write(path: &Path, case: &Case, buffer_bytes: usize) -> Result<Header, WriteError> {
    let mut writer = TableWriter::create(path, case.shape, buffer_bytes)?;
    for (history, candidates) in sorted(&case.rows) {
        writer.push(history, &shares(candidates))?;
    }
    writer.finish()
}

/// The bytes of a table.
pub(crate) fn bytes_of(case: &Case, buffer_bytes: usize) -> Vec<u8> {
    let dir = TempDir::new().expect("a temporary directory");
    let path = dir.path().join("table.segue");
    write(&path, case, buffer_bytes).expect("the case's rows are good");
    fs::read(path).expect("just written")
}

/// A record's candidates.
pub(crate) fn candidates(record: &Record<'_>) -> Candidates {
    record.iter().map(|(index, score)| (index, score.0)).collect()
}

/// Every row that iterating over a table gives.
pub(crate) fn rows_of<B: AsRef<[u8]>>(table: &Table<B>) -> Rows {
    let lengths = 0..=usize::from(table.shape().depth);
    let records = lengths.flat_map(|length| table.histories(length));
    records.map(|(history, record)| (history, candidates(&record))).collect()
}

/// Corrects every checksum of a table, so that only what is wrong besides is found. Its header must be readable.
pub(crate) fn reseal(bytes: &mut [u8]) {
    let mut header = Header::decode(bytes).expect("the case's header is good");
    let shape = header.shape;
    for length in shape.lengths() {
        let Level { bitmap_at, records_at, present, .. } = header.levels[length];
        let end = records_at + shape.records_bytes(present);
        header.levels[length].bitmap_crc = crc32fast::hash(&bytes[bitmap_at as usize..records_at as usize]);
        header.levels[length].records_crc = crc32fast::hash(&bytes[records_at as usize..end as usize]);
    }
    bytes[..HEADER_BYTES].copy_from_slice(&header.encode());
}

/// A catalogue of clusters with these ids.
pub(crate) fn catalogue(ids: impl IntoIterator<Item = u32>) -> Catalogue {
    let cluster = |id| Cluster { id, name: format!("cluster {id}"), keywords: vec![format!("k{id}")], parent: None };
    Catalogue::new(ids.into_iter().map(cluster).collect()).expect("the ids are distinct")
}

/// Publishes a release of a case in the store `dir`.
pub(crate) fn publish(dir: &Path, catalogue: Catalogue, case: &Case, about: About) -> Published {
    let Shape { depth, width, .. } = case.shape;
    let mut writer = ReleaseWriter::create(dir, catalogue, WriteShape { depth, width }, 4096).expect("a good shape");
    for (history, candidates) in sorted(&case.rows) {
        writer.push(history, &shares(candidates)).expect("the case's rows are good");
    }
    writer.finish(about).expect("the disk takes it")
}

/// A few rows of a shape, some of them on either side of a block's end; always the same.
pub(crate) fn some_rows(shape: Shape) -> Rows {
    let popular = (Vec::new(), some_candidates(shape, 0));
    let levels = shape.lengths().skip(1).flat_map(|length| {
        let last = shape.possible(length) - 1;
        let keys: BTreeSet<_> = [0, 1, 3, 62, 63, 64, 65, 127, 128, last].into_iter().collect();
        keys.into_iter().filter(move |&key| key <= last).map(move |key| (length, key))
    });
    let row = |(length, key)| (shape.history(length, key), some_candidates(shape, key));
    levels.map(row).chain([popular]).collect()
}

fn some_candidates(shape: Shape, key: u64) -> Candidates {
    let count = 1 + key % u64::from(shape.width).min(u64::from(shape.clusters));
    let candidate = |place: u64| {
        let index = (key * 31 + place * 7919) % u64::from(shape.clusters);
        (index as u32, u16::MAX - (key % 100) as u16 - 600 * place as u16)
    };
    let mut seen = BTreeSet::new();
    (0..count).map(candidate).filter(|(index, _)| seen.insert(*index)).collect()
}

/// Any small table: 1 to 70 clusters, with the counts on either side of a 64-key block more often than others.
pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let clusters = prop_oneof![1..=70u32, 1..=9u32, prop::sample::select(vec![4, 8, 63, 64, 65])];
    let width = prop_oneof![1..=64u8, Just(64), 1..=8u8];
    (clusters, 1..=3u8, width).prop_flat_map(|(clusters, depth, width)| cases_of(Shape { clusters, depth, width }))
}

/// Any table of a shape, from empty but for the popular list to full where few histories are possible.
pub(crate) fn cases_of(shape: Shape) -> impl Strategy<Value = Case> {
    let history = vec(0..shape.clusters, 1..=usize::from(shape.depth));
    let rows = vec((history, candidates_of(shape)), 0..200);
    (candidates_of(shape), rows).prop_map(move |(popular, rows)| {
        let rows = rows.into_iter().chain([(Vec::new(), popular)]).collect();
        Case { shape, rows }
    })
}

fn candidates_of(shape: Shape) -> impl Strategy<Value = Candidates> {
    let score = prop_oneof![any::<u16>(), Just(0), Just(u16::MAX), 0..5u16];
    vec((0..shape.clusters, score), 1..=usize::from(shape.width)).prop_map(|mut candidates| {
        let mut seen = BTreeSet::new();
        candidates.retain(|(index, _)| seen.insert(*index));
        candidates.sort_by_key(|&(_, score)| std::cmp::Reverse(score));
        candidates
    })
}

/// The names of an error's variants, read from its source file, so that a test can demand a row for each.
pub(crate) fn variants(file: &str, error: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("the source file is there");
    let body = text.split_once(&format!("pub enum {error} {{\n")).expect("the file has the enum").1;
    let body = body.split_once("\n}\n").expect("the enum ends").0;
    let variant = |line: &str| {
        let name: String = line.strip_prefix("    ")?.chars().take_while(|sign| sign.is_alphanumeric()).collect();
        name.starts_with(|sign: char| sign.is_uppercase()).then_some(name)
    };
    body.lines().filter_map(variant).collect()
}

/// The name of an error's variant.
pub(crate) fn variant(error: &impl std::fmt::Debug) -> String {
    format!("{error:?}").chars().take_while(|sign| sign.is_alphanumeric()).collect()
}
