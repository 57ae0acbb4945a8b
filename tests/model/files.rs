//! A model's files: what is written is found again, the same each time, and nothing else is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::slice;

use candle_core::{DType, Device, Tensor};
use segue::model::config::ModelConfig;
use segue::model::engine::Precision;
use segue::model::manifest::{CONFIG, LOGITS, WEIGHTS};
use segue::model::prompt::Context;
use segue::model::rank::{Question, Working};
use segue::model::weights::Weights;
use segue::model::write::{ModelAbout, ModelWriteError, write_model};
use segue::model::{Model, ModelError};
use segue::snapshot::manifest::{MANIFEST, Version};
use segue::snapshot::store::Store;
use tempfile::TempDir;

use crate::support::model::{about, config, publish, weights};
use crate::support::table::{variant, variants};

fn version(name: &str) -> Version {
    name.parse().expect("a version name")
}

fn bytes(path: &Path) -> Vec<Vec<u8>> {
    [CONFIG, WEIGHTS, LOGITS, MANIFEST].map(|name| fs::read(path.join(name)).expect("just published")).into()
}

#[test]
fn what_is_written_loads_and_answers() {
    let dir = TempDir::new().expect("a temporary directory");
    let published = publish(dir.path(), &version("catalogue"), 40, 1);
    for precision in [Precision::Full, Precision::Quantised] {
        let model = Model::load(&published.path, precision).expect("just written");
        assert_eq!((model.manifest(), model.precision()), (&published.manifest, precision));
        assert_eq!(*model.config(), config(40));
        let context = Context { matched: 1, continuations: vec![(3, 0.4), (5, 0.1)] };
        let question = Question { history: &[1, 2], context: &context };
        let answers = model.answer(&mut Working::default(), &[question], 40);
        assert_eq!((answers.len(), answers[0].len()), (1, 38), "all but the history's, of a model of novel clusters");
        assert!(answers[0].iter().all(|(index, score)| ![1, 2].contains(index) && (0.0..=1.0).contains(score)));
        assert!(answers[0].is_sorted_by(|above, below| above.1 >= below.1), "{answers:?}");
    }
    assert_eq!(published.bytes, bytes(&published.path).concat().len() as u64);
}

#[test]
fn an_answer_does_not_depend_on_what_is_asked_with_it() {
    let dir = TempDir::new().expect("a temporary directory");
    let model = Model::load(&publish(dir.path(), &version("c"), 40, 1).path, Precision::Full).expect("just written");
    let contexts = [Context::default(), Context { matched: 2, continuations: vec![(9, 0.7), (3, 0.2), (30, 0.1)] }];
    let histories: [&[u32]; 5] = [&[], &[39], &[1, 2, 3, 4, 5, 6, 7, 8], &[9, 3], &[0]];
    let ask = |history| contexts.iter().map(move |context| Question { history, context });
    let questions: Vec<_> = histories.into_iter().flat_map(ask).collect();
    let mut working = Working::default();
    let together = model.answer(&mut working, &questions, 7);
    for (question, expected) in questions.iter().zip(&together) {
        assert_eq!(model.answer(&mut working, &[*question], 7), slice::from_ref(expected), "{question:?}");
        assert_eq!(expected.len(), 7);
    }
    assert_ne!(together[2], together[3], "the context changes nothing");
    assert!(model.answer(&mut working, &[], 7).is_empty());
}

#[test]
fn the_same_model_is_the_same_bytes() {
    let dirs = [(); 2].map(|()| TempDir::new().expect("a temporary directory"));
    let [first, second] = dirs.each_ref().map(|dir| publish(dir.path(), &version("catalogue"), 40, 1));
    assert_eq!(first.path.file_name(), second.path.file_name());
    assert_eq!(bytes(&first.path), bytes(&second.path));
    let again = publish(dirs[0].path(), &version("catalogue"), 40, 1);
    assert_eq!((again.path, again.manifest), (first.path, first.manifest.clone()));
    for (catalogue, seed) in [("catalogue", 2), ("other", 1)] {
        let other = publish(dirs[0].path(), &version(catalogue), 40, seed);
        assert_ne!(other.manifest.version, first.manifest.version, "{catalogue} {seed}");
    }
    let entries = fs::read_dir(Store::open(dirs[0].path()).models_dir()).expect("it was made");
    assert_eq!(entries.count(), 3, "nothing hidden is left");
}

