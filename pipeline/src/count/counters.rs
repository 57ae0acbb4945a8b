//! Counts on many threads at once, in bounded memory, to the very counts that one [`Counter`](super::Counter) gives.
//!
//! Histories whose keys are few are counted in arrays, one for each thread. Of the others each step becomes a number that goes into the box
//! of its history; boxes are in the order of keys, so that a box sorted and added up is a stretch of the level. Nothing here is shared
//! between threads but the boxes.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustc_hash::FxHashMap;

use super::dense::OwnCell;
use super::part::PartCounter;
use super::record::Layout;
use super::{CountError, Counts, Level, Tails, radix};
use crate::decay::{self, Decay};
use crate::scan::on_threads;
use crate::sequence::{Cut, Rules};
use crate::spill::SpillError;
use crate::spill::boxes::{Boxes, Room};
use crate::tally::Cell;

/// Levels with at most so many keys are counted in arrays: 24 MiB for each thread.
const DENSE_KEYS_MAX: u128 = 1 << 20;

/// Records in a box, about: its sorting then stays in the cache.
const BOX_RECORDS: u64 = 64 * 1024;

/// Boxes of a level at most: their buffers stay in the cache.
const BOXES_MAX: u64 = 1024;

/// What is counted and in how much memory.
#[derive(Clone, Copy, Debug)]
pub struct CountersSettings<'a> {
    /// How many clusters the catalogue has.
    pub clusters: u32,
    /// The longest history.
    pub depth: u8,
    /// How events fade.
    pub decay: Decay,
    /// Where sequences begin and end.
    pub rules: Rules,
    /// At most so many steps of one user and UTC day count.
    pub user_day_max: Option<u32>,
    /// The first and the last event's time in microseconds.
    pub window_us: (i64, i64),
    /// About how many events there are.
    pub events: u64,
    /// Bytes of counts held in memory before they are spilled; levels that are counted in arrays take theirs besides.
    pub memory_bytes: usize,
    /// Where what is beyond goes.
    pub spill_dir: &'a Path,
    /// How many threads work.
    pub threads: usize,
}

/// What counters share.
#[derive(Debug)]
pub struct Counters<'a> {
    pub(super) settings: CountersSettings<'a>,
    pub(super) layout: Layout,
    /// At `length - 1`: where the steps after histories of that length go.
    pub(super) levels: Vec<Shared>,
}

/// How one length is counted.
#[derive(Debug)]
pub(super) enum Shared {
    /// In an array of so many cells for each thread.
    Dense(usize),
    /// In boxes of records.
    Boxes(LevelBoxes),
}

#[derive(Debug)]
pub(super) struct LevelBoxes {
    pub(super) boxes: Boxes,
    /// Histories of one box are `2^shift`.
    shift: u32,
    pub(super) bytes_max: usize,
}

/// Everything that was counted, levels still in boxes.
#[derive(Debug)]
pub struct Counted<'c> {
    /// What cutting added up to.
    pub cut: Cut,
    counters: &'c Counters<'c>,
    popular: Vec<Cell>,
    dense: Vec<Option<Vec<Cell>>>,
    tails: Tails,
}

impl<'a> Counters<'a> {
    /// Counters of one log.
    ///
    /// # Errors
    /// When there are too many possible histories over too many days for records of eight bytes.
    pub fn new(settings: CountersSettings<'a>) -> Result<Self, CountError> {
        let keys = |length: u32| u128::from(settings.clusters).saturating_pow(length + 1);
        let depth = u32::from(settings.depth);
        let (from_us, to_us) = settings.window_us;
        let layout = Layout::new(keys(depth), (decay::day(from_us), decay::day(to_us)), settings.decay)?;
        let sparse = (1..=depth).filter(|length| keys(*length) > DENSE_KEYS_MAX).count();
        let shared = |length| match keys(length) {
            few @ 0..=DENSE_KEYS_MAX => Shared::Dense(few as usize),
            many => Shared::Boxes(LevelBoxes::new(many / u128::from(settings.clusters), &settings, sparse)),
        };
        Ok(Self { levels: (1..=depth).map(shared).collect(), settings, layout })
    }

    /// A counter for one thread.
    pub fn counter(&self) -> PartCounter<'_> {
        PartCounter::new(self)
    }

    /// Adds up what the counters of all threads hold.
    ///
    /// # Errors
    /// When something could not be spilled.
    pub fn add_up<'c>(&'c self, parts: Vec<PartCounter<'c>>) -> Result<Counted<'c>, SpillError> {
        let mut counted = Counted {
            cut: Cut::default(),
            counters: self,
            popular: vec![Cell::default(); self.settings.clusters as usize],
            dense: self.levels.iter().map(Shared::cells).collect(),
            tails: vec![FxHashMap::default(); usize::from(self.settings.depth)],
        };
        parts.into_iter().try_for_each(|part| counted.add(part))?;
        Ok(counted)
    }

    /// How many times records were spilled because memory was bounded.
    pub fn spills(&self) -> usize {
        let spills = |shared: &Shared| if let Shared::Boxes(boxes) = shared { boxes.boxes.spills() } else { 0 };
        self.levels.iter().map(spills).sum()
    }
}

