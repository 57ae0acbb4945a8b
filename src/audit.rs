//! The audit log: who changed what, from what, to what, as JSON lines. It must never let a change pass that it could not
//! record first, nor hold a token or a history.
//!
//! A change has two lines with one `id`: `begun`, on the disk before anything changes, and how it ended. A `begun`
//! without its end is a change during which the process was killed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::auth::Caller;
use crate::metrics::Metrics;

mod change;
mod file;
mod line;

pub use change::{Change, Ending, Verb};

use file::AuditFile;
use line::Line;

/// The log's name in a store.
const AUDIT: &str = "audit.jsonl";

/// Records changes; a clone records into the same file.
#[derive(Clone)]
pub struct Audit {
    file: Arc<AuditFile>,
    metrics: Metrics,
}

/// A change that was recorded as begun, and whose end is due. Dropped without one, it is recorded as unknown.
#[must_use = "its end is to be recorded"]
pub struct Begun {
    audit: Audit,
    id: String,
    change: Change,
    ended: bool,
}

/// Why a change cannot be recorded, and so may not be made.
#[derive(Debug, thiserror::Error)]
#[error(
    "nothing was changed, since {} cannot be written: {source}; repair the disk or free some of it, or set \
     admin.audit_file to another place", path.display()
)]
pub struct AuditError {
    /// The log.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

impl Audit {
    /// Opens the log at its configured place, or in the store, and sees whether it can be written.
    ///
    /// # Errors
    /// When it cannot.
    pub fn open(path: Option<&Path>, store: &Path, metrics: Metrics) -> Result<Self, AuditError> {
        let path = path.map_or_else(|| store.join(AUDIT), Path::to_owned);
        let file = AuditFile::open(path.clone()).map_err(|source| AuditError { path, source })?;
        Ok(Self { file: Arc::new(file), metrics })
    }

    /// Records that a change is about to be made; it may not be made when this fails. Waits for the disk.
    ///
    /// # Errors
    /// When the line cannot be written and synced.
    pub fn begin(&self, change: Change) -> Result<Begun, AuditError> {
        let id = line::id();
        match self.append(&Line::new(&id, &change, Ending::Begun)) {
            Ok(()) => Ok(Begun { audit: self.clone(), id, change, ended: false }),
            Err(error) => {
                self.metrics.admin().changed(change.verb, Ending::Unrecorded);
                Err(error)
            }
        }
    }

    /// Records as begun what another hand did, and what cannot be refused any more, such as a pointer that moved on the disk; a
    /// line that cannot be written is counted and logged, and its end is recorded all the same. Waits for the disk.
    pub fn seen(&self, change: Change) -> Begun {
        let id = line::id();
        if let Err(error) = self.append(&Line::new(&id, &change, Ending::Begun)) {
            tracing::error!(change = change.verb.word(), "what is seen is not in the audit log: {}", error.source);
        }
        Begun { audit: self.clone(), id, change, ended: false }
    }

    /// Records what the service did by itself and could not have left undone, such as ending a trial that hurts; a line
    /// that cannot be written is counted and logged. Waits for the disk.
    pub fn note(&self, change: &Change) {
        self.end(&Line::new(&line::id(), change, Ending::Done), change.verb);
    }

    /// Records how a change ended, as far as the disk lets it: the change is a fact already.
    fn end(&self, line: &Line<'_>, verb: Verb) {
        self.metrics.admin().changed(verb, line.outcome);
        if let Err(error) = self.append(line) {
            tracing::error!(change = verb.word(), "the end of a change is not in the audit log: {}", error.source);
        }
    }

    fn append(&self, line: &Line<'_>) -> Result<(), AuditError> {
        self.file.append(&line.to_json()).map_err(|source| {
            self.metrics.admin().audit_failed();
            AuditError { path: self.file.path().to_owned(), source }
        })
    }
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Audit").field("path", &self.file.path()).finish_non_exhaustive()
    }
}

impl Begun {
    /// Records that the change was made, and `to` what, where that is known better now. Waits for the disk.
    pub fn done(mut self, to: Option<String>) {
        self.change.to = to.or(self.change.to.take());
        self.end(Ending::Done);
    }

    /// Records that it was not made, and why. Waits for the disk.
    pub fn refused(mut self, reason: &str) {
        self.change.reason = Some(reason.to_owned());
        self.end(Ending::Refused);
    }

    fn end(&mut self, ending: Ending) {
        self.ended = true;
        self.audit.end(&Line::new(&self.id, &self.change, ending), self.change.verb);
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.ended {
            self.end(Ending::Unknown);
        }
    }
}

#[cfg(test)]
mod tests;
