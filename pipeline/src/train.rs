//! The `train` command: from a log to a model.
//!
//! Reads the log, gives every example the context of its time, trains, reports on held-out time, and publishes. It only puts the parts in their
//! order; each part is a module of its own, and none but this one knows the others' files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use segue::model::config::{ModelConfig, PromptConfig, Size};
use segue::model::write::{ModelAbout, PublishedModel, write_model};
use segue::snapshot::manifest::{Provenance, Version};
use serde::Serialize;

use crate::examples::{AsOf, Balance, Contexts};
use crate::provenance::TOOL;

// What it is told and what it reads.
pub mod settings;
pub mod data;
pub mod initial;
pub mod cold;
pub mod lesson;
// The arithmetic.
pub mod math;
pub mod layout;
pub mod parameters;
pub(crate) mod block;
pub mod decoder;
pub mod optimiser;
pub mod step;
// The run.
pub mod schedule;
pub mod validate;
pub mod checkpoint;
pub mod journal;
pub mod display;
pub mod run;
// What comes of it.
pub mod curve;
pub mod predictor;
pub mod report;
mod summary;

use checkpoint::{Checkpoint, State};
use data::Data;
use initial::Initial;
use layout::Layout;
use lesson::Lessons;
use optimiser::Moments;
use predictor::NetworkPredictor;
use report::Report;
use run::{Parts, Run, Trained};
use settings::TrainSettings;

/// The report's file in the run's directory.
pub const REPORT: &str = "report.json";

/// What a training did.
#[derive(Clone, Debug, Serialize)]
pub struct TrainSummary {
    /// The model's name.
    pub model: String,
    /// Its directory.
    pub path: PathBuf,
    /// Bytes of all its files.
    pub bytes: u64,
    /// The catalogue that it stands for.
    pub catalogue: String,
    /// Where journal, curve and report are.
    pub run_dir: PathBuf,
    /// Weights in all.
    pub parameters: usize,
    /// Examples learnt from, chosen by and reported on.
    pub examples: [usize; 3],
    /// Epochs that were run, and the one whose weights were kept.
    pub epochs: usize,
    /// See [`TrainSummary::epochs`].
    pub best_epoch: usize,
    /// What the validation found of the weights kept.
    pub validation: validate::Validated,
    /// The report; `None` when no time was held out for one.
    pub report: Option<Report>,
    /// How long all of it took, in seconds.
    pub elapsed_s: f64,
}

/// Trains a model on a log and publishes it.
///
/// # Errors
/// When a file cannot be read or written, when the log holds too little, or when a checkpoint is of another run.
pub fn train(settings: &TrainSettings) -> anyhow::Result<TrainSummary> {
    let started = Instant::now();
    std::fs::create_dir_all(&settings.output.out)
        .with_context(|| format!("cannot make {}", settings.output.out.display()))?;
    let data = Data::read(settings)?;
    let plan = Plan::new(settings, &data)?;
    let trained = plan.train(&data)?;
    curve::draw(&journal::read(&settings.output.run_dir)?, &settings.output.run_dir)?;
    let report = plan.report(&data, &trained)?;
    let published = plan.publish(&data, &trained, report.as_ref())?;
    Checkpoint::remove(&settings.output.run_dir)?;
    let split = &data.split;
    Ok(TrainSummary {
        model: published.manifest.version.to_string(),
        path: published.path,
        bytes: published.bytes,
        catalogue: published.manifest.catalogue.to_string(),
        run_dir: settings.output.run_dir.clone(),
        parameters: plan.layout.size(),
        examples: [&split.train, &split.validation, &split.test].map(|part| part.len()),
        epochs: trained.epochs,
        best_epoch: trained.best_epoch,
        validation: trained.best,
        report,
        elapsed_s: started.elapsed().as_secs_f64(),
    })
}

/// What follows from settings and data before the first step.
struct Plan<'a> {
    settings: &'a TrainSettings,
    config: ModelConfig,
    layout: Layout,
    initial: Option<Initial>,
    identity: BTreeMap<String, String>,
}

impl<'a> Plan<'a> {
    fn new(settings: &'a TrainSettings, data: &Data) -> anyhow::Result<Self> {
        let network = &settings.network;
        let known = (&data.catalogue, &data.catalogue_version);
        let initial = network.init.as_deref().map(|path| Initial::read(path, known)).transpose()?;
        let prompt = PromptConfig {
            clusters: data.clusters(),
            history_max: network.history_max,
            retrieved_max: network.retrieved_max,
            barred: settings.input.counting.count.mode.bars(),
        };
        let size = initial.as_ref().map_or(network.size, |initial| size_of(&initial.model.config));
        let config = ModelConfig::new(prompt, size)?;
        let mut identity = settings.named();
        identity.extend(data.inputs.iter().map(|input| (format!("input {}", input.name), input.blake3.clone())));
        if let Some(initial) = &initial {
            identity.insert("init".to_owned(), initial.model.manifest.version.to_string());
        }
        Ok(Self { layout: Layout::new(&config), settings, config, initial, identity })
    }

