//! The priority of threads whose work can wait: below that of requests. It must never be set for a thread that answers.

use std::thread;

use rustix::process::setpriority_process;
use rustix::thread::gettid;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};

/// Whether threads give way at all. Not in a build for tests: beside whatever else keeps the machine busy, a thread that does
/// computes for a millisecond in some seconds, and a test that waits for it would fail for nothing else.
const GIVES_WAY: bool = cfg!(not(feature = "failpoints"));
/// Niceness of threads that requests wait for, but not the most of them: a tenth of a request's weight.
const NICENESS: i32 = 10;

/// Lets this thread run only when no other wants the processor: a request that wakes takes it at once. The highest
/// niceness is not enough: a thread that is merely nice keeps the processor for its slice of some milliseconds, which
/// showed in one request of ten while a release loaded.
pub fn step_back() {
    if !GIVES_WAY {
        return;
    }
    if let Err(error) = idle() {
        let thread = thread::current();
        let thread = thread.name().unwrap_or_default();
        tracing::warn!(?error, thread, "it runs at the priority of requests, which will show in their tail");
    }
}

/// Lets this thread have less than its share where the processor is short, but always some. At idle priority it would have
/// none at all beside whatever else keeps the machine busy, and nobody would get what it computes in time.
pub fn yield_some() {
    if !GIVES_WAY {
        return;
    }
    if let Err(error) = nice() {
        tracing::warn!(%error, "the model's threads run at the priority of requests, which may show in their tail");
    }
}

/// Offers the processor to whoever else wants it: between two pieces of long work that requests may share a core with. A thread
/// that has stepped back must do so too: a Linux that does not preempt at once (6.12 and later, by default on servers) leaves it the
/// processor until the next tick, and requests on its core waited for 4 ms. The price is paid where all processors are busy with other
/// things: each offer waits for all of them, and a load goes on ten times as slowly.
pub fn offer() {
    if GIVES_WAY {
        thread::yield_now();
    }
}

fn idle() -> Result<(), thread_priority::Error> {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle)
}

fn nice() -> rustix::io::Result<()> {
    setpriority_process(Some(gettid()), NICENESS)
}

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;
    use rustix::thread::gettid;
    use thread_priority::{NormalThreadSchedulePolicy, ThreadSchedulePolicy, thread_schedule_policy};

    use super::{NICENESS, idle, nice};

    /// On threads of their own: it cannot be taken back.
    #[test]
    fn a_thread_may_give_way() {
        let nicer = std::thread::spawn(|| {
            nice().expect("a thread may be nicer");
            getpriority_process(Some(gettid())).expect("it runs")
        });
        let idler = std::thread::spawn(|| {
            idle().expect("a thread may be idle");
            thread_schedule_policy().expect("it runs")
        });
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        assert_eq!((nicer.join().expect("it ends"), idler.join().expect("it ends")), (NICENESS, idle));
    }
}
