//! Merges directories of counts as of a day: window, decay, k-anonymity or noise.
//!
//! It must never look at a step after its day, nor depend on the order of directories or rows.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use rustc_hash::FxHashMap;
use segue::snapshot::catalogue::Catalogue;

use crate::count::Counts;
use crate::decay::{Decay, day};
use crate::kept::columns::CountsColumns;
use crate::kept::format::{COUNTS, CountsManifest};
use crate::kept::space::{Histories, Space};
use crate::kept::support::Support;
use crate::kept::table::{self, Columns};
use crate::kept::{MergeFigures, MergeRules, Merged, catalogue_version, tails};
use crate::privacy;
use crate::tally::Cell;

/// Cells by the key of a history and the cluster after it.
pub type Cells = FxHashMap<u64, Cell>;

/// The days that count.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The first.
    pub from_day: i32,
    /// The last.
    pub to_day: i32,
}

/// A directory to be merged.
#[derive(Debug)]
pub struct Given {
    /// Where it is.
    pub dir: PathBuf,
    /// What it says of itself.
    pub manifest: CountsManifest,
}

impl Given {
    /// Whether a step of it may be of that day or before: also of a day before its first event (see [`CountsManifest::steps_from_us`]).
    fn has_steps_by(&self, to_day: i32) -> bool {
        self.begins_by(to_day) || self.manifest.steps_from_us.is_some_and(|from_us| day(from_us) <= to_day)
    }

    /// Whether its first event is of that day or before: only then is anybody where its tails say.
    fn begins_by(&self, to_day: i32) -> bool {
        self.manifest.from_us.is_some_and(|from_us| day(from_us) <= to_day)
    }
}

/// See [`kept::merge`](crate::kept::merge()).
pub fn merge(dirs: &[PathBuf], rules: &MergeRules, catalogue: &Catalogue) -> anyhow::Result<Merged> {
    let space = Space::new(catalogue, rules.depth)?;
    let mut given = given(dirs, rules, catalogue)?;
    let span = span(&given, rules)?;
    given.retain(|given| given.has_steps_by(span.to_day));
    let mut sums = Sums::new(rules, span);
    given.iter().try_for_each(|given| sums.read(given, &space))?;
    ensure!(sums.figures.steps > 0, "no step of the counts is within the days {} to {}", span.from_day, span.to_day);
    let begun: Vec<&Given> = given.iter().filter(|given| given.begins_by(span.to_day)).collect();
    let tails = tails::read(&begun, &space, rules.depth)?;
    let Sums { mut levels, mut figures, .. } = sums;
    figures.dirs = given.len();
    figures.from_us = begun.iter().filter_map(|given| given.manifest.from_us).min();
    figures.to_us = begun.iter().filter_map(|given| given.manifest.to_us).max();
    let Some(privacy) = &rules.privacy else {
        if rules.users_min > 1 {
            Support::distinct(&levels, rules.users_min).read(&given, span, &space)?.suppress(&mut levels, &mut figures);
        }
        return Ok(merged(levels, tails, figures, &space));
    };
    let support = Support::user_days(rules.depth).read(&given, span, &space)?;
    let bound = given.iter().map(|given| given.manifest.user_day_max).max().unwrap_or_default();
    let exact = privacy::Exact { levels, user_days: support.into_user_days(), tails, clusters: space.clusters() };
    let noisy = privacy.apply(exact, &privacy::Bound { user_day_max: bound, users_min: rules.users_min })?;
    figures.steps = 0;
    figures.privacy = Some(noisy.figures);
    Ok(merged(noisy.levels, noisy.tails, figures, &space))
}

fn merged(mut levels: Vec<Cells>, tails: crate::count::Tails, mut figures: MergeFigures, space: &Space<'_>) -> Merged {
    figures.kept = levels.iter().map(|cells| cells.len() as u64).collect();
    let first = levels.remove(0);
    let mut popular = vec![Cell::default(); space.clusters()];
    first.into_iter().for_each(|(cluster, cell)| popular[cluster as usize] = cell);
    let levels = levels.into_iter().map(sorted).collect();
    Merged { counts: Counts::from_cells(popular, levels, tails), figures }
}

