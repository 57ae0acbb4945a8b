//! Writes prompts that `infer` asks, for `benches/model/bulk_peer.py` to ask the same; it must never be part of a refresh.
//!
//! `cargo run --release -p segue-pipeline --example bulk_prompts -- MODEL_DIR RELEASE_DIR COUNT > prompts.jsonl`
//!
//! Standard error gets their mean length and what one costs at least in floating-point operations.

use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use segue::model::open::Opened;
use segue::model::prompt;
use segue::snapshot::format::Shape;
use segue::snapshot::release::Release;
use segue_pipeline::infer::plan::{Plan, distinct};
use segue_pipeline::infer::retrieve::retrieve;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [model, release, count] = &words[..] else { anyhow::bail!("give MODEL_DIR, RELEASE_DIR and COUNT") };
    let verified = Opened::open(&std::fs::canonicalize(model)?)?.verify()?;
    let config = verified.config;
    let release = Release::open(Path::new(&std::fs::canonicalize(release)?)).context("the release cannot be opened")?;
    let shape = Shape { width: 1, depth: 2, clusters: config.segue.clusters };
    let (plan, count) = (Plan::new(shape, 1), count.parse::<u64>()?);
    let (mut out, mut tokens, mut total) = (BufWriter::new(std::io::stdout().lock()), Vec::new(), 0);
    // Spread over all histories.
    for number in 0..count {
        let history = distinct(&plan.history(1 + number * (plan.rows() - 1) / count));
        prompt::write(&config.segue, &history, &retrieve(&release, &history), &mut tokens);
        total += tokens.len();
        writeln!(out, "{tokens:?}")?;
    }
    let mean = total as f64 / count as f64;
    eprintln!("{mean:.2} tokens a prompt, {:.1} MFLOP", flop(&config, mean) / 1e6);
    Ok(out.flush()?)
}

/// Operations of the products, two a weight: of every token in all blocks but the last, where only keys and values are
/// wanted of any token but the last one. Attention's own are a hundredth of them.
fn flop(config: &segue::model::config::ModelConfig, tokens: f64) -> f64 {
    let (d, f, layers) = (config.hidden_size as f64, config.intermediate_size as f64, config.num_hidden_layers as f64);
    let (block, keys_values) = (4.0 * d * d + 3.0 * d * f, 2.0 * d * d);
    let clusters = f64::from(config.segue.clusters);
    2.0 * (tokens * ((layers - 1.0) * block + keys_values) + block - keys_values + d * clusters)
}
