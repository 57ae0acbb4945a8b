//! The guarantee's parameters do what they say: by the library's own account, by drawing, and by counting what one user's day changes.

use std::collections::HashMap;

use rustc_hash::FxHashMap;

use super::mechanism::{Histogram, Vector};
use super::{Bound, Exact, Privacy, PrivacyError};
use crate::decay::WEIGHT_ONE;
use crate::kept::Cells;
use crate::tally::Cell;

/// Draws from which a share is told: its error is below four parts of a hundred but for one run in a hundred thousand.
const DRAWS: usize = 3_000;
const SHARE_ERROR: f64 = 0.04;

fn share(draws: &[i64], holds: impl Fn(f64) -> bool) -> f64 {
    draws.iter().filter(|draw| holds(**draw as f64)).count() as f64 / draws.len() as f64
}

#[test]
fn the_losses_are_those_asked_for() {
    for (epsilon, delta, sensitivity) in [(1.0, 1e-6, 12), (0.1, 1e-9, 100), (4.0, 0.01, 3)] {
        let histogram = Histogram::new(epsilon, delta, sensitivity).unwrap();
        let (told_epsilon, told_delta) = histogram.loss().unwrap();
        assert!(told_epsilon <= epsilon * (1.0 + 1e-9) && told_epsilon > epsilon * 0.999, "{told_epsilon}");
        assert!(told_delta <= delta, "{told_delta}");
        let lower = Histogram { threshold: histogram.threshold - 1, ..histogram };
        assert!(lower.loss().unwrap().1 > delta, "the threshold is the least");
        let vector = Vector::new(epsilon, sensitivity).unwrap();
        assert!((vector.loss().unwrap() / epsilon - 1.0).abs() < 1e-9);
    }
}

#[test]
fn the_noise_has_the_scale_that_is_told() {
    let vector = Vector::new(0.5, 6).unwrap();
    assert_eq!(vector.scale_units, 12.0 * WEIGHT_ONE as f64);
    let draws = vector.draw(&vec![0; DRAWS]).unwrap();
    // Of Laplace noise of scale b: half is beyond b ln 2, a tenth beyond b ln 10, as much above as below.
    for (beyond, expected) in [(2.0, 0.5), (10.0, 0.1)] {
        let got = share(&draws, |draw| draw.abs() > vector.scale_units * f64::ln(beyond));
        assert!((got - expected).abs() < SHARE_ERROR, "{beyond}: {got}");
    }
    assert!((share(&draws, |draw| draw > 0.0) - 0.5).abs() < SHARE_ERROR);
}

#[test]
fn one_users_day_changes_the_chance_of_an_output_by_epsilon() {
    let vector = Vector::new(1.0, 4).unwrap();
    let day = 4 * WEIGHT_ONE.cast_signed();
    let (without, with) = (vector.draw(&vec![0; DRAWS]).unwrap(), vector.draw(&vec![day; DRAWS]).unwrap());
    for at in [0.0, 0.5, 1.0, 1.5] {
        let above = |draws: &[i64]| share(draws, |draw| draw > at * day as f64);
        let (without, with) = (above(&without), above(&with));
        assert!(with <= 1_f64.exp() * without + 3.0 * SHARE_ERROR, "{at}: {with} {without}");
    }
    let at_most = share(&without, |draw| draw > day as f64) * 1_f64.exp();
    assert!(
        (at_most - share(&with, |draw| draw > day as f64)).abs() < 3.0 * SHARE_ERROR,
        "nor is there more noise than that"
    );
}

#[test]
fn what_only_one_users_day_has_shows_with_a_chance_of_delta() {
    let (delta, rows) = (0.3, 4_i64);
    let histogram = Histogram::new(1.0, delta, 4).unwrap();
    let day: HashMap<i64, i64> = (0..rows).map(|row| (row, 1)).collect();
    let trials = 800;
    let shown = (0..trials).filter(|_| !histogram.draw(&day).unwrap().is_empty()).count();
    let got = shown as f64 / f64::from(trials);
    assert!(got <= delta + 2.0 * SHARE_ERROR && got > delta / 4.0, "{got}");
}

#[test]
fn a_minimum_of_users_raises_the_threshold() {
    let histogram = Histogram::new(1.0, 1e-6, 4).unwrap();
    assert_eq!(histogram.raised(9).unwrap().threshold, histogram.threshold + 9);
}

