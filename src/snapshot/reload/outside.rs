//! Records that the pointer was moved by another hand than this service's: an offline command, a pipeline, another service on
//! the same store. It must never keep such a move from being followed: it is a fact already.

use std::mem;

use super::follower::Follower;
use super::outcome::{Effect, Failure};
use crate::audit::{Begun, Change, Verb};
use crate::auth::Caller;
use crate::snapshot::manifest::Version;
use crate::snapshot::state::State;

/// As which part of the service it signs: nobody knows whose hand it was.
const PART: &str = "disk";
/// Why what was pointed at did not come to serve.
const OVERTAKEN: &str = "the pointer was moved on before this release served";

/// A move that was seen, until what it points at serves or the pointer moves on.
pub(super) struct Outside {
    to: Option<Version>,
    change: Change,
    /// Its line that is due; none once it was told that the release could not serve.
    begun: Option<Begun>,
}

impl Outside {
    fn is_overtaken(&mut self) {
        self.begun.take().into_iter().for_each(|begun| begun.refused(OVERTAKEN));
    }
}

impl Follower {
    /// Takes over what the store remembers. Whatever moves the pointer here says so first, so that another release in the
    /// pointer is another hand's doing.
    pub(super) fn adopt(&mut self, state: State) {
        let before = mem::replace(&mut self.state, state).current;
        if before != self.state.current {
            self.begin_record(before);
        }
    }

    fn begin_record(&mut self, from: Option<Version>) {
        let to = self.state.current.clone();
        let names = |version: Option<Version>| version.map(String::from);
        tracing::info!(from = names(from.clone()), to = names(to.clone()), "the pointer was moved on the disk");
        let change = Change::new(Caller::service(PART), Verb::Activate).from(names(from));
        let change = Change { to: names(to.clone()), ..change };
        self.outside.take().iter_mut().for_each(Outside::is_overtaken);
        let begun = Some(self.parts.audit.seen(change.clone()));
        self.outside = Some(Outside { to, change, begun });
    }

    /// Ends the record of a move, where it is known by now what came of it. One that heals later is told then.
    pub(super) fn end_record(&mut self, result: &Result<Effect, Failure>) {
        let Some(mut outside) = self.outside.take() else { return };
        let failed = result.as_ref().err().filter(|failure| failure.version == outside.to);
        if self.state.current != outside.to {
            return outside.is_overtaken();
        }
        if self.serving_version() == outside.to {
            return match outside.begun {
                Some(begun) => begun.done(None),
                None => self.parts.audit.note(&outside.change),
            };
        }
        let begun = failed.and_then(|failure| Some((outside.begun.take()?, failure)));
        begun.into_iter().for_each(|(begun, failure)| begun.refused(&failure.text));
        self.outside = Some(outside);
    }
}
