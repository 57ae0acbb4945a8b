//! A model's files are distrusted: any damage gives an error or the same answers, never a panic, even where a faulty
//! writer listed the damaged bytes' own digests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use segue::model::config::ModelConfig;
use segue::model::engine::Precision;
use segue::model::golden::GoldenLogits;
use segue::model::manifest::{CONFIG, LOGITS, ModelManifest, WEIGHTS};
use segue::model::prompt::Context;
use segue::model::rank::{Question, Ranked, Working};
use segue::model::{Model, ModelError, weights};
use segue::snapshot::manifest::MANIFEST;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::model::{config, publish, replace};
use crate::support::table::{variant, variants};

const CLUSTERS: u32 = 12;

/// A model written once, because writing it syncs it.
static GOOD: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let dir = TempDir::new().expect("a temporary directory");
    let path = publish(dir.path(), &"catalogue".parse().expect("a name"), CLUSTERS, 5).path;
    (dir, path)
});

/// A copy to spoil.
struct Copy {
    dir: TempDir,
    path: PathBuf,
}

impl Copy {
    fn new() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let path = dir.path().join(GOOD.1.file_name().expect("it has one"));
        fs::create_dir(&path).expect("a new directory");
        for name in [CONFIG, WEIGHTS, LOGITS, MANIFEST] {
            fs::copy(GOOD.1.join(name), path.join(name)).expect("the disk takes it");
        }
        Self { dir, path }
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path.join(name)).expect("it was copied")
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path.join(name), bytes).expect("the disk takes it");
    }

    /// Writes a file and lists its digest, as a faulty writer would.
    fn reseal(&self, name: &str, bytes: &[u8]) {
        replace(&self.path, name, bytes);
    }

    fn load(&self) -> Result<Model, ModelError> {
        Model::load(&self.path, Precision::Full)
    }
}

fn answers(model: &Model) -> Vec<Ranked> {
    let context = Context { matched: 1, continuations: vec![(3, 0.4), (5, 0.1)] };
    let ask = |history| Question { history, context: &context };
    model.answer(&mut Working::default(), &[ask(&[]), ask(&[1, 2])], 12)
}

static ANSWERS: LazyLock<Vec<Ranked>> =
    LazyLock::new(|| answers(&Model::load(&GOOD.1, Precision::Full).expect("it is good")));

/// The scores are the good model's, to what the golden tolerance lets pass.
#[track_caller]
fn check_same(model: &Model, what: &str) {
    let sorted = |ranked: &Ranked| {
        let mut ranked = ranked.clone();
        ranked.sort_by_key(|(index, _)| *index);
        ranked
    };
    for (found, expected) in answers(model).iter().zip(&*ANSWERS) {
        for (found, expected) in sorted(found).iter().zip(&sorted(expected)) {
            assert_eq!(found.0, expected.0, "{what}");
            assert!((found.1 - expected.1).abs() < 0.01, "{what}: {found:?}, expected {expected:?}");
        }
    }
}

#[test]
fn any_byte_changed_is_found() {
    let copy = Copy::new();
    for (name, step) in [(CONFIG, 5), (LOGITS, 71), (WEIGHTS, 997)] {
        let good = copy.read(name);
        let mut bytes = good.clone();
        for at in (0..good.len()).step_by(step) {
            bytes[at] ^= 1 << (at % 8);
            copy.write(name, &bytes);
            let error = copy.load().expect_err("its digest is another");
            assert!(matches!(&error, ModelError::Digest { name: found, .. } if *found == name), "{name} {at}: {error}");
            bytes[at] = good[at];
        }
        copy.write(name, &good);
    }
    copy.load().expect("as it was");
}

#[test]
fn a_manifest_with_a_byte_changed_is_an_error_or_the_same_model() {
    let copy = Copy::new();
    let good = copy.read(MANIFEST);
    let mut bytes = good.clone();
    for at in (0..good.len()).step_by(3) {
        for other in [good[at] ^ 1, b'"', 0xFF] {
            bytes[at] = other;
            if ModelManifest::from_json(&bytes).is_err() {
                continue;
            }
            copy.write(MANIFEST, &bytes);
            if let Ok(model) = copy.load() {
                check_same(&model, &format!("manifest byte {at} is {other}"));
            }
        }
        bytes[at] = good[at];
    }
}

#[test]
fn any_cut_is_found() {
    let copy = Copy::new();
    for name in [MANIFEST, CONFIG, LOGITS, WEIGHTS] {
        let good = copy.read(name);
        for length in (0..good.len()).step_by(1 + good.len() / 40) {
            copy.write(name, &good[..length]);
            copy.load().expect_err("it is cut");
        }
        copy.write(name, &good);
    }
}