/// What a manifest says is compared with what was read back: every figure must survive that to its last bit.
#[test]
fn a_model_with_any_figures_can_be_written_again() {
    let dir = TempDir::new().expect("a temporary directory");
    let figures: BTreeMap<_, _> = (1..500).map(|number| (number.to_string(), f64::from(number).ln())).collect();
    let write = || {
        let about = ModelAbout { figures: figures.clone(), ..about(&version("c")) };
        write_model(dir.path(), about, &config(40), &weights(&config(40), 1)).expect("it is the same")
    };
    assert_eq!(write().path, write().path);
}

#[test]
fn a_model_is_loaded_by_its_name_only() {
    let dir = TempDir::new().expect("a temporary directory");
    let published = publish(dir.path(), &version("catalogue"), 40, 1);
    let elsewhere = dir.path().join("elsewhere");
    fs::rename(&published.path, &elsewhere).expect("one file system");
    let error = Model::load(&elsewhere, Precision::Full).expect_err("it is renamed");
    assert!(matches!(&error, ModelError::Renamed { directory, .. } if directory == "elsewhere"), "{error}");
    let name = &published.manifest.version;
    Model::load_as(&elsewhere, name, Precision::Full).expect("asked by its name");
    let error = Model::load_as(&elsewhere, &version("elsewhere"), Precision::Full).expect_err("not its name");
    assert!(matches!(error, ModelError::Renamed { .. }), "{error}");
}

/// A change to what is written, and the error that it must give.
type Refused = (&'static str, fn(&mut ModelAbout, &mut ModelConfig, &mut Weights), &'static str);

const REFUSED: &[Refused] = &[
    ("config", |_, config, _| config.vocab_size += 1, "`vocab_size` is 64, expected 63"),
    ("weights", |_, _, weights| drop(weights.remove("model.norm.weight")), "no tensor `model.norm.weight`"),
    ("figure", |about, _, _| about.figures = [("loss".to_owned(), f64::NAN)].into(), "figure `loss` is NaN"),
    ("overflow", |_, _, weights| scale(weights, 3e38), "are no finite numbers"),
    ("name", |about, _, _| about.version = Some(version("taken")), "model taken exists with other content"),
];

/// Makes the norms so large that the logits overflow; the weights themselves stay finite.
fn scale(weights: &mut Weights, factor: f32) {
    let norm = Tensor::full(factor, 32, &Device::Cpu).expect("a vector");
    weights.insert("model.norm.weight".to_owned(), norm);
}

#[test]
fn what_cannot_be_a_model_is_not_written() {
    let dir = TempDir::new().expect("a temporary directory");
    let mut seen = BTreeSet::from(["Compute", "Bytes", "Io"].map(str::to_owned));
    let taken = ModelAbout { version: Some(version("taken")), ..about(&version("other")) };
    write_model(dir.path(), taken, &config(40), &weights(&config(40), 1)).expect("the disk takes it");
    for (what, spoil, expected) in REFUSED {
        let (mut about, mut config, mut weights) = (about(&version("c")), config(40), weights(&config(40), 1));
        spoil(&mut about, &mut config, &mut weights);
        let error = write_model(dir.path(), about, &config, &weights).expect_err(what);
        assert!(error.to_string().contains(expected), "{what}: {error}");
        seen.insert(variant(&error));
    }
    let entries = fs::read_dir(Store::open(dir.path()).models_dir()).expect("it was made");
    assert_eq!(entries.count(), 1, "something was left");
    assert_eq!(seen, variants("src/model/write.rs", "ModelWriteError"));
}

#[test]
fn weights_of_another_kind_are_refused() {
    let dir = TempDir::new().expect("a temporary directory");
    let config = config(40);
    let mut wide = weights(&config, 1);
    let norm = wide["model.norm.weight"].to_dtype(DType::F64).expect("it converts");
    wide.insert("model.norm.weight".to_owned(), norm);
    let error = write_model(dir.path(), about(&version("c")), &config, &wide).expect_err("64-bit floats");
    assert!(matches!(&error, ModelWriteError::Weights(_)), "{error}");
    assert!(error.to_string().contains("`model.norm.weight` holds f64, expected 32-bit floats"), "{error}");
}

/// The service may run as another user than the training did.
#[test]
fn every_file_has_the_same_rights() {
    let dir = TempDir::new().expect("a temporary directory");
    let published = publish(dir.path(), &version("catalogue"), 40, 1);
    let rights = |name| fs::metadata(published.path.join(name)).expect("just published").permissions();
    let [config, others @ ..] = [CONFIG, WEIGHTS, LOGITS, MANIFEST].map(rights);
    assert!(others.iter().all(|other| *other == config), "{config:?} {others:?}");
}
