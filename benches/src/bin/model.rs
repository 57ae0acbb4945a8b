//! What does one run of the model cost on one thread, beside PyTorch, ONNX Runtime and candle, and how far from the processor's limit?
//!
//! Data: the default shape (width 256, 4 layers, 4 heads, inner width 704, 761 clusters) with random weights; prompts of 8 tokens, as was
//! measured before, and of 20, as histories with context have. Command: `taskset -c 2 target/release/model --python PYTHON`, a Python with what
//! `model/peers.py` asks for. Baselines: the same weights in PyTorch eager and ONNX Runtime (logits at the last position only, as the engine),
//! and in the network on candle as it is trained (logits at every position); the limit is a loop of multiply-adds that touches no memory.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, IndexOp, Tensor};
use candle_nn::VarBuilder;
use clap::Parser;
use segue::model::config::{Barred, ModelConfig, PromptConfig, Size};
use segue::model::engine::{Engine, Kernel, Precision, Prompts, Scratch};
use segue::model::network::Network;
use segue::model::prompt::TOKEN_CLUSTER;
use segue_bench::figures::{median, table};
use segue_bench::peak;

const CLUSTERS: usize = 761;
const LENGTHS: [usize; 2] = [8, 20];
const BATCHES: [usize; 3] = [1, 8, 32];
/// What a logit may differ by between two runtimes that compute in 32-bit floats.
const LOGIT_DIFFERENCE_MAX: f32 = 1e-4;

/// Times the engine beside its peers.
#[derive(Parser)]
struct Cli {
    /// A Python with torch, transformers, onnx, onnxscript, onnxruntime and safetensors.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Rounds that count; one more warms up.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Milliseconds that each contender runs in each round.
    #[arg(long, default_value_t = 300)]
    milliseconds: u64,
    /// Also the kernels that this processor would not choose.
    #[arg(long)]
    kernels: bool,
}

/// One question: prompts of one length.
#[derive(Clone, Copy)]
struct Question {
    prompts: usize,
    length: usize,
}

/// Something that answers it.
trait Contender {
    fn name(&self) -> String;
    /// Median microseconds of a call, over so many milliseconds.
    fn time_us(&mut self, question: Question, milliseconds: u64) -> Result<f64>;
    /// The last prompt's logits.
    fn logits(&mut self, question: Question) -> Result<Vec<f32>>;
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let dir = tempfile::tempdir()?;
    let peers = Peers::start(&cli.python, dir.path())?;
    let weights = candle_core::safetensors::load(dir.path().join("model.safetensors"), &Device::Cpu)?;
    let config = config();
    let mut contenders: Vec<Box<dyn Contender>> = Vec::new();
    let kernels = Kernel::available().into_iter().take(if cli.kernels { usize::MAX } else { 1 });
    for kernel in kernels {
        for precision in [Precision::Full, Precision::Quantised] {
            let engine = Engine::new(&config, &weights, precision)?.on(kernel);
            contenders.push(Box::new(Ours { engine, precision, scratch: Scratch::default(), logits: Vec::new() }));
        }
    }
    agreement(&config, &weights)?;
    let network = Network::new(&config, VarBuilder::from_tensors(weights, DType::F32, &Device::Cpu))?;
    contenders.push(Box::new(Candle(network)));
    let peers = std::rc::Rc::new(std::cell::RefCell::new(peers));
    contenders.push(Box::new(Peer { runtime: "onnx", peers: peers.clone() }));
    contenders.push(Box::new(Peer { runtime: "torch", peers }));
    for length in LENGTHS {
        for prompts in BATCHES {
            contest(&mut contenders, Question { prompts, length }, &cli)?;
        }
    }
    Ok(())
}

fn config() -> ModelConfig {
    let prompt = PromptConfig { clusters: CLUSTERS as u32, history_max: 16, retrieved_max: 8, barred: Barred::History };
    let size = Size { hidden: 256, intermediate: 704, layers: 4, heads: 4 };
    ModelConfig::new(prompt, size).expect("the sizes are constants that a network may have")
}