/// Spoils a file everywhere in `places`, with digests that are right. What `parses` refuses by itself is not loaded.
fn spoil(name: &str, places: impl Iterator<Item = usize>, parses: fn(&[u8]) -> bool) {
    let copy = Copy::new();
    let good = copy.read(name);
    let mut bytes = good.clone();
    for at in places.take_while(|&at| at < good.len()) {
        for other in [good[at] ^ 1, b'0', b'}', 0xFF] {
            bytes[at] = other;
            if !parses(&bytes) {
                continue;
            }
            copy.reseal(name, &bytes);
            if let Ok(model) = copy.load() {
                check_same(&model, &format!("{name} byte {at} is {other}"));
            }
        }
        bytes[at] = good[at];
    }
}

#[test]
fn a_faulty_writers_configuration_never_panics() {
    spoil(CONFIG, 0.., |bytes| ModelConfig::from_json(bytes).is_ok());
}

#[test]
fn a_faulty_writers_golden_logits_never_panic() {
    spoil(LOGITS, (0..).step_by(67), |bytes| GoldenLogits::from_json(bytes, &config(CLUSTERS)).is_ok());
}

#[test]
fn a_faulty_writers_weights_never_panic() {
    let parses = |bytes: &[u8]| weights::from_bytes(bytes, &config(CLUSTERS)).is_ok();
    spoil(WEIGHTS, (0..2500).step_by(61), parses);
    // The last byte of a float has its sign and most of its exponent.
    spoil(WEIGHTS, (4096 + 3..).step_by(32 * 523), parses);
}

/// A file, what to do to its text, and the error's label and text.
type Bad = (&'static str, fn(&Copy) -> Vec<u8>, &'static str, &'static str);

fn edited(copy: &Copy, name: &str, edit: fn(&mut Value)) -> Vec<u8> {
    let mut json = serde_json::from_slice(&copy.read(name)).expect("it is JSON");
    edit(&mut json);
    json.to_string().into_bytes()
}

fn header_of(copy: &Copy, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "the header keeps its length");
    let bytes = copy.read(WEIGHTS);
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect("it is in the header");
    [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
}

fn infinite(copy: &Copy) -> Vec<u8> {
    let mut bytes = copy.read(WEIGHTS);
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    bytes
}

/// The length of the header, 8 bytes, says more than there is.
fn headless(copy: &Copy) -> Vec<u8> {
    let mut bytes = copy.read(WEIGHTS);
    bytes[..8].copy_from_slice(&(1u64 << 40).to_le_bytes());
    bytes
}

const BAD: &[Bad] = &[
    (CONFIG, |copy| edited(copy, CONFIG, |json| json["hidden_size"] = 64.into()), "weights", "has shape"),
    (
        CONFIG,
        |copy| edited(copy, CONFIG, |json| json["num_hidden_layers"] = 1.into()),
        "weights",
        "expected only those",
    ),
    (
        CONFIG,
        |copy| edited(copy, CONFIG, |json| json["num_hidden_layers"] = 3.into()),
        "weights",
        "no tensor `model.layers.2",
    ),
    (CONFIG, |copy| edited(copy, CONFIG, |json| json["num_hidden_layers"] = 99.into()), "config", "expected 1 to 64"),
    (CONFIG, |copy| edited(copy, CONFIG, |json| json["rope_theta"] = 9_000.into()), "golden", "golden prompt"),
    (
        CONFIG,
        |copy| edited(copy, CONFIG, |json| json["segue"]["history_max"] = 1.into()),
        "golden",
        "its question gives",
    ),
    (
        CONFIG,
        |copy| edited(copy, CONFIG, |json| json["segue"]["retrieved_max"] = 3.into()),
        "golden",
        "its question gives",
    ),
    (CONFIG, |copy| edited(copy, CONFIG, |json| json["segue"]["barred"] = "none".into()), "golden", "its question gives"),
    (CONFIG, |_| vec![b' '; 70_000], "checksum", "config.json has more than 65536 bytes"),
    (WEIGHTS, headless, "weights", "cannot be read"),
    (WEIGHTS, |_| vec![], "weights", "cannot be read"),
    (WEIGHTS, |_| vec![0; 1_200_000], "checksum", "model.safetensors has more than"),
    (WEIGHTS, |copy| header_of(copy, "mlp.up_proj", "mlp.op_proj"), "weights", "`model.layers.0.mlp.op_proj.weight`"),
    (WEIGHTS, |copy| header_of(copy, "[48,32]", "[32,48]"), "weights", "has shape [32, 48], expected [48, 32]"),
    (WEIGHTS, |copy| header_of(copy, "\"F32\"", "\"I32\""), "weights", "expected 32-bit floats"),
    (WEIGHTS, infinite, "weights", "holds inf at 31"),
    (
        LOGITS,
        |copy| edited(copy, LOGITS, |json| json["prompts"][2]["logits"][3] = 0.into()),
        "golden",
        "golden prompt 2 gives cluster index 3",
    ),
    (
        LOGITS,
        |copy| edited(copy, LOGITS, |json| drop(json["prompts"][2]["logits"].as_array_mut().expect("a list").pop())),
        "golden",
        "golden prompt 2 has 11 finite logits",
    ),
    (
        LOGITS,
        |copy| edited(copy, LOGITS, |json| json["prompts"][0]["tokens"][0] = 35.into()),
        "golden",
        "its question gives [0, 5, 6]",
    ),
    (
        LOGITS,
        |copy| edited(copy, LOGITS, |json| json["prompts"][0]["tokens"] = vec![7; 18].into()),
        "golden",
        "its question gives [0, 5, 6]",
    ),
    (LOGITS, |copy| edited(copy, LOGITS, |json| json["prompts"] = Value::Array(vec![])), "golden", "0 golden prompts"),
    (
        LOGITS,
        |copy| edited(copy, LOGITS, |json| json["tolerance"] = 1.into()),
        "golden",
        "tolerance of the golden logits is 1",
    ),
    (LOGITS, |_| b"{}".to_vec(), "golden", "cannot be read"),
];

#[test]
fn a_faulty_writers_files_fail_by_name() {
    let mut seen = BTreeSet::new();
    for &(name, bad, reason, expected) in BAD {
        let copy = Copy::new();
        copy.reseal(name, &bad(&copy));
        let error = copy.load().expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.reason(), reason, "{error}");
        seen.insert(variant(&error));
    }
    seen.extend(bad_directories());
    // Only a fault in the engine, and a disk that fails, can cause the rest.
    seen.extend(["Engine".to_owned(), "Renamed".to_owned()]);
    assert_eq!(seen, variants("src/model/load.rs", "ModelError"));
}

