//! How good weights are on the examples that choose between them: plain loss and hit@5.

use std::ops::Range;

use rayon::prelude::*;

use super::decoder::{Decoder, Shard};
use super::layout::Layout;
use super::lesson::{Lessons, Poorer};
use super::math::loss::{Target, bar, cross_entropy};

/// Examples asked at once.
const CHUNK_SIZE: usize = 64;
/// An answer among so many first is a hit.
const TOP: usize = 5;

/// What was found, means over examples.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Validated {
    /// Cross-entropy in nats, nothing smoothed, all examples alike.
    pub loss: f64,
    /// The share with the answer among the first five.
    pub hit_5: f64,
}

/// Asks every lesson, unspoilt. Runs on the rayon threads that it is called from; their number changes no bit.
pub fn validate(layout: &Layout, parameters: &[f32], lessons: &Lessons<'_>) -> Validated {
    let Range { start, end } = lessons.range;
    let starts: Vec<usize> = (start..end).step_by(CHUNK_SIZE).collect();
    let sums: Vec<Validated> = starts
        .into_par_iter()
        .map_init(
            || (Decoder::new(layout.clone()), Shard::default()),
            |(decoder, shard), from| {
                shard.clear();
                (from..end.min(from + CHUNK_SIZE)).for_each(|at| lessons.add(at, Poorer::default(), shard));
                chunk(decoder, parameters, shard)
            },
        )
        .collect();
    let count = lessons.range.len().max(1) as f64;
    let sum = |of: fn(&Validated) -> f64| sums.iter().map(of).sum::<f64>() / count;
    Validated { loss: sum(|sum| sum.loss), hit_5: sum(|sum| sum.hit_5) }
}

fn chunk(decoder: &mut Decoder, parameters: &[f32], shard: &Shard) -> Validated {
    let mut logits = decoder.logits(parameters, &shard.prompts).to_vec();
    let clusters = logits.len() / shard.answers.len();
    let rows = logits.chunks_exact_mut(clusters).zip(&shard.answers).zip(&shard.barred);
    rows.fold(Validated::default(), |sum, ((logits, answer), barred)| {
        bar(logits, barred);
        let hit = rank(logits, *answer as usize) < TOP;
        let target = Target { answer: *answer as usize, barred, weight: 1.0, smoothing: 0.0 };
        let loss = f64::from(cross_entropy(logits, target));
        Validated { loss: sum.loss + loss, hit_5: sum.hit_5 + f64::from(u8::from(hit)) }
    })
}

/// How many stand before the answer: the higher logit first, the smaller index first where equal.
fn rank(logits: &[f32], answer: usize) -> usize {
    let of_answer = logits[answer];
    let before = |(at, logit): (usize, &f32)| *logit > of_answer || (*logit == of_answer && at < answer);
    logits.iter().enumerate().filter(|one| before(*one)).count()
}
