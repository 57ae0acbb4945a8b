//! A service whose release has a tiny model, and what that model answers; it must hold no test.

use std::sync::Arc;
use std::time::Duration;

use segue::answer::Source;
use segue::config::{Config, Rung};
use segue::fallback::retrieved;
use segue::model::Model;
use segue::model::engine::Precision;
use segue::model::rank::{Question, Working};
use segue::model::worker::{Compute, EngineCompute, RANKED_MAX};
use segue::snapshot::manifest::Version;
use segue::snapshot::release::Release;
use segue::snapshot::store::Store;
use segue::snapshot::table::Score;
use segue::wire::json::{AnswerBody, QuestionBody};
use tempfile::TempDir;

use crate::support::model;
use crate::support::release::{CLUSTERS, ROWS, publish_naming, version};
use crate::support::service::{Running, start_computing};
use crate::support::spoken::body;
use crate::support::vectors::ask;

/// A history that the table does not hold; of its suffixes it holds `[20]`.
pub(crate) const UNSEEN: &[u32] = &[60, 30, 20];

/// The usual order.
pub(crate) const RUNGS: [Rung; 4] = [Rung::Table, Rung::Model, Rung::Suffix, Rung::Popular];

/// A service on releases `one` and `two`, which differ in their models, and `plain`, which names none.
pub(crate) struct Site {
    pub(crate) running: Running,
    pub(crate) models: [Version; 2],
}

impl Site {
    /// Serves `one` with the engine's arithmetic.
    pub(crate) fn new() -> Self {
        Self::computing(Arc::new(EngineCompute), |_| {})
    }

    /// Serves `one` with another arithmetic, on one thread, and with time enough for any test.
    pub(crate) fn computing(compute: Arc<dyn Compute>, change: impl FnOnce(&mut Config)) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let publish = |name, model| publish_naming(dir.path(), (name, model), CLUSTERS, ROWS);
        let catalogue = publish("plain", None).catalogue;
        let train = |seed| model::publish(dir.path(), &catalogue, CLUSTERS.len() as u32, seed).manifest.version;
        let models = [train(1), train(2)];
        publish("one", Some(models[0].clone()));
        publish("two", Some(models[1].clone()));
        Store::open(dir.path()).activate(&version("one")).expect("it is complete");
        let running = start_computing(dir, compute, |config| {
            configure(config);
            change(config);
        });
        running.reload();
        Self { running, models }
    }

    /// What must be answered to a question for some candidates from a release, if the model gives all of them.
    pub(crate) fn expected(&self, release: &str, history: &[u32], limit: usize) -> Vec<(u32, f64)> {
        let store = &self.running.store;
        let of = Release::load(&store.release_path(&version(release))).expect("it is sound");
        let model = of.manifest().model.clone().expect("it names a model");
        let model = Model::load(&store.model_path(&model), Precision::Full).expect("it is sound");
        let index = |&id: &u32| of.catalogue().index_of(id).expect("a known cluster");
        let history: Vec<u32> = history.iter().map(index).collect();
        let context = retrieved(&of, &history);
        let question = Question { history: &history, context: &context };
        let ranked = model.answer(&mut Working::default(), &[question], RANKED_MAX).remove(0);
        ranked.into_iter().take(limit).map(|(index, score)| (id(&of, index), shown(score))).collect()
    }
}

fn configure(config: &mut Config) {
    config.answer.rungs = RUNGS.to_vec();
    config.model.threads = 1;
    config.model.timeout = Duration::from_secs(20);
    // The logits of a few clusters may lie so close together that bytes cannot tell them apart.
    config.model.precision = Precision::Full;
    config.request.in_flight_max = 64;
    config.request.batch_max = 8;
}

fn id(release: &Release, index: u32) -> u32 {
    release.catalogue().id_at(index).expect("a cluster of the catalogue")
}

/// A score as JSON shows it.
fn shown(score: f32) -> f64 {
    f64::from(Score::nearest(score).expect("a probability").decimal()) / 1e5
}

/// A question for some candidates.
pub(crate) fn question(history: &[u32], limit: u64) -> QuestionBody {
    body(&ask(history, limit))
}

/// An answer's candidates of one source.
pub(crate) fn of_source(answer: &AnswerBody, source: Source) -> Vec<(u32, f64)> {
    let of = answer.candidates.iter().filter(|found| found.source == source);
    of.map(|found| (found.cluster, found.score)).collect()
}

/// Checks that the model did not answer, and why; the suffix did.
#[track_caller]
pub(crate) fn check_degraded(answer: &AnswerBody, reason: &str) {
    assert_eq!(answer.degraded.as_deref(), Some(reason), "{answer:?}");
    assert_eq!((answer.source, answer.matched.as_slice()), (Source::Suffix, &[20][..]), "{answer:?}");
}
