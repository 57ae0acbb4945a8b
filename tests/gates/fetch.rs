//! What is refused before its first byte comes.

use std::fs;

use segue::config::{Gates, Signing};
use segue::snapshot::gate::Offer;
use segue::snapshot::lifecycle::Reason;
use segue::snapshot::manifest::Manifest;
use segue::snapshot::parcel::{Kind, Parcel};
use segue::snapshot::release::read_manifest;
use segue::snapshot::signature::SigningKey;

use crate::made::{Made, Plan, gates, refusals};
use crate::support::release::version;

/// Offers a release, its manifest changed, to a store; gives the class and the text of the refusal.
fn offer(made: &Made, change: fn(&mut Manifest), rules: impl FnOnce(&mut Gates)) -> Result<(), (&'static str, String)> {
    let mut manifest = read_manifest(&made.store.release_path(&version("next"))).unwrap();
    change(&mut manifest);
    let bytes = manifest.to_json();
    let parcel = Parcel::from_json(Kind::Release, &bytes).unwrap();
    let offer = Offer { parcel: &parcel, manifest: &bytes, signature: None, bytes_waiting: 0 };
    let (gates, metrics) = gates(rules);
    let refused =
        gates.before_fetch(&offer, None, &made.store).map_err(|refusal| (refusal.word(), refusal.to_string()));
    if let Err((gate, text)) = &refused
        && text.starts_with("gate ")
    {
        assert_eq!(refusals(&metrics, gate), 1);
    }
    refused
}

#[test]
fn an_offer_is_refused_before_its_first_byte() {
    let made = Made::new(&Plan::default());
    let good: fn(&mut Manifest) = |_| {};
    let check = |change, rules: fn(&mut Gates), word: &str, says: &str| {
        let (class, text) = offer(&made, change, rules).unwrap_err();
        assert_eq!(class, word, "{text}");
        assert!(text.contains(says), "{text}");
    };
    assert_eq!(offer(&made, good, |_| {}), Ok(()));
    check(good, |rules| rules.formats = vec!["segue.release/2".into()], "format", "got segue.release/1");
    check(good, |rules| rules.signature = Signing::Required, "signature", "got no signature");
    check(good, |rules| rules.memory_free_min = 1.0, "memory", "in reserve");
    check(|manifest| manifest.files[0].bytes = 1 << 60, |_| {}, "space", "remove releases that nobody needs");
    check(|manifest| manifest.files[0].bytes = u64::MAX, |rules| rules.memory = false, "space", "bytes are needed");
    made.store
        .quarantine(&version("next"), &Reason { class: "operator", text: "it recommends what is sold out".into() })
        .unwrap();
    check(good, |_| {}, "quarantined", "it recommends what is sold out");
}

#[test]
fn a_signed_offer_passes_with_its_signature_only() {
    let made = Made::new(&Plan::default());
    let (key, _) = SigningKey::generate().unwrap();
    let path = made.dir.path().join("key.pub");
    fs::write(&path, key.public().to_pem()).unwrap();
    let bytes = read_manifest(&made.store.release_path(&version("next"))).unwrap().to_json();
    let parcel = Parcel::from_json(Kind::Release, &bytes).unwrap();
    let (gates, _) = gates(|rules| {
        rules.signature = Signing::Required;
        rules.signature_keys = vec![path];
    });
    for (signature, passes) in [(key.sign(&bytes), true), (key.sign(b"another manifest"), false)] {
        let offer = Offer { parcel: &parcel, manifest: &bytes, signature: Some(&signature), bytes_waiting: 0 };
        assert_eq!(gates.before_fetch(&offer, None, &made.store).is_ok(), passes);
    }
}

#[test]
fn a_release_is_refused_before_its_table_is_touched() {
    let made = Made::new(&Plan::default());
    let manifest = read_manifest(&made.store.release_path(&version("next"))).unwrap();
    let (lax, _) = gates(|_| {});
    assert!(lax.before_load(&manifest, None, &made.store).is_ok());
    let mut huge = manifest;
    huge.files[0].bytes = 1 << 50;
    let (gates, metrics) = gates(|_| {});
    let error = gates.before_load(&huge, None, &made.store).unwrap_err();
    // It is not given up yet: another release may make room.
    assert_eq!((error.reason(), refusals(&metrics, "memory")), ("memory", 0));
    assert!(error.to_string().contains("(table 1.00 PiB, "), "{error}");
}
