//! The one pointer to the release that serves. Nothing else in the program touches it.
//!
//! Readers never wait, and a swap waits for no reader: it is one store of a release that is already verified and warm.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::release::Release;

/// A share of all units or questions, from none to all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

impl Share {
    /// Nobody.
    pub const NONE: Self = Self(0);

    /// The share nearest to a number from 0 to 1; `None` for any other.
    pub fn new(share: f64) -> Option<Self> {
        (0.0..=1.0).contains(&share).then(|| Self((share * f64::from(u32::MAX)).round() as u32))
    }

    /// As a number from 0 to 1.
    pub fn ratio(self) -> f64 {
        f64::from(self.0) / f64::from(u32::MAX)
    }
}

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
