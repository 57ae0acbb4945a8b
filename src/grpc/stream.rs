//! The replies of a stream of questions: one for each, in order, until the caller or the service ends.
//!
//! Nothing is read ahead: a caller that does not read its replies is not asked for more.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio_stream::Stream;
use tonic::{Status, Streaming};

use super::calls::Calls;
use super::guard::tally;
use super::status::{code_of, refuse, respell};
use crate::drain::{Drain, Stage};
use crate::error::{Code, Error};
use crate::metrics::Call;
use crate::room::Answering;
use crate::wire::proto::{self, v1};

/// The replies, made as they are read.
pub(crate) struct Replies {
    calls: Calls,
    questions: Streaming<v1::StreamNextClustersRequest>,
    /// Resolves when the stream must end by itself. The caller is told why, and never by a clean end: that would say that
    /// every question it sent was answered.
    end: Pin<Box<dyn Future<Output = Error> + Send>>,
    ended: bool,
    /// The question in hand, where its answer is being waited for.
    pending: Option<Pending>,
}

/// A question whose answer is being waited for.
struct Pending {
    started: Instant,
    answer: Pin<Box<dyn Future<Output = v1::NextClustersResponse> + Send>>,
}

impl Replies {
    /// Answers `questions` for at most `timeout`, where the caller set one.
    pub(super) fn new(
        calls: Calls,
        questions: Streaming<v1::StreamNextClustersRequest>,
        timeout: Option<Duration>,
    ) -> Self {
        let end = Box::pin(end(calls.room.drain().clone(), timeout));
        Self { calls, questions, end, ended: false, pending: None }
    }

    fn poll_reply(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<v1::StreamNextClustersResponse, Status>>> {
        if let Some(pending) = &mut self.pending {
            let answer = ready!(pending.answer.as_mut().poll(context));
            let reply = self.calls.reply(pending.started, Ok(answer));
            self.pending = None;
            return Poll::Ready(Some(Ok(reply)));
        }
        if let Poll::Ready(error) = self.end.as_mut().poll(context) {
            return Poll::Ready(Some(Err(refuse(error))));
        }
        match ready!(Pin::new(&mut self.questions).poll_next(context)) {
            None => Poll::Ready(None),
            Some(Err(status)) => Poll::Ready(Some(Err(respell(status)))),
            Some(Ok(question)) => self.begin(question, context),
        }
    }

    /// Answers a question, or begins to wait for its answer.
    fn begin(
        &mut self,
        question: v1::StreamNextClustersRequest,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<v1::StreamNextClustersResponse, Status>>> {
        let started = Instant::now();
        let outcome = match self.calls.answer(question.request.unwrap_or_default(), started, None) {
            Ok(Answering::Done(answer)) => Ok(answer),
            Err(error) => Err(error),
            Ok(Answering::Waiting(answer)) => {
                self.pending = Some(Pending { started, answer });
                return self.poll_reply(context);
            }
        };
        Poll::Ready(Some(Ok(self.calls.reply(started, outcome))))
    }
}

impl Stream for Replies {
    type Item = Result<v1::StreamNextClustersResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let reply = ready!(self.poll_reply(context));
        if let Some(Err(status)) = &reply {
            self.ended = true;
            tally(&self.calls.metrics, Call::Stream, code_of(status), Instant::now());
        }
        Poll::Ready(reply)
    }
}

impl Calls {
    /// The reply to a question of a stream that came at `started`; counts it.
    fn reply(
        &self,
        started: Instant,
        outcome: Result<v1::NextClustersResponse, Error>,
    ) -> v1::StreamNextClustersResponse {
        tally(&self.metrics, Call::Stream, outcome.as_ref().map_or_else(Error::code, |_| Code::Ok), started);
        let (result, versions) = match outcome {
            Ok(v1::NextClustersResponse { answer, versions }) => {
                (proto::result(Ok(answer.unwrap_or_default())), versions)
            }
            Err(error) => (proto::result(Err(&error)), None),
        };
        v1::StreamNextClustersResponse { result: Some(result), versions }
    }
}

async fn end(drain: Drain, timeout: Option<Duration>) -> Error {
    let Some(timeout) = timeout else {
        drain.reached(Stage::Closing).await;
        return Error::Stopping;
    };
    let reached = tokio::time::timeout(timeout, drain.reached(Stage::Closing)).await;
    let after_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    reached.map_or(Error::DeadlineExceeded { after_ms }, |()| Error::Stopping)
}
