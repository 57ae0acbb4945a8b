//! The writer and the table against the simplest model of both: a `BTreeMap` from histories to candidates.

mod support;

use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;
use segue::snapshot::format::{Header, Shape};
use segue::snapshot::table::Table;
use segue::snapshot::write::{TableWriter, WriteError};
use support::table::{Case, Rows, bytes_of, candidates, cases, cases_of, rows_of, sorted, variant, variants, write};
use tempfile::TempDir;

const BUFFER_BYTES: usize = 1 << 16;

fn opened(case: &Case) -> Table<Vec<u8>> {
    let table = Table::open(bytes_of(case, BUFFER_BYTES)).expect("the writer writes what the reader opens");
    table.verify().and_then(|()| table.walk()).expect("the writer writes what verifies");
    table
}

/// Every possible history is there with its candidates, or absent.
#[track_caller]
fn check_every_history(table: &Table<Vec<u8>>, case: &Case) {
    for length in case.shape.lengths() {
        for key in 0..case.shape.possible(length) {
            let history = case.shape.history(length, key);
            assert_eq!(case.shape.key(&history), Some(key));
            let found = table.get(&history).map(|record| candidates(&record));
            assert_eq!(found.as_ref(), case.rows.get(&history), "{history:?}");
        }
    }
}

