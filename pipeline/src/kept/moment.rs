//! Names every moment between two durable steps of a run, so that a test can see what a kill there would leave.
//!
//! It must never do anything in a program that counts.

use std::path::Path;

/// A moment in a run, named by what has just been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The part's tables were written.
    TablesWritten,
    /// The part was written and synced.
    PartWritten,
    /// The part got its name.
    PartNamed,
    /// The standings were written and synced.
    CarriedWritten,
    /// The ledger names them.
    LedgerNamed,
}

/// The moment has come in a run that works in `dir`.
#[cfg(not(test))]
#[inline]
pub fn reached(_: Moment, _: &Path) {}

#[cfg(test)]
pub(crate) use watch::{reached, watched};

#[cfg(test)]
mod watch {
    use super::{Moment, Path};
    use std::cell::RefCell;

    type Watcher = Box<dyn FnMut(Moment, &Path)>;

    thread_local! {
        static WATCHER: RefCell<Option<Watcher>> = const { RefCell::new(None) };
    }

    /// Shows each moment of this thread's runs to `watcher` while `run` goes on.
    pub(crate) fn watched<T>(watcher: impl FnMut(Moment, &Path) + 'static, run: impl FnOnce() -> T) -> T {
        WATCHER.set(Some(Box::new(watcher)));
        let ran = run();
        WATCHER.set(None);
        ran
    }

    pub(crate) fn reached(moment: Moment, dir: &Path) {
        WATCHER.with_borrow_mut(|watcher| {
            if let Some(watcher) = watcher {
                watcher(moment, dir);
            }
        });
    }
}
