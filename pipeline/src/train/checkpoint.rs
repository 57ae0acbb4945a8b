//! A training's state on disk, from which it goes on after a kill as if there had been none.
//!
//! One file, replaced in one rename: it is the old state or the new, never a part. It holds everything that the next step depends on; what a
//! step draws by chance follows from seed and place, so there is no generator to keep.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use segue::snapshot::store::sync_dir;
use serde::{Deserialize, Serialize};

use super::optimiser::Moments;
use super::validate::Validated;

/// The file's name in the run's directory.
pub const CHECKPOINT: &str = "checkpoint.safetensors";

const PARAMETERS: &str = "parameters";
const FIRST: &str = "first_moment";
const SECOND: &str = "second_moment";
const BEST: &str = "best_parameters";
const STATE: &str = "state";

/// Everything that the next step depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The weights.
    pub parameters: Vec<f32>,
    /// The optimiser's memory.
    pub moments: Moments,
    /// The best weights so far; empty before the first validation.
    pub best: Vec<f32>,
    /// The rest.
    pub state: State,
}

/// What is known beside the weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// What the run is of: its settings and the digests of its inputs. Another run's checkpoint is refused.
    pub identity: BTreeMap<String, String>,
    /// Steps taken.
    pub step: u64,
    /// The validation after each epoch.
    pub validated: Vec<Validated>,
    /// The epoch, from 0, of the best weights.
    pub best_epoch: Option<usize>,
    /// The journal's length when this was written: what comes after is written again.
    pub journal_bytes: u64,
}

/// Why a checkpoint cannot be used or written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The disk refused.
    #[error("the checkpoint {} cannot be read or written: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The bytes are no checkpoint.
    #[error("{} is no checkpoint of this program: {what}; start anew without --resume", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// It belongs to another run.
    #[error(
        "the checkpoint {} is of another run: {what} is {got:?} in it and {expected:?} now; give the settings and inputs that it was begun with, or start anew without --resume",
        path.display()
    )]
    Other {
        /// The file.
        path: PathBuf,
        /// The setting or input that differs.
        what: String,
        /// Its value now.
        expected: String,
        /// Its value in the checkpoint.
        got: String,
    },
}

impl Checkpoint {
    /// Writes to the run's directory, in place of the one before.
    ///
    /// # Errors
    /// When the disk refuses; the one before is then still there.
    pub fn save(&self, dir: &Path) -> Result<(), CheckpointError> {
        let path = dir.join(CHECKPOINT);
        let failed = |source| CheckpointError::Io { path: path.clone(), source };
        let partial = dir.join(format!(".partial-{CHECKPOINT}"));
        let tensors = self.tensors().map_err(|error| failed(io::Error::other(error)))?;
        candle_core::safetensors::save(&tensors, &partial).map_err(|error| failed(io::Error::other(error)))?;
        File::open(&partial).and_then(|file| file.sync_all()).map_err(failed)?;
        fs::rename(&partial, &path).and_then(|()| sync_dir(dir)).map_err(failed)
    }

    /// Reads from the run's directory; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read, or belongs to a run of another identity.
    pub fn load(dir: &Path, identity: &BTreeMap<String, String>) -> Result<Option<Self>, CheckpointError> {
        let path = dir.join(CHECKPOINT);
        if !path.exists() {
            return Ok(None);
        }
        let damaged = |what: String| CheckpointError::Damaged { path: path.clone(), what };
        let mut tensors =
            candle_core::safetensors::load(&path, &Device::Cpu).map_err(|error| damaged(error.to_string()))?;
        let checkpoint = Self::from_tensors(&mut tensors).map_err(damaged)?;
        match difference(identity, &checkpoint.state.identity) {
            None => Ok(Some(checkpoint)),
            Some((what, expected, got)) => Err(CheckpointError::Other { path, what, expected, got }),
        }
    }

