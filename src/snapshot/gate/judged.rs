//! A release that is loaded and what it is compared with, put before one gate after the other; it must never decide which
//! of them count.

use super::compare::Compared;
use super::room::Need;
use super::verdict::Finding;
use super::{GateName, asked, room, signed};
use crate::config::Gates;
use crate::memory::Memory;
use crate::snapshot::release::Release;

/// What is judged.
pub(super) struct Judged<'a> {
    pub(super) staged: &'a Release,
    /// What it is compared with; `None` where it is not.
    pub(super) current: Option<&'a Release>,
}

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
            GateName::Quality => asked::quality(rules, manifest),
        }
    }

    fn compared(&self, rules: &Gates, find: impl FnOnce(&Compared<'_>) -> Finding) -> Finding {
        let nothing = "it is compared with nothing: it served here before, or nothing serves";
        self.current.map_or(Finding::Nothing(nothing), |current| find(&self.beside(rules, current)))
    }

    /// The current release, where it is large enough to say something.
    fn comparable(&self, rules: &Gates) -> Option<&Release> {
        self.current.filter(|current| self.beside(rules, current).incomparable().is_none())
    }

    fn beside<'b>(&'b self, rules: &'b Gates, current: &'b Release) -> Compared<'b> {
        Compared { rules, staged: self.staged.manifest(), current: current.manifest() }
    }
}
