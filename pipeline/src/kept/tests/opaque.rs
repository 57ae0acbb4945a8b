//! Support of a writer that names no users, or no days.

use std::path::Path;

use arrow_array::ArrayRef;
use arrow_schema::SchemaRef;

use super::{Row, catalogue, counted_once, merge, partition, rules, settings};
use crate::kept::columns::{Ids, SupportColumns};
use crate::kept::gram::{Key, Sum};
use crate::kept::table::{Columns, Table};
use crate::kept::{MergeRules, Merged};
use crate::sequence::Mode;

/// The columns of a writer that groups by nothing but (history, next).
struct WholeDirectory(SupportColumns);

impl Columns for WholeDirectory {
    type Row = Sum;

    fn schema() -> SchemaRef {
        let whole = SupportColumns::schema();
        let fields = whole.fields().iter().filter(|field| field.name() != "day").cloned();
        std::sync::Arc::new(arrow_schema::Schema::new(fields.collect::<Vec<_>>()))
    }

    fn push(&mut self, row: &Sum) {
        self.0.push(row);
    }

    fn take(&mut self) -> Vec<ArrayRef> {
        let mut columns = self.0.take();
        columns.remove(4);
        columns
    }
}

/// Counts where cluster 0 comes first and 1 after it, for `users` users.
fn counted(dir: &Path, name: &str, users: std::ops::Range<u32>) -> std::path::PathBuf {
    let rows: Vec<Row> = users.clone().flat_map(|user| [(user, 100, 0), (user, 200, 1)]).collect();
    let out = dir.join(name);
    counted_once(&out, &[partition(dir, &format!("{name}.csv"), &rows)], &settings(Mode::Raw));
    let path = out.join("support/part-000000.parquet");
    let columns = WholeDirectory(SupportColumns::new(Ids::new(&catalogue(6)).unwrap()));
    let mut table = Table::create(&path, columns).unwrap();
    for (history, next) in [([0, 0, 0], 0), ([0, 0, 0], 1), ([1, 0, 0], 1)] {
        let key = Key { history, next, day: 0 };
        table.push(&Sum { key, seen: 0, users: i64::from(users.end - users.start), witnesses: None }).unwrap();
    }
    table.finish().unwrap();
    out
}

fn merged(dirs: &[std::path::PathBuf], rules: &MergeRules) -> anyhow::Result<Merged> {
    merge(dirs, rules, &catalogue(6))
}

#[test]
fn one_directory_is_exact_and_several_err_towards_leaving_out() {
    let dir = tempfile::tempdir().unwrap();
    let (few, more) = (counted(dir.path(), "few", 0..4), counted(dir.path(), "more", 2..8));
    let cases = [
        (vec![few.clone()], 4, 1, 0),
        (vec![few.clone()], 5, 0, 0),
        (vec![few.clone(), more.clone()], 6, 1, 0),
        (vec![few, more], 7, 0, 3),
    ];
    for (dirs, users_min, expected, unproven) in cases {
        let merged = merged(&dirs, &MergeRules { users_min, ..rules() }).unwrap();
        let figures = (merged.counts.levels[0].nexts.len(), merged.figures.unproven);
        assert_eq!(figures, (expected, unproven), "{dirs:?} {users_min}");
    }
}

#[test]
fn a_window_needs_days() {
    let dir = tempfile::tempdir().unwrap();
    let rows = [(9, 100, 0), (9, 86_500, 1)];
    let whole = counted(dir.path(), "whole", 0..4);
    let later = dir.path().join("later");
    counted_once(&later, &[partition(dir.path(), "later.csv", &rows)], &settings(Mode::Raw));
    let windowed = MergeRules { users_min: 2, window_days: Some(1), ..rules() };
    let said = format!("{:#}", merged(&[whole.clone(), later.clone()], &windowed).unwrap_err());
    assert!(said.contains("not kept by day"), "{said}");
    assert!(merged(&[whole, later], &MergeRules { window_days: Some(2), ..windowed }).is_ok());
}
