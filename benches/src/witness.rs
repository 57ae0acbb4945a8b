//! Checks that each reply says what the release it names says, and keeps when it came and how long it took.
//!
//! It must never trust a status: a reply counts as good only if its content is that of its stated release.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::load::{Reply, Sink};
use crate::release::expected;
use crate::rows::Rows;

/// What may be said: the histories asked, and the rows of each release by name.
#[derive(Debug)]
pub struct Truth {
    /// The history behind each question.
    pub histories: Vec<[u32; 2]>,
    /// Each release's name and rows.
    pub releases: Vec<(String, Rows)>,
}

/// A sink that checks.
#[derive(Debug)]
pub struct Witness {
    truth: Arc<Truth>,
    /// Due time and latency of every good reply.
    pub samples: Vec<Sample>,
    /// When requests were due that got no reply, or one with another status than 200.
    pub failures: Vec<Duration>,
    /// Replies whose content is not that of their release.
    pub torn: u64,
    /// Replies by release, in the order of the truth.
    pub by_release: Vec<u64>,
    /// The first wrong reply or failure, for the report.
    pub first_wrong: Option<String>,
    /// The instant from which due times count, known once a reply came.
    pub epoch: Option<Instant>,
}

/// One good reply.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// When its request was due.
    pub due: Duration,
    /// How long it took from then.
    pub latency: Duration,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    release: &'a str,
    candidates: Vec<Candidate>,
}

#[derive(Deserialize)]
struct Candidate {
    cluster: u32,
    score: f64,
}

impl Witness {
    /// A witness that has seen nothing yet.
    pub fn new(truth: Arc<Truth>) -> Self {
        let by_release = vec![0; truth.releases.len()];
        Self { truth, samples: Vec::new(), failures: Vec::new(), torn: 0, by_release, first_wrong: None, epoch: None }
    }

    /// The release that a reply names, if the reply's content is its.
    fn judge(&self, question: usize, body: &[u8]) -> Option<usize> {
        let body: Body<'_> = serde_json::from_slice(body).ok()?;
        let release = self.truth.releases.iter().position(|(name, _)| name == body.release)?;
        let (_, rows) = &self.truth.releases[release];
        let shown = body.candidates.iter().map(|candidate| (candidate.cluster, (candidate.score * 1e5).round() as u32));
        shown.eq(expected(rows, *self.truth.histories.get(question)?)).then_some(release)
    }
}

impl Sink for Witness {
    fn reply(&mut self, reply: &Reply<'_>) {
        if reply.status != 200 {
            let text = || format!("status {}: {}", reply.status, String::from_utf8_lossy(reply.body));
            self.first_wrong.get_or_insert_with(text);
            self.failures.push(reply.due);
            return;
        }
        self.epoch.get_or_insert_with(|| Instant::now() - reply.due - reply.latency);
        match self.judge(reply.question, reply.body) {
            Some(release) => {
                self.by_release[release] += 1;
                self.samples.push(Sample { due: reply.due, latency: reply.latency });
            }
            None => {
                self.torn += 1;
                self.first_wrong.get_or_insert_with(|| String::from_utf8_lossy(reply.body).into_owned());
            }
        }
    }

    fn failure(&mut self, due: Duration) {
        self.first_wrong.get_or_insert_with(|| "a connection was lost".to_owned());
        self.failures.push(due);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_stated_releases_own_content_passes() {
        let rows = Rows::new(100, 1.0);
        let releases = vec![("a".to_owned(), rows.with_seed(1)), ("b".to_owned(), rows.with_seed(2))];
        let truth = Arc::new(Truth { histories: vec![[3, 4]], releases });
        let body = |release: &str, seed| {
            let rows = rows.with_seed(seed);
            let shown = expected(&rows, [3, 4])
                .map(|(cluster, score)| format!(r#"{{"cluster":{cluster},"score":{}}}"#, f64::from(score) / 1e5));
            format!(r#"{{"release":"{release}","candidates":[{}]}}"#, shown.collect::<Vec<_>>().join(","))
        };
        let witness = Witness::new(truth);
        for (release, seed, expected) in
            [("a", 1, Some(0)), ("b", 2, Some(1)), ("a", 2, None), ("b", 1, None), ("c", 1, None)]
        {
            assert_eq!(witness.judge(0, body(release, seed).as_bytes()), expected, "{release} with seed {seed}");
        }
        assert_eq!(witness.judge(0, b"{}"), None);
    }
}
