//! What candidates are given: one file of anyone's, or the directory that `infer` filled, in one run or in shards.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use segue::snapshot::manifest::InputFile;
use segue::snapshot::publish::About;

use super::output::Output;
use crate::infer::job::{Finished, PartFile, REPORT, finished};
use crate::provenance::Settings;

/// Files of candidates, and the run that computed them if it was ours.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) files: Vec<PathBuf>,
    pub(super) finished: Option<Finished>,
}

impl Given {
    /// The files behind a path.
    pub(super) fn of(path: &Path) -> anyhow::Result<Self> {
        if !path.is_dir() {
            return Ok(Self { files: vec![path.to_owned()], finished: None });
        }
        let found = finished(path)?;
        let finished = found.with_context(|| {
            format!(
                "{} holds no {REPORT}: `infer` has not finished there, nor any shard of it; run it again",
                path.display()
            )
        })?;
        Ok(Self { files: finished.paths(path), finished: Some(finished) })
    }

    /// Checks that the parts are those that were computed, for this catalogue and depth.
    pub(super) fn check(&self, output: &Output<'_>) -> anyhow::Result<()> {
        let Some(Finished { job, parts, .. }) = &self.finished else { return Ok(()) };
        let is = |(part, input): &(&PartFile, &InputFile)| part.bytes == input.bytes && part.blake3 == input.blake3;
        let other = parts.iter().zip(&output.inputs).find(|pair| !is(pair));
        if let Some((part, _)) = other {
            anyhow::bail!("{} is not as it was computed; run `infer` again, which makes it anew", part.name);
        }
        let (expected, got) = (&job.catalogue, output.catalogue_version()?);
        ensure!(
            *expected == got,
            "the candidates are for catalogue {expected}, --catalogue is {got}; give the model's"
        );
        let (expected, got) = (job.depth, output.settings.depth);
        ensure!(
            expected == got,
            "the candidates are for histories of up to {expected} clusters, not {got}; give --depth {expected}"
        );
        Ok(())
    }

    /// What the release says of where its candidates come from.
    pub(super) fn describe(&self, about: &mut About) -> anyhow::Result<()> {
        let Some(Finished { job, .. }) = &self.finished else { return Ok(()) };
        let named = about.model.get_or_insert_with(|| job.model.clone());
        ensure!(*named == job.model, "the candidates are of model {}, --model says {named}; leave it out", job.model);
        about.created_unix_s = about.created_unix_s.or(job.created_unix_s);
        about.provenance.data_window = job.data_window;
        Ok(())
    }

    /// The settings that shaped the candidates.
    pub(super) fn settings(&self, settings: Settings) -> Settings {
        let Some(Finished { job, .. }) = &self.finished else { return settings };
        settings.with("precision", &job.precision).with("kernel", &job.kernel).with("retrieved_from", &job.release)
    }
}
