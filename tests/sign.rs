//! `segue keygen`, `sign` and `verify --key` as an operator uses them: who signed, over what, and what is never signed.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use segue::snapshot::manifest::{MANIFEST, SIGNATURE, TABLE};
use support::release::{CLUSTERS, ROWS, publish_naming};
use tempfile::TempDir;

/// A store with a release and its model, and two pairs of keys beside it.
struct Fixture {
    dir: TempDir,
    release: PathBuf,
    model: PathBuf,
}

impl Fixture {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let catalogue = publish_naming(dir.path(), ("bare", None), CLUSTERS, ROWS).catalogue;
        let model = support::model::publish(dir.path(), &catalogue, CLUSTERS.len() as u32, 4);
        publish_naming(dir.path(), ("one", Some(model.manifest.version.clone())), CLUSTERS, ROWS);
        let fixture = Self { release: dir.path().join("releases/one"), model: model.path, dir };
        ["ours", "theirs"].into_iter().for_each(|name| drop(fixture.run(&[s("keygen"), fixture.path(name)], 0)));
        fixture
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn sign(&self, key: &str, code: i32) -> Output {
        self.run(&[s("sign"), self.release.clone(), s("--key"), self.path(key)], code)
    }

    fn verify(&self, keys: &[&str], code: i32) -> String {
        let keys = keys.iter().flat_map(|key| [s("--key"), self.path(key)]);
        let args: Vec<_> = [s("verify"), self.release.clone()].into_iter().chain(keys).collect();
        String::from_utf8(self.run(&args, code).stdout).unwrap()
    }

    #[track_caller]
    fn run(&self, args: &[impl AsRef<OsStr>], code: i32) -> Output {
        let output = Command::new(env!("CARGO_BIN_EXE_segue")).args(args).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{told}{}", String::from_utf8_lossy(&output.stdout));
        output
    }
}

fn s(word: &str) -> PathBuf {
    word.into()
}

#[test]
fn a_release_and_its_model_are_signed_and_checked_together() {
    let fixture = Fixture::new();
    assert!(fixture.verify(&["ours.pub"], 3).contains("is not signed"));
    fixture.sign("ours.key", 0);
    for dir in [&fixture.release, &fixture.model] {
        assert_eq!(fs::read(dir.join(SIGNATURE)).unwrap().len(), 64);
    }
    assert!(fixture.verify(&["ours.pub"], 0).contains("model, signature"));
    assert!(fixture.verify(&["theirs.pub", "ours.pub"], 0).contains("good"));
    assert!(fixture.verify(&["theirs.pub"], 3).contains("is of none of the keys"));
    assert!(!fixture.verify(&[], 0).contains("signature"), "nobody asked");
    fixture.sign("theirs.key", 0);
    assert!(fixture.verify(&["theirs.pub"], 0).contains("good"), "signed anew");
    let manifest = fixture.model.join(MANIFEST);
    fs::write(&manifest, fs::read_to_string(&manifest).unwrap().replace("segue tests", "segue twins")).unwrap();
    assert!(fixture.verify(&["theirs.pub"], 3).contains("is of none of the keys"));
}

#[test]
fn keys_are_kept_apart_and_never_written_over() {
    let fixture = Fixture::new();
    let mode = |name: &str| fs::metadata(fixture.path(name)).unwrap().permissions().mode() & 0o077;
    assert_eq!(mode("ours.key"), 0);
    let before = fs::read(fixture.path("ours.key")).unwrap();
    let refused = fixture.run(&[s("keygen"), fixture.path("ours")], 1);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("never written over"));
    assert_eq!(fs::read(fixture.path("ours.key")).unwrap(), before);
    fixture.sign("ours.pub", 1);
    fixture.verify(&["ours.key"], 1);
    let told = fixture.run(&[s("keygen"), fixture.path("more"), s("--json")], 0);
    let secret = fs::read_to_string(fixture.path("more.key")).unwrap();
    assert!(!String::from_utf8_lossy(&told.stdout).contains(secret.lines().nth(1).unwrap()));
}

#[test]
fn nothing_damaged_is_signed() {
    let fixture = Fixture::new();
    let path = fixture.release.join(TABLE);
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    fixture.sign("ours.key", 3);
    assert!(!fixture.release.join(SIGNATURE).exists() && !fixture.model.join(SIGNATURE).exists());
}
