//! Counts by day, from which the table of any day is made in one pass.
//!
//! What a build on that day would count, with the very smoothing of builds: a recount of the whole log for every day, age and half-life would
//! take hours. It sees only what came before the day, and it never looks at what is asked.

use rustc_hash::FxHashMap;

use crate::count::Counts;
use crate::decay::{self, Decay, US_PER_DAY};
use crate::examples::Log;
use crate::sequence::{Cutter, Rules, Step};
use crate::smooth::{Constants, Smoothed};
use crate::tally::Cell;

/// Every step of a log by what it followed and its day.
#[derive(Clone, Debug)]
pub struct DayCounts {
    clusters: u32,
    popular: Vec<Entry>,
    /// At `length - 1`: by history and next cluster.
    grams: Vec<Vec<Entry>>,
    constants: Constants,
    first_day: i32,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// The history's clusters and the next one as digits.
    key: u64,
    /// Its day, in UTC days since 1970.
    day: i32,
    /// The day from which it counts: a first item only with its second.
    known: i32,
    /// The lot of its user's day: a share of all days is those with the lowest lots.
    lot: u32,
}

/// Which steps a table is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TableOf {
    /// Only what came before this day.
    pub before_day: i32,
    /// Only so many days before it; `None` is all. A history may reach back beyond them, which a build's own window does not allow.
    pub window_days: Option<i32>,
    /// A step counts half after so many days, counted from the day before; `None` is never.
    pub half_life_days: Option<f64>,
    /// The share of users' days that count at all.
    pub share: f64,
}

impl TableOf {
    /// Everything before a day.
    pub const fn before(day: i32) -> Self {
        Self { before_day: day, window_days: None, half_life_days: None, share: 1.0 }
    }
}

/// When a UTC day begins, in microseconds since 1970.
pub fn start_us(day: i32) -> i64 {
    i64::from(day) * US_PER_DAY as i64
}

impl DayCounts {
    /// The steps of a log, for histories of up to so many clusters as there are constants.
    pub fn new(log: &Log, rules: Rules, constants: Constants) -> Self {
        let mut days = Self {
            clusters: log.clusters,
            popular: Vec::new(),
            grams: vec![Vec::new(); constants.by_length.len()],
            constants,
            first_day: 0,
        };
        let mut cutter = Cutter::new(rules, log.clusters as usize, |user, steps: &[Step]| days.add(user, steps));
        log.events.iter().for_each(|event| cutter.push(*event));
        cutter.finish();
        days.grams.iter_mut().chain([&mut days.popular]).for_each(|entries| entries.sort_unstable());
        days.first_day = days.popular.iter().map(|entry| entry.day).min().unwrap_or_default();
        days
    }

    /// How many clusters the catalogue has.
    pub fn clusters(&self) -> u32 {
        self.clusters
    }

    /// The day of the first step.
    pub fn first_day(&self) -> i32 {
        self.first_day
    }

    /// How many steps a table is made of.
    pub fn steps(&self, of: &TableOf) -> usize {
        self.popular.iter().filter(|entry| of.has(entry)).count()
    }

    /// The longest history that is counted.
    pub fn depth(&self) -> usize {
        self.grams.len()
    }

    /// The key of the last clusters of a history, as many as are counted, with their number.
    pub fn key(&self, history: &[u32]) -> (usize, u64) {
        let suffix = &history[history.len().saturating_sub(self.depth())..];
        (suffix.len(), suffix.iter().fold(0, |key, cluster| key * u64::from(self.clusters) + u64::from(*cluster)))
    }

    /// The probabilities.
    pub fn table(&self, of: &TableOf) -> Smoothed {
        let weights = Weights::new(of, self.first_day);
        let mut popular = vec![Cell::default(); self.clusters as usize];
        weights.cells(&self.popular).for_each(|(key, cell)| popular[key as usize] = cell);
        let levels = self.grams.iter().map(|entries| weights.cells(entries).collect()).collect();
        let tails = vec![FxHashMap::default(); self.depth()];
        Smoothed::new(Counts::from_cells(popular, levels, tails), &self.constants)
    }

    fn add(&mut self, user: u32, steps: &[Step]) {
        for (at, step) in steps.iter().enumerate() {
            let day = decay::day(step.time_us);
            let known = day.max(decay::day(steps[at.max(1)].time_us));
            let entry = Entry { key: u64::from(step.cluster), day, known, lot: lot(user, day) };
            self.popular.push(entry);
            let mut place = u64::from(self.clusters);
            let mut key = entry.key;
            for (entries, before) in self.grams.iter_mut().zip(steps[..at].iter().rev()) {
                key += u64::from(before.cluster) * place;
                place = place.saturating_mul(u64::from(self.clusters));
                entries.push(Entry { key, ..entry });
            }
        }
    }
}

