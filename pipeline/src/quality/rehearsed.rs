//! The rehearsal: every weight's release, made as of the start of the held-out time, asked what was then asked.

use anyhow::ensure;
use segue::snapshot::publish::WriteShape;
use serde::{Deserialize, Serialize};

use super::answers::{Given, of_popularity, of_release};
use super::contest::Contest;
use super::excerpt::{Excerpt, looked_up};
use super::held::HeldOut;
use super::told::Told;
use super::{Quality, Rehearsal, WEIGHTS, Weight};
use crate::blend::Mixer;
use crate::candidates::Candidates;
use crate::candidates::retrieve::Retrieval;
use crate::measure::{Figures, Interval, Outcomes};

/// A rehearsal's end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rehearsed {
    /// The weight to blend with; 0 without a model.
    pub weight: f64,
    /// Every weight tried, with its figures; none without a model.
    pub tried: Vec<Tried>,
    /// The blend less the counts alone, on the same draws of users. The weight was chosen on the same requests: of so few weights the best
    /// looks a little better than it is.
    pub over_counts: Option<Interval>,
    /// The blend less the model alone.
    pub over_model: Option<Interval>,
    /// How good the release would have been with that weight.
    pub quality: Quality,
}

/// One weight that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// The weight.
    pub weight: f64,
    /// Its figures.
    pub figures: Figures,
}

/// Rehearses a release: the answer is computed as of the start of the held-out time, then measured on what came.
///
/// # Errors
/// When no request is left, when nothing was counted before them, or when a rehearsed release cannot be written.
pub fn rehearse(rehearsal: &Rehearsal<'_>) -> anyhow::Result<Rehearsed> {
    let held = HeldOut::of(rehearsal)?;
    let stage = Stage::set(rehearsal, &held);
    let mut played = Vec::new();
    for weight in weights(rehearsal)? {
        played.push(stage.play(weight)?);
    }
    let best = chosen(rehearsal, &played);
    let contest = rehearsal.contest(&held);
    let less = |weight: f64| {
        let alone = played.iter().find(|played| played.weight == weight && rehearsal.model.is_some());
        alone.map(|alone| rehearsal.bootstrap.difference(&best.outcomes, &alone.outcomes))
    };
    let tried = |played: &Played| Tried { weight: played.weight, figures: played.outcomes.figures() };
    Ok(Rehearsed {
        weight: best.weight,
        tried: played.iter().filter(|_| rehearsal.model.is_some()).map(tried).collect(),
        over_counts: less(0.0),
        over_model: less(1.0),
        quality: quality(rehearsal, &contest, best),
    })
}

/// What every weight's release is made of.
struct Stage<'a> {
    rehearsal: &'a Rehearsal<'a>,
    held: &'a HeldOut,
    histories: Vec<Vec<u32>>,
    told: Told,
}

/// One weight's answers.
struct Played {
    weight: f64,
    answers: Vec<Given>,
    outcomes: Outcomes,
}

impl<'a> Stage<'a> {
    fn set(rehearsal: &'a Rehearsal<'a>, held: &'a HeldOut) -> Self {
        let histories = looked_up(held, rehearsal.depth());
        let retrieval = Retrieval { smoothed: rehearsal.smoothed, choice: rehearsal.choice };
        let told = rehearsal.model.map(|model| Told::ask(model, retrieval, &histories)).unwrap_or_default();
        Self { rehearsal, held, histories, told }
    }

    fn play(&self, weight: f64) -> anyhow::Result<Played> {
        let Rehearsal { smoothed, choice, catalogue, dir, .. } = *self.rehearsal;
        let shape = WriteShape { depth: self.rehearsal.depth(), width: choice.width };
        let excerpt = Excerpt::write(dir, catalogue, shape, self.rows(Mixer { smoothed, choice, weight }))?;
        let answers = of_release(&excerpt.release, self.held, catalogue);
        let outcomes = self.rehearsal.contest(self.held).outcomes(&answers);
        Ok(Played { weight, answers, outcomes })
    }

    /// The rows that the release would have of the histories looked up: those counted, and with a model all.
    fn rows<'s>(&'s self, mixer: Mixer<'s>) -> impl Iterator<Item = Candidates> + 's {
        let has = move |history: &&Vec<u32>| {
            let key = mixer.key(history);
            self.told.of(history).is_some() || mixer.choice.has(mixer.smoothed, history.len(), key)
        };
        self.histories.iter().filter(has).map(move |history| mixer.row(history, self.told.of(history)))
    }
}

/// The weights to try: with one given it and both alone, so that its gain is known too.
fn weights(rehearsal: &Rehearsal<'_>) -> anyhow::Result<Vec<f64>> {
    let mut weights = match (rehearsal.model, rehearsal.weight) {
        (None, _) => vec![0.0],
        (Some(_), Weight::Chosen) => WEIGHTS.to_vec(),
        (Some(_), Weight::Given(weight)) => vec![0.0, weight, 1.0],
    };
    ensure!(weights.iter().all(|weight| (0.0..=1.0).contains(weight)), "the weight is none of 0 to 1: {weights:?}");
    weights.sort_by(f64::total_cmp);
    weights.dedup();
    Ok(weights)
}

/// The weight given, or the best; of equals the smaller, which leans on the fresh counts.
fn chosen<'p>(rehearsal: &Rehearsal<'_>, played: &'p [Played]) -> &'p Played {
    let given = |played: &&Played| Weight::Given(played.weight) == rehearsal.weight;
    let ndcg_10 = |played: &&Played| played.outcomes.figures().ndcg_10;
    let best = || played.iter().rev().max_by(|left, right| ndcg_10(left).total_cmp(&ndcg_10(right)));
    played.iter().find(given).or_else(best).expect("at least one weight is tried")
}

fn quality(rehearsal: &Rehearsal<'_>, contest: &Contest<'_>, best: &Played) -> Quality {
    let Rehearsal { smoothed, choice, bootstrap, catalogue, .. } = *rehearsal;
    let measured = |answers: Vec<Given>| {
        let outcomes = contest.outcomes(&answers);
        (contest.answered(&answers, &outcomes), bootstrap.difference(&best.outcomes, &outcomes))
    };
    let previous = rehearsal.previous.filter(|_| contest.held.is_new_to_previous);
    let previous = previous.map(|previous| measured(of_release(previous, contest.held, catalogue)));
    let (popularity, over_popularity) = measured(of_popularity(&smoothed.popular, contest.held, choice.mode));
    Quality {
        requests: contest.held.asked.len() as u64,
        users: u64::from(contest.held.users),
        release: contest.answered(&best.answers, &best.outcomes),
        popularity,
        previous: previous.map(|(answered, _)| answered),
        over_popularity,
        over_previous: previous.map(|(_, over)| over),
        agreement: None,
        made: None,
    }
}
