//! Cross-entropy of the answer under the softmax of the logits, for one row, and its derivative.

use super::vector::{exp, widest};

/// What a row of logits should have said.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The index that came.
    pub answer: usize,
    /// Indexes that cannot come: they take no part.
    pub barred: &'a [u32],
    /// How much the row counts.
    pub weight: f32,
    /// The share of the target that is spread evenly over all that can come.
    pub smoothing: f32,
}

/// The unweighted loss of a row, in nats; the logits become the weighted loss's gradients.
pub fn cross_entropy(logits: &mut [f32], target: Target<'_>) -> f32 {
    bar(logits, target.barred);
    widest(
        #[inline(always)]
        || {
            let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let open = (logits.len() - target.barred.len()) as f32;
            let spread = target.smoothing / open;
            let sum_open: f32 = logits.iter().filter(|logit| logit.is_finite()).map(|logit| logit - highest).sum();
            let of_answer = logits[target.answer] - highest;
            let mut total = 0.0;
            for logit in logits.iter_mut() {
                *logit = if logit.is_finite() { exp(*logit - highest) } else { 0.0 };
                total += *logit;
            }
            let scale = target.weight / total;
            for logit in logits.iter_mut() {
                *logit = if *logit > 0.0 { *logit * scale - target.weight * spread } else { 0.0 };
            }
            logits[target.answer] -= target.weight * (1.0 - target.smoothing);
            total.ln() - (1.0 - target.smoothing) * of_answer - spread * sum_open
        },
    )
}

/// Takes the part of each barred index away.
pub fn bar(logits: &mut [f32], barred: &[u32]) {
    for index in barred {
        logits[*index as usize] = f32::NEG_INFINITY;
    }
}