impl TableOf {
    fn has(&self, entry: &Entry) -> bool {
        let since = self.window_days.map_or(i32::MIN, |days| self.before_day.saturating_sub(days));
        entry.known < self.before_day && entry.day >= since && f64::from(entry.lot) <= self.share * f64::from(u32::MAX)
    }
}

/// What a step of each day weighs.
struct Weights<'a> {
    of: &'a TableOf,
    first_day: i32,
    by_day: Vec<u64>,
}

impl<'a> Weights<'a> {
    fn new(of: &'a TableOf, first_day: i32) -> Self {
        let decay = Decay::from_day(of.before_day - 1, of.half_life_days);
        let by_day = (first_day..of.before_day).map(|day| decay.weight_of_day(day)).collect();
        Self { of, first_day, by_day }
    }

    /// Every key that was met, ascending, with its cell.
    fn cells(&self, entries: &[Entry]) -> impl Iterator<Item = (u64, Cell)> {
        let cell = |run: &[Entry]| {
            let mut cell = Cell::default();
            let counted = run.iter().filter(|entry| self.of.has(entry));
            counted.for_each(|entry| cell.add(self.by_day[(entry.day - self.first_day) as usize]));
            (run[0].key, cell)
        };
        entries.chunk_by(|left, right| left.key == right.key).map(cell).filter(|(_, cell)| cell.seen > 0)
    }
}

/// A number that a user's day always has, spread evenly: the finaliser of splitmix64 (Steele, Lea and Flood, 2014).
pub fn lot(user: u32, day: i32) -> u32 {
    let mut mixed = (u64::from(user) << 32 | u64::from(day.cast_unsigned())).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 32) as u32
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::build::CountSettings;
    use crate::event::Event;
    use crate::examples::{AsOf, Counting};
    use crate::sequence::Mode;

    const CLUSTERS: u32 = 7;

    fn log(seed: u64) -> Log {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut event = |user| Event {
            user,
            cluster: random.random_range(0..CLUSTERS),
            time_us: start_us(100) + random.random_range(0..start_us(20)),
        };
        let mut events: Vec<Event> = (0..300).map(|at| event(at / 12)).collect();
        events.sort_by_key(|event| (event.user, event.time_us));
        Log { events, clusters: CLUSTERS }
    }

    fn counting(mode: Mode, half_life_days: Option<f64>) -> Counting {
        let count = CountSettings {
            mode,
            gap_days: Some(5.0),
            window_days: None,
            half_life_days,
            smoothing: vec![3.0, 5.0],
            seen_min: 1,
            users_min: 1,
            user_day_max: None,
        };
        Counting { count, depth: 2, width: 4 }
    }

    /// The table of a day against a recount of the log, which builds releases.
    fn check(mode: Mode, half_life_days: Option<f64>) {
        let (log, counting) = (log(4), counting(mode, half_life_days));
        let days = DayCounts::new(&log, counting.rules(), Constants::new(&counting.count.smoothing, 2));
        let mut as_of = AsOf::new(&log, &counting);
        // Each day has events: a build ages them from its last one.
        for day in [103, 109, 120] {
            as_of.advance(start_us(day));
            let table = days.table(&TableOf { half_life_days, ..TableOf::before(day) });
            let expected = as_of.smoothed();
            assert_eq!(
                (&table.popular, &table.popularity),
                (&expected.popular, &expected.popularity),
                "{mode:?} {day}"
            );
            for (one, other) in table.levels.iter().zip(&expected.levels) {
                assert_eq!((&one.level.histories, &one.level.nexts), (&other.level.histories, &other.level.nexts));
                assert_eq!((&one.scores, &one.ranked), (&other.scores, &other.ranked), "{mode:?} {day}");
            }
        }
    }

    #[test]
    fn a_day_s_table_is_what_a_build_would_count() {
        check(Mode::Changes, None);
        check(Mode::Raw, Some(4.0));
        check(Mode::Distinct, Some(40.0));
    }

    #[test]
    fn shares_windows_and_lots_leave_out_what_they_say() {
        let days = DayCounts::new(&log(9), Rules { mode: Mode::Raw, ..Rules::default() }, Constants::new(&[1.0], 2));
        let all = TableOf::before(120);
        let steps = |of: TableOf| days.steps(&of);
        assert_eq!(steps(all), 300);
        assert_eq!(steps(TableOf { share: 0.0, ..all }), 0);
        assert_eq!(steps(TableOf { window_days: Some(20), ..all }), 300);
        assert!((30..120).contains(&steps(TableOf { window_days: Some(5), ..all })));
        let lots: Vec<u32> = (0..4_000).map(|user| lot(user, 15_000)).collect();
        let low = lots.iter().filter(|lot| **lot < u32::MAX / 4).count();
        assert!((900..1_100).contains(&low), "{low}");
    }
}
