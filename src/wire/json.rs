//! The JSON of the HTTP door.
//!
//! Questions are read by serde. Answers are written by hand into one buffer, which takes a third of serde's time;
//! [`AnswerBody`] describes what is written, for the OpenAPI document and for readers, and a test reads every answer
//! back through it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{Answer, Candidate, Degraded, Source};
use crate::ask::{Question, Unit};
use crate::error::{Code, Error};
use crate::snapshot::table::{SCORE_DECIMALS, Score};

mod object;

pub use object::Object;

/// A question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuestionBody {
    /// The user's recent cluster ids, oldest first, most recent last. May be empty: the popular list answers.
    #[serde(default)]
    pub history: Vec<u32>,
    /// How many candidates are wanted; the service's default if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub limit: Option<u64>,
    /// Cluster ids that must not come back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<u32>,
    /// Novel clusters only: none of the history's own.
    #[serde(default)]
    pub exclude_history: bool,
    /// Lowest score wanted, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub min_score: Option<f32>,
    /// Whether each candidate carries its cluster's name.
    #[serde(default)]
    pub names: bool,
    /// The caller's deadline in milliseconds, from when the request came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub timeout_ms: Option<u64>,
    /// A key that stays the same for a user, such as an id or a hash of one: while a release is tried on some callers, it
    /// says whether this is one. The history does where it is absent; in a batch, the first question's says it for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// Many questions, answered from one release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchBody {
    /// The questions; each is answered or refused on its own.
    #[serde(deserialize_with = "object::list")]
    pub requests: Vec<QuestionBody>,
    /// The caller's deadline for all of them, in milliseconds, from when the request came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub timeout_ms: Option<u64>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerBody {
    /// The next clusters, best first within each source.
    pub candidates: Vec<CandidateBody>,
    /// The path that gave the first candidate.
    pub source: Source,
    /// The clusters of the history that the first candidate was found under, oldest first: the suffix that the table holds,
    /// or all that the model read; empty for the popular list.
    pub matched: Vec<u32>,
    /// Cluster ids of the history that the catalogue does not have.
    pub ignored: Vec<u32>,
    /// Why the release's model did not answer and the next rung did: `model_missing` (it is not loaded), `model_saturated`
    /// (too many questions wait for it), `model_timeout` (it did not answer in time), `model_failed` (its arithmetic
    /// did), `model_unavailable` (it has failed repeatedly, and is left alone). Absent where the answer is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degraded: Option<String>,
    /// The release that answered.
    pub release: String,
    /// Its snapshot.
    pub snapshot: String,
    /// The model that the snapshot was computed with, if one was.
    pub model: Option<String>,
    /// Its catalogue.
    pub catalogue: String,
}

/// A next cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CandidateBody {
    /// Its id in the catalogue.
    pub cluster: u32,
    /// How likely it is, 0 to 1, to five decimals; comparable among candidates of one source in one answer.
    pub score: f64,
    /// Which path gave it.
    pub source: Source,
    /// Its name, where the question asked for names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The answers to a batch, in the order of its questions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchAnswerBody {
    /// One result for each question.
    pub results: Vec<ResultBody>,
}

/// How one question of a batch fared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResultBody {
    /// The status that the question alone would have got.
    pub status: u16,
    /// Its answer, where the status is 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerBody>,
    /// Why there is none, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ProblemBody>,
}

/// A failure, as RFC 9457 asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemBody {
    /// A URN that names the kind of failure: `urn:segue:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of failure, for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was expected, what came, and what to do.
    pub detail: String,
}

/// What serves now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VersionBody {
    /// The service's own version.
    pub service: String,
    /// The release that serves.
    pub release: String,
    /// Its snapshot.
    pub snapshot: String,
    /// The model that the snapshot was computed with, if one was.
    pub model: Option<String>,
    /// Its catalogue.
    pub catalogue: String,
    /// Most clusters of a history that the table looks at.
    pub depth: u8,
}

/// A page of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClustersBody {
    /// The catalogue's version.
    pub catalogue: String,
    /// The clusters, ascending by id.
    pub clusters: Vec<crate::snapshot::catalogue::Cluster>,
    /// The `after` of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
}

impl From<QuestionBody> for Question {
    fn from(body: QuestionBody) -> Self {
        let QuestionBody { history, limit, exclude, exclude_history, min_score, names, timeout_ms, unit } = body;
        Self { history, limit, exclude, exclude_history, min_score, names, timeout_ms, unit: unit.map(Unit::from) }
    }
}

impl ProblemBody {
    /// The problem that a failure is told as.
    pub fn of(error: &Error) -> Self {
        Self::new(error.code(), error.to_string())
    }

    /// A problem of a kind with a text of its own.
    pub fn new(code: Code, detail: String) -> Self {
        let kind = format!("urn:segue:problem:{}", code.label());
        Self { kind, title: code.title().to_owned(), status: code.http().as_u16(), detail }
    }

    /// Its JSON.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a struct of strings and a number has a JSON form")
    }
}

/// Bytes of a reply that do not depend on the candidates, roughly: one allocation holds almost every reply.
const REPLY_BYTES: usize = 288;
/// Bytes of a candidate without its name, at most.
const CANDIDATE_BYTES: usize = 64;

/// Writes an answer's JSON; the shape is [`AnswerBody`]'s.
pub fn encode_answer(answer: &Answer<'_>, names: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(REPLY_BYTES + CANDIDATE_BYTES * answer.candidates.len());
    write_answer(&mut out, answer, names);
    out
}