/// Checks that all contenders compute the same, then times them in turn and prints the medians.
fn contest(contenders: &mut [Box<dyn Contender>], question: Question, cli: &Cli) -> Result<()> {
    let expected = contenders[0].logits(question)?;
    for contender in contenders.iter_mut() {
        let logits = contender.logits(question)?;
        let difference = expected.iter().zip(&logits).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let quantised = contender.name().contains("quantised");
        ensure!(logits.len() == CLUSTERS, "{} gave {} logits", contender.name(), logits.len());
        ensure!(quantised || difference <= LOGIT_DIFFERENCE_MAX, "{} differs by {difference}", contender.name());
    }
    let mut times = vec![Vec::new(); contenders.len()];
    let mut peaks = Vec::new();
    for round in 0..=cli.rounds {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            let time_us = contender.time_us(question, cli.milliseconds)?;
            times.extend((round > 0).then_some(time_us));
        }
        peaks.push((peak::floats(), peak::bytes()));
    }
    let (floats, bytes): (Vec<_>, Vec<_>) = peaks.into_iter().unzip();
    let (floats, bytes) = (median(&floats), median(&bytes));
    println!(
        "\n{} prompts of {} tokens (limit: {floats:.0} GFLOP/s, in bytes {bytes:.0} GOP/s)\n",
        question.prompts, question.length
    );
    print(contenders, &times, question, (floats, bytes));
    Ok(())
}

fn print(contenders: &[Box<dyn Contender>], times: &[Vec<f64>], question: Question, limits: (f64, f64)) {
    let onnx = contenders.iter().position(|contender| contender.name() == "onnx").expect("it was put there");
    let torch = contenders.iter().position(|contender| contender.name() == "torch").expect("it was put there");
    let mut table = table(&["contender", "median us", "/ onnx", "/ torch", "prompts/s", "GFLOP/s", "of the limit"]);
    for (contender, of) in contenders.iter().zip(times) {
        let ratio = |other: usize| {
            let ratios: Vec<_> = of.iter().zip(&times[other]).map(|(ours, theirs)| ours / theirs).collect();
            format!("{:.2}x", median(&ratios))
        };
        let time_us = median(of);
        let rate = flop(question) / time_us / 1e3;
        let limit = if contender.name().contains("quantised") { limits.1 } else { limits.0 };
        table.add_row([
            contender.name(),
            format!("{time_us:.0}"),
            ratio(onnx),
            ratio(torch),
            format!("{:.0}", question.prompts as f64 / time_us * 1e6),
            format!("{rate:.0}"),
            format!("{:.0} %", 100.0 * rate / limit),
        ]);
    }
    println!("{table}");
}

/// Multiplications and additions of the products that the answer needs: in the last block and after, only those of last positions.
fn flop(question: Question) -> f64 {
    let (width, inner, layers) = (256.0, 704.0, 4.0);
    let (prompts, rows) = (question.prompts as f64, (question.prompts * question.length) as f64);
    let keys_values = layers * rows * 2.0 * width * width;
    let rest = ((layers - 1.0) * rows + prompts) * (2.0 * width * width + 3.0 * width * inner);
    2.0 * (keys_values + rest + prompts * width * CLUSTERS as f64)
}

/// How often quantised weights give the same best cluster: random weights tell their logits less apart than trained ones.
fn agreement(config: &ModelConfig, weights: &std::collections::HashMap<String, Tensor>) -> Result<()> {
    let mut prompts = Prompts::default();
    (0..2000).for_each(|prompt| prompts.push(&tokens(prompt, 12 + prompt % 24)));
    let best = |precision| {
        let mut logits = Vec::new();
        Engine::new(config, weights, precision)?.logits(&mut Scratch::default(), &prompts, &mut logits);
        let top = |row: &[f32]| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]));
        anyhow::Ok(logits.chunks_exact(CLUSTERS).map(top).collect::<Vec<_>>())
    };
    let (full, quantised) = (best(Precision::Full)?, best(Precision::Quantised)?);
    let same = full.iter().zip(&quantised).filter(|(full, quantised)| full == quantised).count();
    println!(
        "the best cluster is the same in floats and in bytes for {:.1} % of prompts",
        100.0 * same as f64 / full.len() as f64
    );
    Ok(())
}

