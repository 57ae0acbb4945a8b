//! Maps a table's file read-only into memory. The only unsafe code of the project; it does nothing else.

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::{Advice, Mmap};

/// A file's bytes, mapped. Pages come in as they are read; they are the system's to drop and re-read.
#[derive(Debug)]
pub struct Mapping(Mmap);

impl Mapping {
    /// Maps a whole file. Fails where it is missing, unreadable or empty.
    #[allow(unsafe_code, reason = "a mapping cannot be made otherwise")]
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: the bytes must not change while they are borrowed. `publish` and the push keep that promise: a
        // release's files are complete and synced before its directory gets its name, and nothing in this program
        // opens them for writing afterwards. An operator who edits a published file breaks it, as the README says.
        let map = unsafe { Mmap::map(&file)? };
        map.advise(Advice::WillNeed)?;
        Ok(Self(map))
    }
}

impl AsRef<[u8]> for Mapping {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
