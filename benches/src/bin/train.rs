//! How many examples a second does training take, beside PyTorch on the same network, batch and threads?
//!
//! Data: made-up prompts. Network: 256 wide, 4 blocks, 4 heads, 704 inside, 323 tokens. A step is whole: forward, backward, clipping, AdamW.
//! Command: `train --python PYTHON` with torch and transformers installed for that Python; without it, our own figures alone. Baseline: PyTorch
//! eager, padded to the longest prompt; see `benches/model/train_peer.py`. Rounds are interleaved; figures are medians of steps, then of
//! rounds. Both must have the processors to themselves: PyTorch's threads wait for each other at every operation.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use segue::model::config::{Barred, ModelConfig, PromptConfig, Size};
use segue_bench::figures::{median, table};
use segue_pipeline::train::decoder::{Regulation, Shard};
use segue_pipeline::train::layout::Layout;
use segue_pipeline::train::optimiser::AdamSettings;
use segue_pipeline::train::parameters::draw;
use segue_pipeline::train::step::{Step, Stepper};

/// Clusters of the made-up catalogue.
const CLUSTERS: u32 = 300;
/// Steps before those that count.
const WARMUP_STEPS: usize = 2;

/// Compares training.
#[derive(Parser)]
struct Cli {
    /// A Python with torch and transformers.
    #[arg(long)]
    python: Option<PathBuf>,
    /// The peer's script.
    #[arg(long, default_value = "model/train_peer.py")]
    peer: PathBuf,
    /// Examples of a step.
    #[arg(long, value_delimiter = ',', default_value = "64,256")]
    batches: Vec<usize>,
    /// Threads.
    #[arg(long, value_delimiter = ',', default_value = "1,4")]
    threads: Vec<usize>,
    /// Interleaved rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Steps of a round.
    #[arg(long, default_value_t = 10)]
    steps: usize,
}

/// One thing to measure.
#[derive(Clone, Copy)]
struct Case {
    batch: usize,
    threads: usize,
    /// Tokens of the shortest and of the longest prompt.
    tokens: (usize, usize),
    steps: usize,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let mut peer = cli.python.as_deref().map(|python| Peer::start(python, &cli.peer)).transpose()?;
    let mut rows = table(&["batch", "threads", "tokens", "ours, examples/s", "PyTorch, examples/s", "ratio"]);
    for tokens in [(20, 20), (12, 28)] {
        for (&batch, &threads) in cli.batches.iter().flat_map(|batch| cli.threads.iter().map(move |one| (batch, one))) {
            let case = Case { batch, threads, tokens, steps: cli.steps };
            let (ours, theirs) = measure(case, cli.rounds, peer.as_mut())?;
            rows.add_row([
                batch.to_string(),
                threads.to_string(),
                format!("{} to {}", tokens.0, tokens.1),
                format!("{ours:.0}"),
                theirs.map_or_else(String::new, |theirs| format!("{theirs:.0}")),
                theirs.map_or_else(String::new, |theirs| format!("{:.2}", ours / theirs)),
            ]);
        }
    }
    println!("{rows}");
    Ok(())
}

fn measure(case: Case, rounds: usize, mut peer: Option<&mut Peer>) -> Result<(f64, Option<f64>)> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(case.run()?);
        if let Some(peer) = peer.as_deref_mut() {
            theirs.push(peer.ask(case)?);
        }
    }
    Ok((median(&ours), (!theirs.is_empty()).then(|| median(&theirs))))
}

impl Case {
    /// Our examples a second.
    fn run(self) -> Result<f64> {
        let layout = Layout::new(&config(self.tokens.1)?);
        let mut parameters = draw(&layout, 1);
        let adam = AdamSettings { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01, gradient_norm_max: 1.0 };
        let mut stepper = Stepper::new(&layout, adam, (self.batch, self.threads))?;
        let examples: Vec<usize> = (0..self.batch).collect();
        let mut taken_s = Vec::new();
        for _ in 0..WARMUP_STEPS + self.steps {
            let step = Step { examples: &examples, learning_rate: 1e-3, regulation: Regulation::NONE };
            let started = Instant::now();
            let found = stepper.step(&mut parameters, step, &|example, shard: &mut Shard| self.add(example, shard));
            taken_s.push(started.elapsed().as_secs_f64());
            ensure!(found.loss.is_finite(), "the loss is no number");
        }
        Ok(self.batch as f64 / median(&taken_s[WARMUP_STEPS..]))
    }

    fn add(self, example: usize, shard: &mut Shard) {
        let (shortest, longest) = self.tokens;
        let length = shortest + example * 7 % (longest + 1 - shortest);
        let tokens: Vec<u32> = (0..length).map(|at| ((example * 31 + at * 17) % 323) as u32).collect();
        shard.prompts.push(&tokens);
        shard.answers.push(example as u32 % CLUSTERS);
        shard.weights.push(1.0);
        shard.barred.push(Vec::new());
    }
}

/// The default network, for prompts of so many tokens.
fn config(tokens: usize) -> Result<ModelConfig> {
    let prompt = PromptConfig { clusters: CLUSTERS, history_max: tokens, retrieved_max: 8, barred: Barred::History };
    Ok(ModelConfig::new(prompt, Size { hidden: 256, intermediate: 704, layers: 4, heads: 4 })?)
}

/// PyTorch in a process of its own, which waits on its input while we measure ourselves.
struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(python: &std::path::Path, script: &std::path::Path) -> Result<Self> {
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", python.display()))?;
        let input = child.stdin.take().context("the peer has no input")?;
        let output = BufReader::new(child.stdout.take().context("the peer has no output")?);
        let mut peer = Self { child, input, output };
        ensure!(peer.line()? == "ready", "the peer did not get ready");
        Ok(peer)
    }

    fn ask(&mut self, case: Case) -> Result<f64> {
        let Case { batch, threads, tokens: (shortest, longest), steps } = case;
        writeln!(self.input, "{batch} {threads} {shortest} {longest} {steps}")?;
        self.line()?.parse().context("the peer's answer is no number")
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends by itself when its input does; one that hangs is not waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
