//! A release's files are distrusted: whatever happens to them, loading it gives an error or the same answers.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use segue::snapshot::format::Shape;
use segue::snapshot::manifest::{CATALOGUE, GOLDEN, MANIFEST, MANIFEST_BYTES_MAX, Manifest, TABLE};
use segue::snapshot::publish::About;
use segue::snapshot::release::{Release, ReleaseError, digest_file, read_manifest};
use support::table::{Case, catalogue, publish, reseal, some_rows, variant, variants};
use tempfile::TempDir;

const SHAPE: Shape = Shape { clusters: 5, depth: 2, width: 2 };

/// A release on disk that a test may spoil.
struct Spoiled {
    _store: TempDir,
    path: PathBuf,
}

impl Spoiled {
    fn new() -> Self {
        let store = TempDir::new().expect("a temporary directory");
        let about = About { version: "v1".parse().ok(), model: "m1".parse().ok(), ..About::default() };
        let path =
            publish(store.path(), catalogue([3, 5, 8, 13, 21]), &Case { shape: SHAPE, rows: some_rows(SHAPE) }, about)
                .path;
        Self { _store: store, path }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.file(name)).expect("the release has it")
    }

    /// Writes a file anew: some filesystems flush one that is overwritten, and a test writes thousands.
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        self.remove(name);
        fs::write(self.file(name), bytes).expect("the release can be written");
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.file(name)).expect("the release has it");
    }

    /// Puts a directory where a file should be: it can be opened, and not read.
    fn obstruct(&self, name: &str) {
        self.remove(name);
        fs::create_dir(self.file(name)).expect("its place is free");
    }

    fn edit(&self, name: &str, edit: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.read(name);
        edit(&mut bytes);
        self.write(name, bytes);
    }

    fn edit_text(&self, name: &str, from: &str, to: &str) {
        let text = String::from_utf8(self.read(name)).expect("it is text");
        assert!(text.contains(from), "{name} has no {from}");
        self.write(name, text.replacen(from, to, 1));
    }

    fn edit_manifest(&self, edit: impl FnOnce(&mut Manifest)) {
        let mut manifest = read_manifest(&self.path).expect("the manifest is good");
        edit(&mut manifest);
        self.write(MANIFEST, manifest.to_json());
    }

    /// Makes the manifest say what the files now are, as a faulty writer's would.
    fn reseal(&self) {
        self.edit_manifest(|manifest| {
            for file in &mut manifest.files {
                let (bytes, digest) = digest_file(&self.path.join(&file.name)).expect("the release has it");
                (file.bytes, file.blake3) = (bytes, digest.to_hex().to_string());
            }
            let name = |place: usize| manifest.files[place].blake3[..16].parse().expect("digits are a name");
            (manifest.snapshot, manifest.catalogue) = (name(0), name(1));
        });
    }
}

