//! Maps a table's file read-only into memory. The only unsafe code of the project; it does nothing else.

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::{Advice, Mmap, UncheckedAdvice};

use super::piece::PIECE_BYTES;

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

/// Gives the pages back in small pieces first. Unmapping gigabytes at once takes a tenth of a second, in which no other
/// thread of the process can get or return memory, and on a kernel that does not preempt itself, nothing else runs there.
impl Drop for Mapping {
    #[allow(unsafe_code, reason = "there is no safe way to drop pages from a mapping")]
    fn drop(&mut self) {
        for start in (0..self.0.len()).step_by(PIECE_BYTES) {
            let bytes = PIECE_BYTES.min(self.0.len() - start);
            // SAFETY: the advice may change what a private or anonymous mapping holds. This one is a file's, read-only:
            // a page that is dropped would be read from the file again, and nobody is left to read it.
            let given_back = unsafe { self.0.unchecked_advise_range(UncheckedAdvice::DontNeed, start, bytes) };
            if given_back.is_err() {
                return; // What is left goes with the mapping itself.
            }
            std::thread::yield_now();
        }
    }
}

impl AsRef<[u8]> for Mapping {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
