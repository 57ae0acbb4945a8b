//! From logits to candidates, beside a model that sorts everything.

use proptest::collection::vec;
use proptest::prelude::*;
use segue::model::rank::{Ranked, mask, rank};

/// The softmax of all, sorted in full.
fn naive(logits: &[f32], count: usize) -> Ranked {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits.iter().map(|&logit| f64::from(logit - highest).exp()).sum();
    let mut all: Vec<_> = (0..).zip(logits.iter().copied()).filter(|(_, logit)| logit.is_finite()).collect();
    all.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
    all.truncate(count);
    all.into_iter().map(|(index, logit)| (index, (f64::from(logit - highest).exp() / total) as f32)).collect()
}

proptest! {
    #[test]
    fn the_best_come_in_order_with_their_shares(
        mut logits in vec(prop_oneof![-20f32..20.0, Just(1.5), Just(-3.0)], 1..80),
        (masked, count) in (vec(0..90u32, 0..6), 0..90usize),
    ) {
        mask(&mut logits, &masked);
        let ranked = rank(&logits, count, &mut vec![7; 3]);
        let expected = naive(&logits, count);
        prop_assert_eq!(ranked.len(), expected.len());
        for (found, expected) in ranked.iter().zip(&expected) {
            prop_assert_eq!(found.0, expected.0);
            prop_assert!((found.1 - expected.1).abs() < 1e-6);
        }
        prop_assert!(ranked.iter().all(|(index, _)| !masked.contains(index)));
    }
}

#[test]
fn all_shares_together_are_one() {
    let logits: Vec<f32> = (0..70_000).map(|index| (index % 977) as f32 / 100.0).collect();
    let total: f64 = rank(&logits, usize::MAX, &mut Vec::new()).iter().map(|&(_, score)| f64::from(score)).sum();
    assert!((total - 1.0).abs() < 1e-5, "{total}");
}

#[test]
fn of_logits_that_are_no_numbers_nothing_comes() {
    const NONE: f32 = f32::NEG_INFINITY;
    let cases: &[(&[f32], &[u32])] = &[
        (&[], &[]),
        (&[NONE, NONE], &[]),
        (&[1.0, f32::NAN], &[]),
        (&[f32::INFINITY, 1.0], &[]),
        (&[NONE, 1.0], &[1]),
        (&[3e38, -3e38], &[0, 1]),
        (&[2.0, 2.0, 2.0], &[0, 1, 2]),
    ];
    for (logits, expected) in cases {
        let ranked: Vec<_> = rank(logits, 5, &mut Vec::new()).into_iter().map(|(index, _)| index).collect();
        assert_eq!(ranked, *expected, "{logits:?}");
    }
}
