//! Differential privacy for merged counts, by OpenDP: noise on what is counted, and a threshold on which rows exist at all.
//!
//! It must never leave the exact value beside the noisy one. The noise is the system's own randomness and comes from no seed, so two private
//! releases of one log differ.
//!
//! The unit of privacy is what one user's steps of one day add to the counts, bounded by `user_day_max`.

use serde::Serialize;

/// How much privacy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Privacy {
    /// The loss for one user's day in one release; smaller is more private.
    pub epsilon: f64,
    /// The chance that a row shows which only one user's day has; far below one in the number of users.
    pub delta: f64,
}

/// What the noise guarantees, and how: for the manifest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrivacyFigures {
    /// The whole loss of one release.
    pub epsilon: f64,
    /// The chance of no guarantee.
    pub delta: f64,
    /// Always `user-day`.
    pub unit: &'static str,
    /// Steps of one user and day that count.
    pub user_day_max: u32,
    /// The most that one user's day changes the noisy numbers of users, in all.
    pub users_sensitivity: f64,
    /// The scale of the Laplace noise on numbers of users.
    pub users_scale: f64,
    /// Rows show from this noisy number of users on.
    pub users_threshold: f64,
    /// The most that one user's day changes the weights, in steps, in all.
    pub steps_sensitivity: f64,
    /// The scale of the Laplace noise on weights, in steps.
    pub steps_scale: f64,
}
