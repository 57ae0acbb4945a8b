//! The engine against a naive decoder in 64-bit floats, and against itself: a prompt's logits never depend on its batch.

#[path = "support/llama.rs"]
mod llama;

use candle_core::{DType, Device, IndexOp, Tensor};
use candle_nn::VarBuilder;
use llama::Llama;
use proptest::prelude::*;
use segue::model::engine::{Engine, Kernel, Precision, Prompts, Scratch};
use segue::model::network::Network;
use segue::model::prompt::TOKEN_CLUSTER;

/// Shapes (width, heads, inner width, layers, clusters) that fill panels and blocks, and that leave parts of them empty.
const SHAPES: &[[usize; 5]] = &[[32, 4, 64, 2, 40], [48, 3, 70, 1, 33], [64, 1, 48, 2, 32], [20, 1, 24, 2, 5]];

#[test]
fn full_precision_agrees_with_a_naive_decoder() {
    for &shape in SHAPES {
        let llama = Llama::random(shape, 7);
        let prompts = prompts(&llama, &[1, 7, 13, 34]);
        let expected = naive(&llama, &prompts);
        for engine in engines(&llama, Precision::Full) {
            let worst = worst(&ask(&engine, &prompts), &expected);
            assert!(worst <= 2e-5, "{shape:?} on {}: {worst}", engine.kernel());
        }
    }
}

/// The network that is trained is the same network.
#[test]
fn full_precision_agrees_with_the_network_on_candle() {
    let llama = Llama::random(SHAPES[0], 13);
    let weights = VarBuilder::from_tensors(llama.tensors(), DType::F32, &Device::Cpu);
    let network = Network::new(&llama.config, weights).expect("every tensor is there");
    for engine in engines(&llama, Precision::Full) {
        for prompt in each(&prompts(&llama, &[1, 8, 35])) {
            let tokens = Tensor::new(prompt, &Device::Cpu).and_then(|tokens| tokens.unsqueeze(0));
            let logits = tokens.and_then(|tokens| network.forward(&tokens)).expect("the shapes fit");
            let last = logits.i((0, prompt.len() - 1, TOKEN_CLUSTER as usize..)).expect("the vocabulary has clusters");
            let expected: Vec<_> = last.to_vec1::<f32>().expect("floats").into_iter().map(f64::from).collect();
            let mut one = Prompts::default();
            one.push(prompt);
            let worst = worst(&ask(&engine, &one), &expected);
            assert!(worst <= 1e-4, "{} tokens on {}: {worst}", prompt.len(), engine.kernel());
        }
    }
}

#[test]
fn quantised_logits_keep_close_to_their_spread() {
    for &shape in SHAPES {
        let llama = Llama::random(shape, 11);
        let prompts = prompts(&llama, &[3, 20]);
        let expected = naive(&llama, &prompts);
        let spread = expected.iter().fold(0.0, |most: f64, logit| most.max(logit.abs()));
        for engine in engines(&llama, Precision::Quantised) {
            let worst = worst(&ask(&engine, &prompts), &expected);
            assert!(worst <= 0.03 * spread, "{shape:?} on {}: {worst} of {spread}", engine.kernel());
        }
    }
}

