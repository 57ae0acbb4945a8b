//! Where a release's content comes from: the files by name and digest, the settings, the span of time.
//!
//! Nothing here may tell one machine or one run from another: no path, no clock, no user.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use segue::snapshot::manifest::{DataWindow, InputFile};
use segue::snapshot::release::digest_file;

use crate::build::LogSettings;
use crate::event::US_PER_S;
use crate::read::source::file_name;
use crate::source::{self, Clouds, Partition};

/// What made the release, as its manifest says it.
pub const TOOL: &str = concat!("segue-pipeline ", env!("CARGO_PKG_VERSION"));

/// The files that a release is made from, in the order given.
///
/// # Errors
/// When a file cannot be read.
pub fn input_files<'a>(paths: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<Vec<InputFile>> {
    paths.into_iter().map(input_file).collect()
}

/// The partitions of a log and its item map, in the order in which they are read.
///
/// # Errors
/// When a source cannot be listed or a file cannot be read.
pub fn log_inputs(log: &LogSettings) -> anyhow::Result<Vec<InputFile>> {
    let clouds = Clouds::default();
    let partitions = source::list_in(log, &clouds)?;
    let mut inputs =
        partitions.iter().map(|partition| partition_input(partition, &clouds)).collect::<anyhow::Result<Vec<_>>>()?;
    inputs.extend(input_files(log.items.iter().map(|items| items.path.as_path()))?);
    Ok(inputs)
}

fn partition_input(partition: &Partition, clouds: &Clouds) -> anyhow::Result<InputFile> {
    let mut hasher = blake3::Hasher::new();
    let read = hasher.update_reader(partition.open(clouds)?.stream(0));
    read.with_context(|| format!("cannot read {}", partition.path().display()))?;
    Ok(InputFile {
        name: partition.name.clone(),
        bytes: hasher.count(),
        blake3: hasher.finalize().to_hex().to_string(),
    })
}

fn input_file(path: &Path) -> anyhow::Result<InputFile> {
    let (bytes, digest) = digest_file(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(InputFile { name: file_name(path), bytes, blake3: digest.to_hex().to_string() })
}

/// The settings that shaped a release's content.
#[derive(Clone, Debug, Default)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Adds a setting.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.0.insert(name.to_owned(), value.to_string());
        self
    }

    /// Adds a setting that was given.
    #[must_use]
    pub fn with_given(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// All of them by name.
    pub fn into_map(self) -> BTreeMap<String, String> {
        self.0
    }
}

/// The span from the first to the last event in whole seconds; `None` when it begins before 1970.
pub fn data_window((from_us, to_us): (i64, i64)) -> Option<DataWindow> {
    let seconds = |time_us: i64| u64::try_from(time_us.div_euclid(US_PER_S)).ok();
    Some(DataWindow { from_unix_s: seconds(from_us)?, to_unix_s: seconds(to_us)? })
}
