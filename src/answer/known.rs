//! What a release knows of a history; clusters that the catalogue does not have are kept apart, never guessed at.

use std::ops::Range;

use crate::ask::Ask;
use crate::config::Rung;
use crate::snapshot::catalogue::Catalogue;
use crate::snapshot::format::DEPTH_MAX;
use crate::snapshot::release::Release;

use super::matched::Matched;

/// The last `clusters_max` distinct known clusters of a history, as indexes, oldest first: what a model reads.
pub fn last_known(catalogue: &Catalogue, history: &[u32], clusters_max: usize) -> Vec<u32> {
    let mut read = Vec::with_capacity(clusters_max.min(history.len()));
    for index in history.iter().rev().filter_map(|&id| catalogue.index_of(id)) {
        if read.len() < clusters_max && !read.contains(&index) {
            read.push(index);
        }
    }
    read.reverse();
    read
}

/// The last distinct known clusters of a history, as many as the table's depth.
pub(super) struct Known {
    /// Indexes, most recent last, filled from the end.
    indexes: [u32; DEPTH_MAX as usize],
    length: usize,
    pub(super) ignored: Vec<u32>,
}

impl Known {
    /// Walks the history from its most recent end, keeping each known cluster once: consecutive repeats and earlier
    /// duplicates drop out, as they do when the table is built.
    pub(super) fn of(release: &Release, ask: &Ask) -> Self {
        let mut known = Self { indexes: [0; DEPTH_MAX as usize], length: 0, ignored: Vec::new() };
        let depth = usize::from(release.table().shape().depth);
        for &id in ask.history.iter().rev() {
            match release.catalogue().index_of(id) {
                Some(index) if known.length < depth => known.add(index),
                Some(_) => {}
                None if known.ignored.contains(&id) => {}
                None => known.ignored.push(id),
            }
        }
        known
    }

    /// Whether no cluster of the history is known.
    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// What a rung of the table looks up, in order, as indexes, oldest first.
    pub(super) fn suffixes(&self, rung: Rung) -> impl Iterator<Item = &[u32]> {
        self.lengths(rung).rev().filter_map(|length| self.suffix(length))
    }

    /// The ids of a suffix, for the reply.
    pub(super) fn ids(&self, length: usize, catalogue: &Catalogue) -> Matched {
        Matched::suffix(self.suffix(length).unwrap_or_default(), catalogue)
    }

    fn add(&mut self, index: u32) {
        if !self.all().contains(&index) {
            self.length += 1;
            self.indexes[DEPTH_MAX as usize - self.length] = index;
        }
    }

    fn all(&self) -> &[u32] {
        &self.indexes[DEPTH_MAX as usize - self.length..]
    }

    fn lengths(&self, rung: Rung) -> Range<usize> {
        match rung {
            Rung::Table => self.length.max(1)..self.length + 1,
            Rung::Suffix => 1..self.length,
            Rung::Popular => 0..1,
            Rung::Model => 0..0,
        }
    }

    /// The last `length` known clusters; `None` where fewer are known.
    fn suffix(&self, length: usize) -> Option<&[u32]> {
        self.all().get(self.length.checked_sub(length)?..)
    }
}
