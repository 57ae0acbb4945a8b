//! The weights that a training begins with: drawn, or last month's, with the rows of this month's clusters.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustc_hash::FxHashMap;
use segue::model::config::ModelConfig;
use segue::model::open::{Opened, Verified};
use segue::model::prompt::TOKEN_CLUSTER;
use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::manifest::{CATALOGUE, Version};

use super::cold::Neighbours;
use super::layout::Layout;
use super::parameters;

/// The model that a training begins with.
#[derive(Debug)]
pub struct Initial {
    /// The model.
    pub model: Verified,
    /// The catalogue that its tokens stand for.
    pub catalogue: Catalogue,
}

impl Initial {
    /// Reads a model's directory and finds its catalogue: the one given, the new one where both are the same, or a release's in the model's store.
    ///
    /// # Errors
    /// When the model fails a check, or its catalogue cannot be found.
    pub fn read(path: &Path, (new, version): (&Catalogue, &Version)) -> anyhow::Result<Self> {
        let model =
            Opened::open(path).and_then(Opened::verify).with_context(|| format!("--init {}", path.display()))?;
        let wanted = &model.manifest.catalogue;
        let catalogue = if wanted == version { new.clone() } else { find_catalogue(path, wanted)? };
        Ok(Self { model, catalogue })
    }

    /// The weights for a network of this catalogue: every tensor as it was, clusters matched by their ids. The row of a cluster that is new comes
    /// from its [neighbours](Neighbours).
    ///
    /// # Errors
    /// When a tensor is not there.
    pub fn parameters(&self, config: &ModelConfig, catalogue: &Catalogue, seed: u64) -> anyhow::Result<Vec<f32>> {
        let (from, to) = (Layout::new(&self.model.config), Layout::new(config));
        let old = parameters::from_weights(&from, &self.model.weights)?;
        let mut new = vec![0.0; to.size()];
        new[to.embedding.end..].copy_from_slice(&old[from.embedding.end..]);
        let specials = TOKEN_CLUSTER as usize * to.width;
        new[..specials].copy_from_slice(&old[..specials]);
        let rows = old[from.clusters()].chunks_exact(from.width);
        let known: FxHashMap<u32, &[f32]> =
            self.catalogue.clusters().iter().zip(rows).map(|(cluster, row)| (cluster.id, row)).collect();
        let neighbours = Neighbours::new(catalogue, &known, seed);
        let rows = new[to.clusters()].chunks_exact_mut(to.width);
        for (cluster, row) in catalogue.clusters().iter().zip(rows) {
            match known.get(&cluster.id) {
                Some(old) => row.copy_from_slice(old),
                None => row.copy_from_slice(&neighbours.row(cluster)),
            }
        }
        Ok(new)
    }
}

/// The catalogue of a version, in a release of the store that the model lies in.
fn find_catalogue(model: &Path, wanted: &Version) -> anyhow::Result<Catalogue> {
    let model = model.canonicalize().unwrap_or_else(|_| model.to_owned());
    let releases = model.ancestors().nth(2).map(|store| store.join("releases")).unwrap_or_default();
    let entries = std::fs::read_dir(&releases).into_iter().flatten().filter_map(Result::ok);
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path().join(CATALOGUE)).collect();
    files.sort();
    for file in files {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        if Version::of_digest(&blake3::hash(&bytes)) == *wanted {
            return Catalogue::read_jsonl(&*bytes).with_context(|| format!("{}", file.display()));
        }
    }
    bail!(
        "the model of --init was trained for catalogue {wanted}, which is neither the one given nor that of a release in {}; \
         keep a release of that catalogue beside the model, so that its clusters can be matched by their ids",
        releases.display()
    )
}
