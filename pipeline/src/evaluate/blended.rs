//! The hybrid: what a model says and what the counts say, in one list; and how much the model's word is worth.
//!
//! The weight of a month is the one that would have been best in the months before it: never one that the month itself chose.

use super::method::Refreshed;
use super::walk::{Answering, Asked, Lists, Stretch};
use crate::examples::AsOf;
use crate::measure::Outcomes;
use crate::rank::Ranking;
use crate::smooth::Smoothed;

/// Weights that are tried, from the counts alone to the model alone.
pub const WEIGHTS: [f64; 11] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
/// The weight of the first month, before which nobody was asked anything.
const WEIGHT_UNTRIED: f64 = 0.5;
/// A hit is an answer among so many first.
const TOP: u32 = 5;

/// Answers with every weight, for choosing one.
#[derive(Clone, Copy, Debug)]
pub struct Blends<'a> {
    /// What is blended.
    pub of: Refreshed<'a>,
}

impl<'a> Answering for Blends<'a> {
    type Table = AsOf<'a>;

    fn contenders(&self) -> usize {
        WEIGHTS.len()
    }

    fn table(&self, stretch: &Stretch) -> AsOf<'a> {
        self.of.table(stretch)
    }

    fn rank(&self, table: &AsOf<'a>, stretch: &Stretch, asked: &Asked<'_>) -> Vec<Lists> {
        let counted = counted(table, asked);
        let told = self.of.told(table, stretch, asked);
        let blend = |weight: &f64| blend((&told, *weight), &counted, table.smoothed());
        WEIGHTS.iter().map(blend).collect()
    }
}

/// What the counts say of every history: clusters with their probabilities, best first.
pub type Counted = Vec<Vec<(u32, f64)>>;

/// What the counts say.
pub fn counted(table: &AsOf<'_>, asked: &Asked<'_>) -> Counted {
    let rank = |history: &&[u32]| {
        let (suffix, key) = table.counted_suffix(history);
        Ranking::new(table.smoothed(), suffix.len(), key).collect()
    };
    asked.histories.iter().map(rank).collect()
}

/// The blend of logits, at a weight, with probabilities: one list for each history.
pub fn blend((told, weight): (&[Vec<f32>], f64), counted: &Counted, smoothed: &Smoothed) -> Lists {
    let one = |(told, counted): (&Vec<f32>, &Vec<(u32, f64)>)| {
        let mut scores: Vec<f64> = probabilities(told).into_iter().map(|told| told * weight).collect();
        // What cannot come next has no share of either: both are probabilities given that it does not come.
        let open = || counted.iter().filter(|(cluster, _)| told[*cluster as usize].is_finite());
        let left = open().map(|(_, score)| score).sum::<f64>().max(f64::EPSILON);
        open().for_each(|(cluster, score)| scores[*cluster as usize] += (1.0 - weight) * score / left);
        let mut ranked: Vec<(u32, f64)> = (0..).zip(scores).collect();
        ranked.sort_unstable_by(|left, right| smoothed.better(*left, *right));
        ranked.into_iter().map(|(cluster, _)| cluster).collect()
    };
    told.iter().zip(counted).map(one).collect()
}

/// The softmax of logits.
fn probabilities(logits: &[f32]) -> Vec<f64> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut shares: Vec<f64> = logits.iter().map(|logit| f64::from(logit - highest).exp()).collect();
    let total: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= total);
    shares
}

/// The weight for each month, by how the [`WEIGHTS`] did in the months before. `ends` are where months end among the requests.
pub fn weights(outcomes: &[Outcomes], ends: &[usize]) -> Vec<f64> {
    let hits: Vec<Vec<usize>> = outcomes.iter().map(|outcomes| hits_before(outcomes, ends)).collect();
    let best = |month: usize| {
        let by_weight = || hits.iter().map(|hits| hits[month]);
        let most = by_weight().max().unwrap_or_default();
        // Nothing tried: nothing speaks for either end. Else the middle of those that are equally good is as good as any.
        let best: Vec<f64> =
            by_weight().zip(WEIGHTS).filter(|(hits, _)| *hits == most).map(|(_, weight)| weight).collect();
        if month == 0 { WEIGHT_UNTRIED } else { best.get(best.len() / 2).copied().unwrap_or(WEIGHT_UNTRIED) }
    };
    (0..ends.len()).map(best).collect()
}

/// How many hits there were before each month.
fn hits_before(outcomes: &Outcomes, ends: &[usize]) -> Vec<usize> {
    let hits: Vec<bool> = outcomes.ranks().map(|rank| rank.is_some_and(|rank| rank <= TOP)).collect();
    let starts = std::iter::once(0).chain(ends.iter().copied()).take(ends.len());
    starts.map(|end| hits[..end].iter().filter(|hit| **hit).count()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::Example;
    use crate::measure::Rankings;
    use crate::sequence::Mode;

    /// Requests whose true cluster stood at these ranks.
    fn outcomes(ranks: &[u32]) -> Outcomes {
        let mut outcomes = Outcomes::new(9);
        for rank in ranks {
            let mut rankings = Rankings::default();
            rankings.push((1..9).map(|place| if place == *rank { 0 } else { place }));
            outcomes.extend(&[Example { user: 0, time_us: 0, history: &[], next: 0 }], &rankings, Mode::Raw);
        }
        outcomes
    }

    #[test]
    fn a_month_is_weighed_by_the_months_before_it_alone() {
        // Two requests a month. Weight 0.3 is right in the first month only, 0.8 in the later ones.
        let tried = WEIGHTS.map(|weight| match weight {
            0.3 => outcomes(&[1, 1, 8, 8, 8, 8]),
            0.8 => outcomes(&[8, 8, 5, 1, 1, 1]),
            _ => outcomes(&[8, 8, 8, 8, 8, 8]),
        });
        assert_eq!(weights(&tried, &[2, 4, 6]), [WEIGHT_UNTRIED, 0.3, 0.8 - 0.5 + 0.5]);
    }

    #[test]
    fn logits_become_shares() {
        let shares = probabilities(&[0.0, f32::NEG_INFINITY, 3_f32.ln()]);
        assert!((shares[0] - 0.25).abs() < 1e-6 && shares[1] == 0.0 && (shares[2] - 0.75).abs() < 1e-6, "{shares:?}");
    }
}
