//! The digests of the partitions, for a release's provenance: each partition is digested once, when it is new.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use segue::snapshot::manifest::InputFile;
use serde::{Deserialize, Serialize};

use super::files::{read_json, write_json};
use crate::provenance::partition_input;
use crate::source::{Clouds, Partition};

/// Partitions that a manifest names; it has a limit on its size, and what a release rests on most is the newest.
const NAMED_MAX: usize = 1_000;

/// The digests of a state.
#[derive(Debug)]
pub struct Digests {
    path: PathBuf,
    known: BTreeMap<String, Known>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Known {
    bytes: u64,
    stamp: String,
    blake3: String,
}

impl Digests {
    /// Reads those of a state.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn open(state: &Path) -> anyhow::Result<Self> {
        let path = state.join("partitions.json");
        Ok(Self { known: read_json(&path)?.unwrap_or_default(), path })
    }

    /// Digests what is new, and keeps it.
    ///
    /// # Errors
    /// When a partition cannot be read.
    pub fn add(&mut self, partitions: &[Partition]) -> anyhow::Result<()> {
        let clouds = Clouds::default();
        for partition in partitions {
            let InputFile { bytes, blake3, .. } = partition_input(partition, &clouds)?;
            let stamp = partition.stamp.clone();
            self.known.insert(partition.name.clone(), Known { bytes, stamp, blake3 });
        }
        write_json(&self.path, &self.known)
    }

    /// Those of `all` that are not known as they are now.
    pub fn missing(&self, all: &[Partition]) -> Vec<Partition> {
        let same =
            |known: &Known, partition: &Partition| (known.bytes, &known.stamp) == (partition.bytes, &partition.stamp);
        let missing =
            |partition: &&Partition| !self.known.get(&partition.name).is_some_and(|known| same(known, partition));
        all.iter().filter(missing).cloned().collect()
    }

    /// The partitions as a manifest names them; of very many, the first ones together as one.
    pub fn inputs(&self, all: &[Partition]) -> Vec<InputFile> {
        let mut inputs: Vec<InputFile> = all.iter().filter_map(|partition| self.input(partition)).collect();
        let many = inputs.len().saturating_sub(NAMED_MAX);
        let first: Vec<InputFile> = inputs.drain(..many).collect();
        together(&first).into_iter().chain(inputs).collect()
    }

    fn input(&self, partition: &Partition) -> Option<InputFile> {
        let known = self.known.get(&partition.name)?;
        Some(InputFile { name: partition.name.clone(), bytes: known.bytes, blake3: known.blake3.clone() })
    }
}

fn together(inputs: &[InputFile]) -> Option<InputFile> {
    let (first, last) = (inputs.first()?, inputs.last()?);
    let lines: String = inputs.iter().map(|input| format!("{} {}\n", input.blake3, input.name)).collect();
    Some(InputFile {
        name: format!(
            "{} to {}: {} partitions, digested as lines of digest and name",
            first.name,
            last.name,
            inputs.len()
        ),
        bytes: inputs.iter().map(|input| input.bytes).sum(),
        blake3: blake3::hash(lines.as_bytes()).to_hex().to_string(),
    })
}
