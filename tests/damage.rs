//! A table's bytes are distrusted: any damage gives an error, and reading never panics, verified or not.

mod support;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use segue::snapshot::format::{FormatError, HEADER_BYTES, Header, Level, Shape};
use segue::snapshot::table::Table;
use segue::snapshot::verify::{Damage, Part};
use support::table::{Case, bytes_of, candidates, reseal, rows_of, some_rows, variant, variants};

const SHAPE: Shape = Shape { clusters: 5, depth: 2, width: 2 };

/// A table with a row for every kind of damage: written once, because writing it syncs it.
static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| bytes_of(&small(), 4096));

fn small() -> Case {
    Case { shape: SHAPE, rows: some_rows(SHAPE) }
}

/// Opens and does every check on a table's bytes alone; all of its rows if it passes.
fn checked(bytes: &[u8]) -> Option<support::table::Rows> {
    let table = Table::open(bytes).ok()?;
    table.verify().ok()?;
    table.walk().ok()?;
    Some(rows_of(&table))
}

/// Reads everything that a table may be asked for, verified or not. It must not panic, whatever the bytes.
fn read_everything(bytes: &[u8]) {
    let Ok(table) = Table::open(bytes) else { return };
    let shape = table.shape();
    for length in 0..=4 {
        let histories: Vec<_> = table.histories(length).map(|(_, record)| candidates(&record)).collect();
        let records = table.records(length, 0..u64::MAX).count();
        assert!(histories.len() <= records && table.present(length) >= records as u64);
        let possible = if length > usize::from(shape.depth) { 1 } else { shape.possible(length).min(10_000) };
        for key in 0..possible {
            let found = table.get(&shape.history(length, key));
            assert!(found.is_none_or(|record| record.len() <= usize::from(shape.width)));
        }
    }
    let _ = (table.verify(), table.walk());
}

#[test]
fn any_byte_changed_is_found() {
    let good = GOOD.clone();
    assert_eq!(checked(&good), Some(small().rows));
    let mut bytes = good.clone();
    for at in 0..good.len() {
        for other in (0..=u8::MAX).filter(|&other| other != good[at]) {
            bytes[at] = other;
            assert_eq!(checked(&bytes), None, "byte {at} of {} changed to {other}", good.len());
            read_everything(&bytes);
        }
        bytes[at] = good[at];
    }
}

#[test]
fn any_other_length_is_found() {
    let good = GOOD.clone();
    for length in 0..good.len() {
        assert!(Table::open(&good[..length]).is_err(), "cut to {length} of {} bytes", good.len());
    }
    for more in [1, 63, 64, 4096] {
        for filler in [0, 0xFF] {
            let longer = [&good[..], &vec![filler; more]].concat();
            assert!(Table::open(&longer).is_err(), "{more} bytes {filler} more");
        }
    }
}

