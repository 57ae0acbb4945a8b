//! The priority of the model's threads: below that of requests, so that a table's answer never waits for a model's.

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};

/// Lets this thread run only when no other wants the processor: a request that wakes takes it at once.
pub(super) fn step_back() {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let given = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    if let Err(error) = given {
        tracing::warn!(?error, "the model computes at the priority of requests, which will show in their tail");
    }
}
