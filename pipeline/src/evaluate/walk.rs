//! Requests in order of time, each put to what served at its time: the one place where it is decided who may know what.
//!
//! An answer is made for a stretch of requests that one table and one month's model serve. The table is made of the days before the
//! stretch's own day, and that day is never after the day of its first request.

use std::ops::Range;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::Replay;
use super::months::Months;
use crate::decay;
use crate::drift::days::start_us;
use crate::examples::{Example, Examples};
use crate::measure::{Outcomes, Rankings};
use crate::progress::Progress;

/// Clusters of a history: the method's pairs.
pub const HISTORY: u8 = 2;
/// Requests that are answered together: enough to share what their histories have in common, few enough to spread over threads.
const PIECE_SIZE: usize = 4096;

/// When the tables of a contender are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// Once, before the first month that is asked about.
    Once,
    /// At the start of every month.
    Monthly,
    /// Every so many days, at whole multiples of them since 1970.
    Days(i32),
}

/// Requests that one table and one model answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Their places among the examples.
    pub range: Range<usize>,
    /// Only what came before this day, in UTC days since 1970, is known.
    pub day: i32,
    /// The place of their month among those asked about.
    pub month: usize,
}

/// Requests of a stretch with the histories that they have between them.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The requests.
    pub requests: Vec<Example<'a>>,
    /// Every history once.
    pub histories: Vec<&'a [u32]>,
    /// Which history is each request's.
    places: Vec<usize>,
}

/// Ranked clusters, one list for each history of [`Asked`].
pub type Lists = Vec<Vec<u32>>;

/// Those who answer side by side, from one table.
pub trait Answering: Sync {
    /// What is made once for a stretch.
    type Table: Sync;
    /// How many answer.
    fn contenders(&self) -> usize;
    /// Makes the table of a stretch.
    fn table(&self, stretch: &Stretch) -> Self::Table;
    /// Ranks clusters for every history: the lists of each contender.
    fn rank(&self, table: &Self::Table, stretch: &Stretch, asked: &Asked<'_>) -> Vec<Lists>;
}

impl Cadence {
    /// The stretches of the months' requests.
    pub fn stretches(self, examples: &Examples, months: &Months) -> Vec<Stretch> {
        let first_day = months.asked.first().map_or(i32::MIN, |month| decay::day(month.start_us));
        let mut stretches = Vec::new();
        for (at, month) in months.asked.iter().enumerate() {
            let mut from = month.range.start;
            while from < month.range.end {
                let (day, until_us) = self.serves(examples.get(from).time_us, (first_day, decay::day(month.start_us)));
                let to = until_us.map_or(month.range.end, |until_us| examples.place_at(until_us));
                let to = to.clamp(from + 1, month.range.end);
                stretches.push(Stretch { range: from..to, day, month: at });
                from = to;
            }
        }
        stretches
    }

    /// The day of the table that serves at a time, and until when it does; `None` is the month's end.
    fn serves(self, time_us: i64, (first_day, month_day): (i32, i32)) -> (i32, Option<i64>) {
        match self {
            Self::Once => (first_day, None),
            Self::Monthly => (month_day, None),
            Self::Days(days) => {
                let day = decay::day(time_us).div_euclid(days) * days;
                (day, Some(start_us(day.saturating_add(days))))
            }
        }
    }
}

impl<'a> Asked<'a> {
    fn new(requests: Vec<Example<'a>>) -> Self {
        let mut known = FxHashMap::default();
        let mut histories = Vec::new();
        let place = |request: &Example<'a>| {
            *known.entry(request.history).or_insert_with(|| {
                histories.push(request.history);
                histories.len() - 1
            })
        };
        let places = requests.iter().map(place).collect();
        Self { requests, histories, places }
    }

    fn rankings(&self, lists: &Lists) -> Rankings {
        let mut rankings = Rankings::default();
        self.places.iter().for_each(|place| rankings.push(lists[*place].iter().copied()));
        rankings
    }
}

impl Replay<'_> {
    /// Puts every request to those who answer; their outcomes in their order. The number of threads changes nothing.
    pub fn walk(&self, cadence: Cadence, by: &impl Answering, progress: &Progress) -> Vec<Outcomes> {
        let stretches = cadence.stretches(self.examples, self.months);
        let pieces: Vec<Vec<Outcomes>> =
            stretches.par_iter().flat_map(|stretch| self.walk_stretch(stretch, by, progress)).collect();
        let mut outcomes = vec![Outcomes::new(self.log.clusters); by.contenders()];
        for piece in &pieces {
            outcomes.iter_mut().zip(piece).for_each(|(outcomes, piece)| outcomes.append(piece));
        }
        outcomes
    }

    fn walk_stretch(&self, stretch: &Stretch, by: &impl Answering, progress: &Progress) -> Vec<Vec<Outcomes>> {
        let table = by.table(stretch);
        let starts: Vec<usize> = stretch.range.clone().step_by(PIECE_SIZE).collect();
        let piece = |from: usize| {
            let range = from..stretch.range.end.min(from + PIECE_SIZE);
            let requests = self.examples.iter(range).filter(|example| self.months.asks(example));
            let asked = Asked::new(requests.collect());
            let outcomes = by.rank(&table, stretch, &asked).iter().map(|lists| self.outcomes(&asked, lists)).collect();
            progress.advance(asked.requests.len() as u64);
            outcomes
        };
        starts.into_par_iter().map(piece).collect()
    }

    fn outcomes(&self, asked: &Asked<'_>, lists: &Lists) -> Outcomes {
        let mut outcomes = Outcomes::new(self.log.clusters);
        outcomes.extend(&asked.requests, &asked.rankings(lists), self.counting.count.mode);
        outcomes
    }
}
