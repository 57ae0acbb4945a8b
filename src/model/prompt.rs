//! The prompt: a history and its retrieved continuations, as tokens.

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

/// Writes the prompt of a history (indexes in the catalogue, oldest first, distinct) to `tokens`, which it clears.
pub fn write(config: &PromptConfig, history: &[u32], context: &Context, tokens: &mut Vec<u32>) {
    tokens.clear();
    tokens.push(TOKEN_BEGIN);
    write_context(config, history, context, tokens);
    tokens.push(TOKEN_HISTORY);
    let skipped = history.len().saturating_sub(config.history_max);
    tokens.extend(history[skipped..].iter().map(|index| TOKEN_CLUSTER + index));
}

fn write_context(config: &PromptConfig, history: &[u32], context: &Context, tokens: &mut Vec<u32>) {
    let wanted = |index: &u32| !(config.novel && history.contains(index));
    let mut last = None;
    let mut continuations =
        context.continuations.iter().filter(|(index, _)| wanted(index)).take(config.retrieved_max).peekable();
    if continuations.peek().is_none() {
        return tokens.push(TOKEN_EMPTY);
    }
    tokens.push(TOKEN_MATCHED + (context.matched as u32).min(MATCHED - 1));
    for &(index, score) in continuations {
        let bucket = bucket(score);
        if last.replace(bucket) != Some(bucket) {
            tokens.push(TOKEN_BUCKET + bucket);
        }
        tokens.push(TOKEN_CLUSTER + index);
    }
}

/// The bucket of a score: how often it halves 1, at most [`BUCKETS`] - 1.
pub fn bucket(score: f32) -> u32 {
    (-score.log2()).floor().clamp(0.0, (BUCKETS - 1) as f32) as u32
}

/// Most tokens of a prompt.
pub fn tokens_max(config: &PromptConfig) -> usize {
    3 + 2 * config.retrieved_max + config.history_max
}
