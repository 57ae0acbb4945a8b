//! The bytes of one partition, wherever they are, in ranges or as a stream.
//!
//! Calls wait. Any number of threads may read one object at once.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStoreExt;
use object_store::path::Path as Key;
use parquet::errors::Result as ParquetResult;
use parquet::file::reader::{ChunkReader, Length};

use segue::cloud::Cloud;

/// Bytes that a stream asks a store for at once: a request costs some tens of milliseconds whatever its size.
const BLOCK_BYTES: u64 = 8 << 20;

/// A partition that is open.
#[derive(Clone, Debug)]
pub struct Object {
    place: Arc<Place>,
    bytes: u64,
}

#[derive(Debug)]
enum Place {
    File(File),
    Cloud(Arc<Cloud>, Key),
}

/// An object from a place to its end.
#[derive(Debug)]
pub struct Stream {
    object: Object,
    next: u64,
    block: Bytes,
}

impl Object {
    /// A file of this machine.
    ///
    /// # Errors
    /// When its size cannot be told.
    pub fn file(file: File) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        Ok(Self { place: Arc::new(Place::File(file)), bytes })
    }

    /// An object of a store.
    pub fn cloud(cloud: Arc<Cloud>, key: Key, bytes: u64) -> Self {
        Self { place: Arc::new(Place::Cloud(cloud, key)), bytes }
    }

    /// How many bytes it has.
    pub fn len(&self) -> u64 {
        self.bytes
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Some of its bytes.
    ///
    /// # Errors
    /// When they cannot be read, or it ends before them.
    pub fn range(&self, range: Range<u64>) -> io::Result<Bytes> {
        if range.is_empty() {
            // Stores refuse to give nothing.
            return Ok(Bytes::new());
        }
        match &*self.place {
            Place::File(file) => {
                let mut bytes = vec![0; (range.end - range.start) as usize];
                file.read_exact_at(&mut bytes, range.start)?;
                Ok(bytes.into())
            }
            // No store knows an empty range.
            Place::Cloud(..) if range.is_empty() => Ok(Bytes::new()),
            Place::Cloud(cloud, key) => cloud.wait(cloud.store.get_range(key, range)).map_err(io::Error::other),
        }
    }

    /// All bytes from a place on.
    pub fn stream(&self, from: u64) -> Stream {
        Stream { object: self.clone(), next: from, block: Bytes::new() }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.block.is_empty() {
            let end = self.object.bytes.min(self.next + BLOCK_BYTES);
            self.block = self.object.range(self.next.min(end)..end)?;
            self.next = end;
        }
        let taken = self.block.split_to(buffer.len().min(self.block.len()));
        buffer[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}

impl Length for Object {
    fn len(&self) -> u64 {
        self.bytes
    }
}

/// For the few bytes at the end of a Parquet file that say where the others are.
impl ChunkReader for Object {
    type T = Stream;

    fn get_read(&self, start: u64) -> ParquetResult<Stream> {
        Ok(self.stream(start))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        Ok(self.range(start..start + length as u64)?)
    }
}

/// Ranges of an object, read beforehand: a store then has one request for each instead of one for each page.
#[derive(Debug)]
pub struct Fetched {
    /// Ascending by their start.
    ranges: Vec<(u64, Bytes)>,
    bytes: u64,
}

impl Fetched {
    /// Reads the ranges, which are ascending.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn read(object: &Object, ranges: impl IntoIterator<Item = Range<u64>>) -> io::Result<Self> {
        let fetch = |range: Range<u64>| Ok((range.start, object.range(range)?));
        Ok(Self { ranges: ranges.into_iter().map(fetch).collect::<io::Result<_>>()?, bytes: object.bytes })
    }

    fn from(&self, start: u64) -> ParquetResult<Bytes> {
        let after = self.ranges.partition_point(|(from, _)| *from <= start);
        let found =
            after.checked_sub(1).map(|at| &self.ranges[at]).filter(|(from, bytes)| start - from <= bytes.len() as u64);
        let missing =
            || parquet::errors::ParquetError::General(format!("byte {start} lies in no column that was read"));
        found.map(|(from, bytes)| bytes.slice((start - from) as usize..)).ok_or_else(missing)
    }
}

impl Length for Fetched {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for Fetched {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(bytes::Buf::reader(self.from(start)?))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let mut bytes = self.from(start)?;
        let eof = || parquet::errors::ParquetError::EOF(format!("a page ends beyond its column, at byte {start}"));
        if bytes.len() < length { Err(eof()) } else { Ok(bytes.split_to(length)) }
    }
}
