//! Which partitions were counted, and which part and which standings came of them: what it does not name does not exist.
//!
//! It must never be written before what it names is on the disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use segue::snapshot::manifest::Version;
use segue::snapshot::store::sync_dir;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::candidates::file::{PARTIAL, persist};
use crate::kept::KeptSettings;
use crate::source::Partition;

/// The only format that this build reads and writes.
const LEDGER_FORMAT: &str = "segue-counts-ledger 1";
/// Its name in a state directory.
pub const LEDGER: &str = "ledger.json";
/// The directory of the parts.
pub const PARTS: &str = "parts";
/// How the names of standings begin.
const CARRIED: &str = "carried-";
/// Held by the one run that works in a directory; it holds nothing, and stays.
const LOCK: &str = ".lock";

/// What a state directory holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Always the one that this build writes.
    format: String,
    /// What all parts were counted by.
    pub rules: LedgerRules,
    /// The parts, oldest first.
    pub parts: Vec<LedgerPart>,
}

/// What decides what is kept, as the ledger names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerRules {
    mode: String,
    gap_days: Option<f64>,
    ties: String,
    depth: u8,
    user_day_max: u32,
    witness_max: u32,
    request_users_share: f64,
    catalogue: Version,
}

/// One run's part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerPart {
    /// Its directory's name, and the end of its standings'.
    pub name: String,
    /// The partitions that were read.
    pub partitions: Vec<LedgerPartition>,
}

/// One partition as it was when it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerPartition {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// What told its content from another.
    pub stamp: String,
}

/// A state directory in which this process alone works.
#[derive(Debug)]
pub struct State {
    dir: PathBuf,
    /// What it holds.
    pub ledger: Ledger,
    _lock: File,
}

impl State {
    /// Opens a state directory, or begins one, and removes what a killed run left.
    ///
    /// # Errors
    /// When another run works there, when it was begun with other rules, or when the disk refuses.
    pub fn open(dir: &Path, rules: &LedgerRules) -> anyhow::Result<Self> {
        fs::create_dir_all(dir.join(PARTS)).with_context(|| refused(dir, PARTS))?;
        let lock = lock(dir)?;
        let ledger = read(dir)?.unwrap_or_else(|| Ledger::new(rules));
        rules.check(&ledger.rules, dir)?;
        let state = Self { dir: dir.to_owned(), ledger, _lock: lock };
        state.sweep()?;
        Ok(state)
    }

    /// The name of the next part.
    pub fn next_name(&self) -> String {
        let last = self.ledger.parts.last().and_then(|part| part.name.parse::<u32>().ok());
        format!("{:06}", last.map_or(1, |last| last + 1))
    }

    /// Where a part's counts go.
    pub fn part_dir(&self, name: &str) -> PathBuf {
        self.dir.join(PARTS).join(name)
    }

    /// Where a part's counts are made.
    pub fn partial_dir(&self) -> PathBuf {
        self.dir.join(PARTS).join(format!("{PARTIAL}part"))
    }

    /// Where the standings of a part go.
    pub fn carried_path(&self, name: &str) -> PathBuf {
        self.dir.join(carried_name(name))
    }

    /// Where the last part's standings are; `None` before the first.
    pub fn carried(&self) -> Option<PathBuf> {
        self.ledger.parts.last().map(|part| self.carried_path(&part.name))
    }

    /// Names a part whose counts and standings are on the disk: from now on it counts.
    ///
    /// # Errors
    /// When the ledger cannot be written; the part does not count then.
    pub fn add(&mut self, part: LedgerPart) -> anyhow::Result<()> {
        sync_dir(&self.dir).with_context(|| refused(&self.dir, LEDGER))?;
        self.ledger.parts.push(part);
        let mut text = serde_json::to_vec_pretty(&self.ledger)?;
        text.push(b'\n');
        let mut file = NamedTempFile::with_prefix_in(PARTIAL, &self.dir).with_context(|| refused(&self.dir, LEDGER))?;
        file.write_all(&text).with_context(|| refused(&self.dir, LEDGER))?;
        persist(file, &self.dir.join(LEDGER))?;
        sync_dir(&self.dir).with_context(|| refused(&self.dir, LEDGER))
    }

    /// Removes what the ledger does not name.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sweep(&self) -> anyhow::Result<()> {
        let carried = self.ledger.parts.last().map(|part| carried_name(&part.name));
        for path in entries(&self.dir)? {
            let name = name_of(&path);
            let stale = name.starts_with(CARRIED) && Some(&name) != carried.as_ref();
            if stale || name.starts_with(PARTIAL) {
                fs::remove_file(&path).with_context(|| refused(&self.dir, &name))?;
            }
        }
        let parts = self.dir.join(PARTS);
        for path in entries(&parts)? {
            let name = name_of(&path);
            if self.ledger.parts.iter().all(|part| part.name != name) {
                fs::remove_dir_all(&path).with_context(|| refused(&parts, &name))?;
            }
        }
        Ok(())
    }
}