/// The same as in `peers.py`.
fn tokens(prompt: usize, length: usize) -> Vec<u32> {
    let vocabulary = TOKEN_CLUSTER as usize + CLUSTERS;
    (0..length).map(|position| ((31 * prompt + 7 * position + 5) % vocabulary) as u32).collect()
}

/// Calls over and over, and takes the median of what each took.
fn timed(milliseconds: u64, mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    let (end, mut times) = (Instant::now() + Duration::from_millis(milliseconds), Vec::new());
    while Instant::now() < end {
        let started = Instant::now();
        call()?;
        times.push(started.elapsed().as_secs_f64() * 1e6);
    }
    Ok(median(&times))
}

struct Ours {
    engine: Engine,
    precision: Precision,
    scratch: Scratch,
    logits: Vec<f32>,
}

impl Ours {
    fn ask(&mut self, prompts: &Prompts) {
        self.engine.logits(&mut self.scratch, prompts, &mut self.logits);
    }
}

impl Contender for Ours {
    fn name(&self) -> String {
        let precision = if self.precision == Precision::Full { "full" } else { "quantised" };
        format!("segue {precision} {}", self.engine.kernel())
    }

    fn time_us(&mut self, question: Question, milliseconds: u64) -> Result<f64> {
        let prompts = prompts(question);
        timed(milliseconds, || {
            self.ask(&prompts);
            Ok(())
        })
    }

    fn logits(&mut self, question: Question) -> Result<Vec<f32>> {
        self.ask(&prompts(question));
        Ok(self.logits[self.logits.len() - CLUSTERS..].to_vec())
    }
}

fn prompts(question: Question) -> Prompts {
    let mut prompts = Prompts::default();
    (0..question.prompts).for_each(|prompt| prompts.push(&tokens(prompt, question.length)));
    prompts
}

struct Candle(Network);

impl Candle {
    fn ask(&self, question: Question) -> Result<Tensor> {
        let all: Vec<_> = (0..question.prompts).flat_map(|prompt| tokens(prompt, question.length)).collect();
        Ok(self.0.forward(&Tensor::from_vec(all, (question.prompts, question.length), &Device::Cpu)?)?)
    }
}

impl Contender for Candle {
    fn name(&self) -> String {
        "candle".to_owned()
    }

    fn time_us(&mut self, question: Question, milliseconds: u64) -> Result<f64> {
        timed(milliseconds, || self.ask(question).map(drop))
    }

    fn logits(&mut self, question: Question) -> Result<Vec<f32>> {
        let last = (question.prompts - 1, question.length - 1, TOKEN_CLUSTER as usize..);
        Ok(self.ask(question)?.i(last)?.to_vec1()?)
    }
}

/// `peers.py`, running.
struct Peers {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peers {
    fn start(python: &Path, dir: &Path) -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("model/peers.py");
        let mut command = Command::new(python);
        command.arg(script).arg(dir).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().with_context(|| format!("starting {}", python.display()))?;
        let asks = child.stdin.take().context("its input is a pipe")?;
        let answers = BufReader::new(child.stdout.take().context("its output is a pipe")?);
        let mut peers = Self { child, asks, answers };
        ensure!(peers.line()? == "ready", "peers.py did not start; run it by hand to see why");
        Ok(peers)
    }

    fn ask(&mut self, runtime: &str, question: Question, milliseconds: u64) -> Result<String> {
        writeln!(self.asks, "{runtime} {} {} {milliseconds}", question.prompts, question.length)?;
        self.line()
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Peer {
    runtime: &'static str,
    peers: std::rc::Rc<std::cell::RefCell<Peers>>,
}

impl Contender for Peer {
    fn name(&self) -> String {
        self.runtime.to_owned()
    }

    fn time_us(&mut self, question: Question, milliseconds: u64) -> Result<f64> {
        Ok(self.peers.borrow_mut().ask(self.runtime, question, milliseconds)?.parse()?)
    }

    fn logits(&mut self, question: Question) -> Result<Vec<f32>> {
        let answer = self.peers.borrow_mut().ask(self.runtime, question, 0)?;
        let logits = answer.split(' ').skip(TOKEN_CLUSTER as usize).map(str::parse);
        Ok(logits.collect::<Result<_, _>>()?)
    }
}
