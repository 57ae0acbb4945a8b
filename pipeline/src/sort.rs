//! Sorting more rows than memory holds: sorted runs spilled to temporary files, then merged.
//!
//! The sort is stable, within a run and across runs, and says nothing about what the rows are. Written here because the crates for it
//! bound the number of rows, not their bytes, or do not keep the order of equal rows.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// Runs merged at once: well below the usual limit of 1,024 open files. When so many are on disk, they are merged into one.
const RUNS_MAX: usize = 128;

/// Bytes of buffer per run while merging.
const RUN_BUFFER_BYTES: usize = 64 * 1024;

/// A row that can be ordered, spilled and read back.
pub trait Row: Sized {
    /// The order of the sorted rows; rows that are equal in it stay in the order in which they were pushed.
    fn order(&self, other: &Self) -> Ordering;
    /// Bytes the row takes in memory.
    fn bytes(&self) -> usize;
    /// Writes the row so that [`Row::read`] gives it back.
    ///
    /// # Errors
    /// Those of the output.
    fn write(&self, out: &mut impl Write) -> io::Result<()>;
    /// Reads one row.
    ///
    /// # Errors
    /// Those of the input, and its end.
    fn read(input: &mut impl Read) -> io::Result<Self>;
}

/// Why sorting stopped.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} a sorted run in {}: {source}; free space there or raise --memory-mb", dir.display())]
pub struct SortError {
    what: &'static str,
    dir: PathBuf,
    source: io::Error,
}

/// Takes rows in any order.
#[derive(Debug)]
pub struct Sorter<R> {
    rows: Vec<R>,
    bytes: usize,
    bytes_max: usize,
    runs: Vec<Run<R>>,
    spills: usize,
    dir: PathBuf,
}

impl<R: Row> Sorter<R> {
    /// A sorter that holds about `bytes_max` bytes of rows and spills into unnamed files in `dir`, which vanish with the process.
    pub fn new(dir: &Path, bytes_max: usize) -> Self {
        Self { rows: Vec::new(), bytes: 0, bytes_max, runs: Vec::new(), spills: 0, dir: dir.to_owned() }
    }

    /// Takes one row.
    ///
    /// # Errors
    /// When a run cannot be spilled.
    pub fn push(&mut self, row: R) -> Result<(), SortError> {
        self.bytes += row.bytes();
        self.rows.push(row);
        if self.bytes >= self.bytes_max { self.spill() } else { Ok(()) }
    }

    /// How many runs were spilled so far.
    pub fn spills(&self) -> usize {
        self.spills
    }

    /// All rows, sorted.
    ///
    /// # Errors
    /// When the last run cannot be spilled or a run cannot be read.
    pub fn finish(mut self) -> Result<Sorted<R>, SortError> {
        if self.runs.is_empty() {
            self.rows.sort_by(R::order);
            return Ok(Sorted::Held(self.rows.into_iter()));
        }
        self.spill()?;
        Ok(Sorted::Merged(Merge::new(self.runs)?))
    }

    fn spill(&mut self) -> Result<(), SortError> {
        self.rows.sort_by(R::order);
        let run = Run::write(&self.dir, self.rows.drain(..).map(Ok))?;
        self.runs.push(run);
        self.bytes = 0;
        self.spills += 1;
        if self.runs.len() < RUNS_MAX { Ok(()) } else { self.merge_runs() }
    }

    fn merge_runs(&mut self) -> Result<(), SortError> {
        let merge = Merge::new(std::mem::take(&mut self.runs))?;
        let run = Run::write(&self.dir, merge)?;
        self.runs.push(run);
        Ok(())
    }
}

/// Sorted rows, from memory or from a merge.
#[derive(Debug)]
pub enum Sorted<R> {
    /// Everything fitted.
    Held(std::vec::IntoIter<R>),
    /// Runs were spilled.
    Merged(Merge<R, Run<R>>),
}

impl<R: Row> Iterator for Sorted<R> {
    type Item = Result<R, SortError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Held(rows) => rows.next().map(Ok),
            Self::Merged(merge) => merge.next(),
        }
    }
}

/// One sorted stream out of several; of equal rows the earlier stream's comes first. It holds one row of each.
#[derive(Debug)]
pub struct Merge<R, S> {
    heads: BinaryHeap<Head<R>>,
    streams: Vec<S>,
}

impl<R: Row, S: Iterator<Item = Result<R, SortError>>> Merge<R, S> {
    /// Merges streams, each sorted.
    ///
    /// # Errors
    /// Those of the streams.
    pub fn new(streams: Vec<S>) -> Result<Self, SortError> {
        let mut merge = Self { heads: BinaryHeap::with_capacity(streams.len()), streams };
        (0..merge.streams.len()).try_for_each(|stream| merge.advance(stream))?;
        Ok(merge)
    }

