//! The priority of threads whose work can wait: below that of requests. It must never be set for a thread that answers.

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};

/// Niceness of threads that requests wait for, but not the most of them: a tenth of a request's weight.
const NICENESS: i32 = 10;

/// Lets this thread run only when no other wants the processor: a request that wakes takes it at once. The highest
/// niceness is not enough: a thread that is merely nice keeps the processor for its slice of some milliseconds, which
/// showed in one request of ten while a release loaded.
pub fn step_back() {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let given = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    if let Err(error) = given {
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or_default();
        tracing::warn!(?error, thread, "it runs at the priority of requests, which will show in their tail");
    }
}

/// Lets this thread have less than its share where the processor is short, but always some. At idle priority it would have
/// none at all beside whatever else keeps the machine busy, and nobody would get what it computes in time.
pub fn yield_some() {
    use rustix::process::setpriority_process;
    use rustix::thread::gettid;
    if let Err(error) = setpriority_process(Some(gettid()), NICENESS) {
        tracing::warn!(%error, "the model's threads run at the priority of requests, which may show in their tail");
    }
}
