//! Questions to a service's HTTP door, in batches.
//!
//! A question that is refused ends the replay: a hit rate over the rest would be of other questions than those asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use segue::snapshot::catalogue::Catalogue;
use segue::wire::json::{AnswerBody, BatchAnswerBody, BatchBody, QuestionBody};
use ureq::Agent;

use super::ReplaySettings;
use crate::examples::Example;
use crate::measure::Rankings;
use crate::sequence::Mode;

/// Longest wait for a batch.
const REPLY_WAIT_MAX: Duration = Duration::from_secs(30);

/// Asks one service.
#[derive(Debug)]
pub struct Asker<'a> {
    agent: Agent,
    url: String,
    settings: &'a ReplaySettings,
    catalogue: &'a Catalogue,
}

/// Who answered, by name.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// By the source of the first candidate.
    pub sources: BTreeMap<String, u64>,
    /// By the release.
    pub releases: BTreeMap<String, u64>,
    /// By the reason, those that the model should have answered and did not.
    pub degraded: BTreeMap<String, u64>,
}

impl<'a> Asker<'a> {
    /// Names a service; nothing is sent yet.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(settings: &'a ReplaySettings, catalogue: &'a Catalogue) -> anyhow::Result<Self> {
        let to = settings.to.trim_end_matches('/');
        ensure!(
            to.starts_with("http://") || to.starts_with("https://"),
            "`{to}` is no address such as http://127.0.0.1:8080"
        );
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(REPLY_WAIT_MAX));
        Ok(Self { agent: config.build().into(), url: format!("{to}/next-clusters/batch"), settings, catalogue })
    }

    /// Asks for each example's next cluster; rankings of indexes, in order.
    ///
    /// # Errors
    /// When the service cannot be reached, refuses a question, or knows other clusters.
    pub fn ask(&self, batch: &[Example<'_>], rankings: &mut Rankings, answers: &mut Answers) -> anyhow::Result<()> {
        let body =
            BatchBody { requests: batch.iter().map(|example| self.question(example)).collect(), timeout_ms: None };
        let reply = self.send(&serde_json::to_vec(&body)?)?;
        ensure!(
            reply.results.len() == batch.len(),
            "{} gave {} answers to {} questions",
            self.url,
            reply.results.len(),
            batch.len()
        );
        for result in reply.results {
            let Some(answer) = result.answer else {
                let detail = result.error.map(|error| error.detail).unwrap_or_default();
                bail!("{} refused a question with {}: {detail}", self.url, result.status);
            };
            rankings.push(self.indexes(&answer)?);
            answers.add(answer);
        }
        Ok(())
    }

    fn question(&self, example: &Example<'_>) -> QuestionBody {
        let ids = |indexes: &[u32]| indexes.iter().filter_map(|index| self.catalogue.id_at(*index)).collect();
        let mode = self.settings.rules.mode;
        let exclude = if mode == Mode::Changes { ids(mode.barred(example.history)) } else { Vec::new() };
        QuestionBody {
            history: ids(example.history),
            limit: Some(u64::from(self.settings.limit)),
            exclude,
            exclude_history: mode == Mode::Distinct,
            ..QuestionBody::default()
        }
    }

    fn send(&self, body: &[u8]) -> anyhow::Result<BatchAnswerBody> {
        let request = self.agent.post(&self.url).content_type("application/json");
        let unreachable = || format!("{} did not answer; is that the address of a service's HTTP door?", self.url);
        let mut reply = request.send(body).with_context(unreachable)?;
        let text = reply.body_mut().read_to_string().with_context(unreachable)?;
        ensure!(reply.status() == 200, "{} answered {}: {text}", self.url, reply.status());
        serde_json::from_str(&text)
            .with_context(|| format!("{} answered with something else than a service does", self.url))
    }

    fn indexes(&self, answer: &AnswerBody) -> anyhow::Result<Vec<u32>> {
        let index = |id: u32| {
            let index = self.catalogue.index_of(id);
            index.with_context(|| format!("release {} offers cluster {id}, which --catalogue has not", answer.release))
        };
        answer.candidates.iter().map(|candidate| index(candidate.cluster)).collect()
    }
}

impl Answers {
    fn add(&mut self, answer: AnswerBody) {
        let source = answer.candidates.first().map_or("none", |first| first.source.label());
        *self.sources.entry(source.to_owned()).or_default() += 1;
        *self.releases.entry(answer.release).or_default() += 1;
        if let Some(reason) = answer.degraded {
            *self.degraded.entry(reason).or_default() += 1;
        }
    }
}