    fn advance(&mut self, stream: usize) -> Result<(), SortError> {
        let row = self.streams[stream].next().transpose()?;
        self.heads.extend(row.map(|row| Head { row, stream }));
        Ok(())
    }
}

impl<R: Row, S: Iterator<Item = Result<R, SortError>>> Iterator for Merge<R, S> {
    type Item = Result<R, SortError>;

    fn next(&mut self) -> Option<Self::Item> {
        let head = self.heads.pop()?;
        Some(self.advance(head.stream).map(|()| head.row))
    }
}

/// A sorted run on disk, read from its start.
#[derive(Debug)]
pub struct Run<R> {
    input: BufReader<File>,
    rows_left: u64,
    dir: PathBuf,
    rows: PhantomData<fn() -> R>,
}

impl<R: Row> Run<R> {
    fn write(dir: &Path, rows: impl Iterator<Item = Result<R, SortError>>) -> Result<Self, SortError> {
        let file = tempfile::tempfile_in(dir).map_err(failed("create", dir))?;
        let mut out = BufWriter::with_capacity(RUN_BUFFER_BYTES, file);
        let mut rows_left = 0;
        for row in rows {
            row?.write(&mut out).map_err(failed("write", dir))?;
            rows_left += 1;
        }
        let input = rewound(out).map_err(failed("write", dir))?;
        Ok(Self { input, rows_left, dir: dir.to_owned(), rows: PhantomData })
    }
}

impl<R: Row> Iterator for Run<R> {
    type Item = Result<R, SortError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rows_left = self.rows_left.checked_sub(1)?;
        Some(R::read(&mut self.input).map_err(failed("read", &self.dir)))
    }
}

fn rewound(out: BufWriter<File>) -> io::Result<BufReader<File>> {
    let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(BufReader::with_capacity(RUN_BUFFER_BYTES, file))
}

fn failed<'a>(what: &'static str, dir: &'a Path) -> impl FnOnce(io::Error) -> SortError + 'a {
    move |source| SortError { what, dir: dir.to_owned(), source }
}

/// The next row of one stream. The heap gives its greatest, so the order is turned round.
#[derive(Debug)]
struct Head<R> {
    row: R,
    stream: usize,
}

impl<R: Row> Ord for Head<R> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.row.order(&self.row).then(other.stream.cmp(&self.stream))
    }
}

impl<R: Row> PartialOrd for Head<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R: Row> PartialEq for Head<R> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<R: Row> Eq for Head<R> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    /// Many rows with equal keys, told apart by their cluster, which the order ignores.
    fn rows() -> Vec<Event> {
        (0..5_000_u32)
            .map(|at| Event { user: at * 7919 % 50, cluster: at, time_us: i64::from(at * 31 % 17) - 8 })
            .collect()
    }

    fn check(bytes_max: usize, spills: std::ops::RangeInclusive<usize>) {
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(dir.path(), bytes_max);
        for row in rows() {
            sorter.push(row).unwrap();
        }
        assert!(spills.contains(&sorter.spills()), "{} spills", sorter.spills());
        let mut expected = rows();
        expected.sort_by_key(|row| (row.user, row.time_us));
        let sorted: Vec<Event> = sorter.finish().unwrap().map(Result::unwrap).collect();
        assert_eq!(sorted, expected, "{bytes_max} bytes");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the runs have no name");
    }

    #[test]
    fn sorts_stably_in_memory_from_a_few_runs_and_from_runs_of_runs() {
        check(usize::MAX, 0..=0);
        check(16 * 1024, 4..=4);
        check(16 * 10, RUNS_MAX * 3..=500);
    }

    #[test]
    fn a_missing_directory_is_an_error_that_names_it() {
        let mut sorter = Sorter::new(Path::new("/nowhere/at/all"), 1);
        assert!(sorter.push(rows()[0]).unwrap_err().to_string().contains("/nowhere/at/all"));
    }

    #[test]
    fn streams_become_one() {
        let dir = tempfile::tempdir().unwrap();
        let stream = |first: u32| {
            let mut sorter = Sorter::new(dir.path(), 64);
            for user in (first..20).step_by(3) {
                sorter.push(Event { user, cluster: first, time_us: 0 }).unwrap();
            }
            sorter.finish().unwrap()
        };
        let merged = Merge::new(vec![stream(0), stream(1), stream(2), stream(20)]).unwrap();
        let users: Vec<u32> = merged.map(|row| row.unwrap().user).collect();
        assert_eq!(users, (0..20).collect::<Vec<_>>());
    }
}
