//! The method and what it is made of: monthly models, asked with nothing, with what was retrieved at the last refresh, or together with the
//! counts of that refresh.
//!
//! What a model is shown is the record that a release of that day would hold, made by the code that builds releases.

use segue::model::prompt::Context;

use super::Replay;
use super::blended::{blend, counted};
use super::counted::Memory;
use super::models::Models;
use super::walk::{Answering, Asked, Lists, Stretch};
use crate::drift::days::start_us;
use crate::examples::AsOf;
use crate::measure::rank_scores;

/// Answers from refreshed tables: counts, a model with what it retrieves from them, and both in one.
#[derive(Clone, Copy, Debug)]
pub struct Refreshed<'a> {
    /// What is evaluated.
    pub replay: &'a Replay<'a>,
    /// How old what is counted may be.
    pub memory: Memory,
    /// The models; without them only the counts answer.
    pub models: Option<&'a Models>,
    /// For each month, what the model's word is worth in the blend.
    pub weights: &'a [f64],
}

/// Answers from models that retrieve nothing: the first one for ever, and each month's own.
#[derive(Clone, Copy, Debug)]
pub struct Unrefreshed<'a> {
    /// The models.
    pub models: &'a Models,
}

impl<'a> Answering for Refreshed<'a> {
    type Table = AsOf<'a>;

    fn contenders(&self) -> usize {
        if self.models.is_some() { 3 } else { 1 }
    }

    fn table(&self, stretch: &Stretch) -> AsOf<'a> {
        let smoothed = self.replay.days.table(&self.memory.before(stretch.day));
        AsOf::given(self.replay.log, self.replay.counting, (start_us(stretch.day), smoothed))
    }

    fn rank(&self, table: &AsOf<'a>, stretch: &Stretch, asked: &Asked<'_>) -> Vec<Lists> {
        let counted = counted(table, asked);
        let clusters = |list: &Vec<(u32, f64)>| list.iter().map(|(cluster, _)| *cluster).collect();
        let mut lists = vec![counted.iter().map(clusters).collect()];
        if self.models.is_some() {
            let told = self.told(table, stretch, asked);
            lists.push(told.iter().map(|logits| rank_scores(logits)).collect());
            lists.push(blend((&told, self.weights[stretch.month]), &counted, table.smoothed()));
        }
        lists
    }
}

impl Refreshed<'_> {
    /// What the month's model says of every history, with what the table gives it.
    pub fn told(&self, table: &AsOf<'_>, stretch: &Stretch, asked: &Asked<'_>) -> Vec<Vec<f32>> {
        let logits =
            |models: &Models| models.logits(stretch.month, &asked.histories, |history| table.retrieve(history));
        self.models.map(logits).unwrap_or_default()
    }
}

impl Answering for Unrefreshed<'_> {
    type Table = ();

    fn contenders(&self) -> usize {
        2
    }

    fn table(&self, _: &Stretch) {}

    fn rank(&self, (): &(), stretch: &Stretch, asked: &Asked<'_>) -> Vec<Lists> {
        let lists = |month: usize| {
            let logits = self.models.logits(month, &asked.histories, |_| Context::default());
            logits.iter().map(|logits| rank_scores(logits)).collect()
        };
        vec![lists(0), lists(stretch.month)]
    }
}
