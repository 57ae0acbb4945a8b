//! Which parts are complete, durable against a kill at any moment: a part counts when its line is on the disk.
//!
//! `ledger.jsonl` begins with the job and gains a line a part. When all parts are there it becomes the job's report, so
//! that a finished directory is the same however often its making was interrupted.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use segue::snapshot::release::digest_file;
use segue::snapshot::store::sync_dir;
use tempfile::NamedTempFile;

use super::job::{self, Finished, Job, PartFile};
use super::plan::Plan;
use crate::candidates::file::{PARTIAL, persist};

/// The ledger's name while parts are missing.
pub const LEDGER: &str = "ledger.jsonl";
/// Held by the one run that works in a directory; it holds nothing, and stays.
const LOCK: &str = ".lock";

/// The ledger of a directory.
#[derive(Debug)]
pub struct Ledger {
    dir: PathBuf,
    job: Job,
    plan: Plan,
    done: BTreeMap<usize, PartFile>,
    /// `None` once all is finished.
    file: Option<File>,
    _lock: File,
}

/// The name of a part's file.
pub fn part_name(part: usize) -> String {
    format!("part-{part:06}.parquet")
}

impl Ledger {
    /// Opens the directory of a job, or begins one. Parts that are not as the ledger says are computed again.
    ///
    /// # Errors
    /// When another run works there, when another job was begun there, or when the disk refuses.
    pub fn open(dir: &Path, job: &Job, plan: &Plan) -> anyhow::Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let lock = lock(dir)?;
        remove_partial(dir)?;
        let finished = finished(dir, job)?;
        let parts = match &finished {
            Some(finished) => finished.parts.clone(),
            None => read(dir, job)?,
        };
        let done = intact(dir, parts);
        let complete = finished.is_some() && done.len() == plan.parts_of(job.shard).len();
        let file = if complete { None } else { Some(begin(dir, job, &done)?) };
        Ok(Self { dir: dir.to_owned(), job: job.clone(), plan: *plan, done, file, _lock: lock })
    }

    /// The parts to compute.
    pub fn missing(&self) -> Vec<usize> {
        self.parts().filter(|part| !self.done.contains_key(part)).collect()
    }

    /// Counts a part whose file is durable.
    ///
    /// # Errors
    /// When the ledger cannot be written; the part is computed again then.
    pub fn done(&mut self, part: usize, path: &Path) -> anyhow::Result<()> {
        let entry = describe(part, path)?;
        sync_dir(&self.dir).with_context(|| refused(&self.dir, &entry.name))?;
        let file = self.file.as_mut().context("a finished job computes no part")?;
        write_line(file, &entry).and_then(|()| file.sync_data()).with_context(|| refused(&self.dir, LEDGER))?;
        self.done.insert(part, entry);
        Ok(())
    }

    /// Writes the report in the place of the ledger.
    ///
    /// # Errors
    /// When a part is missing or the disk refuses.
    pub fn close(self) -> anyhow::Result<()> {
        ensure!(self.done.len() == self.parts().len(), "parts are missing; run `infer` again");
        if self.file.is_none() {
            return Ok(());
        }
        let (name, rows) = (self.job.report(), self.plan.rows_of(self.parts()));
        let finished = Finished { job: self.job, rows, parts: self.done.into_values().collect() };
        let mut text = serde_json::to_vec_pretty(&finished)?;
        text.push(b'\n');
        write_durably(&self.dir, &name, &text)?;
        fs::remove_file(self.dir.join(LEDGER)).with_context(|| refused(&self.dir, LEDGER))?;
        sync_dir(&self.dir).with_context(|| refused(&self.dir, &name))
    }

    /// The parts that the job is to have.
    fn parts(&self) -> Range<usize> {
        self.plan.parts_of(self.job.shard)
    }
}

