//! Events of one user and one time: in the order of the log, or in one that no order of files changes.

use super::{Row, counted, counted_once, merged, partition, rules, settings};
use crate::kept::KeptSettings;
use crate::scan::Ties;
use crate::sequence::Mode;

/// Ten users whose one basket holds 3, 1, 2 in this order.
fn baskets() -> Vec<Row> {
    (0..10).flat_map(|user| [3, 1, 2].map(|cluster| (user, 1_000, cluster))).collect()
}

/// How often the second cluster came right after the first.
fn followed(path: &std::path::Path, (first, second): (u64, u32)) -> u32 {
    let level = &merged(path, &rules()).unwrap().counts.levels[0];
    let Some(row) = level.row_of(first) else { return 0 };
    let places = level.places(row);
    places.filter(|at| level.nexts[*at] == second).map(|at| level.cells[at].seen).sum()
}

#[test]
fn a_basket_keeps_the_order_of_its_rows_unless_told_otherwise() {
    for (ties, expected) in [(Ties::AsRead, [(3, 1), (1, 2)]), (Ties::ByCluster, [(1, 2), (2, 3)])] {
        let dir = tempfile::tempdir().unwrap();
        let settings = KeptSettings { ties, ..settings(Mode::Raw) };
        counted_once(&dir.path().join("once"), &[partition(dir.path(), "1.csv", &baskets())], &settings);
        let seen = expected.map(|pair| followed(&dir.path().join("once"), pair));
        assert_eq!(seen, [10, 10], "{ties:?}");
        assert_eq!(followed(&dir.path().join("once"), (3, 2)), 0, "{ties:?}");
    }
}

#[test]
fn one_state_has_one_order() {
    let dir = tempfile::tempdir().unwrap();
    let (first, state) = (partition(dir.path(), "1.csv", &baskets()), dir.path().join("state"));
    counted(&state, std::slice::from_ref(&first), &settings(Mode::Raw)).unwrap();
    let other = KeptSettings { ties: Ties::AsRead, ..settings(Mode::Raw) };
    let error = counted(&state, &[first], &other).unwrap_err().to_string();
    assert!(error.contains("ties \"by-cluster\" there, \"as-read\" now"), "{error}");
}
