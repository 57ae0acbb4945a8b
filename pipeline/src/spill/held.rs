//! Chunks in boxes, filled from many threads, in memory as long as it lasts and on disk beyond it.
//!
//! It never looks into a chunk.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Spill, SpillError, Spilled};

/// Something that can be spilled and read back.
pub trait Chunk: Sized {
    /// Bytes that it takes in memory.
    fn bytes(&self) -> usize;
    /// Appends it to `out` so that [`Chunk::read`] gives it back.
    fn write(&self, out: &mut Vec<u8>);
    /// Reads one that [`Chunk::write`] wrote.
    fn read(bytes: &[u8]) -> Self;
}

/// Boxes of chunks.
#[derive(Debug)]
pub struct Held<C> {
    boxes: Vec<Mutex<Vec<Part<C>>>>,
    bytes: AtomicUsize,
    bytes_max: usize,
    spill: Spill,
}

#[derive(Debug)]
struct Part<C> {
    order: u64,
    place: Place<C>,
}

#[derive(Debug)]
enum Place<C> {
    Memory(C),
    Disk(Spilled),
}

impl<C: Chunk> Held<C> {
    /// So many empty boxes, which hold about `bytes_max` bytes together; what is more goes into an unnamed file in `dir`.
    pub fn new(boxes: usize, bytes_max: usize, dir: &Path) -> Self {
        let boxes = (0..boxes).map(|_| Mutex::new(Vec::new())).collect();
        Self { boxes, bytes: AtomicUsize::new(0), bytes_max, spill: Spill::new(dir) }
    }

    /// How many boxes there are.
    pub fn len(&self) -> usize {
        self.boxes.len()
    }

    /// Whether there is no box.
    pub fn is_empty(&self) -> bool {
        self.boxes.is_empty()
    }

    /// How many times a chunk was spilled.
    pub fn spills(&self) -> usize {
        self.spill.spills()
    }

    /// Puts a chunk into a box. `order` says where it stands among the box's chunks when they are taken out.
    ///
    /// # Errors
    /// When it cannot be spilled.
    pub fn put(&self, at: usize, order: u64, chunk: C) -> Result<(), SpillError> {
        let bytes = chunk.bytes();
        let held = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let mut parts = self.parts(at);
        parts.push(Part { order, place: Place::Memory(chunk) });
        if held <= self.bytes_max { Ok(()) } else { self.spill_all(&mut parts) }
    }

    /// Takes all chunks out of a box, by their order.
    ///
    /// # Errors
    /// When what was spilled cannot be read back.
    pub fn take(&self, at: usize) -> Result<Vec<C>, SpillError> {
        let mut parts = std::mem::take(&mut *self.parts(at));
        parts.sort_by_key(|part| part.order);
        let mut buffer = Vec::new();
        parts.into_iter().map(|part| self.load(part.place, &mut buffer)).collect()
    }

    fn load(&self, place: Place<C>, buffer: &mut Vec<u8>) -> Result<C, SpillError> {
        match place {
            Place::Memory(chunk) => {
                self.bytes.fetch_sub(chunk.bytes(), Ordering::Relaxed);
                Ok(chunk)
            }
            Place::Disk(spilled) => {
                self.spill.read(spilled, buffer)?;
                Ok(C::read(buffer))
            }
        }
    }

    /// All chunks of one box go to disk: boxes fill alike, so that each gives its share in turn.
    fn spill_all(&self, parts: &mut [Part<C>]) -> Result<(), SpillError> {
        let mut bytes = Vec::new();
        for part in parts {
            if let Place::Memory(chunk) = &part.place {
                bytes.clear();
                chunk.write(&mut bytes);
                self.bytes.fetch_sub(chunk.bytes(), Ordering::Relaxed);
                part.place = Place::Disk(self.spill.write(&bytes)?);
            }
        }
        Ok(())
    }

    fn parts(&self, at: usize) -> std::sync::MutexGuard<'_, Vec<Part<C>>> {
        // Whoever panicked with the lock has at most left a chunk out, and its panic ends the run.
        self.boxes[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Numbers, eight bytes each.
impl Chunk for Vec<u64> {
    fn bytes(&self) -> usize {
        self.capacity() * size_of::<u64>()
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
    }

    fn read(bytes: &[u8]) -> Self {
        let (numbers, _) = bytes.as_chunks();
        numbers.iter().map(|number| u64::from_le_bytes(*number)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_come_back_in_order_whether_they_were_spilled_or_not() {
        let dir = tempfile::tempdir().unwrap();
        for (bytes_max, spilled) in [(usize::MAX, false), (200, true), (0, true)] {
            let held = Held::new(3, bytes_max, dir.path());
            std::thread::scope(|scope| {
                for thread in 0..4_u64 {
                    let held = &held;
                    scope.spawn(move || {
                        (0..30)
                            .for_each(|at| held.put(at % 3, thread * 30 + at as u64, vec![thread, at as u64]).unwrap());
                    });
                }
            });
            assert_eq!(held.spills() > 0, spilled, "{bytes_max}");
            for at in 0..3_u64 {
                let expected = (0..4).flat_map(|thread| (0..10).map(move |n| vec![thread, n * 3 + at]));
                assert_eq!(held.take(at as usize).unwrap(), expected.collect::<Vec<_>>(), "{bytes_max}");
                assert!(held.take(at as usize).unwrap().is_empty());
            }
        }
    }
}