/// A table with some bytes of its sections overwritten: where, and with what.
fn overwritten() -> impl Strategy<Value = Vec<u8>> {
    let good = GOOD.clone();
    let writes = prop::collection::vec((HEADER_BYTES..good.len(), prop_oneof![any::<u8>(), Just(0), Just(0xFF)]), 1..9);
    writes.prop_map(move |writes| {
        let mut bytes = good.clone();
        writes.into_iter().for_each(|(at, byte)| bytes[at] = byte);
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Wrong in a way that no checksum finds, as from a faulty writer: what passes the walk must read consistently.
    #[test]
    fn a_faulty_writers_table_never_panics(mut bytes in overwritten()) {
        reseal(&mut bytes);
        read_everything(&bytes);
        let table = Table::open(&bytes[..]).expect("the header is good");
        prop_assert_eq!(table.verify(), Ok(()));
        if table.walk().is_ok() {
            for (history, listed) in rows_of(&table) {
                let found = table.get(&history).map(|record| candidates(&record));
                prop_assert_eq!(found, Some(listed.clone()));
                prop_assert!(listed.iter().all(|&(index, _)| index < SHAPE.clusters));
                prop_assert!(listed.is_sorted_by(|above, below| above.1 >= below.1) && !listed.is_empty());
            }
        }
    }

    /// Header fields of any value, under a right checksum.
    #[test]
    fn a_faulty_writers_header_never_panics(writes in prop::collection::vec((8..HEADER_BYTES - 4, any::<u8>()), 1..6)) {
        let mut bytes = GOOD.clone();
        writes.into_iter().for_each(|(at, byte)| bytes[at] = byte);
        reseal_header(&mut bytes);
        read_everything(&bytes);
    }
}

fn reseal_header(bytes: &mut [u8]) {
    let checksum = crc32fast::hash(&bytes[..HEADER_BYTES - 4]);
    bytes[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
}

/// What to do to a header, and the error that it must give.
type BadHeader = (Mend, fn(&mut Vec<u8>), FormatError);

/// Whether the header's checksum is corrected afterwards.
#[derive(Clone, Copy, PartialEq)]
enum Mend {
    Sealed,
    Broken,
}

fn bad_headers() -> Vec<BadHeader> {
    use FormatError as E;
    use Mend::{Broken, Sealed};
    let checksum = u32_at(&GOOD, 252);
    vec![
        (Broken, |b| b.truncate(255), E::Short { got: 255 }),
        (Broken, |b| b[3] = b'X', E::Label { got: *b"SEGXETBL" }),
        (Broken, |b| b[8] = 2, E::Version { got: 2 }),
        (Broken, |b| b[12..16].reverse(), E::ByteOrder { got: 0x0D0C_0B0A }),
        (Broken, |b| b[252] ^= 1, E::HeaderChecksum { expected: checksum, got: checksum ^ 1 }),
        (Sealed, |b| b[16..20].fill(0), E::Clusters { got: 0 }),
        (Sealed, |b| b[20] = 0, E::Depth { got: 0 }),
        (Sealed, |b| b[20] = 4, E::Depth { got: 4 }),
        (Sealed, |b| b[21] = 0, E::Width { got: 0 }),
        (Sealed, |b| b[21] = 65, E::Width { got: 65 }),
        (Sealed, |b| b[18] = 2, E::Possible { clusters: 131_077, depth: 2 }),
        (Sealed, |b| b[22] = 4, E::IndexBytes { expected: 2, got: 4 }),
        (Sealed, |b| b[24] = 9, E::RecordBytes { expected: 10, got: 9 }),
        (Sealed, |b| b[23] = 1, E::Reserved { at: 23, got: 1 }),
        (Sealed, |b| b[31] = 2, E::Reserved { at: 31, got: 2 }),
        (Sealed, |b| b[40] = 3, E::Reserved { at: 40, got: 3 }),
        (Sealed, |b| b[63] = 4, E::Reserved { at: 63, got: 4 }),
        (Sealed, |b| b[192] = 5, E::Reserved { at: 192, got: 5 }),
        (Sealed, |b| b[251] = 6, E::Reserved { at: 251, got: 6 }),
        (Sealed, |b| b[96] = 6, E::Present { length: 1, possible: 5, got: 6 }),
        (Sealed, |b| b[128] = 26, E::Present { length: 2, possible: 25, got: 26 }),
        (Sealed, |b| b[73] = 0, E::BitmapOffset { length: 0, expected: 256, got: 0 }),
        (Sealed, |b| b[136] = 1, E::BitmapOffset { length: 2, expected: 512, got: 513 }),
        (Sealed, |b| b[144] ^= 1, E::RecordsOffset { length: 2, expected: 576, got: 577 }),
        (Sealed, |b| b[160] = 1, E::LevelUnused { length: 3 }),
        (Sealed, |b| b[191] = 1, E::LevelUnused { length: 3 }),
        (Sealed, |b| b[39] = 1, E::FileBytesStated { expected: 640, got: 640 + (1 << 56) }),
        (Sealed, |b| b.push(0), E::FileBytes { expected: 640, got: 641 }),
        (Sealed, |b| b.truncate(639), E::FileBytes { expected: 640, got: 639 }),
        (Sealed, |b| without_popular(b), E::PopularMissing),
    ]
}

/// Takes the popular list out of the header, with offsets that follow from it.
fn without_popular(bytes: &mut [u8]) {
    let mut header = Header::decode(bytes).expect("the case's header is good");
    header.levels[0].present = 0;
    header.levels[1..3].iter_mut().for_each(|level| {
        level.bitmap_at -= 64;
        level.records_at -= 64;
    });
    bytes[..HEADER_BYTES].copy_from_slice(&header.encode());
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

#[test]
fn every_header_error_is_tripped_by_its_field() {
    let mut seen = BTreeSet::new();
    for (mend, spoil, expected) in bad_headers() {
        let mut bytes = GOOD.clone();
        spoil(&mut bytes);
        if mend == Mend::Sealed {
            reseal_header(&mut bytes);
        }
        assert_eq!(Table::open(&bytes[..]).err(), Some(expected));
        seen.insert(variant(&expected));
    }
    assert_eq!(seen, variants("src/snapshot/format/error.rs", "FormatError"));
}

/// What to do to a table whose level 1 starts at a bitmap and records, and the damage that must be found once every
/// checksum has been corrected.
type BadSection = (fn(&mut [u8], Level), Damage);

const BAD_SECTIONS: &[BadSection] = &[
    (|b, l| b[l.bitmap_at as usize] = 7, Damage::Rank { length: 1, block: 0, expected: 0, got: 7 }),
    (|b, l| b[l.bitmap_at as usize + 16] = 1, Damage::Rank { length: 1, block: 1, expected: 0, got: 1 }),
    (|b, l| b[l.bitmap_at as usize + 8] &= !2, Damage::Present { length: 1, expected: 4, got: 3 }),
    (|b, l| b[l.bitmap_at as usize + 8] |= 1 << 5, Damage::PastEnd { length: 1 }),
    (|b, l| b[l.bitmap_at as usize + 15] |= 1 << 7, Damage::PastEnd { length: 1 }),
    (|b, l| b[l.bitmap_at as usize + 24] = 1, Damage::PastEnd { length: 1 }),
    (|b, l| b[l.records_at as usize] = 0, Damage::Count { length: 1, rank: 0 }),
    (|b, l| b[l.records_at as usize] = 3, Damage::Count { length: 1, rank: 0 }),
    (|b, l| b[l.records_at as usize + 31] = 0xFF, Damage::Count { length: 1, rank: 3 }),
    (|b, l| b[l.records_at as usize + 12] = 5, Damage::Cluster { length: 1, rank: 1, index: 5, clusters: 5 }),
    (|b, l| b[l.records_at as usize + 15] = 1, Damage::Order { length: 1, rank: 1 }),
];

#[test]
fn every_damage_is_found_where_it_is() {
    let good = GOOD.clone();
    let level = Header::decode(&good).expect("the case's header is good").levels[1];
    let mut seen = BTreeSet::new();
    for (spoil, expected) in BAD_SECTIONS {
        let mut bytes = good.clone();
        spoil(&mut bytes, level);
        let part = if bytes[..level.records_at as usize] == good[..level.records_at as usize] {
            Part::Records
        } else {
            Part::Bitmap
        };
        let table = Table::open(&bytes[..]).expect("the header is good");
        let unsealed = table.verify().expect_err("a checksum is wrong");
        assert!(matches!(unsealed, Damage::Checksum { length: 1, part: found, .. } if found == part), "{unsealed}");
        reseal(&mut bytes);
        let table = Table::open(&bytes[..]).expect("the header is good");
        assert_eq!((table.verify(), table.walk()), (Ok(()), Err(*expected)));
        seen.extend([variant(&unsealed), variant(expected)]);
    }
    assert_eq!(seen, variants("src/snapshot/verify.rs", "Damage"));
}
