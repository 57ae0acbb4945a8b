//! Reads the bodies of requests, within limits of size and time; it must never hold more of one than a chunk, but for
//! the small ones that are read whole.

use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use tokio_stream::StreamExt;

/// Slowest sender: a release of 2 GB takes it nine hours, and no sane network is slower.
const BYTES_PER_S_MIN: u64 = 64 * 1024;

/// How fast a body must come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Longest wait for the next bytes; as long, a sender may be below the slowest rate.
    pub idle_max: Duration,
}

/// Why a body cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    /// Above its limit.
    #[error("the body is larger than {bytes_max} bytes, the limit of this call")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// Nothing came for too long.
    #[error("nothing of the body came for {idle_ms_max} ms; send it again, and continue the push where it stopped")]
    Idle {
        /// The longest wait.
        idle_ms_max: u128,
    },
    /// Too little came.
    #[error("the body came at less than {BYTES_PER_S_MIN} bytes per second; send it from nearer by")]
    Slow,
    /// The connection broke.
    #[error("the body broke off before its end; send it again")]
    Broken,
}

/// A body that is being read.
pub(super) struct Paced {
    stream: BodyDataStream,
    pace: Pace,
    started: Instant,
    bytes: u64,
}

impl Paced {
    /// Starts to read.
    pub(super) fn new(body: Body, pace: Pace) -> Self {
        Self { stream: body.into_data_stream(), pace, started: Instant::now(), bytes: 0 }
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        let idle = BodyError::Idle { idle_ms_max: self.pace.idle_max.as_millis() };
        let came = tokio::time::timeout(self.pace.idle_max, self.stream.next()).await.map_err(|_| idle)?;
        let chunk = came.transpose().map_err(|_| BodyError::Broken)?;
        self.bytes += chunk.as_ref().map_or(0, Bytes::len) as u64;
        if self.is_slow() { Err(BodyError::Slow) } else { Ok(chunk) }
    }

    /// All of a body that is small.
    pub(super) async fn whole(mut self, bytes_max: u64) -> Result<Bytes, BodyError> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.next().await? {
            if self.bytes > bytes_max {
                return Err(BodyError::TooLarge { bytes_max });
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    fn is_slow(&self) -> bool {
        let elapsed = self.started.elapsed();
        elapsed > self.pace.idle_max && self.bytes < elapsed.as_secs() * BYTES_PER_S_MIN
    }
}