/// One history of each length with a much and a hardly seen next.
fn exact() -> Exact {
    let cell = |steps: u64| Cell { weight: steps * WEIGHT_ONE, seen: steps as u32, users: 1 };
    let level = |keys: [u64; 2]| -> Cells { [(keys[0], cell(5_000)), (keys[1], cell(1))].into_iter().collect() };
    let days = |keys: [u64; 2]| -> FxHashMap<u64, i64> { [(keys[0], 4_000), (keys[1], 1)].into_iter().collect() };
    let keys = [[0, 1], [4, 5], [14, 15]];
    let tails = vec![FxHashMap::default(), [(7, 3_000), (8, 1)].into_iter().collect()];
    Exact { levels: keys.map(level).to_vec(), user_days: keys.map(days).to_vec(), tails, clusters: 3 }
}

const BOUND: Bound = Bound { user_day_max: 5, users_min: 3 };

#[test]
fn what_many_did_stays_and_what_one_did_goes() {
    let noisy = Privacy { epsilon: 2.0, delta: 1e-9 }.apply(exact(), &BOUND).unwrap();
    let keys = |length: usize| noisy.levels[length].keys().copied().collect::<Vec<_>>();
    assert_eq!((noisy.levels[0].len(), keys(1), keys(2)), (3, vec![4], vec![14]));
    assert_eq!(noisy.tails[1].keys().collect::<Vec<_>>(), [&7]);
    for cell in [noisy.levels[1][&4], noisy.levels[2][&14]] {
        assert!(
            (cell.weight as f64 / WEIGHT_ONE as f64 - 5_000.0).abs() < 40.0 * noisy.figures.steps_scale,
            "{cell:?}"
        );
        assert!((f64::from(cell.users) - 4_000.0).abs() < 40.0 * noisy.figures.user_days_scale, "{cell:?}");
    }
}

#[test]
fn no_exact_value_stays() {
    let apply = || Privacy { epsilon: 0.5, delta: 1e-6 }.apply(exact(), &BOUND).unwrap();
    let cells = |length: usize, key: u64| [apply(), apply(), apply()].map(|noisy| noisy.levels[length][&key]);
    for (length, key) in [(0, 0), (1, 4)] {
        let cells = cells(length, key);
        assert!(cells[0].weight != cells[1].weight || cells[1].weight != cells[2].weight, "{cells:?}");
    }
    let users = cells(1, 4).map(|cell| cell.users);
    assert!(users[0] != users[1] || users[1] != users[2], "{users:?}");
}

#[test]
fn the_figures_say_what_was_done() {
    let figures = Privacy { epsilon: 1.0, delta: 1e-6 }.apply(exact(), &BOUND).unwrap().figures;
    assert!((figures.epsilon - 1.0).abs() < 1e-9 && figures.delta <= 1e-6, "{figures:?}");
    // A day of five steps adds each to a row of both lengths, and moves its user: 5 * 2 + 2; and to three levels of weights: 5 * 3.
    assert_eq!((figures.user_days_sensitivity, figures.steps_sensitivity, figures.user_day_max), (12, 15, 5));
    assert_eq!((figures.user_days_scale, figures.steps_scale), (24.0, 30.0));
    assert_eq!(figures.user_days_threshold, Histogram::new(0.5, 1e-6, 12).unwrap().threshold + 2);
}

#[test]
fn parameters_that_guarantee_nothing_are_refused() {
    for (epsilon, delta) in [(0.0, 1e-6), (-1.0, 1e-6), (f64::INFINITY, 1e-6), (f64::NAN, 1e-6), (1.0, 0.0), (1.0, 1.0)]
    {
        let refused = Privacy { epsilon, delta }.apply(exact(), &BOUND).unwrap_err();
        assert!(matches!(refused, PrivacyError::Parameters { .. }), "{epsilon} {delta}: {refused}");
    }
    let unbounded = Bound { user_day_max: u32::MAX, ..BOUND };
    let refused = Privacy { epsilon: 1.0, delta: 1e-6 }.apply(exact(), &unbounded).unwrap_err();
    assert!(refused.to_string().contains("--max-user-day"), "{refused}");
}
