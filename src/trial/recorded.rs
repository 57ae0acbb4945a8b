//! The guard's hands with a pen: what the service does to a trial by itself stands in the audit log too. It must never
//! leave a canary with its callers because a disk refused.

use std::sync::Arc;

use super::guard::{Steer, Undone};
use super::judge::Breach;
use crate::audit::{Audit, Change, Verb};
use crate::auth::Caller;
use crate::snapshot::live::Live;
use crate::snapshot::manifest::Version;

/// As which part of the service it signs.
const PART: &str = "canary";

/// Steers, and records it.
pub struct Recorded<S> {
    steer: S,
    live: Arc<Live>,
    audit: Audit,
}

impl<S: Steer> Recorded<S> {
    /// Records what `steer` does, from what `live` serves.
    pub fn new(steer: S, live: Arc<Live>, audit: Audit) -> Self {
        Self { steer, live, audit }
    }

    fn change(&self, verb: Verb, version: &Version) -> Change {
        let from = self.live.read(|release| release.manifest().version.to_string());
        Change::new(Caller::service(PART), verb).from(from).to(version)
    }
}

impl<S: Steer> Steer for Recorded<S> {
    /// First done, then recorded: callers are hurt meanwhile.
    fn abort(&self, version: &Version, breach: &Breach) -> Result<(), Undone> {
        let change = self.change(Verb::Quarantine, version).because(&breach.text);
        self.steer.abort(version, breach)?;
        self.audit.note(&change);
        Ok(())
    }

    fn promote(&self, version: &Version) -> Result<(), Undone> {
        let change = self.change(Verb::Promote, version).because("it has baked");
        let begun = self.audit.begin(change).map_err(|error| Undone::Failed(error.to_string()))?;
        let promoted = self.steer.promote(version);
        match &promoted {
            Ok(()) => begun.done(None),
            Err(undone) => begun.refused(&undone.to_string()),
        }
        promoted
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use serde_json::Value;
    use tempfile::TempDir;

    use super::super::guard::{Steer, Undone};
    use super::super::judge::{Bound, Breach};
    use super::Recorded;
    use crate::audit::Audit;
    use crate::metrics::Metrics;
    use crate::snapshot::live::Live;
    use crate::snapshot::manifest::Version;

    /// Does what it is told, or cannot.
    struct Hands(bool);

    impl Hands {
        fn done(&self) -> Result<(), Undone> {
            if self.0 { Ok(()) } else { Err(Undone::Refused("it is gone".to_owned())) }
        }
    }

    impl Steer for Hands {
        fn abort(&self, _: &Version, _: &Breach) -> Result<(), Undone> {
            self.done()
        }

        fn promote(&self, _: &Version) -> Result<(), Undone> {
            self.done()
        }
    }

    #[test]
    fn what_the_guard_does_is_recorded_and_a_promotion_that_cannot_be_is_not_made() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("audit.jsonl");
        let audit = Audit::open(None, dir.path(), Metrics::new()).unwrap();
        let hands = |able| Recorded::new(Hands(able), Arc::<Live>::default(), audit.clone());
        let version: Version = "new".parse().unwrap();
        let breach = Breach { bound: Bound::Errors, text: "one in two fails".to_owned() };
        assert_eq!(hands(true).abort(&version, &breach), Ok(()));
        assert!(hands(false).abort(&version, &breach).is_err());
        assert_eq!(hands(true).promote(&version), Ok(()));
        assert!(hands(false).promote(&version).is_err());
        let text = fs::read_to_string(&path).unwrap();
        let told = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            let word = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
            [word("who"), word("change"), word("to"), word("outcome"), word("reason")].join("|")
        };
        let expected = [
            "segue:canary|quarantine|new|done|one in two fails",
            "segue:canary|promote|new|begun|it has baked",
            "segue:canary|promote|new|done|it has baked",
            "segue:canary|promote|new|begun|it has baked",
            "segue:canary|promote|new|refused|it is gone",
        ];
        assert_eq!(text.lines().map(told).collect::<Vec<_>>(), expected);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(hands(true).promote(&version), Err(Undone::Failed(_))));
        // Callers are not left with a canary that hurts them.
        assert_eq!(hands(true).abort(&version, &breach), Ok(()));
    }
}