impl Shared {
    fn cells(&self) -> Option<Vec<Cell>> {
        if let Self::Dense(keys) = self { Some(vec![Cell::default(); *keys]) } else { None }
    }
}

impl LevelBoxes {
    fn new(histories: u128, settings: &CountersSettings<'_>, levels: usize) -> Self {
        let bytes_max = settings.memory_bytes / levels.max(1);
        let wanted = (settings.events / BOX_RECORDS).clamp(1, BOXES_MAX).next_power_of_two();
        let history_bits = u128::BITS - histories.saturating_sub(1).leading_zeros();
        let shift = history_bits.saturating_sub(wanted.trailing_zeros());
        let boxes = ((histories - 1) >> shift) as usize + 1;
        Self { boxes: Boxes::new(boxes, &room(settings, bytes_max)), shift, bytes_max }
    }

    /// Which box a history is in.
    pub(super) fn of(&self, history: u64) -> usize {
        (history >> self.shift) as usize
    }
}

pub(super) fn room<'a>(settings: &CountersSettings<'a>, bytes_max: usize) -> Room<'a> {
    Room { bytes_max, threads: settings.threads, dir: settings.spill_dir }
}

impl<'c> Counted<'c> {
    fn add(&mut self, counter: PartCounter<'c>) -> Result<(), SpillError> {
        let part = counter.finish()?;
        self.cut.add(&part.cut);
        merge(&mut self.popular, part.popular);
        for (cells, own) in self.dense.iter_mut().zip(part.dense) {
            cells.iter_mut().zip(own).for_each(|(cells, own)| merge(cells, own));
        }
        for (tails, own) in self.tails.iter_mut().zip(part.tails) {
            own.into_iter().for_each(|(key, users)| *tails.entry(key).or_default() += users);
        }
        Ok(())
    }

    /// Shows every level in pieces, many at once: whole histories, ascending within a piece and from piece to piece. At `length - 1` of
    /// what comes back is what `show` made of that length's pieces, in their order.
    ///
    /// # Errors
    /// When what was spilled cannot be read back.
    pub fn pieces<T: Send>(self, show: impl Fn(Level) -> T + Sync) -> Result<Vec<Vec<T>>, SpillError> {
        let Self { counters, dense, .. } = self;
        let clusters = u64::from(counters.settings.clusters);
        let of_level = |(shared, dense): (&Shared, Option<Vec<Cell>>)| match shared {
            Shared::Dense(_) => Ok(vec![show(dense_level(dense.unwrap_or_default(), clusters))]),
            Shared::Boxes(boxes) => counters.boxes(boxes, &show),
        };
        counters.levels.iter().zip(dense).map(of_level).collect()
    }

    /// All of it in memory, without what fewer than `users_min` different users have done.
    ///
    /// # Errors
    /// When what was spilled cannot be read back.
    pub fn counts(mut self, users_min: u32) -> Result<Counts, SpillError> {
        let popular = std::mem::take(&mut self.popular);
        let tails = std::mem::take(&mut self.tails);
        let clusters = self.counters.settings.clusters;
        let levels = self.pieces(|level| level.with_users_min(users_min))?;
        let levels = levels.into_iter().map(Level::joined).collect();
        Ok(Counts { clusters, popular: super::popular_with_users_min(popular, users_min), levels, tails })
    }
}

impl Counters<'_> {
    fn boxes<T: Send>(&self, level: &LevelBoxes, show: &(impl Fn(Level) -> T + Sync)) -> Result<Vec<T>, SpillError> {
        let next = AtomicUsize::new(0);
        let shown = on_threads(self.settings.threads, || self.work(level, &next, show));
        let mut shown: Vec<(usize, T)> =
            shown.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        shown.sort_by_key(|(at, _)| *at);
        Ok(shown.into_iter().map(|(_, shown)| shown).collect())
    }

    fn work<T>(
        &self,
        level: &LevelBoxes,
        next: &AtomicUsize,
        show: &impl Fn(Level) -> T,
    ) -> Result<Vec<(usize, T)>, SpillError> {
        let mut shown = Vec::new();
        let (mut records, mut scratch) = (Vec::new(), Vec::new());
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= level.boxes.len() {
                return Ok(shown);
            }
            records.clear();
            level.boxes.take(at, &mut records)?;
            radix::sort(&mut records, self.layout.key_shift(), &mut scratch);
            let level = Level::new(self.layout.cells(&records), u64::from(self.settings.clusters));
            shown.push((at, show(level)));
        }
    }
}

fn merge(cells: &mut [Cell], own: Vec<OwnCell>) {
    cells.iter_mut().zip(own).for_each(|(cell, own)| cell.merge(own.cell()));
}

fn dense_level(cells: Vec<Cell>, clusters: u64) -> Level {
    Level::new((0..).zip(cells).filter(|(_, cell)| cell.seen > 0), clusters)
}