/// The sums of bytes are whole numbers, so kernels differ only in how they round floats.
#[test]
fn kernels_agree_on_quantised_logits() {
    let llama = Llama::random(SHAPES[2], 3);
    let prompts = prompts(&llama, &[4, 19]);
    let logits: Vec<_> = engines(&llama, Precision::Quantised).map(|engine| ask(&engine, &prompts)).collect();
    for other in &logits[1..] {
        let first: Vec<_> = logits[0].iter().map(|&logit| f64::from(logit)).collect();
        // One value that falls on the other side of a rounding moves a logit by this much.
        assert!(worst(other, &first) <= 0.02, "{}", worst(other, &first));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn logits_do_not_depend_on_the_batch(
        lengths in prop::collection::vec(1_usize..36, 1..5),
        seed in 0_u64..1000,
        quantised: bool,
    ) {
        let llama = Llama::random([32, 2, 40, 2, 37], seed);
        let prompts = prompts(&llama, &lengths);
        let precision = if quantised { Precision::Quantised } else { Precision::Full };
        for engine in engines(&llama, precision) {
            let together = bits(&ask(&engine, &prompts));
            let mut reversed = Prompts::default();
            each(&prompts).rev().for_each(|prompt| reversed.push(prompt));
            let mut scratch = Scratch::default();
            let (mut alone, mut logits) = (Vec::new(), Vec::new());
            for prompt in each(&prompts) {
                let mut one = Prompts::default();
                one.push(prompt);
                engine.logits(&mut scratch, &one, &mut logits);
                prop_assert_eq!(logits.len(), llama.clusters());
                alone.extend(bits(&logits));
            }
            prop_assert!(together == alone, "alone, on {}", engine.kernel());
            engine.logits(&mut scratch, &reversed, &mut logits);
            let back: Vec<_> = bits(&logits).chunks(llama.clusters()).rev().flatten().copied().collect();
            prop_assert!(together == back, "reversed, on {}", engine.kernel());
        }
    }
}

#[test]
fn threads_share_one_engine() {
    let llama = Llama::random(SHAPES[0], 5);
    let prompts = prompts(&llama, &[6, 7, 8]);
    for engine in engines(&llama, Precision::Quantised) {
        let expected = bits(&ask(&engine, &prompts));
        let same = || (0..5).all(|_| bits(&ask(&engine, &prompts)) == expected);
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(same)).collect();
            assert!(threads.into_iter().all(|thread| thread.join().expect("it does not panic")));
        });
    }
}

#[test]
fn an_empty_batch_has_no_logits() {
    for engine in engines(&Llama::random(SHAPES[0], 5), Precision::Full) {
        let mut logits = vec![1.0];
        engine.logits(&mut Scratch::default(), &Prompts::default(), &mut logits);
        assert!(logits.is_empty());
    }
}

#[test]
fn quantised_weights_take_about_a_quarter() {
    let llama = Llama::random([128, 2, 320, 4, 64], 5);
    let bytes = |precision| engines(&llama, precision).next().expect("one kernel is portable").bytes();
    let (full, quantised) = (bytes(Precision::Full), bytes(Precision::Quantised));
    assert!(quantised * 3 < full, "{quantised} of {full}");
}

/// An engine for every kernel that runs here.
fn engines(llama: &Llama, precision: Precision) -> impl Iterator<Item = Engine> {
    let engine = move |kernel| {
        Engine::new(&llama.config, &llama.tensors(), precision).expect("every tensor is there").on(kernel)
    };
    Kernel::available().into_iter().map(engine)
}

fn prompts(llama: &Llama, lengths: &[usize]) -> Prompts {
    let mut prompts = Prompts::default();
    for (seed, &length) in lengths.iter().enumerate() {
        prompts.push(&llama.prompt(length, seed as u64));
    }
    prompts
}

fn each(prompts: &Prompts) -> impl DoubleEndedIterator<Item = &[u32]> {
    let start = |index: usize| if index == 0 { 0 } else { prompts.ends[index - 1] };
    (0..prompts.len()).map(move |index| &prompts.tokens[start(index)..prompts.ends[index]])
}

fn ask(engine: &Engine, prompts: &Prompts) -> Vec<f32> {
    let mut logits = Vec::new();
    engine.logits(&mut Scratch::default(), prompts, &mut logits);
    logits
}

fn naive(llama: &Llama, prompts: &Prompts) -> Vec<f64> {
    each(prompts).flat_map(|prompt| llama.logits(prompt)).collect()
}

fn bits(logits: &[f32]) -> Vec<u32> {
    logits.iter().map(|logit| logit.to_bits()).collect()
}

fn worst(got: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let differences = got.iter().zip(expected).map(|(&got, expected)| (f64::from(got) - expected).abs());
    differences.fold(0.0, |most, difference| if difference > most || difference.is_nan() { difference } else { most })
}
