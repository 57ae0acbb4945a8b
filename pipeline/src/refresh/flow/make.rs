//! The stages of making: the model over every history, its blend with the counts, and the release.

use std::collections::BTreeMap;

use anyhow::Context;
use segue::snapshot::manifest::{InputFile, MANIFEST, Version};
use segue::snapshot::publish::About;
use segue::snapshot::release::digest_file;
use segue::snapshot::store::Store;

use super::Flow;
use crate::blend::{BlendSettings, Ingredients, blend};
use crate::infer::plan::PART_ROWS;
use crate::infer::{InferSettings, infer};
use crate::provenance::{Settings, input_files};
use crate::quality::Quality;
use crate::refresh::asked::Asked;
use crate::refresh::digests::Digests;
use crate::refresh::files::{read_json, write_json};
use crate::refresh::identity::content_settings;
use crate::refresh::plan::Source;
use crate::refresh::stage::{Stage, Work};

const WRITTEN: &str = "written.json";

/// What the model's opinion is worth where it could not be measured.
const WEIGHT: f64 = 0.5;

impl Flow<'_> {
    /// Runs the model over every history there can be.
    pub(super) fn infer(&self) -> anyhow::Result<()> {
        let Some((settings, chosen)) = self.settings.model.as_ref().zip(self.plan.model.as_ref()) else {
            return Ok(());
        };
        let release = Store::open(self.run.path(Stage::Retrieve)).release_path(&self.retrieved()?);
        let (threads, width) = (self.settings.input.threads, self.settings.release.width);
        self.run.stage(Stage::Infer, |out| {
            let summary = infer(&InferSettings {
                model: chosen.dir.clone(),
                release,
                out: out.to_owned(),
                depth: None,
                width,
                threads,
                batch: settings.batch,
                part_rows: settings.part_rows,
                shard: None,
                precision: settings.precision,
            })?;
            let note = format!("model {}, {:.0} histories/s", summary.job.model, summary.histories_per_s);
            Ok(Work { rows_in: summary.histories, rows_out: summary.histories, note })
        })
    }

    /// Blends the model's candidates with the counts.
    pub(super) fn blend(&self) -> anyhow::Result<()> {
        let weight = self.rehearsed()?.map(|rehearsed| rehearsed.weight);
        let given = self.settings.model.as_ref().map(|model| model.weight.or(weight).unwrap_or(WEIGHT));
        let settings = BlendSettings {
            weight: given.unwrap_or_default(),
            choice: self.choice(),
            part_rows: self.settings.model.as_ref().map_or(PART_ROWS, |model| model.part_rows),
            memory_bytes: self.settings.input.memory_bytes,
        };
        let candidates = self.plan.model.is_some().then(|| self.run.path(Stage::Infer));
        self.run.stage(Stage::Blend, |out| {
            let smoothed = &self.counted()?.smoothed;
            let from = Ingredients { catalogue: &self.plan.catalogue, smoothed, candidates: candidates.as_deref() };
            let blended = blend(&from, &settings, out)?;
            let note = format!("model weight {}, match rate {:.4}", blended.weight, blended.match_rate());
            Ok(Work { rows_in: blended.given, rows_out: blended.rows.iter().sum(), note })
        })
    }

    /// Writes the release.
    pub(super) fn release(&self, quality: &Quality) -> anyhow::Result<Version> {
        let done = self.run.stage(Stage::Release, |out| {
            let (blended, writing) = (self.blended()?, self.writing());
            let blend = self.run.path(Stage::Blend);
            let about = self.about(quality, blended.weight)?;
            let tails = &self.counted()?.tails;
            let mut asked = Asked::new(tails, self.plan.catalogue.len() as u32);
            let (published, rows) = writing.blend(out, ((&blended, &blend), &mut asked), |asked| About {
                expected_sources: asked.sources(),
                ..about
            })?;
            write_json(&out.join(WRITTEN), &published.manifest.version)?;
            let note = format!("{}, {} bytes", published.manifest.version, published.bytes);
            Ok(Work { rows_in: blended.rows.iter().sum(), rows_out: rows, note })
        });
        done.and_then(|()| self.written())
    }

    fn written(&self) -> anyhow::Result<Version> {
        let version = read_json(&self.run.path(Stage::Release).join(WRITTEN))?;
        version.context("the run lost its release; run again with --force")
    }

    /// What the release says of itself: all that it takes to make it again.
    fn about(&self, quality: &Quality, weight: f64) -> anyhow::Result<About> {
        let mut about = self.dated()?;
        about.version = self.settings.release.version.clone();
        about.model = self.plan.model.as_ref().map(|model| model.manifest.version.clone());
        about.quality = quality.named();
        about.provenance.inputs = self.inputs()?;
        about.provenance.citation = self.settings.release.citation.clone();
        about.provenance.settings = self.content_settings(weight)?;
        Ok(about)
    }

    fn inputs(&self) -> anyhow::Result<Vec<InputFile>> {
        let read = match &self.plan.source {
            Source::Events { all, .. } => Digests::open(&self.settings.state)?.inputs(all),
            Source::Counts(_) => self.plan.identity.inputs.iter().map(counts_file).collect(),
        };
        let items = self.settings.input.log.items.iter().map(|items| items.path.as_path());
        let catalogue = input_files(items.chain([self.settings.input.catalogue.as_path()]))?;
        let model = self.plan.model.as_ref().map(|model| {
            let path = model.dir.join(MANIFEST);
            let (bytes, digest) = digest_file(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let name = format!("models/{}/{MANIFEST}", model.manifest.version);
            anyhow::Ok(InputFile { name, bytes, blake3: digest.to_hex().to_string() })
        });
        Ok(read.into_iter().chain(catalogue).chain(model.transpose()?).collect())
    }

    fn content_settings(&self, weight: f64) -> anyhow::Result<BTreeMap<String, String>> {
        let figures = self.figures()?;
        let mut settings = content_settings(self.settings).with("to_day", figures.to_day).with("model_weight", weight);
        if self.plan.model.is_some() {
            let job = crate::infer::job::finished(&self.run.path(Stage::Infer))?.map(|finished| finished.job);
            settings = settings
                .with_given("kernel", job.as_ref().map(|job| &job.kernel))
                .with_given("retrieved_from", job.as_ref().map(|job| &job.release));
        }
        settings = settings.with_given("compared_with", self.run.begun.previous.as_ref());
        Ok(noise(settings, &figures.merge).into_map())
    }
}

/// What the noise guarantees, each figure as a setting of its own.
fn noise(settings: Settings, merge: &serde_json::Value) -> Settings {
    let figures = merge.get("privacy").and_then(|privacy| privacy.as_object());
    figures.into_iter().flatten().fold(settings, |settings, (name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        settings.with(&format!("privacy_{name}"), text)
    })
}

fn counts_file(input: &crate::refresh::identity::Input) -> InputFile {
    InputFile { name: format!("counts/{}", input.name), bytes: input.bytes, blake3: input.stamp.clone() }
}
