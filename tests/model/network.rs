//! The network's laws: its gradients are its slopes, and a position sees only what stands before it.

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::VarBuilder;
use segue::model::config::ModelConfig;
use segue::model::network::Network;
use segue::model::weights::{Weights, shapes};

use crate::support::model::{config, weights};

fn network(config: &ModelConfig, weights: &Weights) -> Network {
    let weights = VarBuilder::from_tensors(weights.clone(), DType::F32, &Device::Cpu);
    Network::new(config, weights).expect("every tensor is there")
}

fn tokens(rows: &[&[u32]]) -> Tensor {
    let flat: Vec<u32> = rows.concat();
    Tensor::from_vec(flat, (rows.len(), rows[0].len()), &Device::Cpu).expect("rows of one length")
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().and_then(|flat| flat.to_vec1()).expect("floats on the processor")
}

#[track_caller]
fn assert_near(got: &Tensor, expected: &Tensor) {
    assert_eq!(got.dims(), expected.dims());
    let apart = numbers(got).into_iter().zip(numbers(expected)).map(|(got, expected)| (got - expected).abs());
    let apart = apart.fold(0.0, f32::max);
    assert!(apart < 1e-4, "{apart} apart");
}

#[test]
fn a_position_depends_on_what_stands_before_it_only() -> Result<()> {
    let config = config(40);
    let network = network(&config, &weights(&config, 1));
    let long = network.forward(&tokens(&[&[0, 5, 6, 30, 31, 32], &[0, 1, 8, 24, 6, 40]]))?;
    assert_eq!(long.dims(), [2, 6, 63]);
    let short = network.forward(&tokens(&[&[0, 5, 6, 30]]))?;
    assert_near(&long.narrow(0, 0, 1)?.narrow(1, 0, 4)?, &short);
    let other = network.forward(&tokens(&[&[0, 1, 8, 24, 6, 40]]))?;
    assert_near(&long.narrow(0, 1, 1)?, &other);
    let moved = network.forward(&tokens(&[&[0, 6, 5, 30]]))?;
    let apart = (moved.narrow(1, 3, 1)? - short.narrow(1, 3, 1)?)?.abs()?.max_all()?.to_scalar::<f32>()?;
    assert!(apart > 0.01, "the order of what stands before does not matter: {apart}");
    Ok(())
}

#[test]
fn a_prompt_that_is_too_long_is_an_error() {
    let config = config(40);
    let network = network(&config, &weights(&config, 1));
    let longest = vec![7; config.max_position_embeddings];
    network.forward(&tokens(&[&longest])).expect("the longest prompt");
    network.forward(&tokens(&[&[&longest[..], &[7]].concat()])).expect_err("no angles for it");
    network.forward(&tokens(&[&[63]])).expect_err("no such token");
}

/// A loss that weighs every logit differently.
fn loss(network: &Network) -> Result<Tensor> {
    let logits = network.forward(&tokens(&[&[0, 2, 8, 24, 6, 40], &[0, 5, 6, 30, 31, 32]]))?;
    let count = logits.elem_count();
    let factors: Vec<f32> = (0..count).map(|place| ((place * 37 % 101) as f32 - 50.0) / count as f32).collect();
    (logits.flatten_all()? * Tensor::new(factors, &Device::Cpu)?)?.sum_all()
}

#[test]
fn every_weight_has_the_gradient_that_is_its_slope() -> Result<()> {
    let config = config(40);
    let weights = weights(&config, 3);
    let variables: Vec<_> = shapes(&config)
        .into_iter()
        .map(|(name, _)| Ok((name.clone(), Var::from_tensor(&weights[&name])?)))
        .collect::<Result<_>>()?;
    let as_tensors = variables.iter().map(|(name, variable)| (name.clone(), variable.as_tensor().clone())).collect();
    let gradients = loss(&network(&config, &as_tensors))?.backward()?;
    for (name, variable) in &variables {
        let gradient = gradients.get(variable).unwrap_or_else(|| panic!("{name} has no gradient"));
        let step = 1e-2;
        let length = gradient.sqr()?.sum_all()?.sqrt()?.to_scalar::<f32>()?;
        let direction = (gradient / f64::from(length))?;
        let moved = |by: f64| {
            let mut weights = weights.clone();
            weights.insert(name.clone(), (&weights[name] + (&direction * by)?)?);
            loss(&network(&config, &weights))?.to_scalar::<f32>()
        };
        let slope = f64::from(moved(step)? - moved(-step)?) / (2.0 * step);
        let expected = f64::from((gradient * &direction)?.sum_all()?.to_scalar::<f32>()?);
        assert!((slope - expected).abs() < 0.02 * expected.abs() + 1e-3, "{name}: {slope}, expected {expected}");
    }
    Ok(())
}