fn present(rows: &Rows, length: usize) -> u64 {
    rows.keys().filter(|history| history.len() == length).count() as u64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_table_reads_back_as_the_rows_written(case in cases()) {
        let table = opened(&case);
        check_every_history(&table, &case);
        prop_assert_eq!(rows_of(&table), case.rows.clone());
        prop_assert_eq!(table.shape(), case.shape);
        for length in 0..=5 {
            prop_assert_eq!(table.present(length), present(&case.rows, length));
            prop_assert_eq!(table.histories(length).count() as u64, present(&case.rows, length));
        }
    }

    #[test]
    fn iteration_goes_up_by_key(case in cases()) {
        let table = opened(&case);
        for length in case.shape.lengths() {
            let keys: Vec<_> = table.keys(length).map(|(key, _)| key).collect();
            prop_assert!(keys.is_sorted_by(|before, after| before < after), "{:?}", keys);
            let records: Vec<_> = table.records(length, 0..u64::MAX).map(|record| candidates(&record)).collect();
            let by_key: Vec<_> = table.keys(length).map(|(_, record)| candidates(&record)).collect();
            prop_assert_eq!(records, by_key);
        }
    }

    #[test]
    fn a_header_reads_back_as_encoded(case in cases()) {
        let bytes = bytes_of(&case, BUFFER_BYTES);
        let header = Header::decode(&bytes).expect("just written");
        prop_assert_eq!(&header.encode()[..], &bytes[..256]);
        prop_assert_eq!(header.file_bytes(), bytes.len() as u64);
    }

    #[test]
    fn the_buffer_does_not_show(case in cases(), buffer_bytes in prop_oneof![0..300usize, Just(0), Just(1)]) {
        prop_assert_eq!(bytes_of(&case, buffer_bytes), bytes_of(&case, BUFFER_BYTES));
    }

    #[test]
    fn a_refused_row_leaves_no_trace(case in cases()) {
        let dir = TempDir::new().expect("a temporary directory");
        let path = dir.path().join("table.segue");
        let mut writer = TableWriter::create(&path, case.shape, 100).expect("a good shape");
        for (history, candidates) in sorted(&case.rows) {
            let shares = support::table::shares(candidates);
            writer.push(history, &[]).expect_err("a row without candidates is refused");
            writer.push(&[0; 4], &shares).expect_err("a history longer than any depth is refused");
            writer.push(history, &shares).expect("the case's rows are good");
            writer.push(history, &shares).expect_err("a row that comes twice is refused");
            writer.push(&[], &shares).expect_err("a row shorter or equal is refused");
        }
        writer.finish().expect("the popular list is there");
        prop_assert_eq!(fs::read(path).expect("just written"), bytes_of(&case, BUFFER_BYTES));
    }

    #[test]
    fn an_unknown_cluster_or_a_longer_history_is_absent(case in cases(), known in 0..70u32, above in 0..3u32) {
        let table = opened(&case);
        let Shape { clusters, depth, .. } = case.shape;
        for unknown in [clusters + above, u32::MAX - above] {
            for history in [vec![unknown], vec![known % clusters, unknown], vec![unknown, known % clusters]] {
                prop_assert!(table.get(&history).is_none(), "{:?}", history);
            }
        }
        for length in usize::from(depth) + 1..=6 {
            prop_assert!(table.get(&vec![known % clusters; length]).is_none(), "{}", length);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn indexes_are_wide_above_65_535_clusters(
        case in prop::sample::select(vec![65_534, 65_535, 65_536, 65_537, 70_001])
            .prop_flat_map(|clusters| cases_of(Shape { clusters, depth: 1, width: 9 })),
    ) {
        prop_assert_eq!(case.shape.index_bytes(), if case.shape.clusters > 65_535 { 4 } else { 2 });
        let table = opened(&case);
        check_every_history(&table, &case);
        prop_assert_eq!(rows_of(&table), case.rows);
    }
}

#[test]
fn a_full_table_holds_every_history() {
    for (clusters, depth) in [(1, 3), (2, 3), (4, 3), (5, 2), (8, 2), (63, 1), (64, 1), (65, 1), (128, 1)] {
        let shape = Shape { clusters, depth, width: 2 };
        let histories =
            shape.lengths().flat_map(|length| (0..shape.possible(length)).map(move |key| shape.history(length, key)));
        let row = |(place, history): (usize, Vec<u32>)| (history, vec![(place as u32 % clusters, place as u16)]);
        let case = Case { shape, rows: histories.enumerate().map(row).collect() };
        let table = opened(&case);
        check_every_history(&table, &case);
        assert_eq!(table.present(usize::from(depth)), shape.possible(usize::from(depth)), "{shape:?}");
    }
}

#[test]
fn records_that_nearly_fill_a_line_are_rounded_up_to_it() {
    let bytes = |clusters, width| Shape { clusters, depth: 1, width }.record_bytes();
    let rows = [
        (70, 1, 8),
        (70, 2, 10),
        (70, 3, 16),
        (70, 5, 22),
        (70, 7, 32),
        (70, 10, 42),
        (70, 15, 64),
        (70, 31, 126),
        (70, 64, 258),
        (65_536, 1, 8),
        (65_536, 2, 16),
        (65_536, 5, 32),
        (65_536, 10, 64),
        (65_536, 3, 20),
        (65_536, 64, 386),
    ];
    for (clusters, width, expected) in rows {
        assert_eq!(bytes(clusters, width), expected, "{clusters} clusters, width {width}");
    }
}

/// A row that must be refused with an error whose text ends like this, in a table of 5 clusters, depth 2 and width 3
/// that has rows for [], [1] and [3].
type Refused<'a> = (&'a [u32], &'a [(u32, f32)], &'a str);

const REFUSED: &[Refused<'_>] = &[
    (&[4, 4, 4], &[(0, 0.5)], "history [4, 4, 4] has 3 clusters, expected at most the depth, 2"),
    (&[5], &[(0, 0.5)], "history [5] names cluster index 5, expected one below 5"),
    (&[4, 9], &[(0, 0.5)], "history [4, 9] names cluster index 9, expected one below 5"),
    (&[4], &[(0, 0.5), (5, 0.4)], "history [4] names cluster index 5, expected one below 5"),
    (&[], &[(0, 0.5)], "came after a longer or higher one, or twice; sort the rows by length, then by index"),
    (
        &[2],
        &[(0, 0.5)],
        "history [2] came after a longer or higher one, or twice; sort the rows by length, then by index",
    ),
    (
        &[3],
        &[(0, 0.5)],
        "history [3] came after a longer or higher one, or twice; sort the rows by length, then by index",
    ),
    (&[4], &[], "history [4] has 0 candidates, expected 1 to 3"),
    (&[4], &[(0, 0.4), (1, 0.3), (2, 0.2), (3, 0.1)], "history [4] has 4 candidates, expected 1 to 3"),
    (&[4], &[(0, 1.001)], "history [4] has a candidate with score 1.001, expected 0 to 1"),
    (&[4], &[(0, 0.5), (1, -0.001)], "history [4] has a candidate with score -0.001, expected 0 to 1"),
    (&[4], &[(0, f32::NAN)], "history [4] has a candidate with score NaN, expected 0 to 1"),
    (&[4], &[(0, f32::INFINITY)], "history [4] has a candidate with score inf, expected 0 to 1"),
    (&[4], &[(0, 0.4), (1, 0.5)], "history [4] has candidates out of order, expected the best first"),
    (&[4], &[(0, 0.5), (0, 0.5)], "history [4] has cluster index 0 twice among its candidates, expected once"),
];

/// Shapes that have no table, and why.
const NO_SHAPES: &[(Shape, &str)] = &[
    (Shape { clusters: 0, depth: 1, width: 1 }, "the table is made for 0 clusters, expected at least 1"),
    (Shape { clusters: 1, depth: 0, width: 1 }, "the table has depth 0, expected 1 to 3"),
    (Shape { clusters: 1, depth: 4, width: 1 }, "the table has depth 4, expected 1 to 3"),
    (Shape { clusters: 1, depth: 1, width: 0 }, "the table has width 0, expected 1 to 64"),
    (Shape { clusters: 1, depth: 1, width: 65 }, "the table has width 65, expected 1 to 64"),
    (Shape { clusters: 2049, depth: 3, width: 1 }, "more than 8589934592 possible histories; lower the depth"),
    (Shape { clusters: u32::MAX, depth: 3, width: 1 }, "more than 8589934592 possible histories; lower the depth"),
];

#[test]
fn every_refusal_says_what_was_expected_and_came() {
    let mut refused = refused_rows();
    refused.extend(refused_shapes());
    refused.extend(refused_files());
    let seen: BTreeSet<_> = refused.iter().map(variant).collect();
    assert_eq!(seen, variants("src/snapshot/write.rs", "WriteError"));
}

fn refused_rows() -> Vec<WriteError> {
    let dir = TempDir::new().expect("a temporary directory");
    let shape = Shape { clusters: 5, depth: 2, width: 3 };
    let mut writer = TableWriter::create(&dir.path().join("t"), shape, 100).expect("a good shape");
    for history in [&[][..], &[1], &[3]] {
        writer.push(history, &[(0, 1.0), (4, 1.0), (2, 0.0)]).expect("a good row");
    }
    let refuse = |(history, candidates, text): &Refused<'_>| {
        let error = writer.push(history, candidates).expect_err(text);
        assert!(error.to_string().ends_with(text), "{error}");
        error
    };
    REFUSED.iter().map(refuse).collect()
}

