//! AdamW (Loshchilov and Hutter 2019): moving averages of the gradient and of its square, weight decay apart from both.
//!
//! Works through the parameters in segments that depend on the layout alone, so that threads change no bit of what comes out.

use std::ops::Range;

use rayon::prelude::*;

use super::layout::Layout;
use super::math::vector::{add, dot, widest};

/// Parameters of one piece of work: enough to be worth a task, few enough to spread over threads.
const SEGMENT_SIZE_MAX: usize = 1 << 16;

/// AdamW's constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamSettings {
    /// How slowly the average of gradients moves.
    pub beta1: f64,
    /// How slowly the average of their squares moves.
    pub beta2: f64,
    /// Added to the root of that, against division by nothing.
    pub eps: f64,
    /// How much of a weight is taken away for each unit of learning rate.
    pub weight_decay: f64,
    /// A gradient longer than this is shortened to it.
    pub gradient_norm_max: f64,
}

/// The state of a run of AdamW.
#[derive(Clone, Debug)]
pub struct AdamW {
    settings: AdamSettings,
    segments: Vec<Segment>,
    moments: Moments,
}

/// What AdamW remembers, for a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// The average gradient.
    pub first: Vec<f32>,
    /// The average of its square.
    pub second: Vec<f32>,
    /// Steps taken.
    pub steps: u64,
}

#[derive(Clone, Debug)]
struct Segment {
    size: usize,
    decays: bool,
}

/// One segment of everything that an update reads or writes.
struct Piece<'a> {
    parameters: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    gradient: &'a [f32],
}

/// What one update multiplies by.
#[derive(Clone, Copy)]
struct Factors {
    gradient: f32,
    beta1: f32,
    beta2: f32,
    eps: f32,
    rate: f32,
    second: f32,
    keep: f32,
}

impl AdamW {
    /// At rest, for parameters of a layout.
    pub fn new(layout: &Layout, settings: AdamSettings) -> Self {
        let zeros = vec![0.0; layout.size()];
        let moments = Moments { first: zeros.clone(), second: zeros, steps: 0 };
        Self { settings, segments: segments(layout), moments }
    }

    /// What there is to remember.
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// Goes on from what was remembered.
    pub fn restore(&mut self, moments: Moments) {
        self.moments = moments;
    }

    /// Adds all gradients up into the first, in their order, and gives the length of the sum.
    pub fn sum(&self, gradients: &mut [Vec<f32>]) -> f64 {
        let Some((into, others)) = gradients.split_first_mut() else { return 0.0 };
        let starts = self.segments.iter().scan(0, |at, segment| {
            *at += segment.size;
            Some(*at - segment.size)
        });
        let pieces: Vec<_> = starts.zip(self.split(into)).collect();
        let squares: Vec<f64> = pieces.into_par_iter().map(|(start, into)| sum_piece(into, others, start)).collect();
        squares.iter().sum::<f64>().sqrt()
    }

    /// Moves the parameters against a gradient of length `norm`.
    pub fn step(&mut self, parameters: &mut [f32], (gradient, norm): (&[f32], f64), learning_rate: f64) {
        self.moments.steps += 1;
        let factors = self.factors(norm, learning_rate);
        let segments = &self.segments;
        let moments = &mut self.moments;
        let moved = split(segments, parameters).zip(split(segments, &mut moments.first));
        let mut at = 0;
        let pieces: Vec<_> = moved
            .zip(split(segments, &mut moments.second))
            .zip(segments)
            .map(|(((parameters, first), second), segment)| {
                at += segment.size;
                let gradient = &gradient[at - segment.size..at];
                (Piece { parameters, first, second, gradient }, segment.decays)
            })
            .collect();
        pieces.into_par_iter().for_each(|(piece, decays)| {
            let keep = if decays { factors.keep } else { 1.0 };
            piece.update(Factors { keep, ..factors });
        });
    }

    fn split<'a>(&self, values: &'a mut [f32]) -> impl Iterator<Item = &'a mut [f32]> {
        split(&self.segments, values)
    }

    fn factors(&self, norm: f64, learning_rate: f64) -> Factors {
        let AdamSettings { beta1, beta2, eps, weight_decay, gradient_norm_max } = self.settings;
        let correction = |beta: f64| 1.0 - beta.powf(self.moments.steps as f64);
        Factors {
            gradient: (gradient_norm_max / norm).min(1.0) as f32,
            beta1: beta1 as f32,
            beta2: beta2 as f32,
            eps: eps as f32,
            rate: (learning_rate / correction(beta1)) as f32,
            second: (1.0 / correction(beta2)) as f32,
            keep: (1.0 - learning_rate * weight_decay) as f32,
        }
    }
}

impl Piece<'_> {
    fn update(self, by: Factors) {
        let Self { parameters, first, second, gradient } = self;
        widest(
            #[inline(always)]
            || {
                for (((parameter, first), second), gradient) in
                    parameters.iter_mut().zip(first).zip(second).zip(gradient)
                {
                    let gradient = gradient * by.gradient;
                    *first = by.beta1 * *first + (1.0 - by.beta1) * gradient;
                    *second = by.beta2 * *second + (1.0 - by.beta2) * gradient * gradient;
                    *parameter = *parameter * by.keep - by.rate * *first / ((*second * by.second).sqrt() + by.eps);
                }
            },
        );
    }
}

fn sum_piece(into: &mut [f32], others: &[Vec<f32>], start: usize) -> f64 {
    widest(
        #[inline(always)]
        || {
            for other in others {
                add(into, &other[start..start + into.len()]);
            }
            f64::from(dot(into, into))
        },
    )
}

fn split<'a>(segments: &[Segment], mut values: &'a mut [f32]) -> impl Iterator<Item = &'a mut [f32]> {
    segments.iter().map(move |segment| {
        let (piece, rest) = std::mem::take(&mut values).split_at_mut(segment.size);
        values = rest;
        piece
    })
}

/// Cuts the parameters where decay begins and ends, and into pieces of a bounded size.
fn segments(layout: &Layout) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut at = 0;
    for place in layout.decays() {
        cut(&mut segments, at..place.start, false);
        cut(&mut segments, place.clone(), true);
        at = place.end;
    }
    cut(&mut segments, at..layout.size(), false);
    segments
}

fn cut(segments: &mut Vec<Segment>, place: Range<usize>, decays: bool) {
    let mut left = place.len();
    while left > 0 {
        let size = left.min(SEGMENT_SIZE_MAX);
        segments.push(Segment { size, decays });
        left -= size;
    }
}