    fn train(&self, data: &Data) -> anyhow::Result<Trained> {
        let lessons = self.lessons(data, data.split.train.clone());
        let validation = self.lessons(data, data.split.validation.clone());
        let TrainSettings { learning, output, .. } = self.settings;
        let parts = Parts { layout: &self.layout, learning, output, lessons: &lessons, validation: &validation };
        Run::begin(parts, self.start(data)?)?.finish()
    }

    fn lessons<'d>(&self, data: &'d Data, range: std::ops::Range<usize>) -> Lessons<'d> {
        let input = &self.settings.input;
        let mut as_of = AsOf::new(&data.log, &input.counting);
        let balance: Balance = self.settings.learning.balance;
        Lessons {
            contexts: Contexts::new(&data.examples, range.clone(), &input.refresh, &mut as_of),
            weights: balance.weights(&data.examples, data.split.train.clone(), data.clusters()),
            examples: &data.examples,
            range,
            prompt: self.config.segue,
            depth: input.counting.depth,
        }
    }

    fn start(&self, data: &Data) -> anyhow::Result<Checkpoint> {
        let seed = self.settings.learning.seed;
        let parameters = match &self.initial {
            Some(initial) => initial.parameters(&self.config, &data.catalogue, seed)?,
            None => parameters::draw(&self.layout, seed),
        };
        let zeros = vec![0.0; parameters.len()];
        let moments = Moments { first: zeros.clone(), second: zeros, steps: 0 };
        let state = State { identity: self.identity.clone(), ..State::default() };
        Ok(Checkpoint { parameters, moments, best: Vec::new(), state })
    }

    fn report(&self, data: &Data, trained: &Trained) -> anyhow::Result<Option<Report>> {
        if data.split.test.is_empty() {
            return Ok(None);
        }
        let parameters = &trained.parameters;
        let network = NetworkPredictor { layout: &self.layout, parameters, prompt: self.config.segue };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.settings.output.threads).build()?;
        let seed = self.settings.learning.seed;
        let report = pool.install(|| Report::make(data, &self.settings.input, network, seed));
        let path = self.settings.output.run_dir.join(REPORT);
        std::fs::write(&path, serde_json::to_vec_pretty(&report)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Some(report))
    }

    fn publish(&self, data: &Data, trained: &Trained, report: Option<&Report>) -> anyhow::Result<PublishedModel> {
        let output = &self.settings.output;
        let version = output.version.as_deref().map(str::parse::<Version>).transpose().context("--version")?;
        let about = ModelAbout {
            version,
            catalogue: data.catalogue_version.clone(),
            parent: self.initial.as_ref().map(|initial| initial.model.manifest.version.clone()),
            created_unix_s: output.created_unix_s.or(data.window.map(|window| window.to_unix_s)),
            provenance: self.provenance(data)?,
            figures: figures(data, trained, report),
        };
        let weights = parameters::to_weights(&self.layout, &trained.parameters)?;
        Ok(write_model(&output.out, about, &self.config, &weights)?)
    }

    fn provenance(&self, data: &Data) -> anyhow::Result<Provenance> {
        let mut settings = self.settings.named();
        for (name, size) in [
            ("hidden", self.config.hidden_size),
            ("intermediate", self.config.intermediate_size),
            ("layers", self.config.num_hidden_layers),
            ("heads", self.config.num_attention_heads),
        ] {
            settings.insert(name.to_owned(), size.to_string());
        }
        Ok(Provenance {
            tool: TOOL.to_owned(),
            inputs: data.inputs.clone(),
            settings,
            data_window: data.window,
            citation: self.settings.output.citation.clone(),
        })
    }
}

fn size_of(config: &ModelConfig) -> Size {
    Size {
        hidden: config.hidden_size,
        intermediate: config.intermediate_size,
        layers: config.num_hidden_layers,
        heads: config.num_attention_heads,
    }
}

/// What a manifest says of a training: how much it rests on, and how good it is.
fn figures(data: &Data, trained: &Trained, report: Option<&Report>) -> BTreeMap<String, f64> {
    let split = &data.split;
    let mut figures = BTreeMap::from([
        ("train_examples".to_owned(), split.train.len() as f64),
        ("validation_examples".to_owned(), split.validation.len() as f64),
        ("test_examples".to_owned(), split.test.len() as f64),
        ("epochs".to_owned(), trained.epochs as f64),
        ("best_epoch".to_owned(), trained.best_epoch as f64),
        ("steps".to_owned(), trained.steps as f64),
        ("validation_loss".to_owned(), trained.best.loss),
        ("validation_hit_5".to_owned(), trained.best.hit_5),
    ]);
    for (name, row) in [("test", report::MODEL), ("test_smoothed", "smoothed"), ("test_popularity", "popularity")] {
        let row = report.and_then(|report| report.row(row)).into_iter();
        figures.extend(row.flat_map(|row| row.figures).map(|figure| (figure_name(name, figure.name), figure.measured)));
    }
    figures
}

/// `test` and `hit@5` make `test_hit_5`.
fn figure_name(of: &str, figure: &str) -> String {
    format!("{of}_{}", figure.to_lowercase().replace('@', "_"))
}