fn refused_shapes() -> Vec<WriteError> {
    let dir = TempDir::new().expect("a temporary directory");
    let refuse = |(shape, text): &(Shape, &str)| {
        let error = TableWriter::create(&dir.path().join("t"), *shape, 100).expect_err(text);
        assert!(error.to_string().ends_with(text), "{error}");
        error
    };
    let errors = NO_SHAPES.iter().map(refuse).collect();
    assert!(!dir.path().join("t").exists(), "a refused shape leaves no file");
    for clusters in [2048, 1] {
        Shape { clusters, depth: 3, width: 64 }.checked().expect("the largest and the smallest shapes are good");
    }
    errors
}

fn refused_files() -> Vec<WriteError> {
    let dir = TempDir::new().expect("a temporary directory");
    let mut case = Case { shape: Shape { clusters: 2, depth: 1, width: 1 }, rows: Rows::new() };
    case.rows.insert(vec![1], vec![(0, 1)]);
    let path = dir.path().join("t");
    let no_popular = write(&path, &case, 100).expect_err("the popular list is missing");
    assert!(no_popular.to_string().contains("no record of the empty history"), "{no_popular}");
    assert!(Table::open(fs::read(&path).expect("created")).is_err(), "an unfinished table has no header");
    let exists = write(&path, &case, 100).expect_err("the file exists");
    let nowhere = write(&dir.path().join("missing/t"), &case, 100).expect_err("the directory is missing");
    vec![no_popular, exists, nowhere]
}
