//! What a change is, in the words of the audit log and of the metrics; it must never hold what has no bound as a label.

use super::Caller;

/// What changes; the `change` of a line and of `segue_admin_changes_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// The pointer is looked at, and followed.
    Reload,
    /// A release or a model is published.
    Push,
    /// A release is loaded beside the current one.
    Stage,
    /// A release serves.
    Activate,
    /// The staged release serves.
    Promote,
    /// The release before serves again.
    Rollback,
    /// Nothing but one release may serve.
    Pin,
    /// Any release may serve again.
    Unpin,
    /// A release may never serve again.
    Quarantine,
    /// A share of the questions is also answered by the staged release.
    Shadow,
    /// A share of the questions is answered by the staged release.
    Canary,
    /// The staged release answers nothing any more.
    EndTrial,
}

/// How a change stands; the `outcome` of a line and of `segue_admin_changes_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is about to be made.
    Begun,
    /// It is so now.
    Done,
    /// It was refused or failed: what was so still is.
    Refused,
    /// Nobody learned how it ended.
    Unknown,
    /// It was not made, since it could not be recorded.
    Unrecorded,
}

/// A change that is about to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Who makes it.
    pub caller: Caller,
    /// What it is.
    pub verb: Verb,
    /// What was so before: for most changes the release that serves.
    pub from: Option<String>,
    /// What is to be so: a release, or a share of the questions.
    pub to: Option<String>,
    /// Why, in the words of whoever makes it.
    pub reason: Option<String>,
}

impl Change {
    /// A change of which only who makes it is known.
    pub fn new(caller: Caller, verb: Verb) -> Self {
        Self { caller, verb, from: None, to: None, reason: None }
    }

    /// The same, from something.
    pub fn from(self, from: Option<String>) -> Self {
        Self { from, ..self }
    }

    /// The same, to something.
    pub fn to(self, to: impl ToString) -> Self {
        Self { to: Some(to.to_string()), ..self }
    }

    /// The same, for a reason.
    pub fn because(self, reason: impl ToString) -> Self {
        Self { reason: Some(reason.to_string()), ..self }
    }
}

/// Spells an enum by fixed words, and lists it.
macro_rules! spelled {
    ($Name:ident { $( $Variant:ident = $word:literal, )+ }) => {
        impl $Name {
            /// Every one, in the order of the declaration.
            pub const ALL: &[Self] = &[$(Self::$Variant),+];

            /// The word that spells it.
            pub const fn word(self) -> &'static str {
                match self { $( Self::$Variant => $word, )+ }
            }
        }
    };
}

spelled!(Verb {
    Reload = "reload",
    Push = "push",
    Stage = "stage",
    Activate = "activate",
    Promote = "promote",
    Rollback = "rollback",
    Pin = "pin",
    Unpin = "unpin",
    Quarantine = "quarantine",
    Shadow = "shadow",
    Canary = "canary",
    EndTrial = "end_trial",
});

spelled!(Ending {
    Begun = "begun",
    Done = "done",
    Refused = "refused",
    Unknown = "unknown",
    Unrecorded = "unrecorded",
});
