//! Measures answers to the same requests, contestant by contestant.

use super::answers::{Given, Place};
use super::held::HeldOut;
use super::{Agreement, Answered};
use crate::measure::{Bootstrap, Mean, Offers, Outcomes, Rankings};
use crate::sequence::Mode;
use crate::smooth::Smoothed;

/// Candidates that agreement looks at beyond the first.
const AGREEMENT_TOP: usize = 5;

/// What all contestants share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contest<'a> {
    pub(super) held: &'a HeldOut,
    pub(super) smoothed: &'a Smoothed,
    pub(super) mode: Mode,
    pub(super) bootstrap: Bootstrap,
}

impl Contest<'_> {
    /// Where the true clusters stood.
    pub(super) fn outcomes(&self, answers: &[Given]) -> Outcomes {
        // One more than the catalogue has, for the clusters that it does not have.
        let mut outcomes = Outcomes::new(self.smoothed.clusters + 1);
        for (asked, given) in self.held.asked.iter().zip(answers) {
            let mut rankings = Rankings::default();
            rankings.push(given.ranked.iter().copied());
            outcomes.extend(&[asked.example()], &rankings, self.mode);
        }
        outcomes
    }

    /// All figures of a contestant.
    pub(super) fn answered(&self, answers: &[Given], outcomes: &Outcomes) -> Answered {
        let mut offers = Offers::new(self.smoothed.clusters as usize);
        answers.iter().for_each(|given| offers.add(&given.ranked));
        let surprise = Surprise::new(self.smoothed);
        let [coverage, exact, novelty, surprise_bits] = self.means(|at| {
            let given = &answers[at];
            let history = &self.held.asked[at].history;
            let is = |said: bool| f64::from(u8::from(said));
            let new = |cluster: u32| is(!history.contains(&cluster));
            [
                is(given.place != Place::Popular),
                is(given.place == Place::Exact),
                mean(given.ranked.iter().map(|cluster| new(*cluster))),
                mean(given.ranked.iter().map(|cluster| surprise.bits(*cluster))),
            ]
        });
        let figures = self.bootstrap.figures(outcomes);
        let (catalogue_coverage, gini) = (offers.coverage(), offers.gini());
        Answered { figures, coverage, exact, novelty, surprise_bits, catalogue_coverage, gini }
    }

    /// How alike two contestants answer.
    pub(super) fn agreement(&self, left: &[Given], right: &[Given]) -> Agreement {
        let [top_1, jaccard_5] = self.means(|at| {
            let (left, right) = (&left[at].ranked, &right[at].ranked);
            [f64::from(u8::from(left.first() == right.first())), jaccard(first(left), first(right))]
        });
        Agreement { top_1, jaccard_5 }
    }

    /// Means over requests of what `of` says of the request at a place.
    fn means<const N: usize>(&self, of: impl Fn(usize) -> [f64; N]) -> [Mean; N] {
        let mut users: Vec<(f64, [f64; N])> = vec![(0.0, [0.0; N]); self.held.users as usize];
        for (at, asked) in self.held.asked.iter().enumerate() {
            let values = of(at);
            let (requests, sums) = &mut users[asked.example().user as usize - 1];
            *requests += 1.0;
            *sums = std::array::from_fn(|figure| sums[figure] + values[figure]);
        }
        self.bootstrap.means(&users)
    }
}

/// The self-information of a cluster: -log2 of its share of all events (Zhou et al., "Solving the apparent diversity-accuracy dilemma of
/// recommender systems", 2010). A cluster that nobody met surprises as much as the rarest that somebody did.
struct Surprise<'a> {
    popularity: &'a [f64],
    rarest: f64,
}

impl<'a> Surprise<'a> {
    fn new(smoothed: &'a Smoothed) -> Self {
        let met = smoothed.popularity.iter().copied().filter(|share| *share > 0.0);
        Self { popularity: &smoothed.popularity, rarest: met.fold(1.0, f64::min) }
    }

    fn bits(&self, cluster: u32) -> f64 {
        let share = self.popularity.get(cluster as usize).copied().filter(|share| *share > 0.0);
        -share.unwrap_or(self.rarest).log2()
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.sum::<f64>() / count
}

fn first(ranked: &[u32]) -> &[u32] {
    &ranked[..ranked.len().min(AGREEMENT_TOP)]
}

fn jaccard(left: &[u32], right: &[u32]) -> f64 {
    let both = left.iter().filter(|cluster| right.contains(cluster)).count();
    let either = left.len() + right.len() - both;
    if either == 0 { 1.0 } else { both as f64 / either as f64 }
}

#[cfg(test)]
mod tests {
    use super::jaccard;

    #[test]
    fn sets_are_alike_by_what_they_share() {
        let rows: [(&[u32], &[u32], f64); 5] = [
            (&[1, 2], &[2, 1], 1.0),
            (&[1, 2], &[3, 4], 0.0),
            (&[1, 2, 3], &[3, 4], 0.25),
            (&[], &[1], 0.0),
            (&[], &[], 1.0),
        ];
        for (left, right, expected) in rows {
            assert_eq!(jaccard(left, right), expected, "{left:?} {right:?}");
        }
    }
}
