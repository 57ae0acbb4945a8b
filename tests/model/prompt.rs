//! The prompt: what each history and context become, and that nothing becomes a prompt that the network cannot take.

use proptest::collection::vec;
use proptest::prelude::*;
use segue::model::config::{Barred, PromptConfig};
use segue::model::prompt::{
    BUCKETS, Context, TOKEN_BEGIN, TOKEN_BUCKET, TOKEN_CLUSTER, TOKEN_EMPTY, TOKEN_HISTORY, TOKEN_MATCHED, bucket,
    tokens_max, write,
};

const CONFIG: PromptConfig = PromptConfig { clusters: 50, history_max: 3, retrieved_max: 2, barred: Barred::History };

fn prompt(config: PromptConfig, history: &[u32], context: &Context) -> Vec<u32> {
    let mut tokens = vec![99];
    write(&config, history, context, &mut tokens);
    tokens
}

/// A token as a word: `B`, `m2` (matched), `E`, `H`, `b4` (bucket), `17` (cluster).
fn word(token: u32) -> String {
    match token {
        TOKEN_BEGIN => "B".to_owned(),
        TOKEN_EMPTY => "E".to_owned(),
        TOKEN_HISTORY => "H".to_owned(),
        TOKEN_MATCHED..TOKEN_EMPTY => format!("m{}", token - TOKEN_MATCHED),
        TOKEN_BUCKET..TOKEN_CLUSTER => format!("b{}", token - TOKEN_BUCKET),
        _ => (token - TOKEN_CLUSTER).to_string(),
    }
}

/// History, matched clusters, continuations, and the prompt in words.
type Case = (&'static [u32], usize, &'static [(u32, f32)], &'static str);

const CASES: &[Case] = &[
    (&[], 0, &[], "B E H"),
    (&[4], 0, &[], "B E H 4"),
    (&[4, 5, 6], 1, &[], "B E H 4 5 6"),
    (&[3, 4, 5, 6], 0, &[], "B E H 4 5 6"),
    (&[4], 0, &[(7, 0.3)], "B m0 b1 7 H 4"),
    (&[], 0, &[(7, 0.9), (8, 0.6)], "B m0 b0 7 8 H"),
    (&[4], 1, &[(7, 0.3), (8, 0.1)], "B m1 b1 7 b3 8 H 4"),
    (&[4], 3, &[(7, 0.3), (8, 0.26), (9, 0.25)], "B m3 b1 7 8 H 4"),
    (&[4], 4, &[(7, 0.3)], "B m3 b1 7 H 4"),
    (&[4], usize::MAX, &[(7, 0.3)], "B m3 b1 7 H 4"),
    (&[7, 4], 1, &[(7, 0.3), (8, 0.1), (9, 0.1)], "B m1 b3 8 9 H 7 4"),
    (&[7, 1, 2, 3], 1, &[(7, 0.3), (8, 0.1)], "B m1 b3 8 H 1 2 3"),
    (&[7, 8], 1, &[(7, 0.3), (8, 0.1)], "B E H 7 8"),
    (&[50, 4], 1, &[(50, 0.3), (49, 0.1)], "B m1 b3 49 H 4"),
    (&[u32::MAX], 1, &[(u32::MAX, 0.3)], "B E H"),
    (&[4], 1, &[(7, 0.0), (8, -1.0), (9, 0.1)], "B m1 b15 7 8 H 4"),
];

#[test]
fn histories_and_contexts_become_these_prompts() {
    for &(history, matched, continuations, expected) in CASES {
        let context = Context { matched, continuations: continuations.to_vec() };
        let words: Vec<_> = prompt(CONFIG, history, &context).into_iter().map(word).collect();
        assert_eq!(words.join(" "), expected, "{history:?} {matched} {continuations:?}");
    }
}

#[test]
fn what_cannot_come_is_not_retrieved() {
    let context = Context { matched: 1, continuations: vec![(4, 0.5), (5, 0.5), (6, 0.5)] };
    let cases = [
        (Barred::History, "B m1 b1 6 H 4 5"),
        (Barred::Last, "B m1 b1 4 6 H 4 5"),
        (Barred::None, "B m1 b1 4 5 H 4 5"),
    ];
    for (barred, expected) in cases {
        let words: Vec<_> = prompt(PromptConfig { barred, ..CONFIG }, &[4, 5], &context).into_iter().map(word).collect();
        assert_eq!(words.join(" "), expected, "{barred:?}");
    }
}

/// Scores and their buckets; the powers of a half belong to the bucket that they open.
const SCORES: &[(f32, u32)] = &[
    (1.0, 0),
    (0.500_001, 0),
    (0.5, 1),
    (0.250_001, 1),
    (0.25, 2),
    (0.125, 3),
    (3.051_76e-5, 14),
    (3.051_757_8e-5, 15),
    (1e-9, 15),
    (f32::MIN_POSITIVE, 15),
    (1e-45, 15),
    (0.0, 15),
    (-0.0, 15),
    (-0.5, 15),
    (f32::NEG_INFINITY, 15),
    (f32::NAN, 15),
    (1.5, 0),
    (f32::INFINITY, 0),
];

#[test]
fn scores_fall_in_these_buckets() {
    for &(score, expected) in SCORES {
        assert_eq!(bucket(score), expected, "{score}");
    }
}

fn barred() -> impl Strategy<Value = Barred> {
    prop_oneof![Just(Barred::History), Just(Barred::Last), Just(Barred::None)]
}

proptest! {
    #[test]
    fn a_bucket_is_how_often_a_score_halves_one(score in 1e-7f32..=1.0) {
        let last = BUCKETS - 1;
        let bucket = bucket(score);
        prop_assert!(f64::from(score) <= 0.5f64.powi(bucket as i32));
        prop_assert!(bucket == last || f64::from(score) > 0.5f64.powi(bucket as i32 + 1));
    }

    #[test]
    fn a_prompt_is_one_that_the_network_takes(
        (clusters, history_max, retrieved_max, barred) in (1..60u32, 1..6usize, 0..6usize, barred()),
        history in vec(0..70u32, 0..12),
        (matched, continuations) in (0..9usize, vec((0..70u32, any::<f32>()), 0..12)),
    ) {
        let config = PromptConfig { clusters, history_max, retrieved_max, barred };
        let context = Context { matched, continuations };
        let tokens = prompt(config, &history, &context);
        prop_assert!(tokens.len() <= tokens_max(&config));
        prop_assert!(tokens.iter().all(|&token| token < TOKEN_CLUSTER + clusters), "{:?}", tokens);
        let (begin, middle) = (tokens.first(), tokens.iter().position(|&token| token == TOKEN_HISTORY));
        prop_assert_eq!(begin, Some(&TOKEN_BEGIN));
        let (before, after) = tokens.split_at(middle.expect("every prompt has one"));
        let read: Vec<_> = after[1..].iter().map(|token| token - TOKEN_CLUSTER).collect();
        let latest = history.iter().skip(history.len().saturating_sub(history_max));
        prop_assert_eq!(read, latest.copied().filter(|&index| index < clusters).collect::<Vec<_>>());
        let barred = barred.of(&history);
        prop_assert!(!before.iter().any(|&token| token >= TOKEN_CLUSTER && barred.contains(&(token - TOKEN_CLUSTER))));
    }
}