/// What to do to a release; the error's variant, its metric label, and words of its text.
type BadRelease = (fn(&Spoiled), &'static str, &'static str, &'static str);

const BAD_RELEASES: &[BadRelease] = &[
    (|r| fs::remove_dir_all(&r.path).expect("it is there"), "Missing", "missing", "manifest.json is missing"),
    (|r| r.remove(MANIFEST), "Missing", "missing", "manifest.json is missing"),
    (|r| r.remove(TABLE), "Missing", "missing", "table.segue is missing"),
    (|r| r.remove(CATALOGUE), "Missing", "missing", "catalogue.jsonl is missing"),
    (|r| r.remove(GOLDEN), "Missing", "missing", "golden.jsonl is missing"),
    (|r| r.obstruct(MANIFEST), "Io", "io", "manifest.json cannot be read"),
    (|r| r.obstruct(TABLE), "Io", "io", "table.segue cannot be read"),
    (|r| r.obstruct(CATALOGUE), "Catalogue", "catalogue", "catalogue could not be read"),
    (|r| r.obstruct(GOLDEN), "GoldenUnread", "golden", "golden questions could not be read"),
    (|r| r.write(MANIFEST, ""), "Manifest", "manifest", "cannot be read"),
    (|r| r.edit_text(MANIFEST, "\"v1\"", "\"../v1\""), "Manifest", "manifest", "`../v1` is no version name"),
    (|r| r.edit_text(MANIFEST, "release/1", "release/2"), "Manifest", "manifest", "expected `segue.release/1`"),
    (|r| r.edit_text(MANIFEST, "\"model\"", "\"mode1\""), "Manifest", "manifest", "unknown field `mode1`"),
    (|r| r.edit_manifest(|m| m.files.truncate(2)), "Manifest", "manifest", "golden.jsonl"),
    (|r| r.edit_manifest(|m| m.files[1].name = "../x".into()), "Manifest", "manifest", "\"../x\""),
    (|r| r.edit(MANIFEST, |b| b.resize(1 + MANIFEST_BYTES_MAX as usize, b' ')), "ManifestBytes", "manifest", "1048577"),
    (|r| r.edit_manifest(|m| m.version = "v2".parse().expect("a name")), "Renamed", "manifest", "calls itself `v2`"),
    (|r| r.edit_manifest(|m| m.snapshot = "s".parse().expect("a name")), "Misnamed", "manifest", "table.segue `s`"),
    (
        |r| r.edit_manifest(|m| m.catalogue = "c".parse().expect("a name")),
        "Misnamed",
        "manifest",
        "catalogue.jsonl `c`",
    ),
    (|r| r.edit_manifest(|m| m.table.levels[1].present = 9), "Figures", "incompatible", "do not belong together"),
    (|r| r.edit_manifest(|m| m.table.width = 3), "Figures", "incompatible", "do not belong together"),
    (|r| r.edit_manifest(|m| m.files[0].bytes += 1), "Digest", "checksum", "table.segue has 640 bytes"),
    (|r| r.edit(TABLE, |b| b.truncate(10)), "Table", "table", "the table has 10 bytes"),
    (|r| r.write(TABLE, ""), "Table", "table", "the table has 0 bytes"),
    (|r| r.edit(TABLE, |b| b[320] ^= 1), "Digest", "checksum", "table.segue has 640 bytes"),
    (|r| r.edit(CATALOGUE, |b| b.push(b'\n')), "Digest", "checksum", "catalogue.jsonl has"),
    (|r| r.edit_text(GOLDEN, "\"limit\":1", "\"limit\":2"), "Digest", "checksum", "golden.jsonl has"),
    (|r| (r.edit(TABLE, |b| b[320] ^= 1), r.reseal()).1, "Damage", "checksum", "Records of level 0 has checksum"),
    (|r| (r.edit(TABLE, |b| spoil_record(b)), r.reseal()).1, "Damage", "checksum", "expected one below 5"),
    (|r| (r.write(CATALOGUE, ""), r.reseal()).1, "Catalogue", "catalogue", "the catalogue is empty"),
    (|r| (r.edit_text(CATALOGUE, "8", "5"), r.reseal()).1, "Catalogue", "catalogue", "cluster id 5 stands twice"),
    (|r| (r.edit(CATALOGUE, |b| b[0] = 0xFF), r.reseal()).1, "Catalogue", "catalogue", "could not be read"),
    (|r| (r.edit(CATALOGUE, cut_last_line), r.reseal()).1, "Clusters", "incompatible", "the catalogue has 4"),
    (|r| (r.write(GOLDEN, "[]\n"), r.reseal()).1, "GoldenUnread", "golden", "line 1 of the golden questions"),
    (|r| (r.edit_text(GOLDEN, "\"score\":0.", "\"score\":0.0"), r.reseal()).1, "Golden", "golden", "golden question"),
    (|r| (r.edit_text(GOLDEN, "popular", "table"), r.reseal()).1, "Golden", "golden", "from popular"),
    (|r| (r.edit_text(GOLDEN, "\"history\":[3]", "\"history\":[4]"), r.reseal()).1, "Golden", "golden", "question [4]"),
    (|r| (r.edit_text(CATALOGUE, "\"id\":21", "\"id\":22"), r.reseal()).1, "Golden", "golden", "golden question"),
];

fn spoil_record(bytes: &mut [u8]) {
    bytes[322] = 5;
    reseal(bytes);
}

fn cut_last_line(bytes: &mut Vec<u8>) {
    bytes.pop();
    let end = bytes.iter().rposition(|&byte| byte == b'\n').expect("it has several lines");
    bytes.truncate(end + 1);
}

#[test]
fn every_release_error_is_tripped_by_its_cause() {
    Release::load(&Spoiled::new().path).expect("it is good before it is spoiled");
    // Golden questions are demanded by the configuration only, and a model is given to a release once it is loaded:
    // `tests/swap/` trips these. Gates and signatures are the service's: `tests/gates/` has them. Memory that may not be
    // locked takes a machine that forbids it.
    let elsewhere = ["GoldenMissing", "ModelMissing", "Model", "Unpaired", "Refused", "Signature", "Unlocked"];
    let mut seen: BTreeSet<String> = elsewhere.map(str::to_owned).into();
    for &(spoil, expected, reason, words) in BAD_RELEASES {
        let release = Spoiled::new();
        spoil(&release);
        let error = Release::load(&release.path).expect_err(words);
        assert_eq!((variant(&error).as_str(), error.reason()), (expected, reason), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(ReleaseError::REASONS.contains(&reason));
        assert!(error.gate().is_some() || ReleaseError::UNGATED_REASONS.contains(&reason), "{error}");
        seen.insert(variant(&error));
    }
    assert_eq!(seen, variants("src/snapshot/release.rs", "ReleaseError"));
}

#[test]
fn a_golden_question_cannot_ask_for_memory() {
    let release = Spoiled::new();
    release.edit_text(GOLDEN, "\"limit\":1", &format!("\"limit\":{}", usize::MAX));
    release.reseal();
    Release::load(&release.path).expect("the popular list has one candidate, whatever the limit");
}

#[test]
fn any_byte_changed_or_cut_in_a_file_with_a_digest_is_found() {
    let release = Spoiled::new();
    for name in [TABLE, CATALOGUE, GOLDEN] {
        let good = release.read(name);
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (at % 8);
            release.write(name, &bytes);
            assert!(Release::load(&release.path).is_err(), "{name}: byte {at} changed");
            release.write(name, &good[..at]);
            assert!(Release::load(&release.path).is_err(), "{name}: cut to {at}");
        }
        release.write(name, &good);
        Release::load(&release.path).expect("it is as it was");
    }
}

/// A manifest has no checksum of its own: what it says of the other files is checked against them, and the rest of it
/// changes no answer.
#[test]
fn a_manifest_that_changed_gives_an_error_or_the_same_answers() {
    let release = Spoiled::new();
    let good = release.read(MANIFEST);
    let before = Release::load(&release.path).expect("it is good");
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            release.write(MANIFEST, &bytes);
            if let Ok(after) = Release::load(&release.path) {
                check_same(&before, &after);
            }
        }
        release.write(MANIFEST, &good[..at]);
        assert!(Release::load(&release.path).is_err() || at + 1 == good.len(), "cut to {at}");
    }
}

#[track_caller]
fn check_same(before: &Release, after: &Release) {
    assert_eq!(after.table().bytes(), before.table().bytes());
    assert_eq!((after.catalogue(), after.golden()), (before.catalogue(), before.golden()));
    let (before, after) = (before.manifest(), after.manifest());
    assert_eq!((&after.version, &after.snapshot), (&before.version, &before.snapshot));
    assert_eq!((&after.catalogue, &after.table, &after.files), (&before.catalogue, &before.table, &before.files));
}

#[test]
fn a_release_may_be_anything_but_a_release() {
    for path in ["/", "/dev/null", "/nonexistent", ""] {
        assert!(Release::load(Path::new(path)).is_err(), "{path:?}");
    }
}
