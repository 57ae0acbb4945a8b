//! Tells watchers that the book changed, and how often; it must never hold up who writes the book.

use tokio::sync::watch;

/// Shows how often a book changed, and can be waited on.
pub type Changes = watch::Receiver<u64>;

/// Counts the changes of a book.
#[derive(Debug)]
pub(super) struct Bell(watch::Sender<u64>);

impl Bell {
    /// A book that never changed.
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// The book changed.
    pub(super) fn ring(&self) {
        self.0.send_modify(|sequence| *sequence += 1);
    }

    /// How often it changed.
    pub(super) fn sequence(&self) -> u64 {
        *self.0.borrow()
    }

    /// Sees every change from now on; changes that come faster than they are read are seen as one.
    pub(super) fn subscribe(&self) -> Changes {
        self.0.subscribe()
    }
}
