//! A release that is loaded and what it is compared with, put before one gate after the other; it must never decide which
//! of them count.

use super::compare::Compared;
use super::room::Need;
use super::verdict::Finding;
use super::{GateName, Occasion, asked, room, signed};
use crate::config::Gates;
use crate::memory::Memory;
use crate::snapshot::release::Release;

/// What is judged.
pub(super) struct Judged<'a> {
    pub(super) staged: &'a Release,
    /// What serves, if something does.
    pub(super) current: Option<&'a Release>,
    pub(super) occasion: Occasion,
}

/// Why a release that comes back is neither compared nor held to floors: it did already serve, with these figures.
const SERVED: &str = "it served here before";

impl Judged<'_> {
    /// What a gate finds.
    pub(super) fn find(&self, gate: GateName, rules: &Gates) -> Finding {
        let manifest = self.staged.manifest();
        match gate {
            GateName::Integrity => asked::integrity(self.staged),
            GateName::Signature => signed::opened(rules, self.staged),
            GateName::Format => asked::format(rules, manifest),
            GateName::Compatibility => asked::compatibility(rules, self.staged, self.comparable(rules)),
            GateName::Window => self.compared(rules, |compared| compared.window()),
            GateName::Coverage => self.compared(rules, |compared| compared.coverage()),
            GateName::Size => self.compared(rules, |compared| compared.size()),
            GateName::Golden => asked::golden(rules, self.staged),
            // It is in memory by now: what must still be free is the reserve.
            GateName::Memory => room::memory(rules, &Need::default(), &Memory::now()),
            GateName::Quality if self.occasion == Occasion::Return => Finding::Nothing(SERVED),
            GateName::Quality => asked::quality(rules, manifest),
        }
    }

    fn compared(&self, rules: &Gates, find: impl FnOnce(&Compared<'_>) -> Finding) -> Finding {
        match (self.occasion, self.current) {
            (Occasion::Return, _) => Finding::Nothing(SERVED),
            (Occasion::New, None) => Finding::Nothing("nothing serves that it could be compared with"),
            (Occasion::New, Some(current)) => find(&self.beside(rules, current)),
        }
    }

    /// The current release, where it is large enough to say something.
    fn comparable(&self, rules: &Gates) -> Option<&Release> {
        let current = self.current.filter(|_| self.occasion == Occasion::New);
        current.filter(|current| self.beside(rules, current).incomparable().is_none())
    }

    fn beside<'b>(&'b self, rules: &'b Gates, current: &'b Release) -> Compared<'b> {
        Compared { rules, staged: self.staged.manifest(), current: current.manifest() }
    }
}
