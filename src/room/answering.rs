//! An answer that is there, or that is being waited for; what is there costs no allocation and no turn of the runtime.

use std::pin::Pin;

/// An answer, or the wait for one.
pub enum Answering<'a, R> {
    /// It is there.
    Done(R),
    /// A model is asked. Dropping this takes the question back.
    Waiting(Pin<Box<dyn Future<Output = R> + Send + 'a>>),
}

impl<R> Answering<'_, R> {
    /// The answer, once it is there.
    pub async fn end(self) -> R {
        match self {
            Self::Done(done) => done,
            Self::Waiting(waiting) => waiting.await,
        }
    }
}
