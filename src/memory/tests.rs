//! Trees of files as kernels write them, and what is free by them.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::fs;

use super::Memory;

/// The limit and the free bytes by a tree of files.
#[track_caller]
fn check(files: &[(&str, &str)], limit_bytes: Option<u64>, free_bytes: Option<u64>) {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let memory = Memory::at(root.path());
    assert_eq!((memory.limit_bytes, memory.free_bytes), (limit_bytes, free_bytes), "{files:?}");
}

const SYSTEM: (&str, &str) = ("proc/meminfo", "MemTotal:  16 kB\nMemFree: 1 kB\nMemAvailable:  10 kB\n");

#[test]
fn the_narrowest_limit_counts() {
    check(&[], None, None);
    check(&[SYSTEM], None, Some(10 << 10));
    let v2 = ("proc/self/cgroup", "0::/pods/one\n");
    let stat = "anon 500\nfile 9000\nfile_mapped 1000\ninactive_file 3000\nactive_file 2000\n";
    let inner = [
        ("sys/fs/cgroup/pods/one/memory.max", "9000\n"),
        ("sys/fs/cgroup/pods/one/memory.current", "8000\n"),
        ("sys/fs/cgroup/pods/one/memory.stat", stat),
    ];
    // Of 8000 used, 5000 are cached and 1000 of those are mapped.
    check(&[&[SYSTEM, v2][..], &inner].concat(), Some(9000), Some(5000));
    let outer = [("sys/fs/cgroup/pods/memory.max", "8500"), ("sys/fs/cgroup/pods/memory.current", "8400")];
    check(&[&[SYSTEM, v2][..], &inner, &outer].concat(), Some(8500), Some(100));
    let unlimited = [("sys/fs/cgroup/pods/one/memory.max", "max\n"), ("sys/fs/cgroup/pods/one/memory.current", "1")];
    check(&[&[SYSTEM, v2][..], &unlimited].concat(), None, Some(10 << 10));
}

#[test]
fn version_1_and_mixed_hierarchies_are_read() {
    let groups = ("proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/a/b\n0::/\n");
    let stat = "cache 9\ninactive_file 0\ntotal_inactive_file 300\ntotal_active_file 200\ntotal_mapped_file 100\n";
    let files = [
        groups,
        ("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "1000\n"),
        ("sys/fs/cgroup/memory/a/b/memory.usage_in_bytes", "900\n"),
        ("sys/fs/cgroup/memory/a/b/memory.stat", stat),
        ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n"),
        ("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "5\n"),
    ];
    check(&files, Some(1000), Some(500));
    // A container that sees its own group at the mount's root, under the host's name for it.
    let at_root = [
        groups,
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "700\n"),
        ("sys/fs/cgroup/memory/memory.usage_in_bytes", "200\n"),
    ];
    check(&at_root, Some(700), Some(500));
}

#[test]
fn this_machine_says_something() {
    let memory = Memory::now();
    assert!(
        memory.bound_bytes().is_some_and(|bound| memory.free_bytes.is_some_and(|free| free <= bound)),
        "{memory:?}"
    );
}
