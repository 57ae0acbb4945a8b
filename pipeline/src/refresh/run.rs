//! A run's directory: what it is of, which stages are done, and what they left.
//!
//! ```text
//! STATE/.lock                  held by the one run at work
//!       counts/                kept counts
//!       latest.json            the last run that ended
//!       runs/ID/run.json       what the run is of, and what it is compared with
//!               STAGE/         what a stage left, until the run ends
//!               STAGE.json     written when the stage is done
//!               report.json    written when the run has ended
//! ```

use std::cell::RefCell;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use segue::snapshot::manifest::Version;
use serde::{Deserialize, Serialize};

use super::failpoint::{Moment, reached};
use super::files::{read_json, remove_dir, write_json};
use super::identity::Identity;
use super::stage::{Stage, StageReport, Work};

/// The directory of runs in a state.
pub const RUNS: &str = "runs";
/// The report's name in a run's directory.
pub const REPORT: &str = "report.json";
const RUN: &str = "run.json";
const LOCK: &str = ".lock";

/// What a run is of, written when it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// What its release depends on.
    pub identity: Identity,
    /// The release that served when it began: what it is compared with, and what the channel must still name when it ends.
    pub previous: Option<Version>,
}

/// A run at work.
#[derive(Debug)]
pub struct Run {
    dir: PathBuf,
    /// What it is of.
    pub begun: Begun,
    /// What is done so far.
    stages: RefCell<Vec<StageReport>>,
}

/// Takes the lock of a state, for as long as the result lives; `None` while another run has it.
///
/// # Errors
/// When the state's directory cannot be made or locked.
pub fn lock(state: &Path) -> anyhow::Result<Option<File>> {
    let path = state.join(LOCK);
    let file = fs::create_dir_all(state).and_then(|()| File::create(&path));
    let file = file.with_context(|| format!("cannot make {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

impl Run {
    /// Begins a run, or goes on with one of the same identity that was interrupted. `previous` is asked only at a beginning.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn open(
        state: &Path,
        identity: &Identity,
        previous: impl FnOnce() -> anyhow::Result<Option<Version>>,
    ) -> anyhow::Result<Self> {
        let dir = state.join(RUNS).join(identity.id());
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let begun = match read_json::<Begun>(&dir.join(RUN))? {
            Some(begun) => begun,
            None => {
                let begun = Begun { identity: identity.clone(), previous: previous()? };
                write_json(&dir.join(RUN), &begun)?;
                begun
            }
        };
        reached(Moment::RunBegun);
        Ok(Self { dir, begun, stages: RefCell::default() })
    }

    /// Forgets all that runs of an identity have done.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn forget(state: &Path, identity: &Identity) -> anyhow::Result<()> {
        remove_dir(&state.join(RUNS).join(identity.id()))
    }

    /// A stage's directory.
    pub fn path(&self, stage: Stage) -> PathBuf {
        self.dir.join(stage.name())
    }

    fn marker(&self, stage: Stage) -> PathBuf {
        self.dir.join(format!("{}.json", stage.name()))
    }

    /// The run's own directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Does a stage, unless an interrupted run did it. Its directory is there and, but for stages that go on, empty.
    ///
    /// # Errors
    /// When its work fails.
    pub fn stage(&self, stage: Stage, work: impl FnOnce(&Path) -> anyhow::Result<Work>) -> anyhow::Result<()> {
        let marker = self.marker(stage);
        if let Some(done) = read_json::<StageReport>(&marker)? {
            self.stages.borrow_mut().push(StageReport { resumed: true, ..done });
            return Ok(());
        }
        let started = Instant::now();
        let dir = self.path(stage);
        if !stage.goes_on() {
            remove_dir(&dir)?;
        }
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let Work { rows_in, rows_out, note } = work(&dir).with_context(|| format!("stage {}", stage.name()))?;
        let seconds = started.elapsed().as_secs_f64();
        let done = StageReport { stage, rows_in, rows_out, seconds, resumed: false, note };
        write_json(&marker, &done)?;
        self.stages.borrow_mut().push(done);
        reached(stage.moment());
        Ok(())
    }

    /// What is done so far, in order.
    pub fn stages(&self) -> Vec<StageReport> {
        self.stages.borrow().clone()
    }

    /// Forgets that a stage was done.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn forget_stage(&self, stage: Stage) -> anyhow::Result<()> {
        let marker = self.marker(stage);
        match fs::remove_file(&marker) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", marker.display()))
            }
            _ => Ok(()),
        }
    }

    /// Removes what stages left, but not what they say of themselves.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn clear(&self) -> anyhow::Result<()> {
        clear(&self.dir)
    }
}

/// Removes what the stages of other runs left, and all of the oldest runs beyond `runs_kept`.
///
/// # Errors
/// When the disk refuses.
pub fn prune(state: &Path, current: &str, runs_kept: usize) -> anyhow::Result<()> {
    let mut runs = others(&state.join(RUNS), current)?;
    for (_, run) in &runs {
        clear(run)?;
    }
    runs.sort();
    let many = (runs.len() + 1).saturating_sub(runs_kept);
    runs.iter().take(many).try_for_each(|(_, run)| remove_dir(run))
}

/// The other runs' directories with the times at which they last changed.
fn others(runs: &Path, current: &str) -> anyhow::Result<Vec<(std::time::SystemTime, PathBuf)>> {
    let entries = fs::read_dir(runs).with_context(|| format!("cannot read {}", runs.display()))?;
    let aged = |entry: fs::DirEntry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()));
    Ok(entries.filter_map(Result::ok).filter(|entry| entry.file_name() != *current).filter_map(aged).collect())
}

/// A cleared run cannot be gone on with: of its markers only those of the report's stages stay, and its beginning goes.
fn clear(run: &Path) -> anyhow::Result<()> {
    let entries = fs::read_dir(run).with_context(|| format!("cannot read {}", run.display()))?;
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            remove_dir(&path)?;
        } else if entry.file_name() != REPORT {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}
