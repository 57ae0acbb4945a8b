//! Makes a change between its two lines of the audit log; one that cannot be recorded is not made.

use std::future::Future;
use std::sync::Arc;

use super::desk::{Desk, on_disk};
use super::problem::AdminError;
use crate::audit::{Change, Verb};
use crate::auth::Caller;

impl Desk {
    /// What is to be recorded of a change of what serves now, by a caller that the guard let pass.
    pub(super) fn to_record(&self, caller: Caller, verb: Verb) -> Change {
        let from = self.parts.room.release(|release| release.manifest().version.to_string()).ok();
        Change::new(caller, verb).from(from)
    }

    /// Records a change, makes it, and records its end: what `to` reads in the reply, or why not. It goes on when its
    /// caller leaves, since its end must be recorded.
    pub(super) async fn audited<T: Send + 'static>(
        self: &Arc<Self>,
        change: Change,
        make: impl Future<Output = Result<T, AdminError>> + Send + 'static,
        to: impl FnOnce(&T) -> Option<String> + Send + 'static,
    ) -> Result<T, AdminError> {
        let audit = self.parts.audit.clone();
        let begun = on_disk(move || audit.begin(change)).await??;
        let made = tokio::spawn(async move {
            let made = make.await;
            let told = made.as_ref().map(to).map_err(ToString::to_string);
            on_disk(move || match told {
                Ok(to) => begun.done(to),
                Err(reason) => begun.refused(&reason),
            })
            .await?;
            made
        });
        // The only error is a panic, which has been printed; the change was then recorded as unknown.
        made.await.map_err(|_| AdminError::Internal)?
    }
}
