//! Any bytes as the text files of a release: parsing never panics, and what was parsed writes and reads back the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::golden;
use segue::snapshot::manifest::Manifest;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = Manifest::from_json(bytes) {
        assert_eq!(Manifest::from_json(&manifest.to_json()).ok(), Some(manifest));
    }
    if let Ok(catalogue) = Catalogue::read_jsonl(bytes) {
        let mut written = Vec::new();
        catalogue.write_jsonl(&mut written).expect("a Vec takes every write");
        assert_eq!(Catalogue::read_jsonl(&written[..]).ok(), Some(catalogue));
    }
    if let Ok(questions) = golden::read_jsonl(bytes) {
        let mut written = Vec::new();
        golden::write_jsonl(&questions, &mut written).expect("a Vec takes every write");
        assert_eq!(golden::read_jsonl(&written[..]).ok(), Some(questions));
    }
});
