//! A request that waits for a model, with the release that it began with; it must never look at another.

use std::sync::Arc;

use super::Room;
use crate::admit::Deadline;
use crate::answer::{Answer, Answerer, Told, climb_with, needs_model};
use crate::ask::Ask;
use crate::error::Error;
use crate::fallback::Asked;
use crate::snapshot::release::Release;

/// One question or many, on their way to the model of a release.
pub(super) struct Consultation<A> {
    pub(super) room: Arc<Room>,
    pub(super) release: Arc<Release>,
    pub(super) asked: A,
    pub(super) deadline: Deadline,
}

impl Consultation<Ask> {
    /// Asks the model, waits, and answers with what it told.
    pub(super) async fn end<R>(self, encode: impl FnOnce(&Answer<'_>) -> R) -> R {
        let told = self.put(&self.asked).told().await;
        let answer = climb_with(&self.release, &self.room.rungs, &self.asked, &told);
        self.room.tell(&self.asked, &answer, encode)
    }
}

impl Consultation<Vec<Result<Ask, Error>>> {
    /// The same for many: all are put to the model before the first is waited for.
    pub(super) async fn end_all<R>(self, encode: impl FnOnce(&Answerer<'_>) -> R) -> R {
        let needs = |ask: &&Ask| needs_model(&self.release, &self.room.rungs, ask);
        let put = |ask: &Result<Ask, Error>| ask.as_ref().ok().filter(needs).map(|ask| self.put(ask));
        let put: Vec<_> = self.asked.iter().map(put).collect();
        let mut told = Vec::with_capacity(put.len());
        for asked in put {
            told.push(match asked {
                Some(asked) => asked.told().await,
                None => Told::Nothing,
            });
        }
        self.room.tell_all(Answerer::new(&self.release, &self.room.rungs, &self.asked, &told), encode)
    }
}

impl<A> Consultation<A> {
    fn put(&self, ask: &Ask) -> Asked {
        self.room.fallback.ask(&self.release, &ask.history, self.deadline)
    }
}