impl Ledger {
    fn new(rules: &LedgerRules) -> Self {
        Self { format: LEDGER_FORMAT.to_owned(), rules: rules.clone(), parts: Vec::new() }
    }

    /// Those of `all` that no part was made of.
    ///
    /// # Errors
    /// When two have one name, or when one that was counted has changed since.
    pub fn pending(&self, all: &[Partition]) -> anyhow::Result<Vec<Partition>> {
        let known = self.parts.iter().flat_map(|part| &part.partitions);
        let known: BTreeMap<&str, &LedgerPartition> = known.map(|known| (known.name.as_str(), known)).collect();
        let mut names = BTreeMap::new();
        let mut pending = Vec::new();
        for partition in all {
            let twice = names.insert(partition.name.as_str(), ()).is_some();
            ensure!(!twice, "two partitions are named {:?}; give directories, so that paths differ", partition.name);
            match known.get(partition.name.as_str()) {
                Some(known) => known.check(partition)?,
                None => pending.push(partition.clone()),
            }
        }
        Ok(pending)
    }
}

impl LedgerPartition {
    /// A partition as it is now.
    pub fn of(partition: &Partition) -> Self {
        Self { name: partition.name.clone(), bytes: partition.bytes, stamp: partition.stamp.clone() }
    }

    fn check(&self, now: &Partition) -> anyhow::Result<()> {
        ensure!(
            self.bytes == now.bytes && self.stamp == now.stamp,
            "{} was counted with {} bytes ({}) and now has {} ({}): what was counted of it cannot be taken back; give the new \
             events as a partition of another name, or count into another directory",
            self.name,
            self.bytes,
            self.stamp,
            now.bytes,
            now.stamp
        );
        Ok(())
    }
}

impl LedgerRules {
    /// The rules of settings and a catalogue.
    pub fn new(settings: &KeptSettings, catalogue: Version) -> Self {
        Self {
            mode: settings.mode.name().to_owned(),
            gap_days: settings.gap_days,
            ties: settings.ties.name().to_owned(),
            depth: settings.depth,
            user_day_max: settings.user_day_max,
            witness_max: settings.witness_max,
            request_users_share: settings.request_users_share,
            catalogue,
        }
    }

    fn check(&self, theirs: &Self, dir: &Path) -> anyhow::Result<()> {
        let fields = |rules: &Self| serde_json::to_value(rules).unwrap_or_default();
        let (ours, theirs) = (fields(self), fields(theirs));
        let named = ours.as_object().into_iter().flatten().filter(|(name, value)| theirs.get(name) != Some(value));
        let differences: Vec<String> =
            named.map(|(name, value)| format!("{name} {} there, {value} now", theirs[name.as_str()])).collect();
        ensure!(
            differences.is_empty(),
            "{} was counted by other rules: {}; count into another directory",
            dir.display(),
            differences.join("; ")
        );
        Ok(())
    }
}

/// Reads the ledger of a directory; `None` where it has none.
///
/// # Errors
/// When it is there and cannot be read, or is none of ours.
pub fn read(dir: &Path) -> anyhow::Result<Option<Ledger>> {
    let path = dir.join(LEDGER);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let ledger: Ledger =
        serde_json::from_slice(&bytes).with_context(|| format!("{} is no ledger of counts", path.display()))?;
    ensure!(
        ledger.format == LEDGER_FORMAT,
        "{} has the format {:?}, expected {LEDGER_FORMAT:?}; count into another directory",
        path.display(),
        ledger.format
    );
    Ok(Some(ledger))
}

fn lock(dir: &Path) -> anyhow::Result<File> {
    let file = File::create(dir.join(LOCK)).with_context(|| refused(dir, LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => bail!("another run counts into {}; wait for it", dir.display()),
        Err(fs::TryLockError::Error(error)) => Err(error).with_context(|| refused(dir, LOCK)),
    }
}

fn carried_name(part: &str) -> String {
    format!("{CARRIED}{part}.parquet")
}

fn entries(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| refused(dir, "the directory"))?;
    entries.map(|entry| Ok(entry.with_context(|| refused(dir, "the directory"))?.path())).collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn refused(dir: &Path, name: &str) -> String {
    format!("{name} in {} cannot be used; check the directory and its free space", dir.display())
}
