//! The events of a log, spread over boxes by user: each box is put in order and shown to a visitor, many at once.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::gather::Gather;
use super::words::Words;
use super::{Scanned, Ties, Visitor, on_threads};
use crate::read::Tally;
use crate::refusals::Refusals;
use crate::spill::SpillError;
use crate::spill::boxes::Boxes;

/// The events of a log, not yet in order.
#[derive(Debug)]
pub struct Read {
    pub(super) boxes: Boxes,
    pub(super) words: Words,
    pub(super) tally: Tally,
    pub(super) refusals: Refusals,
    pub(super) ties: Ties,
    pub(super) threads: usize,
}

impl Read {
    /// What reading added up to. The users are counted when they are visited.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The rows that could not be used.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// How many times events were spilled to disk because memory was bounded.
    pub fn spills(&self) -> usize {
        self.boxes.spills()
    }

    /// Lets visitors see the users.
    ///
    /// # Errors
    /// When what was spilled cannot be read back.
    pub fn visit<V: Visitor>(self, new: impl Fn() -> V + Sync) -> anyhow::Result<Scanned<V>> {
        let (next, users) = (AtomicUsize::new(0), AtomicU64::new(0));
        let visited = on_threads(self.threads, || {
            let mut visitor = new();
            self.each_box(&next, &users, &mut visitor).map(|()| visitor)
        });
        let visitors = visited.into_iter().collect::<Result<Vec<_>, _>>()?;
        let tally = Tally { users: users.into_inner(), ..self.tally };
        Ok(Scanned { visitors, tally, spills: self.boxes.spills(), refusals: self.refusals })
    }

    fn each_box(&self, next: &AtomicUsize, users: &AtomicU64, visitor: &mut impl Visitor) -> Result<(), SpillError> {
        let mut gather = Gather::new(self.words);
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= self.boxes.len() {
                return Ok(());
            }
            self.boxes.take(at, &mut gather.stream)?;
            let highest = u64::from(at >= self.boxes.len() / 2);
            let seen = gather.each_user(highest, self.ties, |user, events| visitor.user(user, events));
            users.fetch_add(seen, Ordering::Relaxed);
        }
    }
}
