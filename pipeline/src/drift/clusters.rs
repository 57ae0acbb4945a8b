//! Which clusters drift: the overlap by the last cluster of the history.
//!
//! Of many clusters some look drifted by chance, so none is called so that does not stand out further than the furthest of a shuffled log
//! does in 95 % of the shuffles (Westfall and Young, "Resampling-Based Multiple Testing", 1993).

use serde::Serialize;

use crate::drift::compare::Compared;
use crate::drift::figures::Part;
use crate::drift::overlap::Overlap;

/// Clusters whose histories were met less often than this in both periods say nothing.
const HISTORIES_MIN: u32 = 5;

/// The share of shuffled logs in which no cluster is called drifting.
const TRUSTED: f64 = 0.95;

/// How much what follows a cluster drifts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClusterDrift {
    /// The cluster's index in the catalogue.
    #[serde(skip)]
    pub index: u32,
    /// Its id.
    pub cluster: u32,
    /// Its figures, over all pairs of neighbouring periods.
    #[serde(flatten)]
    pub part: Part,
    /// The drift in standard deviations of its null.
    pub deviations: f64,
    /// Whether so much is not to be had by chance, however many clusters there are.
    pub is_sure: bool,
}

/// All clusters that can be judged, the most drifted first.
pub fn clusters(compared: &Compared, ids: &[u32]) -> Vec<ClusterDrift> {
    let judged: Vec<usize> = (0..compared.observed.by_cluster.len())
        .filter(|cluster| compared.observed.by_cluster[*cluster].histories >= HISTORIES_MIN)
        .collect();
    let spreads: Vec<(f64, f64)> = judged.iter().map(|cluster| spread(&draws(compared, *cluster))).collect();
    let bound = bound(compared, &judged, &spreads);
    let mut all: Vec<ClusterDrift> = judged
        .iter()
        .zip(&spreads)
        .map(|(cluster, spread)| {
            let deviations = deviations(*spread, compared.observed.by_cluster[*cluster].mean());
            let part = Part::new(compared, |found| found.by_cluster[*cluster]);
            ClusterDrift {
                index: *cluster as u32,
                cluster: ids[*cluster],
                part,
                deviations,
                is_sure: deviations > bound,
            }
        })
        .collect();
    all.sort_by(|left, right| right.deviations.total_cmp(&left.deviations));
    all
}

/// How far the furthest cluster of a shuffled log stands out in all but a few shuffles.
fn bound(compared: &Compared, judged: &[usize], spreads: &[(f64, f64)]) -> f64 {
    let furthest = |found: &[Overlap]| {
        let all = judged.iter().zip(spreads).map(|(cluster, spread)| deviations(*spread, found[*cluster].mean()));
        all.fold(0.0, f64::max)
    };
    let mut all: Vec<f64> = compared.users_null.iter().map(|found| furthest(&found.by_cluster)).collect();
    all.sort_by(f64::total_cmp);
    let at = ((all.len() as f64 * TRUSTED).ceil() as usize).saturating_sub(1);
    all.get(at).copied().unwrap_or(f64::INFINITY)
}

fn draws(compared: &Compared, cluster: usize) -> Vec<f64> {
    compared.users_null.iter().map(|found| found.by_cluster[cluster].mean()).collect()
}

/// Mean and standard deviation.
fn spread(draws: &[f64]) -> (f64, f64) {
    let count = draws.len().max(1) as f64;
    let mean = draws.iter().sum::<f64>() / count;
    let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

/// How far below its null a mean lies; 0 where the null never changes.
fn deviations((mean, deviation): (f64, f64), value: f64) -> f64 {
    if deviation > 0.0 { (mean - value) / deviation } else { 0.0 }
}
