//! Turns interaction logs, or anyone's candidates, into a release that `segue` serves.
//!
//! The modules stand in the order in which a log flows through them. Nothing here knows the bytes of a release: those are
//! `segue::snapshot`'s alone, so that the pipeline and the service cannot disagree about them.

// From files to events.
pub mod source;
pub mod refusals;
pub mod clusters;
pub mod items;
pub mod users;
pub mod read;
// From events to sequences to counts.
pub mod spill;
pub mod sort;
pub mod event;
pub mod scan;
pub mod sequence;
pub mod decay;
pub mod tally;
pub mod count;
pub mod privacy;
pub mod kept;
// From counts to ranked candidates.
pub mod smooth;
pub mod rank;
pub mod candidates;
// From events to examples, and how well anyone predicts them.
pub mod examples;
pub mod measure;
pub mod baselines;
// From candidates and counts to what is published, and whether it may be.
pub mod blend;
pub mod quality;
pub mod gate;
// Whether what follows what is changing.
pub mod drift;
// The commands.
pub mod provenance;
pub mod progress;
pub mod summary;
pub mod page;
pub mod infer;
pub mod build;
pub mod train;
pub mod evaluate;
pub mod replay;
pub mod generate;
pub mod refresh;
pub mod cli;
