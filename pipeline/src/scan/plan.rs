//! What there is to read, cut into tasks of moderate size: a row group of Parquet, or a whole file of text.

use crate::build::LogSettings;
use crate::read::parquet::ParquetFile;
use crate::read::{Format, ReadError};
use crate::source::{self, Clouds, Object, Partition};

/// Bytes of text that one event takes, at the least: what bounds the number of events in a file that does not say it.
const TEXT_EVENT_BYTES: u64 = 16;

/// How much smaller gzip makes a log of text.
const GZIP_RATIO: u64 = 6;

/// Everything to read.
pub(super) struct Plan {
    pub(super) files: Vec<OpenFile>,
    /// In the order of files and of rows in them.
    pub(super) tasks: Vec<Task>,
    /// About how many events there are.
    pub(super) events: u64,
}

/// A partition that is open.
pub(super) struct OpenFile {
    pub(super) partition: Partition,
    pub(super) content: Content,
}

/// What a partition holds.
pub(super) enum Content {
    Parquet(ParquetFile),
    Text(Object, Format),
}

/// One piece of work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    /// Which file.
    pub(super) file: usize,
    /// Which row group; 0 for text.
    pub(super) group: usize,
    /// Bytes of the file that it stands for.
    pub(super) bytes: u64,
}

impl Plan {
    /// Lists the sources and opens every file.
    pub(super) fn new(log: &LogSettings, partitions: Option<&[Partition]>) -> Result<Self, ReadError> {
        let clouds = Clouds::default();
        let partitions = partitions.map_or_else(|| source::list_in(log, &clouds), |given| Ok(given.to_vec()))?;
        let open = |partition| OpenFile::new(partition, log, &clouds);
        let files = partitions.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let tasks = files.iter().enumerate().flat_map(|(at, file)| file.tasks(at)).collect();
        let events = files.iter().map(OpenFile::events).sum();
        Ok(Self { files, tasks, events })
    }
}

impl OpenFile {
    fn new(partition: Partition, log: &LogSettings, clouds: &Clouds) -> Result<Self, ReadError> {
        let object = partition.open(clouds)?;
        let content = match partition.format(log.format)? {
            Format::Parquet => Content::Parquet(ParquetFile::open(object, partition.path(), &log.columns)?),
            text => Content::Text(object, text),
        };
        Ok(Self { partition, content })
    }

    fn tasks(&self, file: usize) -> Vec<Task> {
        let groups = match &self.content {
            Content::Parquet(parquet) => parquet.groups(),
            Content::Text(..) => 1,
        };
        let bytes = self.partition.bytes / groups.max(1) as u64;
        (0..groups).map(|group| Task { file, group, bytes }).collect()
    }

    fn events(&self) -> u64 {
        let text_bytes = match &self.content {
            Content::Parquet(parquet) => return parquet.rows(),
            Content::Text(..) if self.partition.name.ends_with(".gz") => self.partition.bytes * GZIP_RATIO,
            Content::Text(..) => self.partition.bytes,
        };
        text_bytes / TEXT_EVENT_BYTES
    }
}
