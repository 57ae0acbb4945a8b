//! Format version 1, held still: the writer gives the committed bytes, and a reader in another language, written from
//! the byte diagram alone, finds in them what ours finds.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use segue::snapshot::catalogue::{Catalogue, Cluster};
use segue::snapshot::format::Shape;
use segue::snapshot::manifest::{CATALOGUE, DataWindow, GOLDEN, InputFile, MANIFEST, Provenance, TABLE};
use segue::snapshot::map::Mapping;
use segue::snapshot::publish::About;
use segue::snapshot::release::Release;
use segue::snapshot::table::Table;
use serde_json::{Value, json};
use support::table::{Case, bytes_of, candidates, publish, some_rows};
use tempfile::TempDir;

/// The golden releases: two ways to lay a record out, and each depth above 1.
const RELEASES: [(&str, Shape); 2] =
    [("narrow", Shape { clusters: 70, depth: 2, width: 3 }), ("deep", Shape { clusters: 5, depth: 3, width: 5 })];

/// A bare table, because a catalogue large enough for wide indexes is no small file.
const WIDE: Shape = Shape { clusters: 65_536, depth: 1, width: 4 };
const WIDE_FILE: &str = "wide.segue";

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

/// The catalogue of a golden release: ids with gaps, a parent, and text that is not ASCII.
fn catalogue(shape: Shape) -> Catalogue {
    let cluster = |index: u32| Cluster {
        id: 5 * index + 2,
        name: format!("Größe {index}"),
        keywords: (0..index % 3).map(|word| format!("\"k{word}\"")).collect(),
        parent: (index % 4 == 3).then_some(2),
    };
    Catalogue::new((0..shape.clusters).map(cluster).collect()).expect("the ids are distinct")
}

fn about(version: &str) -> About {
    let (name, blake3) = ("log.csv.gz".to_owned(), "0f".repeat(32));
    About {
        version: version.parse().ok(),
        created_unix_s: Some(1_767_225_600),
        model: "model-1".parse().ok(),
        provenance: Provenance {
            tool: "golden".to_owned(),
            inputs: vec![InputFile { name, bytes: 12, blake3 }],
            settings: [("depth".to_owned(), "2".to_owned())].into(),
            data_window: Some(DataWindow { from_unix_s: 1_764_547_200, to_unix_s: 1_767_225_599 }),
            citation: Some("Nobody (2026)".to_owned()),
        },
        quality: [("hit@5".to_owned(), 0.25)].into(),
        expected_sources: [("table".to_owned(), 0.9), ("popular".to_owned(), 0.1)].into(),
    }
}

fn case(shape: Shape) -> Case {
    Case { shape, rows: some_rows(shape) }
}

/// Every golden file as it is written now, by its name under `tests/golden/v1`.
fn written() -> Vec<(String, Vec<u8>)> {
    let store = TempDir::new().expect("a temporary directory");
    let releases = RELEASES.into_iter().flat_map(|(version, shape)| {
        let path = publish(store.path(), catalogue(shape), &case(shape), about(version)).path;
        let read = |name| (format!("{version}/{name}"), fs::read(path.join(name)).expect("just published"));
        [MANIFEST, TABLE, CATALOGUE, GOLDEN].map(read)
    });
    releases.chain([(WIDE_FILE.to_owned(), bytes_of(&case(WIDE), 4096))]).collect()
}

/// A format never changes under its version number: what fails here needs a new one, and this one's reader kept.
#[test]
fn the_writer_gives_the_golden_bytes() {
    let mut changed = written();
    changed.retain(|(name, bytes)| fs::read(golden().join(name)).ok().as_ref() != Some(bytes));
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden");
    for (name, bytes) in &changed {
        let path = place.join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("the target directory can be written");
        fs::write(path, bytes).expect("the target directory can be written");
    }
    let names: Vec<_> = changed.iter().map(|(name, _)| name).collect();
    assert!(
        names.is_empty(),
        "{names:?} in tests/golden/v1 are not what is written now; that lies at {}",
        place.display()
    );
}

#[test]
fn golden_releases_load() {
    for (version, shape) in RELEASES {
        let release = Release::load(&golden().join(version)).expect("the committed release is good");
        let lengths: Vec<_> = release.golden().iter().map(|question| question.history.len()).collect();
        assert_eq!(
            (release.table().shape(), lengths.first(), lengths.last()),
            (shape, Some(&0), Some(&usize::from(shape.depth)))
        );
    }
}

