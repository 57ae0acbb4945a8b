//! The priority of threads whose work can wait: below that of requests. It must never be set for a thread that answers.

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};

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
