//! Histories that the table does not hold, asked of a service whose release has a model: who answers, and what happens
//! where the model is slow, fails or is not there.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod failures;
mod limits;
mod puppet;
mod sharing;
mod site;
