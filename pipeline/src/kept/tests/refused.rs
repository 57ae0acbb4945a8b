//! What is refused, and why.

use super::{Row, catalogue, counted, counted_once, merged, partition, rules, settings, with_counting};
use crate::kept::{KeptSettings, MergeRules, count, dirs, merge, pending};
use crate::sequence::Mode;

const ROWS: [Row; 4] = [(1, 100, 0), (1, 200, 1), (2, 100, 2), (2, 300, 1)];

fn said<T>(result: anyhow::Result<T>) -> String {
    format!("{:#}", result.err().unwrap())
}

#[test]
fn other_rules_and_changed_partitions() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let one = partition(dir.path(), "1.csv", &ROWS);
    let raw = settings(Mode::Raw);
    counted(&state, std::slice::from_ref(&one), &raw).unwrap();
    let changed = crate::source::Partition { stamp: "2".to_owned(), ..one.clone() };
    let deeper = KeptSettings { depth: 3, user_day_max: 4, ..raw.clone() };
    let cases = [
        (said(counted(&state, std::slice::from_ref(&changed), &raw)), "1.csv was counted with"),
        (said(pending(&[changed], &state)), "1.csv was counted with"),
        (said(counted(&state, &[one.clone(), one.clone()], &raw)), "two partitions are named"),
        (said(counted(&state, &[], &deeper)), "depth 2 there, 3 now; user_day_max 100 there, 4 now"),
        (said(with_counting(&catalogue(7), |counting| count(&[], &state, &raw, counting))), "catalogue"),
        (said(counted(&state, &[], &KeptSettings { depth: 4, ..raw.clone() })), "depth of 4"),
        (said(counted(&state, &[], &KeptSettings { user_day_max: 0, ..raw.clone() })), "user_day_max is 0"),
        (said(merged(&state, &MergeRules { depth: 3, ..rules() })), "histories of up to 2, expected 3"),
        (said(merged(&state, &MergeRules { to_day: Some(-1), ..rules() })), "no step"),
        (said(merge(&dirs(&state).unwrap(), &rules(), &catalogue(7))), "expected"),
        (said(merge(&[], &rules(), &catalogue(6))), "count first"),
        (said(dirs(dir.path())), "_counts.json"),
    ];
    for (said, expected) in cases {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn directories_that_do_not_go_together() {
    let dir = tempfile::tempdir().unwrap();
    let one = [partition(dir.path(), "1.csv", &ROWS)];
    let out = |name: &str, mode: Mode| {
        counted_once(&dir.path().join(name), &one, &settings(mode));
        dir.path().join(name)
    };
    let (raw, distinct) = (out("raw", Mode::Raw), out("distinct", Mode::Distinct));
    let both = |dirs: &[std::path::PathBuf]| said(merge(dirs, &rules(), &catalogue(6)));
    assert!(both(&[raw.clone(), distinct]).contains("count one of them again"));
    assert!(both(&[raw.clone(), raw.clone()]).contains("given twice"));
}

#[test]
fn one_run_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let lock = std::fs::File::create(state.join(".lock")).unwrap();
    lock.try_lock().unwrap();
    assert!(said(counted(&state, &[], &settings(Mode::Raw))).contains("another run counts"));
}
