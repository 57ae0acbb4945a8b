//! How many different users stand behind each (history, next) within the days that count, over all directories.
//!
//! It must never hold more users of a row than decide it.

use anyhow::{Context, ensure};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use rustc_hash::FxHashMap;

use crate::decay::day;
use crate::kept::MergeFigures;
use crate::kept::columns::SupportColumns;
use crate::kept::format::SUPPORT;
use crate::kept::merge::{Cells, Given, Span};
use crate::kept::space::{Histories, Space};
use crate::kept::table::{self, Columns};

/// What is asked of the tables.
#[derive(Debug)]
pub struct Support {
    users_min: u32,
    /// At `length`: by the key of a history and the cluster after it.
    rows: Vec<FxHashMap<u64, Behind>>,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Different users, of rows that are asked for.
    Distinct,
    /// Users of each day, added up, of all rows.
    UserDays,
}

/// Who stands behind one (history, next).
#[derive(Clone, Debug, Default)]
struct Behind {
    /// The users that are known, ascending; dropped once there are enough.
    witnesses: Vec<i64>,
    /// The most users that one row has: there are at least so many.
    users_max: i64,
    /// Users of all rows, those that are in several counted in each.
    users_sum: i64,
    rows: u32,
    /// Whether a row does not name its users.
    unnamed: bool,
}

impl Support {
    /// How many different users: asked only where there are enough steps for `users_min`.
    pub fn distinct(levels: &[Cells], users_min: u32) -> Self {
        let enough = |cells: &Cells| {
            let keys = cells.iter().filter(|(_, cell)| cell.seen >= users_min).map(|(key, _)| *key);
            keys.map(|key| (key, Behind::default())).collect()
        };
        Self { users_min, rows: levels.iter().map(enough).collect(), what: What::Distinct }
    }

    /// On how many days of users, for histories of up to `depth` clusters.
    pub fn user_days(depth: u8) -> Self {
        Self { users_min: 0, rows: vec![FxHashMap::default(); usize::from(depth) + 1], what: What::UserDays }
    }

    /// Reads the tables.
    ///
    /// # Errors
    /// When a table cannot be read, or has no days where some of its days do not count.
    pub fn read(mut self, given: &[Given], span: Span, space: &Space<'_>) -> anyhow::Result<Self> {
        for given in given {
            let dir = given.dir.join(SUPPORT);
            let whole = given.is_within(span);
            let take = |batch: &RecordBatch| self.take(batch, &Days { span, whole }, space);
            table::read(&dir, &SupportColumns::schema(), take)
                .with_context(|| format!("{} cannot be merged", dir.display()))?;
        }
        Ok(self)
    }

    /// Removes the cells with too few users; of the others, notes that there are so many at least.
    pub fn suppress(&self, levels: &mut [Cells], figures: &mut MergeFigures) {
        for (cells, rows) in levels.iter_mut().zip(&self.rows) {
            let before = (cells.len() as u64, steps(cells));
            cells.retain(|key, cell| {
                let behind = rows.get(key);
                let kept = behind.is_some_and(|behind| behind.users() >= self.users_min);
                // Once there are enough, nobody counts on: more would depend on who was named.
                cell.users = self.users_min;
                let unproven = !kept && behind.is_some_and(|behind| behind.users_sum >= i64::from(self.users_min));
                figures.unproven += u64::from(unproven && behind.is_some_and(|behind| !behind.is_exact()));
                kept
            });
            figures.suppressed.push(before.0 - cells.len() as u64);
            figures.suppressed_steps.push(before.1 - steps(cells));
        }
    }

    /// At `length`: the days of users of each row.
    pub fn into_user_days(self) -> Vec<FxHashMap<u64, i64>> {
        let sums =
            |rows: FxHashMap<u64, Behind>| rows.into_iter().map(|(key, behind)| (key, behind.users_sum)).collect();
        self.rows.into_iter().map(sums).collect()
    }

    fn take(&mut self, batch: &RecordBatch, of: &Days, space: &Space<'_>) -> anyhow::Result<()> {
        let histories = Histories::of(batch);
        let next = batch.column(3).as_primitive::<Int32Type>().values();
        let days = batch.column(4).as_primitive::<Int32Type>();
        let users = batch.column(5).as_primitive::<Int64Type>().values();
        let witnesses = batch.column(6).as_list::<i32>();
        for row in 0..batch.num_rows() {
            if !of.holds(days.is_valid(row).then(|| days.value(row)))? {
                continue;
            }
            let (length, history) = space.history(&histories, row)?;
            let key = space.with_next(history, space.index(next[row])?);
            let named = witnesses.is_valid(row).then(|| witnesses.value(row));
            let named = named.as_ref().map(|named| &named.as_primitive::<Int64Type>().values()[..]);
            if let Some(behind) = self.behind(length, key) {
                behind.add(users[row], named);
            }
        }
        Ok(())
    }

    fn behind(&mut self, length: usize, key: u64) -> Option<&mut Behind> {
        let rows = self.rows.get_mut(length)?;
        match self.what {
            What::Distinct => rows.get_mut(&key).filter(|behind| behind.users() < self.users_min),
            What::UserDays => Some(rows.entry(key).or_default()),
        }
    }
}

impl Behind {
    fn add(&mut self, users: i64, named: Option<&[i64]>) {
        self.users_max = self.users_max.max(users);
        self.users_sum = self.users_sum.saturating_add(users);
        self.rows += 1;
        self.unnamed |= named.is_none();
        for user in named.into_iter().flatten() {
            if let Err(place) = self.witnesses.binary_search(user) {
                self.witnesses.insert(place, *user);
            }
        }
    }

    /// How many different users there are at least, and exactly where all are named.
    fn users(&self) -> u32 {
        u32::try_from(self.users_max).unwrap_or(u32::MAX).max(self.witnesses.len() as u32)
    }

    /// Whether there can be no more users than those.
    fn is_exact(&self) -> bool {
        !self.unnamed || self.rows == 1
    }
}

/// Which rows of a directory count.
#[derive(Clone, Copy, Debug)]
struct Days {
    span: Span,
    /// Whether all of the directory's days do.
    whole: bool,
}

impl Days {
    fn holds(&self, day: Option<i32>) -> anyhow::Result<bool> {
        if let Some(day) = day {
            return Ok(self.span.holds(day));
        }
        ensure!(
            self.whole,
            "its users are not kept by day, and only the days {} to {} are asked for; count just those, or write `day`",
            self.span.from_day,
            self.span.to_day
        );
        Ok(true)
    }
}

impl Given {
    fn is_within(&self, span: Span) -> bool {
        let within = |time_us: Option<i64>| time_us.is_none_or(|time_us| span.holds(day(time_us)));
        let Self { manifest, .. } = self;
        within(manifest.from_us) && within(manifest.to_us) && within(manifest.steps_from_us)
    }
}

fn steps(cells: &Cells) -> u64 {
    cells.values().map(|cell| u64::from(cell.seen)).sum()
}
