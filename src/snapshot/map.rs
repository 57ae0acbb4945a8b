//! Brings a table's file into memory, mapped read-only or copied into huge pages. The only unsafe code of the project
//! beside the model's kernels; it does nothing else, and must never write to what it mapped.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::thread;
use std::time::Duration;

use memmap2::{Advice, Mmap, MmapMut, UncheckedAdvice};
use rustix::fs::fadvise;

use super::piece::PIECE_BYTES;
use crate::config::{Locking, Memory};
use crate::priority;

/// Bytes that are given back at once. Each time, every thread of the process forgets where its pages are, and looks them up anew:
/// some 0.3 ms of a worker's time, so that many small pieces hold requests up for longer than one large one.
const GIVEN_BACK_BYTES: usize = 32 << 20;
/// Time in which workers catch up with that.
const GIVING_BACK_PAUSE: Duration = Duration::from_millis(10);

/// How a table lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Residence {
    /// Whether its pages are kept from being paged out.
    pub lock: Locking,
    /// Copied into huge pages, or else mapped from its file.
    pub huge_pages: bool,
    /// Every page is brought in when it is warmed.
    pub prefault: bool,
}

/// A file's bytes in memory. Mapped, its pages come in as they are read, and are the system's to drop and re-read.
#[derive(Debug)]
pub struct Mapping {
    map: Mmap,
    residence: Residence,
    /// Between two pieces that are given back.
    pause: Duration,
}

impl Mapping {
    /// Maps a whole file. Fails where it is missing, unreadable or empty.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_resident(path, Residence::default())
    }

    /// Brings a whole file in, to lie in memory as told.
    pub fn open_resident(path: &Path, residence: Residence) -> io::Result<Self> {
        let file = File::open(path)?;
        let map = if residence.huge_pages { copied(file)? } else { mapped(&file)? };
        Ok(Self { map, residence, pause: Duration::ZERO })
    }

    /// Brings every page in, and keeps them where that is asked for. Gives what kept some from being locked, where that was
    /// only to be tried.
    pub fn settle(&self) -> io::Result<Option<io::Error>> {
        if self.residence.prefault {
            self.prefault();
        }
        match (self.residence.lock, self.locked()) {
            (_, Ok(())) => Ok(None),
            (Locking::Required, Err(error)) => Err(error),
            (_, Err(error)) => Ok(Some(error)),
        }
    }

    /// Gives its pages back so slowly that requests, which go on meanwhile, hardly notice. A mapping that is merely dropped gives them
    /// back at once.
    pub fn let_go(mut self) {
        self.pause = GIVING_BACK_PAUSE;
    }

    fn locked(&self) -> io::Result<()> {
        if self.residence.lock == Locking::Off { Ok(()) } else { self.map.lock() }
    }

    /// In pieces, between which the thread offers its processor.
    fn prefault(&self) {
        for piece in pieces(self.map.len(), PIECE_BYTES) {
            // A kernel before 5.14 does not know this advice; the pages then come in as the table is read through.
            let _ = self.map.advise_range(Advice::PopulateRead, piece.start, piece.len());
            priority::offer();
        }
    }
}

/// The places of `bytes` bytes, `piece` at a time.
fn pieces(bytes: usize, piece: usize) -> impl Iterator<Item = Range<usize>> {
    (0..bytes).step_by(piece).map(move |start| start..bytes.min(start + piece))
}

#[allow(unsafe_code, reason = "a mapping cannot be made otherwise")]
fn mapped(file: &File) -> io::Result<Mmap> {
    // SAFETY: the bytes must not change while they are borrowed. `publish` and the push keep that promise: a
    // release's files are complete and synced before its directory gets its name, and nothing in this program
    // opens them for writing afterwards. An operator who edits a published file breaks it, as the README says.
    let map = unsafe { Mmap::map(file)? };
    map.advise(Advice::WillNeed)?;
    Ok(map)
}

/// A copy in memory of its own, for which the system is asked for huge pages; where it has none, small ones serve as well.
fn copied(mut file: File) -> io::Result<Mmap> {
    let bytes = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    let mut map = MmapMut::map_anon(bytes)?;
    let _ = map.advise(Advice::HugePage);
    for piece in map.chunks_mut(PIECE_BYTES) {
        file.read_exact(piece)?;
        priority::offer();
    }
    // The file's own pages have done their part. Where the system keeps them, they are the first to go.
    let _ = fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    map.make_read_only()
}

/// Gives the pages back in pieces: unmapping gigabytes at once takes a tenth of a second, in which no other thread of the process can
/// get or return memory, and on a kernel that does not preempt itself, nothing else runs there.
impl Drop for Mapping {
    #[allow(unsafe_code, reason = "there is no safe way to drop pages from a mapping")]
    fn drop(&mut self) {
        if self.residence.lock != Locking::Off {
            // Locked pages are not given back otherwise. It fails where nothing was locked, which is as good.
            let _ = self.map.unlock();
        }
        for piece in pieces(self.map.len(), GIVEN_BACK_BYTES) {
            // SAFETY: the advice may change what a private or anonymous mapping holds. This one is a file's, read-only, whose
            // page would be read from the file again; or a copy, which becomes zeros. Nobody is left to read either.
            let given_back =
                unsafe { self.map.unchecked_advise_range(UncheckedAdvice::DontNeed, piece.start, piece.len()) };
            if given_back.is_err() {
                return; // What is left goes with the mapping itself.
            }
            thread::sleep(self.pause);
        }
    }
}

impl AsRef<[u8]> for Mapping {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}

/// Mapped and no more: what commands that look at a release need.
impl Default for Residence {
    fn default() -> Self {
        Self { lock: Locking::Off, huge_pages: false, prefault: false }
    }
}

impl From<&Memory> for Residence {
    fn from(memory: &Memory) -> Self {
        Self { lock: memory.lock, huge_pages: memory.huge_pages, prefault: memory.prefault }
    }
}
