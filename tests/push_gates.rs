//! The gates at the operator's door: what is refused before its first byte, by the command that pushes, and how it reads.

use std::fs;
use std::path::PathBuf;

use segue::config::Signing;
use segue::snapshot::manifest::SIGNATURE;
use segue::snapshot::signature::SigningKey;
use tempfile::TempDir;

#[path = "support/admin.rs"]
mod support;

use support::{Parcel, Site, run, segue, version};

/// Pairs of keys in a directory.
struct Keys {
    dir: TempDir,
}

impl Keys {
    fn new(names: &[&str]) -> Self {
        let keys = Self { dir: TempDir::new().expect("a temporary directory") };
        for name in names {
            let (key, secret) = SigningKey::generate().expect("random bytes");
            fs::write(keys.path(name, "key"), secret).expect("it can be written");
            fs::write(keys.path(name, "pub"), key.public().to_pem()).expect("it can be written");
        }
        keys
    }

    fn path(&self, name: &str, extension: &str) -> PathBuf {
        self.dir.path().join(name).with_extension(extension)
    }

    fn sign(&self, parcel: &Parcel, name: &str) {
        run(segue().arg("sign").arg(&parcel.path).arg("--key").arg(self.path(name, "key")), 0);
    }
}

/// What the command says on standard error when it fails, with the store and what serves unchanged.
#[track_caller]
fn refused(site: &Site, parcel: &Parcel) -> String {
    let output = run(segue().arg("push").arg(&parcel.path).args(["--to", &site.url("")]), 1);
    assert_eq!((site.names(), site.served()), (Vec::new(), None), "not even a partial push");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn counted(site: &Site, gate: &str) -> String {
    let series = format!("segue_gate_refusals_total{{gate=\"{gate}\"}} ");
    let text = site.get("/metrics").text();
    text.lines().find_map(|line| line.strip_prefix(&series)).expect("every gate is shown").to_owned()
}

#[test]
fn only_what_is_signed_by_a_known_key_is_taken_and_keeps_its_signature() {
    let keys = Keys::new(&["ours", "theirs"]);
    let public = keys.path("ours", "pub");
    let site = Site::empty(|config| {
        config.gates.signature = Signing::Required;
        config.gates.signature_keys = vec![public];
    });
    let parcel = Parcel::new("new", 0.25);
    let text = refused(&site, &parcel);
    assert!(text.contains("gate signature: expected a signature of the manifest by one of") && text.contains("got no"));
    keys.sign(&parcel, "theirs");
    assert!(refused(&site, &parcel).contains("got one that none of them made"));
    assert_eq!(counted(&site, "signature"), "2");
    keys.sign(&parcel, "ours");
    run(segue().arg("push").arg(&parcel.path).args(["--to", &site.url("")]), 0);
    assert_eq!(site.served().as_deref(), Some("new"));
    let kept = fs::read(site.store().release_path(&version("new")).join(SIGNATURE)).expect("it came too");
    assert_eq!(kept, fs::read(parcel.path.join(SIGNATURE)).expect("it was signed"));
}

#[test]
fn what_does_not_fit_is_refused_before_its_first_byte() {
    let site = Site::empty(|config| config.gates.memory_free_min = 1.0);
    let text = refused(&site, &Parcel::new("new", 0.25));
    assert!(text.contains("gate memory: expected") && text.contains("raise the memory limit"), "{text}");
    assert_eq!(counted(&site, "memory"), "1");
}
