//! Class balance: examples of rare clusters weigh more, so that a model does not learn the popular ones only.
//!
//! An example of cluster c weighs `n_c^-alpha`, where n_c is how many examples c is the next of: to draw examples by weight draws class
//! c with `p_c ~ n_c^(1 - alpha)`, the family of Kang et al., "Decoupling Representation and Classifier for Long-Tailed Recognition",
//! ICLR 2020, equation 1, with q = 1 - alpha. Alpha 0 leaves all alike, 1/2 is its square-root sampling, 1 draws all classes alike.

use std::ops::Range;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::examples::Examples;

/// The most that an example weighs, unless asked otherwise, when the mean weighs 1: a cluster met once must not drown a batch.
pub const WEIGHT_MAX: f64 = 10.0;

/// How examples are weighed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Balance {
    /// How far towards weighing all clusters alike: 0 not at all, 1 wholly.
    pub alpha: f64,
    /// The most that an example weighs, in units of the mean weight before it was bounded.
    pub weight_max: f64,
}

impl Default for Balance {
    fn default() -> Self {
        Self { alpha: 0.0, weight_max: WEIGHT_MAX }
    }
}

impl Balance {
    /// The weight of an example by its next cluster, by index; the mean over the examples of the range is 1.
    pub fn weights(&self, examples: &Examples, range: Range<usize>, clusters: u32) -> Vec<f32> {
        let mut counts = vec![0_u64; clusters as usize];
        examples.iter(range).for_each(|example| counts[example.next as usize] += 1);
        let weights = counts.iter().map(|count| self.weight(*count)).collect();
        let bounded = scaled(weights, &counts).into_iter().map(|weight| weight.min(self.weight_max)).collect();
        scaled(bounded, &counts).into_iter().map(|weight| weight as f32).collect()
    }

    fn weight(&self, count: u64) -> f64 {
        // A cluster that never comes next has no example to weigh.
        if count == 0 { 0.0 } else { (count as f64).powf(-self.alpha) }
    }
}

/// The places of a range, each as often as its example weighs on average; `weights` by next cluster. The same seed gives the same places,
/// ascending.
pub fn draw(weights: &[f32], examples: &Examples, range: Range<usize>, seed: u64) -> Vec<usize> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // A weight of 2.3 gives two copies, and a third with a chance of 0.3.
    let mut copies = |at: usize| (weights[examples.get(at).next as usize] + random.random::<f32>()).floor() as usize;
    range.flat_map(|at| std::iter::repeat_n(at, copies(at))).collect()
}

/// The same weights with a mean of 1 over the examples.
fn scaled(weights: Vec<f64>, counts: &[u64]) -> Vec<f64> {
    let total: f64 = weights.iter().zip(counts).map(|(weight, count)| weight * *count as f64).sum();
    let scale = counts.iter().sum::<u64>() as f64 / total.max(f64::MIN_POSITIVE);
    weights.into_iter().map(|weight| weight * scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::examples::{ExampleRules, Log};

    /// Sixteen examples of cluster 1, four of cluster 2, one of cluster 3, none of clusters 0 and 4.
    fn examples() -> Examples {
        let nexts = [(1, 16), (2, 4), (3, 1)].into_iter().flat_map(|(next, count)| std::iter::repeat_n(next, count));
        let pair = |(user, next)| [(0, 0), (next, 1)].map(|(cluster, time_us)| Event { user, cluster, time_us });
        let events = (0..).zip(nexts).flat_map(pair).collect();
        Examples::new(&Log { events, clusters: 5 }, &ExampleRules::default())
    }

    #[track_caller]
    fn check(alpha: f64, weight_max: f64, expected: [f32; 3]) {
        let weights = Balance { alpha, weight_max }.weights(&examples(), 0..21, 5);
        for (weight, expected) in weights[1..4].iter().zip(expected) {
            assert!((weight - expected).abs() < 1e-5, "{weights:?}");
        }
        assert_eq!((weights[0], weights[4]), (0.0, 0.0));
    }

    #[test]
    fn rare_clusters_weigh_more_up_to_the_bound() {
        check(0.0, 10.0, [1.0, 1.0, 1.0]);
        // 1/4, 1/2 and 1 add up to 16/4 + 4/2 + 1 = 7 over 21 examples: three times as much each.
        check(0.5, 10.0, [0.75, 1.5, 3.0]);
        // 1/16, 1/4 and 1 add up to 3: seven times as much.
        check(1.0, 10.0, [7.0 / 16.0, 7.0 / 4.0, 7.0]);
        // The last bounded to 3.5: 7 + 7 + 3.5 = 17.5 becomes 21.
        check(1.0, 3.5, [7.0 / 16.0 * 1.2, 7.0 / 4.0 * 1.2, 3.5 * 1.2]);
    }

    #[test]
    fn a_draw_follows_the_weights_and_the_seed() {
        let (examples, balance) = (examples(), Balance { alpha: 0.5, weight_max: 10.0 });
        let weights = balance.weights(&examples, 0..21, 5);
        let draw = |seed| draw(&weights, &examples, 0..21, seed);
        assert_eq!((draw(7), draw(7) == draw(8)), (draw(7), false));
        assert!(draw(7).is_sorted());
        let mut drawn = [0; 5];
        (0..400).flat_map(draw).for_each(|at| drawn[examples.get(at).next as usize] += 1);
        // Expected of 400 draws: 16 x 0.75, 4 x 1.5 and 1 x 3 each.
        for (next, expected) in [(1, 4800_i32), (2, 2400), (3, 1200)] {
            let drawn: i32 = drawn[next];
            assert!(drawn.abs_diff(expected) < 100, "{next}: {drawn} of {expected}");
        }
        assert_eq!(super::draw(&[1.0; 5], &examples, 3..9, 1), (3..9).collect::<Vec<_>>());
    }
}
