//! The one pointer to the release that serves. Nothing else in the program touches it.
//!
//! Readers never wait, and a swap waits for no reader: it is one store of a release that is already verified and warm.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::release::Release;

/// The release that serves now, if one does.
#[derive(Debug, Default)]
pub struct Live {
    current: ArcSwapOption<Release>,
}

impl Live {
    /// Reads from one release, held until `read` returns; `None` while nothing is loaded. A closure, so that a
    /// borrow cannot outlive the load and the load cannot be held over an await.
    #[inline]
    pub fn read<R>(&self, read: impl FnOnce(&Release) -> R) -> Option<R> {
        self.current.load().as_deref().map(read)
    }

    /// As [`Live::read`], for who may have to wait before it is done: `read` may clone the release, and go on with the
    /// clone. The load itself still ends with `read`.
    #[inline]
    pub fn lend<R>(&self, read: impl FnOnce(&Arc<Release>) -> R) -> Option<R> {
        self.current.load().as_ref().map(read)
    }

    /// Makes `next` the release that serves, and gives back the one before. Drop it where unmapping may take its time.
    pub fn swap(&self, next: Arc<Release>) -> Option<Arc<Release>> {
        self.current.swap(Some(next))
    }

    /// Whether a release serves.
    pub fn is_ready(&self) -> bool {
        self.current.load().is_some()
    }
}
