//! Any bytes as a table: opening, verifying and reading all of it never panics, and what verifies reads consistently.

#![no_main]

use libfuzzer_sys::fuzz_target;
use segue::snapshot::format::{HEADER_BYTES, Header};
use segue::snapshot::table::{Record, Table};

/// Most keys of one length that are looked up: enough for every shape that fits an input.
const KEYS_MAX: u64 = 4096;

fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    read(&resealed(bytes));
});

fn read(bytes: &[u8]) {
    let Ok(table) = Table::open(bytes) else { return };
    let sound = table.verify().is_ok() && table.walk().is_ok();
    for length in 0..=4 {
        let listed =
            table.histories(length).filter(|(history, record)| same(table.get(history), record)).count() as u64;
        assert!(!sound || listed == table.present(length), "a sound table lists every history that it holds");
        let possible = if length > usize::from(table.shape().depth) { 1 } else { table.shape().possible(length) };
        for key in 0..possible.min(KEYS_MAX) {
            let record = table.get(&table.shape().history(length, key));
            assert!(record.is_none_or(|record| record.iter().count() <= usize::from(table.shape().width)));
        }
    }
}

fn same(found: Option<Record<'_>>, listed: &Record<'_>) -> bool {
    found.is_some_and(|found| found.iter().eq(listed.iter()))
}

/// The bytes under right checksums, so that the fuzzer gets past them to the laws behind.
fn resealed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if bytes.len() < HEADER_BYTES {
        return bytes;
    }
    seal_header(&mut bytes);
    let Ok(mut header) = Header::decode(&bytes) else { return bytes };
    for length in header.shape.lengths() {
        let level = &mut header.levels[length];
        let end = level.records_at + header.shape.records_bytes(level.present);
        level.bitmap_crc = crc32fast::hash(&bytes[level.bitmap_at as usize..level.records_at as usize]);
        level.records_crc = crc32fast::hash(&bytes[level.records_at as usize..end as usize]);
    }
    bytes[..HEADER_BYTES].copy_from_slice(&header.encode());
    bytes
}

fn seal_header(bytes: &mut [u8]) {
    let checksum = crc32fast::hash(&bytes[..HEADER_BYTES - 4]);
    bytes[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
}
