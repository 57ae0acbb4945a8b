//! How much memory there is for this process: by its cgroups, version 2 or 1, and by the system.
//!
//! It must never guess: what no file says is unknown, and what is unknown limits nothing.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the system tells of itself.
const ROOT: &str = "/";
const CGROUPS: &str = "proc/self/cgroup";
const SYSTEM: &str = "proc/meminfo";
const OURSELVES: &str = "proc/self/status";
/// Above it, a limit of version 1 means none: the kernel writes the largest number of whole pages.
const UNLIMITED_BYTES: u64 = 1 << 60;

/// What is free for a further release, and of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The narrowest limit of the process's cgroups; `None` where none limits it.
    pub limit_bytes: Option<u64>,
    /// What the machine has; `None` where it does not say.
    pub total_bytes: Option<u64>,
    /// What can still be used within all limits, file pages that nobody maps counted as free; `None` where nothing says.
    pub free_bytes: Option<u64>,
    /// Bytes of this process that cannot be paged out.
    pub locked_bytes: u64,
}

/// The files of a version of cgroups, and the words of its `memory.stat`.
struct Dialect {
    /// Where its hierarchy is mounted.
    mount: &'static str,
    limit: &'static str,
    usage: &'static str,
    /// Pages that can be had back by reading their files again.
    cached: [&'static str; 2],
    /// Those of them that are mapped, and so in use.
    mapped: &'static str,
}

const VERSION_2: Dialect = Dialect {
    mount: "sys/fs/cgroup",
    limit: "memory.max",
    usage: "memory.current",
    cached: ["inactive_file", "active_file"],
    mapped: "file_mapped",
};

const VERSION_1: Dialect = Dialect {
    mount: "sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    cached: ["total_inactive_file", "total_active_file"],
    mapped: "total_mapped_file",
};

impl Memory {
    /// What holds now.
    pub fn now() -> Self {
        Self::at(Path::new(ROOT))
    }

    /// The limit that binds: the cgroup's, or else what the machine has.
    pub fn bound_bytes(&self) -> Option<u64> {
        self.limit_bytes.into_iter().chain(self.total_bytes).min()
    }

    /// What the files below `root` say.
    fn at(root: &Path) -> Self {
        let system = fs::read_to_string(root.join(SYSTEM)).unwrap_or_default();
        let ourselves = fs::read_to_string(root.join(OURSELVES)).unwrap_or_default();
        let groups: Vec<_> = groups(root).collect();
        let frees = groups.iter().map(|(_, free)| *free);
        Self {
            limit_bytes: groups.iter().map(|(limit, _)| *limit).min(),
            total_bytes: kibibytes(&system, "MemTotal:"),
            free_bytes: frees.chain(kibibytes(&system, "MemAvailable:")).min(),
            locked_bytes: kibibytes(&ourselves, "VmLck:").unwrap_or(0),
        }
    }
}

/// Limit and free bytes of every cgroup around this process that has a limit.
fn groups(root: &Path) -> impl Iterator<Item = (u64, u64)> {
    let listed = fs::read_to_string(root.join(CGROUPS)).unwrap_or_default();
    let named: Vec<_> = listed.lines().filter_map(named).collect();
    named.into_iter().flat_map(|(dialect, path)| {
        let mount = root.join(dialect.mount);
        let dirs: Vec<PathBuf> = Path::new(&path).ancestors().map(|path| mount.join(path)).collect();
        dirs.into_iter().filter_map(|dir| group(&dir, dialect)).collect::<Vec<_>>()
    })
}

/// The hierarchy that limits memory on a line of `/proc/self/cgroup`, with the process's place in it.
fn named(line: &str) -> Option<(&'static Dialect, String)> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?.trim_start_matches('/').to_owned());
    match controllers {
        "" => Some((&VERSION_2, path)),
        _ if controllers.split(',').any(|controller| controller == "memory") => Some((&VERSION_1, path)),
        _ => None,
    }
}

/// Limit and free bytes of one cgroup; `None` where it has no limit.
fn group(dir: &Path, dialect: &Dialect) -> Option<(u64, u64)> {
    let number = |name: &str| fs::read_to_string(dir.join(name)).ok()?.trim().parse::<u64>().ok();
    let limit = number(dialect.limit).filter(|limit| *limit < UNLIMITED_BYTES)?;
    let stat = fs::read_to_string(dir.join("memory.stat")).unwrap_or_default();
    let bytes = |word: &str| field(&stat, word).unwrap_or(0);
    let cached: u64 = dialect.cached.iter().map(|word| bytes(word)).sum();
    let reclaimable = cached.saturating_sub(bytes(dialect.mapped));
    let used = number(dialect.usage)?.saturating_sub(reclaimable);
    Some((limit, limit.saturating_sub(used)))
}

fn kibibytes(text: &str, word: &str) -> Option<u64> {
    field(text, word)?.checked_mul(1 << 10)
}

/// The number after a word at the start of a line.
fn field(text: &str, word: &str) -> Option<u64> {
    let value = |line: &str| {
        let mut parts = line.split_whitespace();
        (parts.next()? == word).then(|| parts.next()?.parse().ok()).flatten()
    };
    text.lines().find_map(value)
}

#[cfg(test)]
mod tests;
