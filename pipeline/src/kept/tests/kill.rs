//! A kill at any moment of a run.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{Row, counted, merged, partition, rules, settings, shown};
use crate::kept::moment::{Moment, watched};
use crate::sequence::Mode;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

/// What a kill at each moment of `run` leaves of the directory.
fn leaves(dir: &Path, run: impl FnOnce()) -> Vec<(Moment, PathBuf)> {
    let left = Rc::new(RefCell::new(Vec::new()));
    let (seen, dir) = (Rc::clone(&left), dir.to_owned());
    let watcher = move |moment: Moment, state: &Path| {
        let to = dir.join(format!("at-{moment:?}"));
        copy(state, &to);
        seen.borrow_mut().push((moment, to));
    };
    watched(watcher, run);
    left.take()
}

#[test]
fn leaves_the_state_as_before_or_after() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let rows: Vec<Row> = (0..300_u32).map(|at| (at % 13, i64::from(at) * 2_000, at * at % 6)).collect();
    let pieces = [partition(dir.path(), "1.csv", &rows[..150]), partition(dir.path(), "2.csv", &rows[150..])];
    let counting = settings(Mode::Raw);
    counted(&state, &pieces[..1], &counting).unwrap();
    let before = shown(&merged(&state, &rules()).unwrap());
    let left = leaves(dir.path(), || drop(counted(&state, &pieces, &counting).unwrap()));
    let after = shown(&merged(&state, &rules()).unwrap());
    assert!(before != after);
    let moments: Vec<Moment> = left.iter().map(|(moment, _)| *moment).collect();
    use Moment::{CarriedWritten, LedgerNamed, PartNamed, PartWritten, TablesWritten};
    assert_eq!(moments, [TablesWritten, PartWritten, PartNamed, CarriedWritten, LedgerNamed]);
    for (moment, left) in left {
        let found = shown(&merged(&left, &rules()).unwrap());
        assert!(found == *if moment == LedgerNamed { &after } else { &before }, "{moment:?}");
        let again = counted(&left, &pieces, &counting).unwrap();
        assert_eq!(again.part.is_none(), moment == LedgerNamed, "{moment:?}");
        assert!(shown(&merged(&left, &rules()).unwrap()) == after, "{moment:?}");
        assert_eq!(names(&left), names(&state), "{moment:?} leaves nothing lying about");
    }
}

fn names(dir: &Path) -> Vec<String> {
    let names = |dir: &Path| std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    let all = names(dir).chain(names(&dir.join("parts")));
    let mut all: Vec<String> = all.map(|name| name.into_string().unwrap()).collect();
    all.sort();
    all
}