    /// Takes the checkpoint away: the run is done.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove(dir: &Path) -> Result<(), CheckpointError> {
        let path = dir.join(CHECKPOINT);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(CheckpointError::Io { path, source }),
            _ => Ok(()),
        }
    }

    fn tensors(&self) -> candle_core::Result<HashMap<String, Tensor>> {
        let floats = |values: &[f32]| Tensor::from_slice(values, values.len(), &Device::Cpu);
        let state = serde_json::to_vec(&self.state).map_err(candle_core::Error::wrap)?;
        let moments = &self.moments;
        let mut tensors = HashMap::from([(STATE.to_owned(), Tensor::from_slice(&state, state.len(), &Device::Cpu)?)]);
        let named =
            [(PARAMETERS, &self.parameters), (FIRST, &moments.first), (SECOND, &moments.second), (BEST, &self.best)];
        for (name, values) in named.into_iter().filter(|(_, values)| !values.is_empty()) {
            tensors.insert(name.to_owned(), floats(values)?);
        }
        Ok(tensors)
    }

    fn from_tensors(tensors: &mut HashMap<String, Tensor>) -> Result<Self, String> {
        let state = tensors.remove(STATE).ok_or("it has no state")?;
        let state = state.to_vec1::<u8>().map_err(|error| error.to_string())?;
        let state: State = serde_json::from_slice(&state).map_err(|error| error.to_string())?;
        let mut floats = |name: &str| {
            let tensor = tensors.remove(name).ok_or_else(|| format!("it has no {name}"))?;
            tensor.to_vec1::<f32>().map_err(|error| error.to_string())
        };
        let moments = Moments { first: floats(FIRST)?, second: floats(SECOND)?, steps: state.step };
        let best = if state.best_epoch.is_some() { floats(BEST)? } else { Vec::new() };
        Ok(Self { parameters: floats(PARAMETERS)?, moments, best, state })
    }
}

/// The first name whose value differs, with the value expected and the one got.
fn difference(expected: &BTreeMap<String, String>, got: &BTreeMap<String, String>) -> Option<(String, String, String)> {
    let value = |of: &BTreeMap<String, String>, name: &String| of.get(name).cloned().unwrap_or_default();
    let names = expected.keys().chain(got.keys());
    let mut values = names.map(|name| (name.clone(), value(expected, name), value(got, name)));
    values.find(|(_, expected, got)| expected != got)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let identity = BTreeMap::from([("seed".to_owned(), "1".to_owned())]);
        Checkpoint {
            parameters: vec![1.0, 2.0],
            moments: Moments { first: vec![0.5, 0.0], second: vec![0.25, 1e-30], steps: 7 },
            best: vec![3.0, 4.0],
            state: State { identity, step: 7, best_epoch: Some(0), ..State::default() },
        }
    }

    #[test]
    fn comes_back_to_the_bit() {
        let dir = tempfile::tempdir().unwrap();
        let saved = checkpoint();
        assert_eq!(Checkpoint::load(dir.path(), &saved.state.identity).unwrap(), None);
        saved.save(dir.path()).unwrap();
        saved.save(dir.path()).unwrap();
        assert_eq!(Checkpoint::load(dir.path(), &saved.state.identity).unwrap(), Some(saved));
        Checkpoint::remove(dir.path()).unwrap();
        Checkpoint::remove(dir.path()).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn another_run_and_damage_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        checkpoint().save(dir.path()).unwrap();
        let other = BTreeMap::from([("seed".to_owned(), "2".to_owned())]);
        let said = Checkpoint::load(dir.path(), &other).unwrap_err().to_string();
        assert!(said.contains("seed is \"1\" in it and \"2\" now"), "{said}");
        let path = dir.path().join(CHECKPOINT);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        let said = Checkpoint::load(dir.path(), &checkpoint().state.identity).unwrap_err().to_string();
        assert!(said.contains("no checkpoint"), "{said}");
    }
}
