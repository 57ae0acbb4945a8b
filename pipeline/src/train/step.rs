//! One step of training: a batch shared out among lanes, their gradients added up in order, the parameters moved.
//!
//! A batch is always cut into the same lanes, however many threads there are to run them, and their gradients are always added in the same
//! order: so the same seed gives the same weights on any number of threads.

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use super::decoder::{Decoder, Regulation, Shard};
use super::layout::Layout;
use super::optimiser::{AdamSettings, AdamW};

/// Examples that make a lane worth having: fewer waste time on adding gradients up.
const LANE_EXAMPLES_MIN: usize = 16;
/// Most lanes of a batch: each holds a gradient of its own.
const LANES_MAX: usize = 8;

/// Takes steps.
#[derive(Debug)]
pub struct Stepper {
    pool: ThreadPool,
    lanes: Vec<Lane>,
    /// One a lane.
    gradients: Vec<Vec<f32>>,
    /// The optimiser.
    pub adam: AdamW,
}

/// What a step is told.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The examples of the batch, by number.
    pub examples: &'a [usize],
    /// How far to move.
    pub learning_rate: f64,
    /// Dropout with this step's own key.
    pub regulation: Regulation,
}

/// What a step found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The batch's mean loss, in nats, before the step.
    pub loss: f64,
    /// The gradient's length before it was shortened.
    pub gradient_norm: f64,
}

#[derive(Debug)]
struct Lane {
    decoder: Decoder,
    shard: Shard,
}

impl Stepper {
    /// For batches of `batch` examples, on `threads` threads.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new(
        layout: &Layout,
        settings: AdamSettings,
        (batch, threads): (usize, usize),
    ) -> Result<Self, ThreadPoolBuildError> {
        let lanes = (batch / LANE_EXAMPLES_MIN).clamp(1, LANES_MAX);
        let lane = || Lane { decoder: Decoder::new(layout.clone()), shard: Shard::default() };
        Ok(Self {
            pool: ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(|at| format!("segue-train-{at}"))
                .build()?,
            lanes: (0..lanes).map(|_| lane()).collect(),
            gradients: vec![vec![0.0; layout.size()]; lanes],
            adam: AdamW::new(layout, settings),
        })
    }

    /// Takes a step; `fill` adds an example to a shard.
    pub fn step(
        &mut self,
        parameters: &mut [f32],
        step: Step<'_>,
        fill: &(impl Fn(usize, &mut Shard) + Sync),
    ) -> Found {
        let Self { pool, lanes, gradients, adam } = self;
        pool.install(|| {
            let part = step.examples.len().div_ceil(lanes.len()).max(1);
            let used = step.examples.len().div_ceil(part);
            let parts = step.examples.chunks(part).enumerate().collect::<Vec<_>>();
            let losses: Vec<f64> = lanes[..used]
                .par_iter_mut()
                .zip(&mut gradients[..used])
                .zip(parts)
                .with_max_len(1)
                .map(|((lane, gradient), (at, part))| {
                    lane.fill(part, step.examples.len(), fill);
                    let regulation = step.regulation.of_lane(at as u32);
                    lane.decoder.loss(parameters, (&lane.shard, regulation), gradient)
                })
                .collect();
            let gradient_norm = adam.sum(&mut gradients[..used]);
            adam.step(parameters, (&gradients[0], gradient_norm), step.learning_rate);
            Found { loss: losses.iter().sum(), gradient_norm }
        })
    }

    /// Runs `work` where this stepper's threads are.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.install(work)
    }
}

impl Lane {
    fn fill(&mut self, part: &[usize], batch: usize, fill: &impl Fn(usize, &mut Shard)) {
        self.shard.clear();
        part.iter().for_each(|example| fill(*example, &mut self.shard));
        self.shard.weights.iter_mut().for_each(|weight| *weight /= batch as f32);
    }
}

impl Regulation {
    fn of_lane(self, lane: u32) -> Self {
        Self { dropout: self.dropout.at(0x1a9e + lane), ..self }
    }
}
