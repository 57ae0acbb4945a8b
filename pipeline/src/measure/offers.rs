//! Which clusters were offered, and how evenly: what a figure over requests cannot see.
//!
//! These are figures of all requests together. Users drawn again offer fewer clusters than all users do, always, so that a bootstrap
//! interval would not even hold what was measured; none is given.

/// How often each cluster stood among the first of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offers {
    counts: Vec<u64>,
}

impl Offers {
    /// None yet, of so many clusters.
    pub fn new(clusters: usize) -> Self {
        Self { counts: vec![0; clusters] }
    }

    /// Adds the clusters of an answer; those that the catalogue does not have are passed over.
    pub fn add(&mut self, clusters: &[u32]) {
        for cluster in clusters {
            if let Some(count) = self.counts.get_mut(*cluster as usize) {
                *count += 1;
            }
        }
    }

    /// The share of the catalogue that was offered at all.
    pub fn coverage(&self) -> f64 {
        let offered = self.counts.iter().filter(|count| **count > 0).count();
        offered as f64 / self.counts.len().max(1) as f64
    }

    /// The Gini coefficient of the offers over the catalogue: 0 where every cluster is offered as often, towards 1 where one is alone
    /// (Gini, "Variabilità e mutabilità", 1912).
    pub fn gini(&self) -> f64 {
        let mut sorted = self.counts.clone();
        sorted.sort_unstable();
        let clusters = sorted.len() as f64;
        let total = sorted.iter().sum::<u64>() as f64;
        // The place of each count from 1, less the mean place, twice.
        let places = (0..).map(|at| 2.0 * f64::from(at) + 1.0 - clusters);
        let weighted: f64 = sorted.iter().zip(places).map(|(count, place)| *count as f64 * place).sum();
        if total > 0.0 { weighted / (clusters * total) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_how_evenly() {
        let figures = |answers: &[&[u32]]| {
            let mut offers = Offers::new(4);
            answers.iter().for_each(|answer| offers.add(answer));
            (offers.coverage(), offers.gini())
        };
        assert_eq!(figures(&[]), (0.0, 0.0));
        assert_eq!(figures(&[&[0, 1], &[2, 3]]), (1.0, 0.0));
        assert_eq!(figures(&[&[2], &[2], &[2]]), (0.25, 0.75));
        // 0, 0, 1, 3: the mean of all differences, 1 + 3 + 1 + 3 + 2 over 16 pairs, twice, over twice the mean.
        assert_eq!(figures(&[&[1, 0], &[1, 9], &[1]]), (0.5, 20.0 / 16.0 / 2.0));
    }
}
