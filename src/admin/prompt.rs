//! Hurries whoever connects: HTTP/1.1 and HTTP/2 begin differently, and until it is clear which one comes, nothing else
//! limits the wait. It must never look further than that.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::listen::Stream;

/// What every connection of HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose first bytes must come in time.
pub(super) struct Prompt<S> {
    stream: S,
    /// Until it is clear what is spoken.
    waiting: Option<Waiting>,
}

struct Waiting {
    alarm: Pin<Box<Sleep>>,
    /// What HTTP/2 would go on with.
    preface: &'static [u8],
}

impl<S> Prompt<S> {
    /// Waits so long for the first bytes.
    pub(super) fn new(stream: S, wait_max: Duration) -> Self {
        Self { stream, waiting: Some(Waiting::new(wait_max)) }
    }
}

impl Waiting {
    fn new(wait_max: Duration) -> Self {
        Self { alarm: Box::pin(sleep(wait_max)), preface: PREFACE }
    }

    /// Whether it is still not clear what is spoken, after these bytes; none is the end.
    fn goes_on(&mut self, came: &[u8]) -> bool {
        let rest = self.preface.strip_prefix(came).filter(|rest| !came.is_empty() && !rest.is_empty());
        self.preface = rest.unwrap_or_default();
        rest.is_some()
    }
}

impl<S: Stream> AsyncRead for Prompt<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = into.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, into);
        let Some(waiting) = &mut this.waiting else { return read };
        match read {
            Poll::Pending => waiting.alarm.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into())),
            Poll::Ready(read) => {
                if !waiting.goes_on(&into.filled()[before..]) {
                    this.waiting = None;
                }
                Poll::Ready(read)
            }
        }
    }
}

impl<S: Stream> AsyncWrite for Prompt<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::{PREFACE, Waiting};
    use std::time::Duration;

    #[tokio::test]
    async fn it_is_clear_what_is_spoken_from_the_first_byte_that_differs() {
        let rows: [(&[&[u8]], bool); 6] = [
            (&[b"PRI * HT", b"TP/2.0\r\n"], true),
            (&[b"P"], true),
            (&[PREFACE], false),
            (&[b"PRI", &PREFACE[3..]], false),
            (&[b"P", b"OST / HTTP/1.1"], false),
            (&[b""], false),
        ];
        for (came, goes_on) in rows {
            let mut waiting = Waiting::new(Duration::ZERO);
            let last = came.iter().map(|bytes| waiting.goes_on(bytes)).last();
            assert_eq!(last, Some(goes_on), "{came:?}");
        }
    }
}
