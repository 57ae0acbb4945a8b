//! Manifests and limits of memory, and what fits.

use super::{Finding, Need, memory};
use crate::config::Config;
use crate::memory::Memory;

const GIB: u64 = 1 << 30;

/// Whether so much fits, with a twentieth in reserve.
#[track_caller]
fn check(need_bytes: u64, there: Memory, expected: Option<bool>) {
    let rules = Config::defaults(std::path::Path::new("store")).gates;
    let need = Need { table_bytes: need_bytes, ..Need::default() };
    let got = match memory(&rules, &need, &there) {
        Finding::Looked { holds, .. } => Some(holds),
        Finding::Nothing(_) | Finding::Off(_) => None,
    };
    assert_eq!(got, expected, "{need_bytes} of {there:?}");
}

#[test]
fn what_is_needed_and_the_reserve_must_be_free() {
    let there = |limit_bytes, total_bytes, free_bytes| Memory { limit_bytes, total_bytes, free_bytes, locked_bytes: 0 };
    let limited = there(Some(20 * GIB), Some(100 * GIB), Some(5 * GIB));
    check(4 * GIB, limited, Some(true));
    check(4 * GIB + 1, limited, Some(false));
    check(0, there(Some(20 * GIB), Some(100 * GIB), Some(GIB - 1)), Some(false));
    // Without a cgroup's limit, the machine is the bound.
    check(0, there(None, Some(100 * GIB), Some(5 * GIB)), Some(true));
    check(1, there(None, Some(100 * GIB), Some(5 * GIB)), Some(false));
    check(u64::MAX, limited, Some(false));
    check(u64::MAX, there(None, None, None), None);
}
