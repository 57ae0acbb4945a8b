//! One run of counting: read, walk, write a part, carry on, and only then the ledger.
//!
//! It must never name what is not on the disk: between any two steps here a kill may come.

use std::fs;
use std::num::NonZero;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use segue::snapshot::manifest::Version;

use crate::build::LogSettings;
use crate::decay::US_PER_DAY;
use crate::event::US_PER_S;
use crate::kept::carried::Carried;
use crate::kept::columns::Ids;
use crate::kept::format::{COUNTS_FORMAT, CountsManifest};
use crate::kept::gram::DEPTH_MAX;
use crate::kept::ledger::{LedgerPart, LedgerPartition, LedgerRules, State};
use crate::kept::moment::{Moment, reached};
use crate::kept::part::{self, Content, Part};
use crate::kept::visit::{Count, Shared};
use crate::kept::walk::Walker;
use crate::kept::{Counting, KeptReport, KeptSettings, catalogue_version};
use crate::read::Tally;
use crate::refusals::Refusals;
use crate::scan::Scan;
use crate::sequence::Rules;
use crate::source::{Location, Partition};

/// See [`kept::count`](crate::kept::count()).
pub fn count(
    all: &[Partition],
    dir: &Path,
    settings: &KeptSettings,
    counting: &Counting<'_>,
) -> anyhow::Result<KeptReport> {
    let started = Instant::now();
    let job = Job::new(settings, counting)?;
    let mut state = State::open(dir, &LedgerRules::new(settings, job.catalogue.clone()))?;
    let new = state.ledger.pending(all)?;
    let known = KeptReport { partitions_known: all.len() - new.len(), ..KeptReport::default() };
    if new.is_empty() {
        return Ok(known);
    }
    let carried = match state.carried() {
        Some(path) => Carried::read(&path, job.ids.clone())?,
        None => Carried::empty(job.ids.clone()),
    };
    let (name, partial) = (state.next_name(), state.partial_dir());
    let (mut content, report) = job.run(&new, &At { carried: &carried, dir }, &partial)?;
    reached(Moment::PartWritten, dir);
    part::name(&partial, &state.part_dir(&name))?;
    reached(Moment::PartNamed, dir);
    let mut written = report.written;
    written.carried = carried.write_next(&state.carried_path(&name), content.standings.by_ref())?;
    reached(Moment::CarriedWritten, dir);
    state.add(LedgerPart { name: name.clone(), partitions: new.iter().map(LedgerPartition::of).collect() })?;
    reached(Moment::LedgerNamed, dir);
    state.sweep()?;
    Ok(KeptReport {
        part: Some(state.part_dir(&name)),
        partitions_known: known.partitions_known,
        written,
        elapsed_s: started.elapsed().as_secs_f64(),
        ..report
    })
}

/// See [`kept::count_once`](crate::kept::count_once).
pub fn count_once(
    partitions: &[Partition],
    out: &Path,
    settings: &KeptSettings,
    counting: &Counting<'_>,
) -> anyhow::Result<KeptReport> {
    let started = Instant::now();
    let job = Job::new(settings, counting)?;
    ensure!(!out.exists(), "{} is there already; give another --out, or remove it", out.display());
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let partial = tempfile::Builder::new().prefix(crate::candidates::file::PARTIAL).tempdir_in(parent);
    let partial = partial.with_context(|| format!("cannot write in {}", parent.display()))?;
    let made = partial.path().join("counts");
    let (_, report) = job.run(partitions, &At { carried: &Carried::empty(job.ids.clone()), dir: parent }, &made)?;
    part::name(&made, out)?;
    Ok(KeptReport { part: Some(out.to_owned()), elapsed_s: started.elapsed().as_secs_f64(), ..report })
}

/// What a run is to do.
#[derive(Debug)]
struct Job<'a> {
    settings: &'a KeptSettings,
    counting: &'a Counting<'a>,
    ids: Ids,
    catalogue: Version,
}

impl<'a> Job<'a> {
    fn new(settings: &'a KeptSettings, counting: &'a Counting<'a>) -> anyhow::Result<Self> {
        let depth = usize::from(settings.depth);
        ensure!((1..=DEPTH_MAX).contains(&depth), "a depth of {depth} was asked for, expected 1 to {DEPTH_MAX}");
        ensure!(settings.user_day_max > 0, "user_day_max is 0, expected at least 1: nothing would count");
        let (ids, catalogue) = (Ids::new(counting.catalogue)?, catalogue_version(counting.catalogue)?);
        Ok(Self { settings, counting, ids, catalogue })
    }

