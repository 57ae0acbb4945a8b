//! How the service stops: un-ready first, serve on for a while, close the doors, finish, and leave within a limit.
//!
//! This is only the signal that everyone watches; [`serve`](crate::serve) moves it through its stages.

use tokio::sync::watch;

/// How far the stop has come. Stages only ever advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Serving, ready.
    Serving,
    /// Lame duck: un-ready, so that balancers turn away, and serving as before.
    Unready,
    /// Doors closed: no new connection or stream; what is in flight finishes.
    Closing,
}

/// Watches the stop, and moves it. Clones share one stage.
#[derive(Clone, Debug)]
pub struct Drain {
    stage: watch::Sender<Stage>,
}

impl Default for Drain {
    fn default() -> Self {
        Self { stage: watch::Sender::new(Stage::Serving) }
    }
}

impl Drain {
    /// The stage now.
    pub fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// Advances to a stage; going back is ignored.
    pub fn advance(&self, stage: Stage) {
        self.stage.send_if_modified(|now| {
            let later = stage > *now;
            *now = stage.max(*now);
            later
        });
    }

    /// Waits until the stage is reached.
    pub async fn reached(&self, stage: Stage) {
        let mut watching = self.stage.subscribe();
        // Cannot fail: `self` holds a sender.
        let _ = watching.wait_for(|now| *now >= stage).await;
    }
}

#[cfg(test)]
mod tests {
    use super::{Drain, Stage};

    #[tokio::test]
    async fn stages_only_advance() {
        let drain = Drain::default();
        let watching = drain.clone();
        drain.advance(Stage::Closing);
        drain.advance(Stage::Unready);
        assert_eq!(watching.stage(), Stage::Closing);
        watching.reached(Stage::Unready).await;
    }
}
