//! What candidates are given: one file of anyone's, or a directory that `infer` filled, in one run or in shards, or a blend.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use segue::snapshot::manifest::{InputFile, Version};
use segue::snapshot::publish::About;

use super::output::Output;
use crate::blend::{Blended, report};
use crate::infer::job::{Finished, Job, PartFile, REPORT, finished};
use crate::provenance::Settings;

/// Files of candidates, and what computed them if it was ours.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) files: Vec<PathBuf>,
    maker: Maker,
}

/// What computed candidates.
#[derive(Debug)]
enum Maker {
    Anyone,
    Infer(Box<Finished>),
    Blend(Box<Blended>),
}

impl Given {
    /// The files behind a path.
    pub(crate) fn of(path: &Path) -> anyhow::Result<Self> {
        if !path.is_dir() {
            return Ok(Self { files: vec![path.to_owned()], maker: Maker::Anyone });
        }
        if let Some(blended) = report::blended(path)? {
            return Ok(Self { files: blended.paths(path), maker: Maker::Blend(Box::new(blended)) });
        }
        let finished = finished(path)?.with_context(|| {
            format!(
                "{} holds no {REPORT}: `infer` has not finished there, nor any shard of it; run it again",
                path.display()
            )
        })?;
        Ok(Self { files: finished.paths(path), maker: Maker::Infer(Box::new(finished)) })
    }

    /// How a model computed them, where that is known.
    pub(crate) fn job(&self) -> Option<&Job> {
        match &self.maker {
            Maker::Anyone => None,
            Maker::Infer(finished) => Some(&finished.job),
            Maker::Blend(blended) => blended.job.as_ref(),
        }
    }

    /// Checks that the parts are those that were computed.
    pub(crate) fn check_parts(&self, inputs: &[InputFile]) -> anyhow::Result<()> {
        let parts = match &self.maker {
            Maker::Anyone => return Ok(()),
            Maker::Infer(finished) => &finished.parts,
            Maker::Blend(blended) => &blended.parts,
        };
        let is = |(part, input): &(&PartFile, &InputFile)| part.bytes == input.bytes && part.blake3 == input.blake3;
        match parts.iter().zip(inputs).find(|pair| !is(pair)) {
            Some((part, _)) => {
                anyhow::bail!("{} is not as it was computed; run `infer` again, which makes it anew", part.name)
            }
            None => Ok(()),
        }
    }

    /// Checks that the parts are those that were computed, for this catalogue and depth.
    pub(super) fn check(&self, output: &Output<'_>) -> anyhow::Result<()> {
        self.check_parts(&output.inputs)?;
        let Some((catalogue, depth)) = self.made_for() else { return Ok(()) };
        let got = output.catalogue_version()?;
        ensure!(
            *catalogue == got,
            "the candidates are for catalogue {catalogue}, --catalogue is {got}; give the model's"
        );
        let got = output.settings.depth;
        ensure!(
            depth == got,
            "the candidates are for histories of up to {depth} clusters, not {got}; give --depth {depth}"
        );
        Ok(())
    }

    /// What the release says of where its candidates come from.
    pub(super) fn describe(&self, about: &mut About) -> anyhow::Result<()> {
        let Some(job) = self.job() else { return Ok(()) };
        let named = about.model.get_or_insert_with(|| job.model.clone());
        ensure!(*named == job.model, "the candidates are of model {}, --model says {named}; leave it out", job.model);
        about.created_unix_s = about.created_unix_s.or(job.created_unix_s);
        about.provenance.data_window = about.provenance.data_window.or(job.data_window);
        Ok(())
    }

    /// The settings that shaped the candidates.
    pub(super) fn settings(&self, mut settings: Settings) -> Settings {
        if let Some(job) = self.job() {
            settings = settings
                .with("precision", &job.precision)
                .with("kernel", &job.kernel)
                .with("retrieved_from", &job.release);
        }
        match &self.maker {
            Maker::Blend(blended) => settings
                .with("mode", &blended.mode)
                .with("min_count", blended.seen_min)
                .with("model_weight", blended.weight),
            Maker::Anyone | Maker::Infer(_) => settings,
        }
    }

    /// The catalogue and the depth that they were computed for.
    fn made_for(&self) -> Option<(&Version, u8)> {
        match &self.maker {
            Maker::Anyone => None,
            Maker::Infer(finished) => Some((&finished.job.catalogue, finished.job.depth)),
            Maker::Blend(blended) => Some((&blended.catalogue, blended.depth)),
        }
    }
}
