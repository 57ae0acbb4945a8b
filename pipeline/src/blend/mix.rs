//! One row of a blend: `w P_model(x | h) + (1 - w) P_counts(x | h)`, over the clusters that may come next.
//!
//! Both are probabilities given that no barred cluster comes. A model's list ends somewhere: what is not on it has nothing of the
//! model's. That keeps a row exact without scoring every cluster: beside the model's list only the counts' best can be chosen.

use crate::candidates::Candidates;
use crate::candidates::choose::Choice;
use crate::rank::Ranking;
use crate::smooth::Smoothed;

/// Mixes rows.
#[derive(Clone, Copy, Debug)]
pub struct Mixer<'a> {
    /// What the counts say.
    pub smoothed: &'a Smoothed,
    /// How many candidates, without which clusters.
    pub choice: Choice,
    /// What the model's opinion is worth, from 0 to 1.
    pub weight: f64,
}

impl Mixer<'_> {
    /// The row of a history (indexes, oldest first) with the model's list; without one, the counts' own. A history that was never
    /// counted leans on its shorter ones, as any other does. The popular list is always the counts', where they have one.
    pub fn row(&self, history: &[u32], model: Option<&[(u32, f32)]>) -> Candidates {
        let (length, key) = (history.len(), self.key(history));
        match model.map(|model| self.allowed(history, model)).filter(|model| !model.is_empty()) {
            Some(model) if length > 0 => self.mixed(history, key, &model),
            Some(model) if self.is_uncounted() => self.listed(history, &model),
            _ => self.choice.row(self.smoothed, length, key),
        }
    }

    /// The key of a history.
    pub fn key(&self, history: &[u32]) -> u64 {
        history.iter().fold(0, |key, cluster| key * u64::from(self.smoothed.clusters) + u64::from(*cluster))
    }

    fn mixed(&self, history: &[u32], key: u64, model: &[(u32, f64)]) -> Candidates {
        let counted = self.counted_share(history, key);
        let share = |cluster: u32| counted(self.smoothed.probability(history.len(), key, cluster));
        let given = model.iter().map(|(cluster, score)| (*cluster, self.weight * score + self.lean(share(*cluster))));
        let is_given = |cluster: u32| model.iter().any(|(given, _)| *given == cluster);
        let barred = self.choice.mode.barred(history);
        let others = Ranking::new(self.smoothed, history.len(), key)
            .filter(|(cluster, _)| !barred.contains(cluster) && !is_given(*cluster))
            .take(usize::from(self.choice.width))
            .map(|(cluster, probability)| (cluster, self.lean(counted(probability))));
        self.best(history, given.chain(others).collect())
    }

    /// A list as it was given: the popular list of a log without an event.
    fn listed(&self, history: &[u32], model: &[(u32, f64)]) -> Candidates {
        self.best(history, model.to_vec())
    }

    fn best(&self, history: &[u32], mut scored: Vec<(u32, f64)>) -> Candidates {
        scored.retain(|(_, score)| *score > 0.0);
        scored.sort_unstable_by(|left, right| self.smoothed.better(*left, *right));
        scored.truncate(usize::from(self.choice.width));
        let candidates = scored.into_iter().map(|(cluster, score)| (cluster, score.min(1.0) as f32)).collect();
        Candidates { history: history.to_vec(), candidates }
    }

    /// What may come next of a model's list, its scores no more than 1 together: a list that says more is no distribution, and is
    /// scaled down to one.
    fn allowed(&self, history: &[u32], model: &[(u32, f32)]) -> Vec<(u32, f64)> {
        let barred = self.choice.mode.barred(history);
        let allowed = model.iter().filter(|(cluster, _)| !barred.contains(cluster));
        let allowed: Vec<_> = allowed.map(|(cluster, score)| (*cluster, f64::from(*score))).collect();
        let total = allowed.iter().map(|(_, score)| score).sum::<f64>().max(1.0);
        allowed.into_iter().map(|(cluster, score)| (cluster, score / total)).collect()
    }

    /// From the counts' probability to that given that no barred cluster comes.
    fn counted_share(&self, history: &[u32], key: u64) -> impl Fn(f64) -> f64 {
        let mut barred = self.choice.mode.barred(history).to_vec();
        barred.sort_unstable();
        barred.dedup();
        let lost: f64 = barred.iter().map(|cluster| self.smoothed.probability(history.len(), key, *cluster)).sum();
        let left = 1.0 - lost;
        move |probability| if left > f64::EPSILON { (probability / left).min(1.0) } else { 0.0 }
    }

    fn lean(&self, counted: f64) -> f64 {
        (1.0 - self.weight) * counted
    }

    fn is_uncounted(&self) -> bool {
        self.smoothed.popularity.iter().all(|share| *share == 0.0)
    }
}
