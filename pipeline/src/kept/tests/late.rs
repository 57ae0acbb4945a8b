//! Events that come after their time.

use super::{DAY_S, counted, merged, partition, rules, settings, shown};
use crate::sequence::Mode;

#[test]
fn late_events_are_counted_and_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let first = [(1, 100, 0), (1, 200, 1), (2, 100, 2)];
    let second = [(1, 150, 4), (1, 199, 5), (1, 200, 2), (1, 300, 3), (2, 100, 3), (3, 50, 1)];
    let pieces = [partition(dir.path(), "1.csv", &first), partition(dir.path(), "2.csv", &second)];
    counted(&state, &pieces[..1], &settings(Mode::Raw)).unwrap();
    let report = counted(&state, &pieces, &settings(Mode::Raw)).unwrap();
    assert_eq!((report.late, report.late_users, report.late_s_max), (2, 1, 50.0));
    assert_eq!((report.users, report.steps), (3, 4), "of the second user, the first step counts now too");
    let popular = merged(&state, &rules()).unwrap().counts.popular;
    let seen: Vec<u32> = popular.iter().map(|cell| cell.seen).collect();
    assert_eq!(seen, [1, 1, 2, 2, 0, 0]);
}

#[test]
fn a_partition_that_comes_twice_changes_nothing_but_its_last_moment() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let rows: Vec<_> = (0..50_u32).map(|at| (at % 7, i64::from(at) * 5_000, at * at % 6)).collect();
    let one = partition(dir.path(), "1.csv", &rows);
    counted(&state, std::slice::from_ref(&one), &settings(Mode::Distinct)).unwrap();
    let before = merged(&state, &rules()).unwrap();
    let again = partition(dir.path(), "again.csv", &rows);
    let report = counted(&state, &[one, again], &settings(Mode::Distinct)).unwrap();
    assert_eq!(report.late, 50 - 7, "an event at the very time where its user stands is not late");
    assert_eq!(shown(&merged(&state, &rules()).unwrap()), shown(&before), "and is a repeat here");
}

#[test]
fn a_users_day_is_bounded_across_partitions() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let rows: Vec<_> = (0..9_u32).map(|at| (1, i64::from(at) * DAY_S / 6, at % 6)).collect();
    let pieces = [partition(dir.path(), "1.csv", &rows[..2]), partition(dir.path(), "2.csv", &rows[2..])];
    let settings = crate::kept::KeptSettings { user_day_max: 3, ..settings(Mode::Raw) };
    counted(&state, &pieces[..1], &settings).unwrap();
    let report = counted(&state, &pieces, &settings).unwrap();
    assert_eq!((report.steps, report.steps_over_bound), (4, 3));
    let merged = merged(&state, &rules()).unwrap();
    assert_eq!(merged.figures.steps, 6);
    let level = &merged.counts.levels[1];
    assert!(level.row_of(4 * 6 + 5).is_some(), "what does not count is history all the same");
}

#[test]
fn a_first_step_counts_on_its_own_day_though_it_counted_only_later() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let pieces = [partition(dir.path(), "1.csv", &[(1, 0, 4)]), partition(dir.path(), "2.csv", &[(1, DAY_S, 5)])];
    counted(&state, &pieces[..1], &settings(Mode::Raw)).unwrap();
    counted(&state, &pieces, &settings(Mode::Raw)).unwrap();
    let of_the_first_day = merged(&state, &crate::kept::MergeRules { to_day: Some(0), ..rules() }).unwrap();
    let seen: Vec<u32> = of_the_first_day.counts.popular.iter().map(|cell| cell.seen).collect();
    assert_eq!(seen, [0, 0, 0, 0, 1, 0]);
    assert!(
        of_the_first_day.counts.tails.iter().all(|tails| tails.is_empty()),
        "nobody is where the second day left them"
    );
}
