//! What one thread counts of the users that it sees.
//!
//! It holds nothing that another thread needs before the end; what does not fit its arrays goes into the boxes that all share.

use rustc_hash::FxHashMap;

use super::counters::{Counters, LevelBoxes, Shared, room};
use super::dense::{Dense, OwnCell};
use super::firsts::Firsts;
use super::record::{FIRST, Layout};
use super::{Bound, Tails, add_tail};
use crate::decay;
use crate::event::Event;
use crate::scan::Visitor;
use crate::sequence::{Cut, Cutting, Mode, Step};
use crate::spill::SpillError;
use crate::spill::boxes::Scatter;

/// The age of a step that does not count, for its user has counted enough that day.
const BEYOND: u32 = u32::MAX;

/// Counts the users that one thread sees.
#[derive(Debug)]
pub struct PartCounter<'c> {
    cutting: Cutting,
    part: Part<'c>,
}

/// What a part hands over at its end.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) cut: Cut,
    pub(super) popular: Vec<OwnCell>,
    /// At `length - 1`: the cells of lengths that are counted in arrays.
    pub(super) dense: Vec<Option<Vec<OwnCell>>>,
    pub(super) tails: Tails,
}

#[derive(Debug)]
struct Part<'c> {
    counters: &'c Counters<'c>,
    clusters: u64,
    user: u32,
    sequences: u32,
    bound: Bound,
    popular: Vec<OwnCell>,
    levels: Vec<Own<'c>>,
    tails: Tails,
    firsts: Firsts,
    /// Of the present sequence, by step: the age, and the history of the length that is being counted.
    ages: Vec<u32>,
    histories: Vec<u64>,
    failed: Option<SpillError>,
}

/// What one thread holds of one length.
#[derive(Debug)]
enum Own<'c> {
    Dense(Dense),
    Boxes {
        level: &'c LevelBoxes,
        /// The records of the present user.
        pending: Vec<u64>,
        scatter: Scatter<u64>,
    },
}

impl<'c> PartCounter<'c> {
    pub(super) fn new(counters: &'c Counters<'c>) -> Self {
        let settings = &counters.settings;
        let clusters = settings.clusters as usize;
        let part = Part {
            counters,
            clusters: u64::from(settings.clusters),
            user: 0,
            sequences: 0,
            bound: Bound::new(settings.user_day_max),
            popular: vec![OwnCell::default(); clusters],
            levels: counters.levels.iter().map(|shared| Own::new(shared, counters)).collect(),
            tails: vec![FxHashMap::default(); usize::from(settings.depth)],
            firsts: Firsts::new(),
            ages: Vec::new(),
            histories: Vec::new(),
            failed: None,
        };
        Self { cutting: Cutting::new(settings.rules, clusters), part }
    }

    /// Hands on everything.
    pub(super) fn finish(self) -> Result<Finished, SpillError> {
        let Part { popular, levels, tails, failed, .. } = self.part;
        failed.map_or(Ok(()), Err)?;
        let dense = levels.into_iter().map(Own::finish).collect::<Result<_, _>>()?;
        Ok(Finished { cut: self.cutting.cut(), popular, dense, tails })
    }
}

impl Visitor for PartCounter<'_> {
    fn user(&mut self, _: u64, events: &[Event]) {
        let part = &mut self.part;
        part.begin_user();
        self.cutting.user(events, &mut |_, steps| part.sequence(steps));
        part.end_user();
    }
}

impl Part<'_> {
    fn begin_user(&mut self) {
        self.user += 1;
        self.sequences = 0;
        self.bound.begin();
    }

    fn sequence(&mut self, steps: &[Step]) {
        self.sequences += 1;
        self.date(steps);
        for (step, age) in steps.iter().zip(&self.ages).filter(|(_, age)| **age != BEYOND) {
            self.popular[step.cluster as usize].add(self.counters.layout.weight(u64::from(*age)), self.user);
        }
        self.histories.clear();
        self.histories.resize(steps.len(), 0);
        let mut place = 1;
        for length in 1..=self.levels.len().min(steps.len() - 1) {
            self.level(length, place, steps);
            place *= self.clusters;
        }
        add_tail(&mut self.tails, steps, self.clusters);
    }

    /// The age of each step.
    fn date(&mut self, steps: &[Step]) {
        let layout = &self.counters.layout;
        self.ages.clear();
        if layout.ageless() && self.bound.user_day_max.is_none() {
            return self.ages.resize(steps.len(), 0);
        }
        let age = |step: &Step| {
            let day = decay::day(step.time_us);
            if self.bound.allows(day) { layout.age(day) as u32 } else { BEYOND }
        };
        self.ages.extend(steps.iter().map(age));
    }

    /// Counts each step once under the history of a length before it, of which the cluster `length` steps before is the highest digit.
    fn level(&mut self, length: usize, place: u64, steps: &[Step]) {
        let (nexts, ages) = (&steps[length..], &self.ages[length..]);
        let histories = &mut self.histories[length..];
        histories.iter_mut().zip(steps).for_each(|(history, oldest)| *history += u64::from(oldest.cluster) * place);
        let keys = histories.iter().zip(nexts).map(|(history, next)| history * self.clusters + u64::from(next.cluster));
        let counted = keys.zip(ages).filter(|(_, age)| **age != BEYOND).map(|(key, age)| (key, u64::from(*age)));
        match &mut self.levels[length - 1] {
            Own::Dense(cells) => counted.for_each(|(key, age)| cells.add(key, age, self.user)),
            Own::Boxes { pending, .. } => {
                pending.extend(counted.map(|(key, age)| self.counters.layout.record(key, age)));
            }
        }
    }

    fn end_user(&mut self) {
        let counters = self.counters;
        // In a sequence of distinct clusters nothing comes twice.
        let once = counters.settings.rules.mode == Mode::Distinct && self.sequences <= 1;
        for own in &mut self.levels {
            let Own::Boxes { level, pending, scatter } = own else { continue };
            match once {
                true => pending.iter_mut().for_each(|record| *record |= FIRST),
                false => self.firsts.mark(pending, &counters.layout),
            }
            let spread = spread(level, pending, (scatter, &counters.layout, self.clusters));
            self.failed = self.failed.take().or(spread.err());
        }
    }
}

fn spread(
    level: &LevelBoxes,
    pending: &mut Vec<u64>,
    (scatter, layout, clusters): (&mut Scatter<u64>, &Layout, u64),
) -> Result<(), SpillError> {
    for record in pending.drain(..) {
        let at = level.of(layout.key(record) / clusters);
        if let Some(full) = scatter.push(at, record) {
            level.boxes.put(at, 0, full)?;
        }
    }
    Ok(())
}

impl<'c> Own<'c> {
    fn new(shared: &'c Shared, Counters { settings, layout, .. }: &Counters<'_>) -> Self {
        match shared {
            Shared::Dense(keys) => {
                Self::Dense(Dense::new(*keys, layout.weights().to_vec(), &room(settings, settings.memory_bytes)))
            }
            Shared::Boxes(level) => Self::Boxes {
                level,
                pending: Vec::new(),
                scatter: Scatter::new(level.boxes.len(), &room(settings, level.bytes_max)),
            },
        }
    }

    fn finish(self) -> Result<Option<Vec<OwnCell>>, SpillError> {
        match self {
            Self::Dense(cells) => Ok(Some(cells.finish())),
            Self::Boxes { level, mut scatter, .. } => {
                (0..scatter.len()).try_for_each(|at| level.boxes.put(at, 0, scatter.take(at)))?;
                Ok(None)
            }
        }
    }
}