    /// Reads, counts and writes the directory `out`, all but its name.
    fn run(&self, partitions: &[Partition], at: &At<'_>, out: &Path) -> anyhow::Result<(Content, KeptReport)> {
        let log = LogSettings { events: partitions.iter().map(source).collect(), ..self.counting.log.clone() };
        let read = self.scan(&log, at.dir).read()?;
        let mut report = report(partitions, read.tally(), read.refusals());
        let walker = self.walker();
        let shared = self.shared(&walker, at);
        let mut content = Content::of(read.visit(|| Count::new(shared))?.visitors)?;
        report.add_walked(&content);
        let part = Part { dir: out, ids: &self.ids };
        report.written = part.tables(&mut content, self.settings.witness_max)?;
        reached(Moment::TablesWritten, at.dir);
        part.manifest(&self.manifest(&report))?;
        Ok((content, report))
    }

    fn scan<'s>(&'s self, log: &'s LogSettings, spill_dir: &'s Path) -> Scan<'s> {
        let counting = self.counting;
        Scan {
            log,
            catalogue: counting.catalogue,
            policy: counting.policy,
            ties: self.settings.ties,
            memory_bytes: counting.memory_bytes / 2,
            spill_dir,
            threads: counting.threads,
            progress: counting.progress,
        }
    }

    fn walker(&self) -> Walker {
        let settings = self.settings;
        let gap_us = settings.gap_days.map(|days| (days * US_PER_DAY) as i64);
        Walker {
            rules: Rules { mode: settings.mode, gap_us, since_us: None },
            depth: usize::from(settings.depth),
            user_day_max: settings.user_day_max,
        }
    }

    fn shared<'s>(&self, walker: &'s Walker, at: &At<'s>) -> Shared<'s> {
        let threads = match self.counting.threads {
            0 => std::thread::available_parallelism().map_or(1, NonZero::get),
            threads => threads,
        };
        Shared {
            walker,
            carried: at.carried,
            request_users_share: self.settings.request_users_share,
            memory_bytes: self.counting.memory_bytes / 2 / threads,
            spill_dir: at.dir,
        }
    }

    fn manifest(&self, report: &KeptReport) -> CountsManifest {
        let settings = self.settings;
        CountsManifest {
            format: COUNTS_FORMAT.to_owned(),
            mode: settings.mode.name().to_owned(),
            gap_days: settings.gap_days,
            ties: settings.ties.name().to_owned(),
            depth: settings.depth,
            user_day_max: settings.user_day_max,
            witness_max: settings.witness_max,
            catalogue: self.catalogue.clone(),
            from_us: report.from_us,
            to_us: report.to_us,
            steps_from_us: report.steps_from_us,
            users: report.users,
            sequences: report.sequences,
        }
    }
}

/// Where a run goes on.
#[derive(Debug)]
struct At<'a> {
    carried: &'a Carried,
    /// Where rows beyond the memory go.
    dir: &'a Path,
}

fn report(partitions: &[Partition], tally: &Tally, refusals: &Refusals) -> KeptReport {
    KeptReport {
        partitions: partitions.iter().map(|partition| partition.name.clone()).collect(),
        rows: tally.rows,
        events: tally.events,
        refused: refusals.total(),
        from_us: tally.window_us.map(|(from_us, _)| from_us),
        to_us: tally.window_us.map(|(_, to_us)| to_us),
        ..KeptReport::default()
    }
}

impl KeptReport {
    fn add_walked(&mut self, content: &Content) {
        let walked = content.walked;
        self.users = walked.users;
        self.sequences = walked.sequences;
        self.steps = walked.steps;
        self.steps_from_us = walked.steps_from_us;
        self.steps_over_bound = walked.over_bound;
        self.late = walked.late;
        self.late_users = walked.late_users;
        self.late_s_max = walked.late_us_max as f64 / US_PER_S as f64;
    }
}

fn source(partition: &Partition) -> String {
    match &partition.location {
        Location::Path(path) => path.to_string_lossy().into_owned(),
        Location::Url(url) => url.clone(),
    }
}