/// What to do to a model's directory, and the error's label and text.
type BadDirectory = (fn(&Copy), &'static str, &'static str);

/// What to do to a manifest, and the error's text.
type BadManifest = (fn(&mut Value), &'static str);

/// The variants of errors that come from what is in the directory, not from what is in a file.
fn bad_directories() -> [String; 4] {
    let cases: [BadDirectory; 4] = [
        (|copy| fs::remove_file(copy.path.join(LOGITS)).expect("it was there"), "missing", "golden.json is missing"),
        (|copy| remake_as_directory(&copy.path.join(CONFIG)), "io", "cannot be read"),
        (|copy| copy.write(WEIGHTS, b"other"), "checksum", "model.safetensors has 5 bytes"),
        (|copy| copy.write(MANIFEST, b"{}"), "manifest", "cannot be read"),
    ];
    cases.map(|(spoil, reason, expected)| {
        let copy = Copy::new();
        spoil(&copy);
        let error = copy.load().expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.reason(), reason, "{error}");
        variant(&error)
    })
}

fn remake_as_directory(path: &Path) {
    fs::remove_file(path).expect("it was there");
    fs::create_dir(path).expect("its place is free");
}

#[test]
fn a_manifest_of_something_else_is_refused() {
    let cases: [BadManifest; 5] = [
        (|json| json["format"] = "segue.model/2".into(), "`segue.model/2`, expected `segue.model/1`"),
        (|json| json["files"][0]["name"] = "../config.json".into(), "lists"),
        (|json| json["files"] = Value::Array(vec![]), "lists []"),
        (|json| json["more"] = 1.into(), "unknown field `more`"),
        (|json| json["version"] = "..".into(), "no version name"),
    ];
    for (edit, expected) in cases {
        let copy = Copy::new();
        copy.write(MANIFEST, &edited(&copy, MANIFEST, edit));
        let error = copy.load().expect_err(expected);
        assert_eq!(error.reason(), "manifest", "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let copy = Copy::new();
    copy.write(MANIFEST, &vec![b' '; (1 << 20) + 1]);
    assert_eq!(copy.load().expect_err("it is too large").reason(), "checksum");
    drop(copy.dir);
}
