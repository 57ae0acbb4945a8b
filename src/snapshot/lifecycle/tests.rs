//! Lives at random: the book takes what the life cycle allows, refuses the rest, and never grows.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Every step that there is, as the design draws them.
const ALLOWED: &[(&str, &str)] = &[
    ("", "fetching verifying previous retired failed quarantined"),
    ("fetching", "verifying failed quarantined"),
    ("verifying", "loading failed quarantined"),
    ("loading", "warming failed quarantined"),
    ("warming", "checking failed quarantined"),
    ("checking", "staged previous failed quarantined"),
    ("staged", "shadow canary current previous verifying retired quarantined"),
    ("shadow", "staged canary current previous verifying retired quarantined"),
    ("canary", "staged shadow current previous verifying retired quarantined"),
    ("current", "previous retired quarantined"),
    ("previous", "current retired verifying staged quarantined"),
    ("retired", "fetching verifying previous failed quarantined"),
    ("failed", "fetching verifying retired quarantined"),
    ("quarantined", ""),
];

fn allowed(before: Option<Standing>, next: Standing) -> bool {
    let before = before.map_or("", Standing::word);
    let row = ALLOWED.iter().find(|(from, _)| *from == before).expect("a row for each");
    before == next.word() || row.1.split(' ').any(|word| word == next.word())
}

fn name(number: u8) -> Version {
    format!("v{number}").parse().expect("a version")
}

proptest! {
    #[test]
    fn the_book_keeps_to_the_life_cycle(notes in vec((0..4u8, select(&Standing::ALL[..])), 1..200)) {
        let book = Book::new();
        let mut transitions = 0;
        for (number, standing) in notes {
            let (before, sequence) = (book.standing(&name(number)), book.sequence());
            book.note(&name(number), standing, None);
            let taken = allowed(before, standing);
            prop_assert_eq!(book.standing(&name(number)), if taken { Some(standing) } else { before });
            let changed = taken && before != Some(standing);
            transitions += u64::from(changed);
            prop_assert_eq!(book.sequence(), sequence + u64::from(changed), "watchers hear of changes only");
        }
        prop_assert_eq!(Standing::ALL.map(|standing| book.transitions(standing)).iter().sum::<u64>(), transitions);
        for entry in book.entries() {
            prop_assert!(entry.steps.len() <= STEPS_MAX);
            prop_assert_eq!(entry.steps.last().map(|step| step.standing), Some(entry.standing));
        }
    }
}

#[test]
fn the_latest_few_of_those_that_ended_are_kept() {
    let book = Book::new();
    for ended in [Standing::Retired, Standing::Failed, Standing::Quarantined] {
        for number in 0..20 {
            book.note(&format!("{ended}-{number}").parse().expect("a version"), ended, None);
        }
    }
    book.note(&name(0), Standing::Fetching, None);
    assert_eq!(book.entries().len(), 3 * ENDED_MAX + 1);
    for ended in ["retired", "failed", "quarantined"] {
        let kept = |number| book.standing(&format!("{ended}-{number}").parse().expect("a version")).is_some();
        assert!((12..20).all(kept) && !(0..12).any(kept), "{ended}");
    }
}

#[test]
fn an_entry_knows_since_when_it_is_staged_and_how_much_has_come() {
    let book = Book::new();
    let (version, watcher) = (name(1), book.subscribe());
    book.note(&version, Standing::Fetching, None);
    book.fetched(&version, 10, 40);
    assert!(watcher.has_changed().expect("the book is there"));
    let entry = book.entry(&version).expect("just noted");
    assert_eq!((entry.fetched, entry.staged_since_unix_s()), (Some(Fetched { bytes: 10, bytes_total: 40 }), None));
    use Standing::{Canary, Checking, Current, Loading, Shadow, Staged, Verifying, Warming};
    for standing in [Verifying, Loading, Warming, Checking, Staged, Shadow, Canary] {
        book.note(&version, standing, None);
    }
    let entry = book.entry(&version).expect("just noted");
    let staged = entry.steps.iter().find(|step| step.standing == Staged).expect("it was staged");
    assert_eq!(entry.staged_since_unix_s(), Some(staged.at_unix_s));
    book.note(&version, Current, None);
    assert_eq!(book.entry(&version).and_then(|entry| entry.staged_since_unix_s()), None);
    book.forget(&version);
    assert_eq!(book.entry(&version), None);
}
