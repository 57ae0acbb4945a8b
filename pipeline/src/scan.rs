//! Reads a log's partitions on all cores and hands each user's events, in order, to a visitor.
//!
//! What a visitor sees of one user never depends on the number of threads, the memory or the order of the partitions; only which
//! visitor sees the user does.

use std::path::Path;

use segue::snapshot::catalogue::Catalogue;

use crate::build::LogSettings;
use crate::event::Event;
use crate::progress::Progress;
use crate::read::Tally;
use crate::refusals::{Policy, Refusals};

/// Everything a scan needs.
#[derive(Clone, Copy, Debug)]
pub struct Scan<'a> {
    /// The log.
    pub log: &'a LogSettings,
    /// The clusters there are.
    pub catalogue: &'a Catalogue,
    /// What to do with rows that cannot be used.
    pub policy: Policy,
    /// What decides between events of one user and one time.
    pub ties: Ties,
    /// Bytes of events held in memory before they are spilled.
    pub memory_bytes: usize,
    /// Where events beyond the memory go, in unnamed files.
    pub spill_dir: &'a Path,
    /// How many threads work; 0 takes one for each core.
    pub threads: usize,
    /// The bar that moves.
    pub progress: &'a Progress,
}

/// What decides between events of one user and one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ties {
    /// The cluster's index, which is in the order of its id: the result then depends on no order of files or rows.
    #[default]
    ByCluster,
    /// The order of the partitions and of the rows in them.
    AsRead,
}

/// Takes users, one after the other.
pub trait Visitor: Send {
    /// One user's events by time; each user is seen once, by one visitor. `user` is the [hash](crate::users) of the user's name. The
    /// events' own `user` is 0.
    fn user(&mut self, user: u64, events: &[Event]);
}

/// What a scan leaves.
#[derive(Debug)]
pub struct Scanned<V> {
    /// The visitors, which share the users among them.
    pub visitors: Vec<V>,
    /// What reading added up to.
    pub tally: Tally,
    /// The rows that could not be used.
    pub refusals: Refusals,
    /// How many times events were spilled to disk because memory was bounded.
    pub spills: usize,
}

impl Scan<'_> {
    /// Reads everything, then lets visitors, each on a thread of its own, see the users.
    ///
    /// # Errors
    /// When a partition cannot be read or memory cannot be spilled; at the first refused row when strict.
    pub fn run<V: Visitor>(&self, new: impl Fn() -> V + Sync) -> anyhow::Result<Scanned<V>> {
        self.read()?.visit(new)
    }

    /// Reads everything: what needs the figures before the first user is seen goes on with [`Read::visit`].
    ///
    /// # Errors
    /// When a partition cannot be read or memory cannot be spilled; at the first refused row when strict.
    pub fn read(&self) -> anyhow::Result<Read> {
        let reading = crate::build::log::Reading {
            catalogue: self.catalogue,
            policy: self.policy,
            spill_dir: self.spill_dir,
            memory_bytes: self.memory_bytes,
            progress: self.progress,
        };
        let events = crate::build::log::read_log(self.log, &reading)?;
        Ok(Read { events, ties: self.ties })
    }
}

/// The events of a log, not yet in order.
#[derive(Debug)]
pub struct Read {
    events: crate::read::Events,
    ties: Ties,
}

impl Read {
    /// What reading added up to. The users are counted when they are visited.
    pub fn tally(&self) -> &Tally {
        &self.events.tally
    }

    /// The rows that could not be used.
    pub fn refusals(&self) -> &Refusals {
        &self.events.refusals
    }

    /// Lets visitors see the users.
    ///
    /// # Errors
    /// When what was spilled cannot be read back.
    pub fn visit<V: Visitor>(self, new: impl Fn() -> V + Sync) -> anyhow::Result<Scanned<V>> {
        let spills = self.events.sorter.spills();
        let mut visitor = new();
        let events = self.events.sorter.finish()?.collect::<Result<Vec<Event>, _>>()?;
        for user in events.chunk_by(|left, right| left.user == right.user) {
            let hash = self.events.hashes[user[0].user as usize];
            let mut user: Vec<Event> = user.iter().map(|event| Event { user: 0, ..*event }).collect();
            if self.ties == Ties::ByCluster {
                user.sort_by_key(|event| (event.time_us, event.cluster));
            }
            visitor.user(hash, &user);
        }
        Ok(Scanned { visitors: vec![visitor], tally: self.events.tally, refusals: self.events.refusals, spills })
    }
}
