//! What a person sees of a run on standard error: a bar where that is a terminal, else a line for each epoch and checkpoint.

use std::io::IsTerminal;
use std::time::Instant;

use super::settings::Show;
use super::validate::Validated;
use crate::progress::Progress;

/// How much of a running figure each step leaves.
const SMOOTHING: f64 = 0.95;

/// The display of one run.
#[derive(Debug)]
pub struct Display {
    progress: Progress,
    writes_lines: bool,
    steps: u64,
    last: Instant,
    loss: Option<f64>,
    examples_per_s: Option<f64>,
    validated: Option<Validated>,
}

impl Display {
    /// A display of a run of `steps` steps of which `done` are taken.
    pub fn new(steps: u64, done: u64, show: Show) -> Self {
        let progress = if show == Show::Steps { Progress::training(steps) } else { Progress::hidden() };
        progress.advance(done);
        let writes_lines = show == Show::Steps && !std::io::stderr().is_terminal();
        Self { progress, writes_lines, steps, last: Instant::now(), loss: None, examples_per_s: None, validated: None }
    }

    /// A step was taken.
    pub fn step(&mut self, loss: f64, examples: usize) {
        let now = Instant::now();
        let rate = examples as f64 / now.duration_since(self.last).as_secs_f64().max(1e-9);
        self.last = now;
        self.loss = Some(running(self.loss, loss));
        self.examples_per_s = Some(running(self.examples_per_s, rate));
        self.progress.advance(1);
        self.progress.say(self.line());
    }

    /// An epoch was validated.
    pub fn epoch(&mut self, epoch: usize, validated: Validated) {
        self.validated = Some(validated);
        self.last = Instant::now();
        if self.writes_lines {
            eprintln!("epoch {epoch}: {}", self.line());
        }
    }

    /// A checkpoint was written.
    pub fn checkpoint(&mut self, step: u64) {
        self.last = Instant::now();
        if self.writes_lines {
            eprintln!("checkpoint at step {step} of {}", self.steps);
        }
    }

    /// The run is over.
    pub fn finish(&self) {
        self.progress.finish();
    }

    fn line(&self) -> String {
        let validated = self.validated.map_or_else(String::new, |validated| {
            format!("  validation loss {:.4} hit@5 {:.4}", validated.loss, validated.hit_5)
        });
        let rate = self.examples_per_s.unwrap_or_default();
        format!("loss {:.4}{validated}  {rate:.0} examples/s", self.loss.unwrap_or_default())
    }
}

fn running(mean: Option<f64>, new: f64) -> f64 {
    mean.map_or(new, |mean| SMOOTHING * mean + (1.0 - SMOOTHING) * new)
}
