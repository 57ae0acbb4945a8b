//! The run: epochs of steps, a validation after each, checkpoints on the way, the best weights at the end.
//!
//! A run that was killed and resumed takes the very steps that it would have taken.

use std::path::Path;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::checkpoint::{Checkpoint, State};
use super::decoder::{Regulation, Shard};
use super::display::Display;
use super::journal::{Entry, Journal};
use super::layout::Layout;
use super::lesson::{Lessons, Poorer, key};
use super::math::dropout::Dropout;
use super::schedule::Schedule;
use super::settings::{ChooseBy, LearningSettings, OutputSettings, Start};
use super::step::{Found, Step, Stepper};
use super::validate::{Validated, validate};

/// A run, ready to go.
#[derive(Debug)]
pub struct Run<'a> {
    layout: &'a Layout,
    learning: &'a LearningSettings,
    output: &'a OutputSettings,
    lessons: &'a Lessons<'a>,
    validation: &'a Lessons<'a>,
    schedule: Schedule,
    epoch_steps: u64,
    stepper: Stepper,
    journal: Journal,
    checkpoint: Checkpoint,
    display: Display,
}

/// What a run is made of.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The network's places.
    pub layout: &'a Layout,
    /// How it learns.
    pub learning: &'a LearningSettings,
    /// Where it writes, and on how many threads it computes.
    pub output: &'a OutputSettings,
    /// What it learns from.
    pub lessons: &'a Lessons<'a>,
    /// What chooses the weights.
    pub validation: &'a Lessons<'a>,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The best weights.
    pub parameters: Vec<f32>,
    /// What the validation found of them.
    pub best: Validated,
    /// The epoch they are of, from 1.
    pub best_epoch: usize,
    /// Epochs that were run.
    pub epochs: usize,
    /// Steps that were taken.
    pub steps: u64,
}

impl<'a> Run<'a> {
    /// Begins from `start`, or goes on from the checkpoint in the run's directory where that is asked for and there is one.
    ///
    /// # Errors
    /// When the checkpoint is of another run, the disk refuses or the system gives no threads.
    pub fn begin(parts: Parts<'a>, start: Checkpoint) -> anyhow::Result<Self> {
        let Parts { layout, learning, output, lessons, validation } = parts;
        std::fs::create_dir_all(&output.run_dir)?;
        let found = resumed(output, &start)?;
        let mut stepper = Stepper::new(layout, learning.adam, (learning.batch, output.threads))?;
        let checkpoint = found.unwrap_or(start);
        stepper.adam.restore(checkpoint.moments.clone());
        let epoch_steps = lessons.range.len().div_ceil(learning.batch) as u64;
        let steps = epoch_steps * u64::from(learning.epochs);
        Ok(Self {
            schedule: Schedule::new(learning.learning_rate, steps, learning.warmup),
            journal: Journal::open(&output.run_dir, checkpoint.state.journal_bytes)?,
            display: Display::new(steps, checkpoint.state.step, output.show),
            layout,
            learning,
            output,
            lessons,
            validation,
            epoch_steps,
            stepper,
            checkpoint,
        })
    }

    /// Runs to its end: all epochs, or as many as still made it better.
    ///
    /// # Errors
    /// When the disk refuses or the loss is no longer a number.
    pub fn finish(mut self) -> anyhow::Result<Trained> {
        while !self.is_over() {
            let epoch = self.checkpoint.state.step / self.epoch_steps;
            let order = self.order(epoch);
            let done = (self.checkpoint.state.step % self.epoch_steps) as usize;
            for examples in order.chunks(self.learning.batch).skip(done) {
                self.step(epoch, examples)?;
                if self.checkpoint.state.step.is_multiple_of(self.epoch_steps) {
                    self.end_epoch()?;
                }
                if self.checkpoint.state.step.is_multiple_of(self.output.checkpoint_steps) {
                    self.save()?;
                }
            }
        }
        self.journal.sync()?;
        self.display.finish();
        let state = self.checkpoint.state;
        let best_epoch = state.best_epoch.unwrap_or_default();
        Ok(Trained {
            parameters: self.checkpoint.best,
            best: state.validated[best_epoch],
            best_epoch: best_epoch + 1,
            epochs: state.validated.len(),
            steps: state.step,
        })
    }

