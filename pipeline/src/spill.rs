//! One unnamed file for whatever does not fit in memory, written from many threads at once.
//!
//! It vanishes with the process, and knows nothing of what lies in it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

pub mod boxes;

/// Why spilling stopped.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} what was spilled in {}: {source}; free space there or raise --memory-mb", dir.display())]
pub struct SpillError {
    what: &'static str,
    dir: PathBuf,
    source: io::Error,
}

/// Where something lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spilled {
    at: u64,
    bytes: usize,
}

/// The file, made when it is first needed.
#[derive(Debug)]
pub struct Spill {
    dir: PathBuf,
    file: Mutex<Option<Arc<File>>>,
    end: AtomicU64,
    spills: AtomicUsize,
}

impl Spill {
    /// A file in `dir`.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), file: Mutex::new(None), end: AtomicU64::new(0), spills: AtomicUsize::new(0) }
    }

    /// Writes bytes behind all that were written before.
    ///
    /// # Errors
    /// When the file cannot be made or written.
    pub fn write(&self, bytes: &[u8]) -> Result<Spilled, SpillError> {
        let at = self.end.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let file = self.file().map_err(self.failed("create"))?;
        file.write_all_at(bytes, at).map_err(self.failed("write"))?;
        self.spills.fetch_add(1, Ordering::Relaxed);
        Ok(Spilled { at, bytes: bytes.len() })
    }

    /// Reads bytes back into `buffer`, whatever it held.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self, spilled: Spilled, buffer: &mut Vec<u8>) -> Result<(), SpillError> {
        buffer.resize(spilled.bytes, 0);
        let file = self.file().map_err(self.failed("create"))?;
        file.read_exact_at(buffer, spilled.at).map_err(self.failed("read"))
    }

    /// How many times something was written.
    pub fn spills(&self) -> usize {
        self.spills.load(Ordering::Relaxed)
    }

    fn file(&self) -> io::Result<Arc<File>> {
        let mut file = self.file.lock();
        if let Some(file) = &*file {
            return Ok(Arc::clone(file));
        }
        Ok(Arc::clone(file.insert(Arc::new(tempfile::tempfile_in(&self.dir)?))))
    }

    fn failed(&self, what: &'static str) -> impl FnOnce(io::Error) -> SpillError + '_ {
        move |source| SpillError { what, dir: self.dir.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_written_and_leaves_no_name() {
        let dir = tempfile::tempdir().unwrap();
        let spill = Spill::new(dir.path());
        let texts = ["one", "", "three"];
        let spilled = texts.map(|text| spill.write(text.as_bytes()).unwrap());
        let mut buffer = b"left over".to_vec();
        for (text, spilled) in texts.iter().zip(spilled).rev() {
            spill.read(spilled, &mut buffer).unwrap();
            assert_eq!(buffer, text.as_bytes());
        }
        assert_eq!(spill.spills(), 3);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_missing_directory_is_an_error_that_names_it() {
        let error = Spill::new(Path::new("/nowhere/at/all")).write(b"x").unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
