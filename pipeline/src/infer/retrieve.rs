//! What a release of fresh counts knows of a history: the same that the service retrieves for a model at a request.

use segue::model::prompt::Context;
use segue::snapshot::release::Release;

/// The record of the history's longest known suffix, the popular list at the least.
pub fn retrieve(release: &Release, history: &[u32]) -> Context {
    let depth = usize::from(release.table().shape().depth).min(history.len());
    let record = |matched: usize| Some((matched, release.table().get(&history[history.len() - matched..])?));
    let Some((matched, record)) = (0..=depth).rev().find_map(record) else { return Context::default() };
    Context { matched, continuations: record.iter().map(|(index, score)| (index, score.value())).collect() }
}