    fn is_over(&self) -> bool {
        let State { step, validated, best_epoch, .. } = &self.checkpoint.state;
        let since_best = best_epoch.map_or(0, |best| validated.len() - 1 - best);
        *step >= self.schedule.steps || since_best >= self.learning.patience as usize
    }

    /// The places to learn from in the order of an epoch.
    fn order(&self, epoch: u64) -> Vec<usize> {
        let mut places: Vec<usize> = self.lessons.range.clone().collect();
        let mut random = ChaCha8Rng::seed_from_u64(self.learning.seed);
        random.set_stream(epoch + 1);
        places.shuffle(&mut random);
        places
    }

    fn step(&mut self, epoch: u64, examples: &[usize]) -> anyhow::Result<()> {
        let at = self.checkpoint.state.step;
        let poorer = Poorer::of(self.learning, epoch);
        let lessons = self.lessons;
        let fill = |place: usize, shard: &mut Shard| lessons.add(place, poorer, shard);
        let dropout = Dropout { rate: self.learning.dropout as f32, key: key(self.learning.seed, at) };
        let label_smoothing = self.learning.label_smoothing as f32;
        let learning_rate = self.schedule.rate(at);
        let step = Step { examples, learning_rate, regulation: Regulation { dropout, label_smoothing } };
        let found = self.stepper.step(&mut self.checkpoint.parameters, step, &fill);
        self.checkpoint.state.step += 1;
        self.record(found, learning_rate, examples.len())
    }

    fn record(&mut self, found: Found, learning_rate: f64, examples: usize) -> anyhow::Result<()> {
        let Found { loss, gradient_norm } = found;
        let step = self.checkpoint.state.step;
        anyhow::ensure!(
            loss.is_finite() && gradient_norm.is_finite(),
            "the loss of step {step} is {loss}, its gradient's length {gradient_norm}; train again with a lower --learning-rate"
        );
        self.journal.write(&Entry::Step { step, loss, gradient_norm, learning_rate })?;
        self.display.step(loss, examples);
        Ok(())
    }

    fn end_epoch(&mut self) -> anyhow::Result<()> {
        let Checkpoint { parameters, state, .. } = &self.checkpoint;
        let (layout, validation, step) = (self.layout, self.validation, state.step);
        let validated = self.stepper.install(|| validate(layout, parameters, validation));
        let is_best = state.best_epoch.is_none_or(|best| self.better(validated, state.validated[best]));
        let state = &mut self.checkpoint.state;
        state.validated.push(validated);
        let epoch = state.validated.len();
        if is_best {
            state.best_epoch = Some(epoch - 1);
            self.checkpoint.best.clone_from(&self.checkpoint.parameters);
        }
        self.journal.write(&Entry::Epoch { epoch, step, validated })?;
        self.display.epoch(epoch, validated);
        Ok(())
    }

    fn better(&self, new: Validated, best: Validated) -> bool {
        match self.learning.choose_by {
            ChooseBy::Loss => new.loss < best.loss,
            ChooseBy::Hit5 => new.hit_5 > best.hit_5,
            ChooseBy::Last => true,
        }
    }

    fn save(&mut self) -> anyhow::Result<()> {
        self.checkpoint.state.journal_bytes = self.journal.sync()?;
        self.checkpoint.moments = self.stepper.adam.moments().clone();
        self.checkpoint.save(&self.output.run_dir)?;
        self.display.checkpoint(self.checkpoint.state.step);
        Ok(())
    }
}

fn resumed(output: &OutputSettings, start: &Checkpoint) -> anyhow::Result<Option<Checkpoint>> {
    let dir: &Path = &output.run_dir;
    match output.start {
        Start::Anew => Ok(None),
        Start::Resume => Ok(Checkpoint::load(dir, &start.state.identity)?),
    }
}
