//! Whether a canary keeps to its bounds, from counts alone; it must never look at a clock or change anything.

/// A bound that a canary can leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Bound {
    /// The share of answers from elsewhere than the table.
    Fallback,
    /// The share of answers that the model should have given.
    Degraded,
    /// The share of answers that came too late, or not at all.
    Errors,
    /// The time to an answer.
    Latency,
}

impl Bound {
    /// Every bound, in the order of its discriminant.
    pub const ALL: [Self; 4] = [Self::Fallback, Self::Degraded, Self::Errors, Self::Latency];

    /// The word for it in reasons and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Fallback => "fallback",
            Self::Degraded => "degraded",
            Self::Errors => "errors",
            Self::Latency => "latency",
        }
    }
}
