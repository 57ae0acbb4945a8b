//! One file on its way into a push: written as its bytes come, from its beginning or from where it stands.
//!
//! It counts only when all of it came with the digest that the manifest lists. What broke off is kept, to go on from;
//! what is wrong is removed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use super::error::IngestError;
use super::push::size;
use super::{Ingest, Moment, reached};
use crate::priority;
use crate::snapshot::manifest::ReleaseFile;
use crate::snapshot::parcel::Address;

/// Bytes between two words on how far a release has come.
const TELL_BYTES: u64 = 1 << 20;

/// A file that is being written: marked as arriving until dropped.
pub(super) struct Arrival<'a> {
    pub ingest: &'a Ingest,
    pub address: &'a Address,
    pub name: &'static str,
    /// What the manifest lists.
    pub expected: ReleaseFile,
    /// Where it is once it has come whole.
    pub whole: PathBuf,
    /// Where it is until then.
    pub part: PathBuf,
}

impl Arrival<'_> {
    /// Writes what comes at an offset, which is where the file stands, or 0 to send it anew.
    pub(super) fn write(&self, offset: u64, chunks: impl IntoIterator<Item: AsRef<[u8]>>) -> Result<(), IngestError> {
        self.check_offset(offset)?;
        let written = self.open(offset).map_err(IngestError::from).and_then(|open| self.fill(open, chunks));
        if written.as_ref().is_err_and(|error| !matches!(error, IngestError::Short { .. })) {
            // What is left lies in a directory that goes as a whole; and the error that matters is the one before.
            let _ = fs::remove_file(&self.part);
        }
        written?;
        fs::rename(&self.part, &self.whole)?;
        reached(Moment::FileReceived);
        Ok(())
    }

    fn check_offset(&self, offset: u64) -> Result<(), IngestError> {
        let stands = if self.whole.exists() { self.expected.bytes } else { size(&self.part) };
        if offset == 0 || offset == stands {
            return Ok(());
        }
        Err(IngestError::Offset { name: self.name, expected: stands, got: offset })
    }

    /// The file, with the digest of what it holds already.
    fn open(&self, offset: u64) -> io::Result<(File, blake3::Hasher)> {
        let mut digest = blake3::Hasher::new();
        if offset == 0 {
            // One that came before is forgotten once it is sent anew.
            let _ = fs::remove_file(&self.whole);
            return Ok((File::create(&self.part)?, digest));
        }
        if self.whole.exists() {
            fs::rename(&self.whole, &self.part)?;
        }
        digest.update_reader(File::open(&self.part)?)?;
        Ok((File::options().append(true).open(&self.part)?, digest))
    }

    fn fill(
        &self,
        (mut file, mut digest): (File, blake3::Hasher),
        chunks: impl IntoIterator<Item: AsRef<[u8]>>,
    ) -> Result<(), IngestError> {
        let mut untold = 0;
        for chunk in chunks {
            // As between the pieces of a table: what comes must not hold up requests.
            priority::offer();
            digest.update(chunk.as_ref());
            // Before it is written, so that the disk never holds more than was agreed on.
            if digest.count() > self.expected.bytes {
                return Err(IngestError::Size { name: self.name, expected: self.expected.bytes, got: digest.count() });
            }
            file.write_all(chunk.as_ref())?;
            untold += chunk.as_ref().len() as u64;
            if untold >= TELL_BYTES {
                self.ingest.came(self.address, untold);
                untold = 0;
            }
        }
        self.ingest.came(self.address, untold);
        if digest.count() < self.expected.bytes {
            return Err(IngestError::Short { name: self.name, expected: self.expected.bytes, got: digest.count() });
        }
        self.check_digest(&digest.finalize())?;
        Ok(file.sync_all()?)
    }

    fn check_digest(&self, digest: &blake3::Hash) -> Result<(), IngestError> {
        let (expected, got) = (&self.expected.blake3, digest.to_hex());
        if got.as_str() == expected {
            return Ok(());
        }
        Err(IngestError::Digest { name: self.name, expected: expected.clone(), got: got.to_string() })
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        self.ingest.pushes.lock().arrived(self.address, self.name);
    }
}
