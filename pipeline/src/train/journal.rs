//! The journal of a run: a line of JSON for every step and every validation, `steps.jsonl` in the run's directory.
//!
//! It holds nothing that differs between two runs of one seed: no clock, no rate.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::validate::Validated;

/// The file's name.
pub const JOURNAL: &str = "steps.jsonl";

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Entry {
    /// After a step.
    Step {
        /// Steps taken.
        step: u64,
        /// The batch's mean loss before it, with weights and smoothing.
        loss: f64,
        /// The gradient's length before it was shortened.
        gradient_norm: f64,
        /// The rate it moved by.
        learning_rate: f64,
    },
    /// After an epoch.
    Epoch {
        /// Epochs done.
        epoch: usize,
        /// Steps taken.
        step: u64,
        /// What the validation found.
        validated: Validated,
    },
}

/// The open journal.
#[derive(Debug)]
pub struct Journal {
    file: io::BufWriter<File>,
    bytes: u64,
}

impl Journal {
    /// Opens it to go on after its first `bytes` bytes; what stands behind them is cut off.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn open(dir: &Path, bytes: u64) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(dir.join(JOURNAL))?;
        file.set_len(bytes)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self { file: io::BufWriter::new(file), bytes })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&mut self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.bytes += line.len() as u64;
        self.file.write_all(&line)
    }

    /// Puts all lines on the disk and says how many bytes they are.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&mut self) -> io::Result<u64> {
        self.file.flush()?;
        self.file.get_ref().sync_data()?;
        Ok(self.bytes)
    }
}

/// All lines of a run's journal.
///
/// # Errors
/// When it cannot be read.
pub fn read(dir: &Path) -> io::Result<Vec<Entry>> {
    let lines = BufReader::new(File::open(dir.join(JOURNAL))?).lines();
    lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}
