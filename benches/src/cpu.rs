//! How much CPU a process and its children have used, from the operating system's own books; Linux only.
//!
//! It must never be read through a sampling profiler: the figure compared is the whole cost, kernel included.

use std::fs;

/// The kernel's tick in `/proc/PID/stat`, the same on every Linux that has not been built otherwise.
const TICKS_PER_S: f64 = 100.0;

/// CPU time used so far by a process and its direct children, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuTime {
    /// In user space.
    pub user_ns: f64,
    /// In the kernel on the process's behalf.
    pub system_ns: f64,
}

impl CpuTime {
    /// User and system together.
    pub fn total_ns(&self) -> f64 {
        self.user_ns + self.system_ns
    }

    /// What was used between `earlier` and this reading.
    pub fn since(&self, earlier: &Self) -> Self {
        Self { user_ns: self.user_ns - earlier.user_ns, system_ns: self.system_ns - earlier.system_ns }
    }
}

/// Reads the CPU time of `pid` and its direct children (a server with worker processes counts whole).
///
/// The total is the scheduler's, in nanoseconds; its division into user and system follows the tick-based counters.
pub fn cpu_time(pid: u32) -> CpuTime {
    let family = children(pid).into_iter().chain([pid]);
    family.map(one_process).fold(CpuTime::default(), |sum, one| CpuTime {
        user_ns: sum.user_ns + one.user_ns,
        system_ns: sum.system_ns + one.system_ns,
    })
}

/// Resident memory of `pid` in bytes, 0 when it is gone.
pub fn resident_bytes(pid: u32) -> u64 {
    status_kib(pid, "VmRSS:") * 1024
}

/// The most that was ever resident of `pid` in bytes, 0 when it is gone.
pub fn peak_resident_bytes(pid: u32) -> u64 {
    status_kib(pid, "VmHWM:") * 1024
}

/// CPU time of this process in seconds, threads that have ended included: that of [`cpu_time`] is of those that live.
pub fn own_cpu_s() -> f64 {
    let ticks = ticks(std::process::id()).map_or(0.0, |(user, system)| user + system);
    ticks / TICKS_PER_S
}

/// Resident anonymous memory of `pid` in bytes: heap and stacks, without the pages of mapped files.
pub fn resident_anonymous_bytes(pid: u32) -> u64 {
    status_kib(pid, "RssAnon:") * 1024
}

fn one_process(pid: u32) -> CpuTime {
    let Some((user, system)) = ticks(pid) else { return CpuTime::default() };
    let total = scheduled_ns(pid);
    let share = if user + system > 0.0 { user / (user + system) } else { 0.0 };
    CpuTime { user_ns: total * share, system_ns: total * (1.0 - share) }
}

/// `utime` and `stime` of `/proc/PID/stat`: fields 14 and 15, counted after the parenthesised name.
fn ticks(pid: u32) -> Option<(f64, f64)> {
    let fields = stat_fields(pid)?;
    Some((fields.get(11)?.parse().ok()?, fields.get(12)?.parse().ok()?))
}

fn scheduled_ns(pid: u32) -> f64 {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return 0.0 };
    let lines = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok());
    lines.filter_map(|line| line.split_whitespace().next()?.parse::<f64>().ok()).sum()
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|candidate| parent(*candidate) == Some(pid)).collect()
}

fn parent(pid: u32) -> Option<u32> {
    stat_fields(pid)?.get(1)?.parse().ok()
}

fn stat_fields(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn status_kib(pid: u32, key: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
