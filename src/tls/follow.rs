//! Looks at the doors' certificates from time to time, on a thread of its own, so that a renewed one is used without a
//! restart. It must never close a door.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use super::Tls;

/// Time between looks: four small files, far below the hours by which what is in them is renewed ahead.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// The thread, which ends when this is dropped. None where no door speaks TLS.
#[derive(Debug)]
pub struct Follower {
    look: Option<SyncSender<()>>,
}

impl Follower {
    /// Starts to look.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(doors: Vec<Arc<Tls>>) -> io::Result<Self> {
        if doors.is_empty() {
            return Ok(Self { look: None });
        }
        let (look, asked) = sync_channel(1);
        thread::Builder::new().name("segue-tls".to_owned()).spawn(move || {
            while !matches!(asked.recv_timeout(LOOK_INTERVAL), Err(RecvTimeoutError::Disconnected)) {
                doors.iter().for_each(|door| door.refresh());
            }
        })?;
        Ok(Self { look: Some(look) })
    }

    /// Has it look now, or soon where it does already.
    pub fn look(&self) {
        if let Some(Err(TrySendError::Disconnected(()))) = self.look.as_ref().map(|look| look.try_send(())) {
            tracing::error!("certificates are not looked at any more; restart the service to renew them");
        }
    }
}
