//! The gate `signature`: whose signature passes, and what is never taken for one.

use std::fs;
use std::path::{Path, PathBuf};

use segue::config::{Gates, Signing};
use segue::snapshot::gate::{GateName, Occasion, Ruling};
use segue::snapshot::manifest::{MANIFEST, SIGNATURE};
use segue::snapshot::release::Release;
use segue::snapshot::signature::{PublicKey, Signature, SigningKey};
use tempfile::TempDir;

use crate::made::{Made, Plan, edit_manifest, gates};
use crate::support;
use crate::support::release::{CLUSTERS, ROWS, version};

/// Two pairs of keys: one that services know, and another.
struct Keys {
    dir: TempDir,
    known: SigningKey,
    other: SigningKey,
}

impl Keys {
    fn new() -> Self {
        let (known, other) = (SigningKey::generate().unwrap().0, SigningKey::generate().unwrap().0);
        let keys = Self { dir: TempDir::new().unwrap(), known, other };
        fs::write(keys.path("known"), keys.known.public().to_pem()).unwrap();
        fs::write(keys.path("other"), keys.other.public().to_pem()).unwrap();
        fs::write(keys.path("garbage"), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").unwrap();
        keys
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

fn sign(key: &SigningKey, dir: &Path) {
    key.sign(&fs::read(dir.join(MANIFEST)).unwrap()).write(dir).unwrap();
}

/// How a release comes to be signed, or not.
type Make = fn(&Keys, &Path);

/// What it is, what is demanded, the keys that are known, and how it is judged.
type Row<'a> = (&'a str, Make, Signing, &'a [&'a str], Ruling, &'a str);

#[test]
fn only_a_signature_of_a_known_key_over_these_bytes_passes() {
    use Ruling::{Off, Passed, Refused};
    let keys = Keys::new();
    let unsigned: Make = |_, _| {};
    let good: Make = |keys, dir| sign(&keys.known, dir);
    let foreign: Make = |keys, dir| sign(&keys.other, dir);
    let stale: Make = |keys, dir| {
        sign(&keys.known, dir);
        edit_manifest(dir, |manifest| manifest.created_unix_s = Some(7));
    };
    let cut: Make = |keys, dir| {
        sign(&keys.known, dir);
        fs::write(dir.join(SIGNATURE), &fs::read(dir.join(SIGNATURE)).unwrap()[..63]).unwrap();
    };
    let rows: [Row<'_>; 15] = [
        ("unsigned", unsigned, Signing::Off, &[], Off, "gate is off"),
        ("unsigned", unsigned, Signing::Present, &["known"], Passed, "need not be"),
        ("unsigned", unsigned, Signing::Required, &["known"], Refused, "got no signature"),
        ("good", good, Signing::Off, &[], Off, "gate is off"),
        ("good", good, Signing::Present, &[], Passed, "no key to check it with"),
        ("good", good, Signing::Required, &[], Refused, "no key to check it with"),
        ("good", good, Signing::Required, &["known"], Passed, "signed by"),
        ("good", good, Signing::Required, &["other", "known"], Passed, "signed by"),
        ("good", good, Signing::Required, &["none"], Refused, "cannot be read"),
        ("good", good, Signing::Required, &["garbage"], Refused, "is no ed25519 public key"),
        ("foreign", foreign, Signing::Present, &["known"], Refused, "that none of them made"),
        ("foreign", foreign, Signing::Off, &["known"], Off, "gate is off"),
        ("stale", stale, Signing::Present, &["known"], Refused, "that none of them made"),
        ("cut", cut, Signing::Present, &["known"], Refused, "has 63 bytes"),
        ("stale", stale, Signing::Required, &["known"], Refused, "segue sign DIR --key FILE"),
    ];
    for (about, make, signature, known, ruling, says) in rows {
        let dir = TempDir::new().unwrap();
        support::release::publish_naming(dir.path(), ("next", None), CLUSTERS, ROWS);
        let path = dir.path().join("releases/next");
        make(&keys, &path);
        let rules = |rules: &mut Gates| {
            rules.signature = signature;
            rules.signature_keys = known.iter().map(|name| keys.path(name)).collect();
        };
        let (gates, _) = gates(rules);
        let judged = gates.judge(&Release::load(&path).unwrap(), None, Occasion::New);
        let verdict = judged.into_iter().find(|verdict| verdict.gate == GateName::Signature).unwrap();
        assert_eq!((verdict.gate, verdict.ruling), (GateName::Signature, ruling), "{about} {known:?}: {verdict}");
        assert!(verdict.text.contains(says), "{about}: {verdict}");
    }
}

#[test]
fn the_manifest_in_use_must_be_the_one_that_was_signed() {
    let (keys, made) = (Keys::new(), Made::new(&Plan::default()));
    let dir = made.store.release_path(&version("next"));
    let opened = Release::load(&dir).unwrap();
    // Someone puts another manifest in its place, signed as it should be, once it was opened.
    edit_manifest(&dir, |manifest| manifest.created_unix_s = Some(7));
    sign(&keys.known, &dir);
    let (gates, _) = gates(|rules| {
        rules.signature = Signing::Required;
        rules.signature_keys = vec![keys.path("known")];
    });
    let verdict = gates.judge(&opened, None, Occasion::Return).remove(1);
    assert!(verdict.refuses() && verdict.text.contains("another manifest on the disk"), "{verdict}");
}

#[test]
fn a_releases_model_must_be_signed_as_well() {
    let (keys, dir) = (Keys::new(), TempDir::new().unwrap());
    let catalogue = support::release::publish_naming(dir.path(), ("bare", None), CLUSTERS, ROWS).catalogue;
    let model = support::model::publish(dir.path(), &catalogue, CLUSTERS.len() as u32, 7);
    let name = model.manifest.version.clone();
    support::release::publish_naming(dir.path(), ("one", Some(name)), CLUSTERS, ROWS);
    let store = segue::snapshot::store::Store::open(dir.path());
    let release = Release::load(&store.release_path(&version("one"))).unwrap();
    let precision = segue::model::engine::Precision::Full;
    let release = release.with_model(segue::model::Model::load(&model.path, precision).unwrap().into()).unwrap();
    let (gates, _) = gates(|rules| {
        rules.signature = Signing::Required;
        rules.signature_keys = vec![keys.path("known")];
    });
    let verdict = || gates.judge(&release, None, Occasion::New).remove(1);
    sign(&keys.known, release.path());
    assert!(verdict().refuses() && verdict().text.contains("for the model in"), "{}", verdict());
    sign(&keys.known, &model.path);
    assert_eq!(verdict().ruling, Ruling::Passed, "{}", verdict());
}

#[test]
fn keys_and_signatures_read_back() {
    let keys = Keys::new();
    let (_, secret) = SigningKey::generate().unwrap();
    fs::write(keys.path("secret"), &secret).unwrap();
    let key = SigningKey::read(&keys.path("secret")).unwrap();
    let signature = key.sign(b"these bytes");
    assert!(key.public().signed(b"these bytes", &signature) && !key.public().signed(b"other bytes", &signature));
    assert_eq!(signature.to_string().parse::<Signature>().unwrap(), signature);
    assert!(!format!("{key:?}").contains(secret.lines().nth(1).unwrap()));
    assert_eq!(PublicKey::read(&keys.path("known")).unwrap(), keys.known.public());
    assert!(PublicKey::read(&keys.path("secret")).is_err() && SigningKey::read(&keys.path("known")).is_err());
    for wrong in ["", "00", &"0".repeat(127), &"0".repeat(129), &"g".repeat(128), &"é".repeat(64)] {
        assert!(wrong.parse::<Signature>().is_err(), "{wrong}");
    }
}
