//! A log in pieces gives what it gives at once.

use proptest::prelude::*;

use super::naive::{any_rows, any_rules, any_settings};
use super::{Row, counted, counted_once, dirs, merged, partition, rules, settings, shown};
use crate::kept::{merge, requests};
use crate::sequence::Mode;
use crate::source::Partition;

/// The rows of a log as partitions cut at times, in the order of time.
fn cut(dir: &std::path::Path, rows: &[Row], cuts_s: &[i64]) -> Vec<Partition> {
    let mut cuts_s = cuts_s.to_vec();
    cuts_s.sort_unstable();
    let piece = |piece: usize| -> Vec<Row> {
        let inside = |row: &&Row| cuts_s.partition_point(|cut_s| *cut_s <= row.1) == piece;
        rows.iter().filter(inside).copied().collect()
    };
    (0..=cuts_s.len()).map(|at| partition(dir, &format!("{at}.csv"), &piece(at))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn however_it_is_cut_and_grouped(
        (rows, settings, rules) in any_settings().prop_flat_map(|settings| {
            let rules = any_rules(&settings);
            (any_rows(), Just(settings), rules)
        }),
        cuts_s in prop::collection::vec(0_i64..518_400, 0..4),
        group in 1_usize..3,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (state, out) = (dir.path().join("state"), dir.path().join("once"));
        let pieces = cut(dir.path(), &rows, &cuts_s);
        for known in (0..pieces.len()).step_by(group).map(|from| (from + group).min(pieces.len())) {
            let report = counted(&state, &pieces[..known], &settings).unwrap();
            prop_assert_eq!(report.late, 0);
        }
        counted_once(&out, &[partition(dir.path(), "all.csv", &rows)], &settings);
        match (merged(&state, &rules), merged(&out, &rules)) {
            (Ok(pieces), Ok(once)) => {
                // A day in the middle of a part takes the places where users are at its end.
                if rules.to_day.is_none() {
                    prop_assert_eq!(&pieces.counts.tails, &once.counts.tails);
                }
                let without_tails = |mut merged: crate::kept::Merged| { merged.counts.tails.clear(); shown(&merged) };
                prop_assert_eq!(without_tails(pieces), without_tails(once));
            }
            (pieces, once) => prop_assert_eq!(pieces.is_err(), once.is_err()),
        }
        let asked = |path| requests(&dirs(path).unwrap(), 0).unwrap();
        prop_assert_eq!(asked(&state), asked(&out));
    }
}

fn week() -> Vec<Row> {
    (0..200_u32).map(|at| (at * 7 % 11, i64::from(at) * 3_000, at * at / 5 % 6)).collect()
}

#[test]
fn the_order_of_directories_does_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let pieces = cut(dir.path(), &week(), &[100_000, 300_000, 500_000]);
    for known in 1..=pieces.len() {
        counted(&state, &pieces[..known], &settings(Mode::Raw)).unwrap();
    }
    let rules = crate::kept::MergeRules { users_min: 10, half_life_days: Some(1.0), ..rules() };
    let mut parts = dirs(&state).unwrap();
    let forward = merge(&parts, &rules, &super::catalogue(6)).unwrap();
    parts.reverse();
    assert_eq!(shown(&merge(&parts, &rules, &super::catalogue(6)).unwrap()), shown(&forward));
    assert!(forward.figures.suppressed.iter().sum::<u64>() > 0);
    let users: i64 = forward.counts.tails.iter().flat_map(|tails| tails.values()).map(|users| *users as i64).sum();
    assert_eq!(users, 11, "each user is somewhere, once");
}

#[test]
fn only_what_is_new_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let pieces = cut(dir.path(), &week(), &[100_000, 300_000]);
    let first = counted(&state, &pieces[..2], &settings(Mode::Distinct)).unwrap();
    assert_eq!((first.partitions.len(), first.partitions_known), (2, 0));
    std::fs::remove_file(dir.path().join("0.csv")).unwrap();
    let second = counted(&state, &pieces, &settings(Mode::Distinct)).unwrap();
    assert_eq!((second.partitions, second.partitions_known), (vec!["2.csv".to_owned()], 2));
    let third = counted(&state, &pieces, &settings(Mode::Distinct)).unwrap();
    assert_eq!((third.part, third.partitions_known), (None, 3));
}

#[test]
fn the_same_log_gives_the_same_bytes_with_any_memory() {
    let dir = tempfile::tempdir().unwrap();
    let whole = [partition(dir.path(), "all.csv", &week())];
    let bytes = |memory_bytes: usize| {
        let out = dir.path().join(memory_bytes.to_string());
        super::with_counting(&super::catalogue(6), |counting| {
            let counting = crate::kept::Counting { memory_bytes, ..*counting };
            crate::kept::count_once(&whole, &out, &settings(Mode::Raw), &counting).unwrap();
        });
        ["counts", "support", "tails", "requests"]
            .map(|table| std::fs::read(out.join(table).join("part-000000.parquet")).unwrap())
    };
    assert_eq!(bytes(1 << 20), bytes(4_096));
}
