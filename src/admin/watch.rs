//! Tells whoever watches of every change, with all that is so after it; it must never hold up a change, nor outlive the
//! door.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::desk::Desk;
use super::documents::releases::ReleasesBody;
use super::problem::AdminError;
use crate::drain::Stage;

/// Least time between two messages to one watcher: the bytes of a push change by the millisecond.
const PAUSE: Duration = Duration::from_millis(100);
/// Messages that wait for a slow watcher; it misses those between, and gets the last.
const WAITING_MAX: usize = 1;

/// What a watcher reads: how all releases stand, now and after every change.
pub(super) type Told = ReceiverStream<Result<ReleasesBody, AdminError>>;

impl Desk {
    /// Begins to tell a watcher; ends when it leaves or the door closes.
    pub(super) fn watch(self: &Arc<Self>) -> Told {
        let (teller, told) = mpsc::channel(WAITING_MAX);
        tokio::spawn(tell(self.clone(), teller));
        ReceiverStream::new(told)
    }
}

async fn tell(desk: Arc<Desk>, teller: mpsc::Sender<Result<ReleasesBody, AdminError>>) {
    tokio::select! {
        () = tell_all(&desk, &teller) => {}
        () = teller.closed() => {}
        () = desk.stop.reached(Stage::Closing) => {}
    }
}

/// Ends when the watcher has left, or what is to be told cannot be read.
async fn tell_all(desk: &Arc<Desk>, teller: &mpsc::Sender<Result<ReleasesBody, AdminError>>) {
    let mut changes = desk.book().subscribe();
    let mut last = None;
    loop {
        // Before it is read, so that a change meanwhile is told of next.
        changes.mark_unchanged();
        let news = match desk.on_disk(Desk::releases).await.flatten() {
            Ok(now) if last.as_ref() == Some(&now) => None,
            Ok(now) => Some(Ok(last.insert(now).clone())),
            Err(error) => Some(Err(error)),
        };
        let ends = matches!(news, Some(Err(_)));
        if let Some(news) = news
            && (teller.send(news).await.is_err() || ends)
        {
            return;
        }
        tokio::time::sleep(PAUSE).await;
        // An error says that nothing can change any more.
        if changes.changed().await.is_err() {
            return;
        }
    }
}
