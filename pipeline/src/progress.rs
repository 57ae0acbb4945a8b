//! The bar that moves while long work runs: on standard error, and only where that is a terminal.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a bar without a measure of its own is redrawn.
const TICK: Duration = Duration::from_millis(100);

/// One phase of the work at a time.
#[derive(Clone, Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar over `bytes` of input, silent unless standard error is a terminal.
    pub fn reading_bytes(bytes: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{msg:>10} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message("reading");
        Self { bar }
    }

    /// A bar over a number of things, silent unless standard error is a terminal.
    pub fn making(count: u64, what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{msg:>10} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what);
        Self { bar }
    }

    /// A bar over the steps of a training, with what [`Progress::say`] says before it.
    pub fn training(steps: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} steps {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar }
    }

    /// What stands beside the bar.
    pub fn say(&self, message: String) {
        self.bar.set_message(message);
    }

    /// No bar.
    pub fn hidden() -> Self {
        Self { bar: ProgressBar::hidden() }
    }

    /// Moves the bar by the bytes read through the result.
    pub fn reading<R: Read + 'static>(&self, input: R) -> impl Read + 'static {
        self.bar.wrap_read(input)
    }

    /// Moves the bar as the rows of a file are taken, over the size of that file.
    pub fn rows(&self, path: &Path, rows: u64) -> RowsProgress {
        let bytes = path.metadata().map_or(0, |about| about.len());
        RowsProgress { bar: self.bar.clone(), bytes_per_row: bytes as f64 / rows.max(1) as f64, owed: 0.0 }
    }

    /// Moves the bar by a count.
    pub fn advance(&self, count: u64) {
        self.bar.inc(count);
    }

    /// Moves the bar by what was done before, which says nothing of the speed.
    pub fn skip(&self, count: u64) {
        self.bar.inc(count);
        self.bar.reset_eta();
    }

    /// Goes on to a phase that has no measure.
    pub fn phase(&self, what: &'static str) {
        let style = ProgressStyle::with_template("{msg:>10} {spinner} {elapsed}");
        self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        self.bar.set_message(what);
        self.bar.enable_steady_tick(TICK);
    }

    /// Clears the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Moves a bar of bytes by rows.
#[derive(Debug)]
pub struct RowsProgress {
    bar: ProgressBar,
    bytes_per_row: f64,
    owed: f64,
}

impl RowsProgress {
    /// Moves the bar by the bytes that `rows` rows stand for.
    pub fn advance(&mut self, rows: u64) {
        self.owed += rows as f64 * self.bytes_per_row;
        self.bar.inc(self.owed as u64);
        self.owed = self.owed.fract();
    }
}