/// Appends an answer's JSON.
fn write_answer(out: &mut Vec<u8>, answer: &Answer<'_>, names: bool) {
    out.extend_from_slice(b"{\"candidates\":[");
    for (position, candidate) in answer.candidates.iter().enumerate() {
        write_candidate(out, position, candidate);
        if names {
            write_name(out, answer, candidate.index);
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"source\":\"");
    out.extend_from_slice(answer.source.label().as_bytes());
    out.extend_from_slice(b"\",\"matched\":[");
    write_ids(out, answer.matched.as_slice());
    out.extend_from_slice(b"],\"ignored\":[");
    write_ids(out, &answer.ignored);
    out.push(b']');
    write_degraded(out, answer.degraded);
    write_versions(out, answer);
    out.push(b'}');
}

/// Writes the results of a batch one after the other; the shape is [`BatchAnswerBody`]'s.
#[derive(Debug)]
pub struct BatchWriter {
    out: Vec<u8>,
}

/// Bytes of an answer with ten candidates, roughly.
const ANSWER_BYTES: usize = REPLY_BYTES + 10 * CANDIDATE_BYTES;

impl BatchWriter {
    /// Starts a batch of so many results.
    pub fn new(results: usize) -> Self {
        let mut out = Vec::with_capacity(results * ANSWER_BYTES);
        out.extend_from_slice(b"{\"results\":[");
        Self { out }
    }

    /// Adds the result of a question that was answered.
    pub fn answer(&mut self, answer: &Answer<'_>, names: bool) {
        self.out.extend_from_slice(b"{\"status\":200,\"answer\":");
        write_answer(&mut self.out, answer, names);
        self.out.extend_from_slice(b"},");
    }

    /// Adds the result of a question that was refused.
    pub fn refusal(&mut self, error: &Error) {
        let problem = ProblemBody::of(error);
        let result = ResultBody { status: problem.status, answer: None, error: Some(problem) };
        serde_json::to_writer(&mut self.out, &result).expect("a struct of strings and numbers has a JSON form");
        self.out.push(b',');
    }

    /// The batch's JSON.
    pub fn finish(mut self) -> Vec<u8> {
        if self.out.last() == Some(&b',') {
            self.out.pop();
        }
        self.out.extend_from_slice(b"]}");
        self.out
    }
}

fn write_candidate(out: &mut Vec<u8>, position: usize, candidate: &Candidate) {
    out.extend_from_slice(if position == 0 { b"{\"cluster\":" } else { b",{\"cluster\":" });
    write_number(out, candidate.cluster);
    out.extend_from_slice(b",\"score\":");
    write_score(out, candidate.score);
    out.extend_from_slice(match candidate.source {
        Source::Table => b",\"source\":\"table\"",
        Source::Suffix => b",\"source\":\"suffix\"",
        Source::Model => b",\"source\":\"model\"",
        Source::Popular => b",\"source\":\"popular\"",
    });
}

fn write_name(out: &mut Vec<u8>, answer: &Answer<'_>, index: u32) {
    if let Some(cluster) = answer.release.catalogue().at(index) {
        out.extend_from_slice(b",\"name\":");
        serde_json::to_writer(out, &cluster.name).expect("a string has a JSON form");
    }
}

fn write_degraded(out: &mut Vec<u8>, degraded: Option<Degraded>) {
    if let Some(reason) = degraded {
        out.extend_from_slice(b",\"degraded\":\"");
        out.extend_from_slice(reason.label().as_bytes());
        out.push(b'"');
    }
}

/// Version names need no escaping: their alphabet has none of JSON's special characters.
fn write_versions(out: &mut Vec<u8>, answer: &Answer<'_>) {
    let manifest = answer.release.manifest();
    out.extend_from_slice(b",\"release\":\"");
    out.extend_from_slice(manifest.version.as_str().as_bytes());
    out.extend_from_slice(b"\",\"snapshot\":\"");
    out.extend_from_slice(manifest.snapshot.as_str().as_bytes());
    match &manifest.model {
        Some(model) => {
            out.extend_from_slice(b"\",\"model\":\"");
            out.extend_from_slice(model.as_str().as_bytes());
            out.extend_from_slice(b"\",\"catalogue\":\"");
        }
        None => out.extend_from_slice(b"\",\"model\":null,\"catalogue\":\""),
    }
    out.extend_from_slice(manifest.catalogue.as_str().as_bytes());
    out.push(b'"');
}

fn write_ids(out: &mut Vec<u8>, ids: &[u32]) {
    for (position, &id) in ids.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_number(out, id);
    }
}

fn write_number(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Writes the five decimals of a score, without the zeros at their end.
fn write_score(out: &mut Vec<u8>, score: Score) {
    const WHOLE: u32 = 10u32.pow(SCORE_DECIMALS);
    let mut digits = *b"0.00000";
    let mut rest = score.decimal();
    if rest == 0 || rest == WHOLE {
        out.push(if rest == 0 { b'0' } else { b'1' });
        return;
    }
    for digit in digits[2..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let end = digits.iter().rposition(|&digit| digit != b'0').unwrap_or_default();
    out.extend_from_slice(&digits[..=end]);
}

#[cfg(test)]
mod tests {
    use super::write_score;
    use crate::snapshot::table::Score;

    #[test]
    fn every_score_is_written_as_its_decimal() {
        for stored in 0..=u16::MAX {
            let mut out = Vec::new();
            write_score(&mut out, Score(stored));
            let text = String::from_utf8(out).expect("digits and a point");
            let read: f64 = serde_json::from_str(&text).expect("a JSON number");
            assert_eq!((read * 1e5).round() as u32, Score(stored).decimal(), "{text}");
            assert!(text.len() <= 7 && !(text.contains('.') && text.ends_with('0')), "{text}");
        }
    }
}
