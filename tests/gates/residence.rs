//! How a table lies in memory: the same answers however it does, and every page given back when it goes.

use std::fs;

use rustix::process::{Resource, getrlimit};
use segue::config::Locking;
use segue::metrics::Metrics;
use segue::snapshot::manifest::TABLE;
use segue::snapshot::map::{Mapping, Residence};
use segue::snapshot::release::Release;

use crate::made::{Made, Plan};
use crate::support::release::version;

const RESIDENCES: [Residence; 5] = [
    Residence { lock: Locking::Off, huge_pages: false, prefault: false },
    Residence { lock: Locking::Off, huge_pages: false, prefault: true },
    Residence { lock: Locking::Try, huge_pages: false, prefault: true },
    Residence { lock: Locking::Off, huge_pages: true, prefault: true },
    Residence { lock: Locking::Required, huge_pages: true, prefault: false },
];

#[test]
fn a_table_reads_the_same_however_it_lies() {
    let made = Made::new(&Plan::default());
    let dir = made.store.release_path(&version("next"));
    let bytes = fs::read(dir.join(TABLE)).unwrap();
    for residence in RESIDENCES.into_iter().filter(|residence| residence.lock != Locking::Required || may_lock()) {
        let release = Release::open_resident(&dir, residence).unwrap();
        release.verify().unwrap();
        release.warm().unwrap();
        release.check().unwrap();
        assert!(release.table().bytes() == bytes, "{residence:?}");
    }
}

#[test]
fn a_prefaulted_table_is_all_in_and_a_dropped_one_all_out() {
    // As one large table: its size stands out among whatever else the process maps.
    let made = Made::new(&Plan { clusters: (0..100).collect(), width: 64, ..Plan::default() });
    let path = made.store.release_path(&version("next")).join(TABLE);
    for residence in RESIDENCES.into_iter().filter(|residence| residence.lock != Locking::Required) {
        let table = Mapping::open_resident(&path, residence).unwrap();
        table.settle().unwrap();
        let (bytes, at) = (table.as_ref().len(), table.as_ref().as_ptr() as usize);
        let resident = mapping_at(at).expect("it is mapped");
        assert_eq!(resident >= bytes, residence.prefault, "{residence:?}: {resident} of {bytes} bytes are in memory");
        drop(table);
        let left = mapping_at(at).unwrap_or(0);
        assert!(left < bytes, "{residence:?}: {left} of {bytes} bytes were kept");
    }
}

#[test]
fn what_is_locked_is_counted() {
    let made = Made::new(&Plan::default());
    let residence = Residence { lock: Locking::Try, huge_pages: false, prefault: false };
    let release = Release::open_resident(&made.store.release_path(&version("next")), residence).unwrap();
    release.warm().unwrap();
    let text = Metrics::new().render();
    let shown = text.lines().find_map(|line| line.strip_prefix("segue_memory_locked_bytes ")).unwrap();
    let bytes = release.table().bytes().len() as u64;
    assert!(shown.parse::<u64>().unwrap() >= bytes || !may_lock(), "{shown} of {bytes} bytes");
}

/// Whether the system lets this process lock as much as the tests here do.
fn may_lock() -> bool {
    const NEEDED_BYTES: u64 = 4 << 20;
    getrlimit(Resource::Memlock).current.is_none_or(|limit| limit >= NEEDED_BYTES)
}

/// Bytes in memory of the mapping around an address, if there is one.
fn mapping_at(address: usize) -> Option<usize> {
    let maps = fs::read_to_string("/proc/self/smaps").unwrap();
    let mut lines = maps.lines();
    lines.find(|line| range(line).is_some_and(|range| range.contains(&address)))?;
    let resident = lines.find_map(|line| line.strip_prefix("Rss:")).unwrap();
    Some(resident.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10)
}

/// The addresses at the head of a mapping's lines.
fn range(line: &str) -> Option<std::ops::Range<usize>> {
    let (start, end) = line.split_whitespace().next()?.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    Some(number(start)?..number(end)?)
}