fn lock(dir: &Path) -> anyhow::Result<File> {
    let file = File::create(dir.join(LOCK)).with_context(|| refused(dir, LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => bail!("another `infer` works in {}; wait for it", dir.display()),
        Err(fs::TryLockError::Error(error)) => Err(error).with_context(|| refused(dir, LOCK)),
    }
}

/// What a killed run had not given its name yet.
fn remove_partial(dir: &Path) -> anyhow::Result<()> {
    let entries = fs::read_dir(dir).with_context(|| refused(dir, "the directory"))?.filter_map(Result::ok);
    let partial = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(PARTIAL);
    entries.filter(partial).try_for_each(|entry| fs::remove_file(entry.path())).with_context(|| refused(dir, PARTIAL))
}

/// The report of the job, where the directory has one; any other job's is refused.
fn finished(dir: &Path, job: &Job) -> anyhow::Result<Option<Finished>> {
    let mut finished = None;
    for name in job::report_names(dir)? {
        let found = job::report(&dir.join(name))?;
        found.iter().try_for_each(|found| check_same(dir, job, &found.job))?;
        finished = found.or(finished);
    }
    Ok(finished)
}

fn check_same(dir: &Path, ours: &Job, theirs: &Job) -> anyhow::Result<()> {
    let differences = ours.differences(theirs);
    ensure!(
        differences.is_empty(),
        "{} was begun for something else: {}; give another --out, or empty it",
        dir.display(),
        differences.join("; ")
    );
    Ok(())
}

/// The parts that the ledger names; none where there is no ledger. A last line that a kill cut short does not count.
fn read(dir: &Path, job: &Job) -> anyhow::Result<Vec<PartFile>> {
    let file = match File::open(dir.join(LEDGER)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| refused(dir, LEDGER))?,
    };
    let mut lines = BufReader::new(file).lines();
    let first = lines.next().transpose().with_context(|| refused(dir, LEDGER))?.unwrap_or_default();
    let theirs = serde_json::from_str(&first);
    let theirs = theirs.with_context(|| format!("{} is no ledger; remove it", dir.join(LEDGER).display()))?;
    check_same(dir, job, &theirs)?;
    Ok(lines.map_while(|line| serde_json::from_str(&line.ok()?).ok()).collect())
}

/// Those of the parts whose files are as they were when they were counted.
fn intact(dir: &Path, parts: Vec<PartFile>) -> BTreeMap<usize, PartFile> {
    let same = |part: &PartFile| describe(part.part, &dir.join(&part.name)).is_ok_and(|found| found == *part);
    parts.into_iter().filter(same).map(|part| (part.part, part)).collect()
}

/// Writes a ledger of the parts that count, and opens it for more.
fn begin(dir: &Path, job: &Job, done: &BTreeMap<usize, PartFile>) -> anyhow::Result<File> {
    let mut text = Vec::new();
    write_line(&mut text, job)?;
    done.values().try_for_each(|part| write_line(&mut text, part))?;
    write_durably(dir, LEDGER, &text)?;
    // Before the report goes: a directory has one or the other at any moment.
    let report = job.report();
    match fs::remove_file(dir.join(&report)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).with_context(|| refused(dir, &report)),
        _ => {}
    }
    File::options().append(true).open(dir.join(LEDGER)).with_context(|| refused(dir, LEDGER))
}

fn describe(part: usize, path: &Path) -> anyhow::Result<PartFile> {
    let (bytes, digest) = digest_file(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(PartFile { part, name: part_name(part), bytes, blake3: digest.to_hex().to_string() })
}

fn write_durably(dir: &Path, name: &str, text: &[u8]) -> anyhow::Result<()> {
    let mut file = NamedTempFile::with_prefix_in(PARTIAL, dir).with_context(|| refused(dir, name))?;
    file.write_all(text).with_context(|| refused(dir, name))?;
    persist(file, &dir.join(name))?;
    sync_dir(dir).with_context(|| refused(dir, name))
}

fn write_line(out: &mut impl Write, value: &impl serde::Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    out.write_all(&line)
}

fn refused(dir: &Path, name: &str) -> String {
    format!("{name} in {} cannot be used; check the directory and its free space", dir.display())
}