/// Runs the reader in Python.
fn reader(args: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/reader.py");
    let mut command = Command::new("python3");
    command.arg("-B").arg(script).args(args).env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH"));
    command.output().expect("python3 must be installed: it runs the second reader of the format")
}

#[track_caller]
fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("it prints UTF-8")
}

/// What our reader finds, as the other one prints it.
fn dump<B: AsRef<[u8]>>(table: &Table<B>, id: impl Fn(u32) -> u32) -> Vec<Value> {
    let rows = table.shape().lengths().flat_map(|length| table.histories(length));
    let row = |(history, record): (Vec<u32>, _)| {
        let history: Vec<_> = history.into_iter().map(&id).collect();
        let candidates: Vec<_> = candidates(&record).into_iter().map(|(index, score)| (id(index), score)).collect();
        json!({ "history": history, "candidates": candidates })
    };
    rows.map(row).collect()
}

fn parsed(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).expect("it prints JSON")).collect()
}

#[test]
fn both_readers_find_the_same_rows() {
    for (version, shape) in RELEASES {
        let path = golden().join(version);
        let release = Release::open(&path).expect("the committed release is good");
        let ours = dump(release.table(), |index| release.catalogue().id_at(index).expect("it is in the catalogue"));
        assert_eq!(ours.len(), some_rows(shape).len());
        assert_eq!(parsed(&stdout(&reader(&["dump", &path.to_string_lossy()]))), ours, "{version}");
    }
    let path = golden().join(WIDE_FILE);
    let table = Table::open(Mapping::open(&path).expect("it is committed")).expect("it is good");
    let ours = dump(&table, |index| index);
    assert_eq!(ours.len(), some_rows(WIDE).len());
    assert_eq!(parsed(&stdout(&reader(&["dump", &path.to_string_lossy()]))), ours, "wide");
}

/// Histories to look up in the golden release `narrow`, whose ids are 2, 7, 12 .. 347, and what answers first.
const LOOKUPS: &[(&str, &str, &str)] = &[
    ("2,7", "5", "table"),
    ("347,347,2,7", "9", "table"),
    ("2,99,7,99,1", "3", "table"),
    ("347,7", "9", "suffix"),
    ("7", "1", "table"),
    ("12", "4", "popular"),
    ("99", "2", "popular"),
    ("", "10", "popular"),
];

#[test]
fn the_program_and_the_second_reader_answer_alike() {
    let release = golden().join("narrow");
    let release = release.to_str().expect("the checkout's path is UTF-8");
    for (history, limit, source) in LOOKUPS {
        let mut segue = Command::new(env!("CARGO_BIN_EXE_segue"));
        segue
            .args(["lookup", release])
            .args((!history.is_empty()).then_some(history))
            .args(["--limit", limit, "--json"]);
        let program: Value =
            serde_json::from_str(&stdout(&segue.output().expect("it starts"))).expect("it prints JSON");
        let second: Value = serde_json::from_str(&stdout(&reader(&["lookup", release, history, limit]))).expect("JSON");
        assert_eq!(program["source"], *source, "{history}");
        for field in ["source", "matched", "ignored"] {
            assert_eq!(program[field], second[field], "{history}: {field}");
        }
        assert_eq!(unnamed(&program), second["candidates"], "{history}");
    }
}

/// The program's candidates without their names, which the second reader leaves alone.
fn unnamed(answer: &Value) -> Value {
    let candidates = answer["candidates"].as_array().expect("a list").iter();
    let field = |candidate: &Value, name: &str| candidate[name].clone();
    let bare = |found| json!({ "cluster": field(found, "cluster"), "score": field(found, "score"), "source": field(found, "source") });
    candidates.map(bare).collect()
}

#[test]
fn the_second_reader_refuses_a_damaged_table() {
    let dir = TempDir::new().expect("a temporary directory");
    let path = dir.path().join(TABLE);
    let good = fs::read(golden().join("deep").join(TABLE)).expect("it is committed");
    for at in [0, 8, 12, 16, 100, 252, 256, 320, good.len() - 1] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fs::write(&path, bytes).expect("it can be written");
        let output = reader(&["dump", &path.to_string_lossy()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("expected"), "byte {at}: {said}");
    }
}
