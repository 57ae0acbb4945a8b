//! Reads tasks on many threads and spreads their events over boxes of users.
//!
//! Rows that cannot be used are entered task by task, so that the ledger is the one that a single thread would have kept.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::plan::{Content, OpenFile, Plan, Task};
use super::words::{Encoded, Words};
use crate::progress::Progress;
use crate::read::decode::Place;
use crate::read::parquet::{Batch, Integers};
use crate::read::{Columns, Decoder, RawRow, ReadError, RowSink, Source, Tally, rows};
use crate::refusals::{Policy, Reason, Refusal, Refusals};
use crate::spill::boxes::{Boxes, Room, Scatter};
use crate::users::hash_of_integer;

/// What all threads share.
pub(super) struct Work<'a> {
    pub(super) plan: &'a Plan,
    pub(super) columns: &'a Columns,
    pub(super) decoder: &'a Decoder<'a>,
    pub(super) policy: Policy,
    pub(super) progress: &'a Progress,
    pub(super) boxes: &'a Boxes,
    pub(super) words: Words,
    pub(super) room: Room<'a>,
    /// The next task that nobody has taken.
    pub(super) next: AtomicUsize,
    /// Tasks from this one on need no reading: an earlier one has failed.
    pub(super) stop: AtomicUsize,
}

/// What a task added up to.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) task: usize,
    pub(super) outcome: Result<(Tally, Refusals), ReadError>,
}

impl Work<'_> {
    /// Reads tasks until there is none left.
    pub(super) fn run(&self) -> Vec<Report> {
        let mut scatter = Scatter::new(self.boxes.len(), &self.room);
        let mut reports = Vec::new();
        loop {
            let task = self.next.fetch_add(1, Ordering::Relaxed);
            if task >= self.plan.tasks.len().min(self.stop.load(Ordering::Relaxed)) {
                return reports;
            }
            let outcome = self.read(task, &mut scatter);
            if outcome.is_err() {
                self.stop.fetch_min(task, Ordering::Relaxed);
            }
            reports.push(Report { task, outcome });
        }
    }

    fn read(&self, at: usize, scatter: &mut Scatter<u64>) -> Result<(Tally, Refusals), ReadError> {
        let task = self.plan.tasks[at];
        let file = &self.plan.files[task.file];
        let mut spread = Spread {
            work: self,
            name: &file.partition.name,
            scatter,
            last: nobody(self.boxes.len()),
            tally: Tally::default(),
            refusals: Refusals::new(self.policy),
            order: at as u32,
        };
        spread.task(file, task)?;
        spread.finish()
    }
}

/// Spreads the events of one task over the boxes.
struct Spread<'a> {
    work: &'a Work<'a>,
    name: &'a str,
    scatter: &'a mut Scatter<u64>,
    /// Whose run each box's last word is of; at first nobody that could be in the box.
    last: Vec<u64>,
    tally: Tally,
    refusals: Refusals,
    /// The task, so that events come out of their boxes in the order in which one thread would have read them.
    order: u32,
}

impl Spread<'_> {
    fn task(&mut self, file: &OpenFile, task: Task) -> Result<(), ReadError> {
        match &file.content {
            Content::Parquet(parquet) => {
                parquet.each_batch(task.group, &mut |batch| self.batch(&batch))?;
                self.work.progress.advance(task.bytes);
                Ok(())
            }
            Content::Text(object, format) => {
                let path = file.partition.path();
                let source = Source::open(object, &path, self.work.progress);
                rows(&source, self.work.columns, (*format, self))
            }
        }
    }

    fn batch(&mut self, batch: &Batch) -> Result<(), ReadError> {
        let plain = self.work.decoder.plain_clusters().is_some();
        match batch.integers().filter(|_| plain) {
            Some(integers) => self.integers(batch, &integers),
            None => (0..batch.rows).try_for_each(|at| self.row(batch.row(at))),
        }
    }

    /// The rows of three columns of integers; one that is not plainly right goes the long way, which knows why.
    fn integers(&mut self, batch: &Batch, integers: &Integers<'_>) -> Result<(), ReadError> {
        let Some(catalogue) = self.work.decoder.plain_clusters() else { return Ok(()) };
        let unit_us = if integers.stamped { 1 } else { self.work.decoder.time_unit().us() };
        let mut last = (integers.users.first().copied().unwrap_or_default(), 0);
        last.1 = hash_of_integer(last.0);
        for at in 0..batch.rows {
            let id = u32::try_from(integers.targets[at]).ok();
            let cluster = id.and_then(|id| catalogue.index_of(id));
            let time_us = integers.times[at].checked_mul(unit_us);
            let (Some(cluster), Some(time_us)) = (cluster, time_us) else {
                self.row(batch.row(at))?;
                continue;
            };
            if integers.users[at] != last.0 {
                last = (integers.users[at], hash_of_integer(integers.users[at]));
            }
            self.tally.rows += 1;
            self.keep(last.1, Place { time_us, cluster })?;
        }
        Ok(())
    }

    #[inline]
    fn keep(&mut self, user: u64, Place { time_us, cluster }: Place) -> Result<(), ReadError> {
        self.tally.add_event(time_us);
        let at = box_of(user, self.scatter.len());
        if self.last[at] != user {
            self.last[at] = user;
            self.push(at, Words::user(user))?;
        }
        match self.work.words.encode(time_us, cluster) {
            Encoded::Narrow(word) => self.push(at, word),
            Encoded::Wide(word, time) => self.push(at, word).and_then(|()| self.push(at, time)),
        }
    }

    #[inline]
    fn push(&mut self, at: usize, word: u64) -> Result<(), ReadError> {
        match self.scatter.push(at, word) {
            Some(full) => Ok(self.work.boxes.put(at, self.order, full)?),
            None => Ok(()),
        }
    }

    fn finish(self) -> Result<(Tally, Refusals), ReadError> {
        for at in 0..self.scatter.len() {
            self.work.boxes.put(at, self.order, self.scatter.take(at))?;
        }
        Ok((self.tally, self.refusals))
    }
}

impl RowSink for Spread<'_> {
    fn row(&mut self, row: RawRow<'_>) -> Result<(), ReadError> {
        match self.work.decoder.decode_hashed(&row) {
            Ok(Some((user, place))) => {
                self.tally.rows += 1;
                self.keep(user, place)
            }
            Ok(None) => {
                self.tally.rows += 1;
                self.tally.below_weight += 1;
                Ok(())
            }
            Err(refused) => self.bad(row.row, refused.reason, &refused.got),
        }
    }

    fn bad(&mut self, row: u64, reason: Reason, got: &str) -> Result<(), ReadError> {
        self.tally.rows += 1;
        Ok(self.refusals.refuse(Refusal::new(self.name, row, reason, got))?)
    }
}

/// For each box the hash of a user who is in another.
fn nobody(boxes: usize) -> Vec<u64> {
    let mut nobody = vec![u64::MAX; boxes];
    nobody.last_mut().into_iter().for_each(|hash| *hash = 0);
    nobody
}

/// Which box a user is in: boxes are in the order of hashes.
#[inline]
fn box_of(user: u64, boxes: usize) -> usize {
    ((u128::from(user) * boxes as u128) >> 64) as usize
}