fn sorted(cells: Cells) -> Vec<(u64, Cell)> {
    let mut cells: Vec<(u64, Cell)> = cells.into_iter().collect();
    cells.sort_unstable_by_key(|(key, _)| *key);
    cells
}

/// Reads what the directories say of themselves, and refuses those that do not go together.
fn given(dirs: &[PathBuf], rules: &MergeRules, catalogue: &Catalogue) -> anyhow::Result<Vec<Given>> {
    let catalogue = catalogue_version(catalogue)?;
    let distinct: BTreeSet<&PathBuf> = dirs.iter().collect();
    ensure!(distinct.len() == dirs.len(), "a directory of counts is given twice: its steps would count double");
    let read = |dir: &PathBuf| Ok(Given { dir: dir.clone(), manifest: CountsManifest::read(dir)? });
    let given = dirs.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    let first = given.first().context("there are no counts to merge; count first")?;
    for Given { dir, manifest } in &given {
        let at = dir.display();
        let version = &manifest.catalogue;
        ensure!(
            *version == catalogue,
            "{at} was counted with the catalogue {version}, expected {catalogue}; count again"
        );
        let deep = manifest.depth;
        ensure!(deep >= rules.depth, "{at} has histories of up to {deep}, expected {}; count again", rules.depth);
        ensure!(
            manifest.rules() == first.manifest.rules(),
            "{at} was counted by (mode, gap, bound) {:?}, {} by {:?}; count one of them again",
            manifest.rules(),
            first.dir.display(),
            first.manifest.rules()
        );
    }
    Ok(given)
}

fn span(given: &[Given], rules: &MergeRules) -> anyhow::Result<Span> {
    let counted = given.iter().filter_map(|given| given.manifest.to_us).max().map(day);
    let to_day = rules.to_day.or(counted).context("there is no event in the counts")?;
    let from_day = rules.window_days.map(|days| to_day.saturating_add(1).saturating_sub_unsigned(days));
    Ok(Span { from_day: from_day.unwrap_or(i32::MIN), to_day })
}

/// What adds up while directories are read.
#[derive(Debug)]
struct Sums {
    levels: Vec<Cells>,
    decay: Decay,
    span: Span,
    figures: MergeFigures,
}

impl Sums {
    fn new(rules: &MergeRules, span: Span) -> Self {
        Self {
            levels: vec![Cells::default(); usize::from(rules.depth) + 1],
            decay: Decay::from_day(span.to_day, rules.half_life_days),
            span,
            figures: MergeFigures { to_day: span.to_day, ..MergeFigures::default() },
        }
    }

    fn read(&mut self, given: &Given, space: &Space<'_>) -> anyhow::Result<()> {
        let dir = given.dir.join(COUNTS);
        let read = table::read(&dir, &CountsColumns::schema(), |batch| self.take(batch, space));
        read.with_context(|| format!("{} cannot be merged", dir.display()))
    }

    fn take(&mut self, batch: &RecordBatch, space: &Space<'_>) -> anyhow::Result<()> {
        let histories = Histories::of(batch);
        let next = batch.column(3).as_primitive::<Int32Type>().values();
        let days = batch.column(4).as_primitive::<Int32Type>().values();
        let seen = batch.column(5).as_primitive::<Int64Type>().values();
        for row in (0..batch.num_rows()).filter(|row| self.span.holds(days[*row])) {
            let (length, history) = space.history(&histories, row)?;
            let key = space.with_next(history, space.index(next[row])?);
            let times = u64::try_from(seen[row]).context("expected a number of steps")?;
            if let Some(cells) = self.levels.get_mut(length) {
                add(cells.entry(key).or_default(), times, self.decay.weight_of_day(days[row]));
            }
            if length == 0 {
                self.figures.steps += times;
                let first = self.figures.from_day.get_or_insert(days[row]);
                *first = days[row].min(*first);
            }
        }
        Ok(())
    }
}

fn add(cell: &mut Cell, times: u64, weight: u64) {
    cell.weight = cell.weight.saturating_add(times.saturating_mul(weight));
    cell.seen = cell.seen.saturating_add(u32::try_from(times).unwrap_or(u32::MAX));
}

impl Span {
    /// Whether a day counts.
    pub fn holds(&self, day: i32) -> bool {
        (self.from_day..=self.to_day).contains(&day)
    }
}
