//! The gate `signature`: whether a key that is known signed the manifest's bytes, and whether one had to; it must never
//! pass what it could not check.

use std::fs;
use std::path::Path;

use super::verdict::Finding;
use crate::config::{Gates, Signing};
use crate::model::manifest::ModelManifest;
use crate::snapshot::manifest::{MANIFEST, Manifest, SIGNATURE};
use crate::snapshot::release::Release;
use crate::snapshot::signature::{PublicKey, Signature};
use crate::snapshot::store::Store;

const EXPECTED: &str = "a signature of the manifest by one of `gates.signature_keys`";
const ADVICE: &str = "sign it with `segue sign DIR --key FILE`, and name the public key in `gates.signature_keys`";

/// Judges the bytes of a manifest with what came as their signature.
pub(super) fn offered(rules: &Gates, manifest: &[u8], signature: Option<&Signature>) -> Finding {
    match (rules.signature, signature) {
        (Signing::Off, _) => Finding::Off("nobody looks at signatures (`gates.signature`)"),
        (Signing::Present, None) => Finding::Nothing("it is not signed, and need not be (`gates.signature`)"),
        (Signing::Present, Some(_)) if rules.signature_keys.is_empty() => {
            Finding::Nothing("it is signed, and there is no key to check it with (`gates.signature_keys`)")
        }
        (Signing::Required, None) => refused("no signature"),
        (_, Some(signature)) => by_keys(rules, manifest, signature),
    }
}

/// Judges a release that is open, and its model: the manifests in use must be those that were signed.
pub(super) fn opened(rules: &Gates, release: &Release) -> Finding {
    if rules.signature == Signing::Off {
        return offered(rules, &[], None);
    }
    let same = |bytes: &[u8]| Manifest::from_json(bytes).is_ok_and(|signed| signed == *release.manifest());
    let finding = in_directory(rules, release.path(), same);
    match (release.model(), release.path().ancestors().nth(2)) {
        (Some(model), Some(store)) if !finding.refuses() => {
            let path = Store::open(store).model_path(&model.manifest().version);
            let same = |bytes: &[u8]| ModelManifest::from_json(bytes).is_ok_and(|signed| signed == *model.manifest());
            let of_model = in_directory(rules, &path, same);
            if of_model.refuses() { named(of_model, &path) } else { finding }
        }
        _ => finding,
    }
}

/// Judges the manifest that lies in a directory, which must be the `same` as the one in use.
fn in_directory(rules: &Gates, dir: &Path, same: impl FnOnce(&[u8]) -> bool) -> Finding {
    let manifest = match fs::read(dir.join(MANIFEST)) {
        Ok(manifest) if same(&manifest) => manifest,
        Ok(_) => return refused("another manifest on the disk than the one that was opened"),
        Err(error) => return refused(&format!("a manifest that cannot be read ({error})")),
    };
    match Signature::read(dir) {
        Ok(signature) => offered(rules, &manifest, signature.as_ref()),
        Err(error) => refused(&format!("a {SIGNATURE} that is none ({error})")),
    }
}

fn by_keys(rules: &Gates, manifest: &[u8], signature: &Signature) -> Finding {
    let mut known = Vec::new();
    for path in &rules.signature_keys {
        match PublicKey::read(path) {
            Ok(key) if key.signed(manifest, signature) => {
                return Finding::looked(true, EXPECTED, format!("signed by {key}"));
            }
            Ok(key) => known.push(key.to_string()),
            Err(error) => return refused(&format!("a key that cannot be used ({error})")),
        }
    }
    match known.len() {
        0 => refused("no key to check it with"),
        _ => refused(&format!("one that none of them made (known: {})", known.join(", "))),
    }
}

fn refused(got: &str) -> Finding {
    Finding::looked(false, EXPECTED, got).advised(ADVICE)
}

/// The same about a model.
fn named(finding: Finding, path: &Path) -> Finding {
    match finding {
        Finding::Looked { holds, expected, got, advice } => {
            Finding::Looked { holds, expected, got: format!("{got} for the model in {}", path.display()), advice }
        }
        other => other,
    }
}
