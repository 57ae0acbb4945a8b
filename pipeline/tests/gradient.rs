//! Training's own arithmetic is candle's: the loss, and every weight's gradient, of the network as `segue::model::network` defines it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use candle_core::{D, Device, Tensor, Var};
use candle_nn::VarBuilder;
use segue::model::config::{Barred, ModelConfig, PromptConfig, Size};
use segue::model::network::Network;
use segue::model::prompt::TOKEN_CLUSTER;
use segue_pipeline::train::decoder::{Decoder, Regulation, Shard};
use segue_pipeline::train::layout::Layout;
use segue_pipeline::train::math::dropout::Dropout;
use segue_pipeline::train::parameters::{draw, to_weights};

const CLUSTERS: u32 = 20;

fn config(layers: usize) -> ModelConfig {
    let prompt = PromptConfig { clusters: CLUSTERS, history_max: 6, retrieved_max: 4, barred: Barred::History };
    ModelConfig::new(prompt, Size { hidden: 32, intermediate: 24, layers, heads: 2 }).unwrap()
}

/// Weights far enough from 0 that every operation bends.
fn parameters(layout: &Layout) -> Vec<f32> {
    let mut values = draw(layout, 3);
    for (at, value) in values.iter_mut().enumerate() {
        *value = if *value == 1.0 { 1.0 + (at % 7) as f32 * 0.1 } else { *value * 12.0 };
    }
    values
}

fn shard() -> Shard {
    let mut shard = Shard::default();
    for (tokens, answer, weight, barred) in [
        (&[0, 5, 6, 25, 30, 23][..], 9, 1.0, vec![2, 7, 0]),
        (&[0], 1, 0.5, vec![]),
        (&[0, 1, 9, 24, 24, 38, 6, 42, 31], 0, 2.0, vec![19, 8]),
    ] {
        shard.prompts.push(tokens);
        shard.answers.push(answer);
        shard.weights.push(weight);
        shard.barred.push(barred);
    }
    shard
}

/// One prompt's weighted loss, composed of candle's own operations.
fn candle_loss(network: &Network, shard: &Shard, at: usize, smoothing: f64) -> Tensor {
    let first = if at == 0 { 0 } else { shard.prompts.ends[at - 1] };
    let tokens = &shard.prompts.tokens[first..shard.prompts.ends[at]];
    let input = Tensor::new(tokens, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
    let logits = network.forward(&input).unwrap().get(0).unwrap().get(tokens.len() - 1).unwrap();
    let open: Vec<u32> = (0..CLUSTERS).filter(|cluster| !shard.barred[at].contains(cluster)).collect();
    let rows: Vec<u32> = open.iter().map(|cluster| cluster + TOKEN_CLUSTER).collect();
    let logits = logits.index_select(&Tensor::new(rows, &Device::Cpu).unwrap(), 0).unwrap();
    let shares = candle_nn::ops::log_softmax(&logits.unsqueeze(0).unwrap(), D::Minus1).unwrap().get(0).unwrap();
    let answer = open.iter().position(|cluster| *cluster == shard.answers[at]).unwrap();
    let spread = (shares.mean_all().unwrap() * smoothing).unwrap();
    let loss = ((shares.get(answer).unwrap() * (1.0 - smoothing)).unwrap() + spread).unwrap();
    (loss * -f64::from(shard.weights[at])).unwrap()
}

fn check(layers: usize, label_smoothing: f32) {
    let config = config(layers);
    let layout = Layout::new(&config);
    let values = parameters(&layout);
    let shard = shard();
    let variable = |(name, tensor)| (name, Var::from_tensor(&tensor).unwrap().as_tensor().clone());
    let weights: std::collections::HashMap<_, _> =
        to_weights(&layout, &values).unwrap().into_iter().map(variable).collect();
    let network =
        Network::new(&config, VarBuilder::from_tensors(weights.clone(), candle_core::DType::F32, &Device::Cpu))
            .unwrap();
    let losses = (0..3).map(|at| candle_loss(&network, &shard, at, f64::from(label_smoothing)));
    let expected = losses.reduce(|sum, loss| (sum + loss).unwrap()).unwrap();
    let gradients = expected.backward().unwrap();

    let mut gradient = vec![f32::NAN; layout.size()];
    let regulation = Regulation { label_smoothing, ..Regulation::NONE };
    let loss = Decoder::new(layout.clone()).loss(&values, &shard, regulation, &mut gradient);
    let expected = f64::from(expected.to_scalar::<f32>().unwrap());
    assert!((loss - expected).abs() < 1e-4, "loss {loss}, expected {expected}");
    for named in layout.named() {
        let expected = gradients.get(&weights[&named.name]).unwrap();
        let expected = expected.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let largest = expected.iter().fold(0.0_f32, |largest, one| largest.max(one.abs()));
        for (got, expected) in gradient[named.place].iter().zip(&expected) {
            assert!((got - expected).abs() <= 2e-4 * largest.max(1e-3), "{}: {got}, expected {expected}", named.name);
        }
    }
}

#[test]
fn loss_and_gradients_are_candles() {
    for layers in [1, 2, 3] {
        check(layers, 0.0);
    }
}

#[test]
fn smoothed_labels_too() {
    check(2, 0.2);
}

#[test]
fn logits_are_candles() {
    let config = config(2);
    let layout = Layout::new(&config);
    let values = parameters(&layout);
    let weights = to_weights(&layout, &values).unwrap();
    let network =
        Network::new(&config, VarBuilder::from_tensors(weights, candle_core::DType::F32, &Device::Cpu)).unwrap();
    let shard = shard();
    let mut decoder = Decoder::new(layout);
    let got = decoder.logits(&values, &shard.prompts).to_vec();
    let mut first = 0;
    for (&end, got) in shard.prompts.ends.iter().zip(got.chunks_exact(CLUSTERS as usize)) {
        let tokens = Tensor::new(&shard.prompts.tokens[first..end], &Device::Cpu).unwrap().unsqueeze(0).unwrap();
        let row = network.forward(&tokens).unwrap().get(0).unwrap().get(end - first - 1).unwrap();
        let expected = &row.to_vec1::<f32>().unwrap()[TOKEN_CLUSTER as usize..];
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-4, "{got}, expected {expected}");
        }
        first = end;
    }
}

/// With masks there is no candle to compare with: the gradient must be the slope of the loss with the same masks.
#[test]
fn with_dropout_the_gradient_is_the_slope() {
    let layout = Layout::new(&config(2));
    let values = parameters(&layout);
    let shard = shard();
    let regulation = Regulation { dropout: Dropout { rate: 0.3, key: 5 }, label_smoothing: 0.1 };
    let mut decoder = Decoder::new(layout.clone());
    let mut gradient = vec![0.0; layout.size()];
    decoder.loss(&values, &shard, regulation, &mut gradient);
    let mut ignored = gradient.clone();
    for named in layout.named() {
        // Along the gradient's own direction the slope is its length.
        let length = gradient[named.place.clone()].iter().map(|one| f64::from(*one).powi(2)).sum::<f64>().sqrt();
        let mut at = |step: f64| {
            let mut moved = values.clone();
            for place in named.place.clone() {
                moved[place] += (f64::from(gradient[place]) / length * step) as f32;
            }
            decoder.loss(&moved, &shard, regulation, &mut ignored)
        };
        let slope = (at(2e-3) - at(-2e-3)) / 4e-3;
        assert!((slope / length - 1.0).abs() < 0.02, "{}: slope {slope}, gradient {length}", named.name);
    }
}
