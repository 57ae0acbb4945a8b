//! A request that waits for a model, with the release that it began with; it must never look at another.

use std::sync::Arc;

use super::{Asked, Room};
use crate::admit::Deadline;
use crate::answer::{Answer, Answerer, Told, climb_with, needs_model};
use crate::ask::Ask;
use crate::error::Error;
use crate::fallback;
use crate::snapshot::live::Held;

/// One question or many, on their way to the model of a release.
pub(super) struct Consultation<A> {
    pub(super) room: Arc<Room>,
    pub(super) held: Held,
    pub(super) asked: A,
    pub(super) deadline: Deadline,
}

impl Consultation<Ask> {
    /// Asks the model, waits, and answers with what it told.
    pub(super) async fn end<R>(self, encode: impl FnOnce(&Answer<'_>) -> R) -> R {
        let waiting = self.room.trials.waiting(self.held.turn);
        let told = self.put(&self.asked).told().await;
        waiting.end();
        let answer = climb_with(&self.held.release, &self.room.rungs, &self.asked, &told);
        self.room.tell(self.asked(&self.asked), &answer, encode)
    }
}

impl Consultation<Vec<Result<Ask, Error>>> {
    /// The same for many: all are put to the model before the first is waited for.
    pub(super) async fn end_all<R>(self, encode: impl FnOnce(&Answerer<'_>) -> R) -> R {
        let waiting = self.room.trials.waiting(self.held.turn);
        let needs = |ask: &&Ask| needs_model(&self.held.release, &self.room.rungs, ask);
        let put = |ask: &Result<Ask, Error>| ask.as_ref().ok().filter(needs).map(|ask| self.put(ask));
        let put: Vec<_> = self.asked.iter().map(put).collect();
        let mut told = Vec::with_capacity(put.len());
        for asked in put {
            told.push(match asked {
                Some(asked) => asked.told().await,
                None => Told::Nothing,
            });
        }
        waiting.end();
        let answerer = Answerer::new(&self.held.release, &self.room.rungs, &self.asked, &told);
        self.room.tell_all(self.asked(()), answerer, encode)
    }
}

impl<A> Consultation<A> {
    fn put(&self, ask: &Ask) -> fallback::Asked {
        self.room.fallback.ask(&self.held, &ask.history, self.deadline)
    }

    fn asked<B>(&self, ask: B) -> Asked<B> {
        Asked { ask, deadline: self.deadline, turn: self.held.turn }
    }
}
