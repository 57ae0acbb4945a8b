//! The prompt: a history and its retrieved continuations, as tokens.
//!
//! ```text
//! BEGIN  MATCHED+m | BUCKET+b cluster cluster ... BUCKET+b' cluster ... | HISTORY  oldest ... latest
//!        EMPTY
//!        how long a suffix was found, and what follows it, best first    what the user did; the answer is read at
//!        (EMPTY: nothing is known)                                       the last token
//!
//! token  0      BEGIN
//!        1..5   MATCHED + clusters of the suffix that was found, 0 (the popular list) to 3 or more
//!        5      EMPTY
//!        6      HISTORY
//!        7..23  BUCKET + how often the scores that follow halve 1: once for every run of one bucket
//!        23..   CLUSTER + index in the catalogue
//! ```
//!
//! Training and serving write prompts with this file and nothing else: a prompt that is made in another way is answered
//! as if it were another question.

use super::config::PromptConfig;

/// Buckets of scores: bucket b holds scores in (2^-(b+1), 2^-b], the last one all that are smaller.
pub const BUCKETS: u32 = 16;
/// Matched lengths that are told apart: 0 (popular) to 3.
pub const MATCHED: u32 = 4;
/// Begins every prompt.
pub const TOKEN_BEGIN: u32 = 0;
/// The first of [`MATCHED`] tokens that open the retrieved continuations and tell the length of the suffix they are of.
pub const TOKEN_MATCHED: u32 = 1;
/// Stands for no context at all, in place of a matched token.
pub const TOKEN_EMPTY: u32 = TOKEN_MATCHED + MATCHED;
/// Stands between the continuations and the history.
pub const TOKEN_HISTORY: u32 = TOKEN_EMPTY + 1;
/// The first of [`BUCKETS`] tokens; each stands before the continuations of its bucket.
pub const TOKEN_BUCKET: u32 = TOKEN_HISTORY + 1;
/// The first cluster's token; the others follow in the catalogue's order.
pub const TOKEN_CLUSTER: u32 = TOKEN_BUCKET + BUCKETS;

/// Retrieved continuations: what most often followed a history, or its longest known suffix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// Clusters in the suffix that was found; 0 for the popular list.
    pub matched: usize,
    /// Indexes in the catalogue with scores in [0, 1], best first. Empty: there is no context.
    pub continuations: Vec<(u32, f32)>,
}

/// Writes the prompt of a history (indexes in the catalogue, oldest first, distinct) to `tokens`, which it clears. It is
/// never longer than [`tokens_max`], and names no cluster that the vocabulary lacks: such indexes are left out.
pub fn write(config: &PromptConfig, history: &[u32], context: &Context, tokens: &mut Vec<u32>) {
    tokens.clear();
    tokens.push(TOKEN_BEGIN);
    write_context(config, history, context, tokens);
    tokens.push(TOKEN_HISTORY);
    let skipped = history.len().saturating_sub(config.history_max);
    tokens
        .extend(history[skipped..].iter().filter(|&&index| index < config.clusters).map(|index| TOKEN_CLUSTER + index));
}

fn write_context(config: &PromptConfig, history: &[u32], context: &Context, tokens: &mut Vec<u32>) {
    let barred = config.barred.of(history);
    let wanted = |index: u32| index < config.clusters && !barred.contains(&index);
    let wanted = context.continuations.iter().filter(|&&(index, _)| wanted(index)).take(config.retrieved_max);
    let mut last = None;
    for &(index, score) in wanted {
        if last.is_none() {
            tokens.push(TOKEN_MATCHED + context.matched.min(MATCHED as usize - 1) as u32);
        }
        let bucket = bucket(score);
        if last.replace(bucket) != Some(bucket) {
            tokens.push(TOKEN_BUCKET + bucket);
        }
        tokens.push(TOKEN_CLUSTER + index);
    }
    if last.is_none() {
        tokens.push(TOKEN_EMPTY);
    }
}

/// The bucket of a score: how often it halves 1, at most [`BUCKETS`] - 1. Read from the float's exponent, so that no
/// two machines differ; a score above 1 counts as 1, and one that is no probability as the smallest.
pub fn bucket(score: f32) -> u32 {
    if score.is_nan() || score <= 0.0 {
        return BUCKETS - 1;
    }
    // A float is 2^exponent times 1 up to below 2: at exactly 1 it is that power of a half, above it one less.
    let (exponent, above) = ((score.to_bits() >> 23) as i32 - 127, score.to_bits() & 0x7F_FFFF != 0);
    (-exponent - i32::from(above)).clamp(0, BUCKETS as i32 - 1) as u32
}

/// Most tokens of a prompt: [`TOKEN_BEGIN`], the matched length, a bucket and a cluster for every continuation,
/// [`TOKEN_HISTORY`], and the history.
pub fn tokens_max(config: &PromptConfig) -> usize {
    config.retrieved_max.saturating_mul(2).saturating_add(config.history_max).saturating_add(3)
}
