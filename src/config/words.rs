//! The keys' closed vocabularies as enums; it must never accept a spelling that is not listed here.

use super::value::{Held, Value};
use crate::model::engine::Precision;

/// Gives an enum, of this module or of another, its words: the only place where they are spelled.
macro_rules! spelled {
    ($Name:ident { $( $Variant:ident = $word:literal, )+ }) => {
        impl $Name {
            /// Every allowed word, in the order of the documentation.
            pub const WORDS: &[&str] = &[$($word),+];

            /// The word that spells this variant in files, flags, variables and replies.
            pub fn word(self) -> &'static str {
                match self { $( Self::$Variant => $word, )+ }
            }

            /// The variant that `word` spells, if any.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$Variant), )+ _ => None }
            }
        }

        impl Held for $Name {
            fn held(value: &Value) -> Option<Self> {
                match value { Value::Word(word) => Self::from_word(word), _ => None }
            }
        }

        impl Held for Vec<$Name> {
            fn held(value: &Value) -> Option<Self> {
                match value {
                    Value::Words(words) => words.iter().map(|word| $Name::from_word(word)).collect(),
                    _ => None,
                }
            }
        }
    };
}

/// Declares an enum whose variants are spelled by fixed words, in the order of the documentation.
macro_rules! words {
    ($(#[$meta:meta])+ $Name:ident { $( $(#[$variant_meta:meta])+ $Variant:ident = $word:literal, )+ }) => {
        $(#[$meta])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $Name { $( $(#[$variant_meta])+ $Variant, )+ }

        spelled!($Name { $( $Variant = $word, )+ });
    };
}

words! {
    /// One way to answer; the configured order is the order of trying.
    Rung {
        /// The history's last `depth` clusters, exactly.
        Table = "table",
        /// The release's model, for histories that no rung before it has found anything for.
        Model = "model",
        /// A shorter, more recent part of the history.
        Suffix = "suffix",
        /// The popular list: the same for everyone.
        Popular = "popular",
    }
}

words! {
    /// What becomes of a release whose model is not there.
    MissingModel {
        /// It is refused: what served before serves on.
        Refuse = "refuse",
        /// It serves from its table alone.
        Serve = "serve",
    }
}

words! {
    /// Who may read at the operator's door.
    Reads {
        /// Whoever reaches it.
        Open = "open",
        /// Who holds a role.
        Token = "token",
    }
}

spelled!(Precision { Full = "full", Quantised = "quantised", });

words! {
    /// What is asked of the signatures of a release and its model.
    Signing {
        /// Nothing.
        Off = "off",
        /// One that is there must be right.
        Present = "present",
        /// There must be one, and it must be right.
        Required = "required",
    }
}

words! {
    /// Whether tables are kept from being paged out.
    Locking {
        /// They are not.
        Off = "off",
        /// As far as the system lets.
        Try = "try",
        /// Or else they do not serve.
        Required = "required",
    }
}

words! {
    /// How the doors' threads share work.
    Flavor {
        /// One single-threaded runtime per worker, each with its own accept queue.
        PerCore = "per_core",
        /// One runtime whose workers steal from each other.
        Shared = "shared",
    }
}

words! {
    /// How a log line looks.
    LogFormat {
        /// Coloured text for a terminal.
        Human = "human",
        /// One JSON object a line for a collector.
        Json = "json",
    }
}

words! {
    /// The least severe lines that are still written.
    LogLevel {
        /// Failures only.
        Error = "error",
        /// Failures and what may become one.
        Warn = "warn",
        /// One line for each start, swap, failure and stop.
        Info = "info",
        /// A span for each request as well.
        Debug = "debug",
        /// Everything, libraries included.
        Trace = "trace",
    }
}

words! {
    /// What becomes of a release that was pulled.
    Pulled {
        /// It serves, once it has passed every check.
        Activate = "activate",
        /// It is loaded beside what serves, and waits there for an operator.
        Stage = "stage",
    }
}
