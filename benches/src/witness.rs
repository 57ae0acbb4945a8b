//! Checks that each reply says what the release it names says, and keeps when it came and how long it took.
//!
//! It must never trust a status: a reply counts as good only if its content is that of its stated release.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use memchr::memmem;
use serde::Deserialize;

use crate::load::{Reply, Sink};
use crate::release::expected;
use crate::rows::Rows;

/// Replies of a long run. Memory that is not written to costs nothing.
const SAMPLES_EXPECTED: usize = 1 << 25;
/// Different bodies of a long run.
const BODIES_EXPECTED: usize = 1 << 18;

/// What may be said: the histories asked, and the rows of each release by name.
#[derive(Debug)]
pub struct Truth {
    /// The history behind each question.
    pub histories: Vec<[u32; 2]>,
    /// Each release's name and rows.
    pub releases: Vec<(String, Rows)>,
}

/// A body, and how often it came.
type Said = (Box<[u8]>, u64);

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
    /// The release that the last reply named.
    last: usize,
    /// What was said how often, by release and question.
    said: HashMap<(usize, usize), Vec<Said>>,
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
        // Room for all of a long run: growing would hold up the load, and count as the server's time.
        let (samples, said) = (Vec::with_capacity(SAMPLES_EXPECTED), HashMap::with_capacity(BODIES_EXPECTED));
        let failures = Vec::new();
        Self { truth, samples, failures, torn: 0, by_release, first_wrong: None, epoch: None, last: 0, said }
    }

    /// Keeps what a reply says; `None` where it names no known release. Reading it would take longer than serving it, and the wait
    /// would count as the server's: what is distinct is read once, at the end.
    fn keep(&mut self, question: usize, body: &[u8]) -> Option<usize> {
        let name = stated_release(body)?;
        let release = match self.truth.releases.get(self.last) {
            Some((last, _)) if last.as_bytes() == name => self.last,
            _ => self.truth.releases.iter().position(|(known, _)| known.as_bytes() == name)?,
        };
        self.last = release;
        let said = self.said.entry((release, question)).or_default();
        match said.iter_mut().find(|(known, _)| **known == *body) {
            Some((_, times)) => *times += 1,
            None => said.push((body.into(), 1)),
        }
        Some(release)
    }

    /// The release that a reply names, if the reply's content is its.
    fn read(&self, question: usize, body: &[u8]) -> Option<usize> {
        let body: Body<'_> = serde_json::from_slice(body).ok()?;
        let release = self.truth.releases.iter().position(|(name, _)| name == body.release)?;
        let (_, rows) = &self.truth.releases[release];
        let shown = body.candidates.iter().map(|candidate| (candidate.cluster, (candidate.score * 1e5).round() as u32));
        shown.eq(expected(rows, *self.truth.histories.get(question)?)).then_some(release)
    }
}

/// What a reply says after `"release":`.
fn stated_release(body: &[u8]) -> Option<&[u8]> {
    const KEY: &[u8] = b"\"release\":\"";
    let name = &body[memmem::rfind(body, KEY)? + KEY.len()..];
    Some(&name[..name.iter().position(|byte| *byte == b'"')?])
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
        match self.keep(reply.question, reply.body) {
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

    fn end(&mut self) {
        let said = std::mem::take(&mut self.said);
        for ((release, question), (body, times)) in
            said.into_iter().flat_map(|(key, said)| said.into_iter().map(move |said| (key, said)))
        {
            if self.read(question, &body) != Some(release) {
                self.torn += times;
                self.first_wrong.get_or_insert_with(|| String::from_utf8_lossy(&body).into_owned());
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
            assert_eq!(witness.read(0, body(release, seed).as_bytes()), expected, "{release} with seed {seed}");
        }
        assert_eq!(witness.read(0, b"{}"), None);
    }
}
