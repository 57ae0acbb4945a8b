//! Golden questions: what a release must answer before it may serve.
//!
//! They are taken from the rows that went into the table, not read back from it, so that a writer and a reader which
//! are wrong together are found out.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use super::lines::{LINE_BYTES_MAX, Line, lines};
use super::table::{SCORE_DECIMALS, Score};
use crate::answer::{Answer, Source};
use crate::ask::Ask;

/// A question and the answer it must get.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// Cluster ids, oldest first.
    pub history: Vec<u32>,
    /// How many candidates to ask for.
    pub limit: usize,
    /// The candidates that must come, in order.
    pub candidates: Vec<GoldenCandidate>,
    /// The source that must answer.
    pub source: Source,
}

/// A candidate that must come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenCandidate {
    /// Its cluster id.
    pub cluster: u32,
    /// Its score, to five decimals.
    pub score: f64,
}

/// A golden question that got another answer.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error(
    "golden question {history:?} got {got}, expected {expected}; the table and its questions do not belong together"
)]
pub struct GoldenMismatch {
    /// The question's history, as cluster ids.
    pub history: Vec<u32>,
    /// What must come.
    pub expected: String,
    /// What came.
    pub got: String,
}

/// Why golden questions could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    /// A line is not a golden question.
    #[error("line {line} of the golden questions is none: {source}; build the release anew")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What the parser found.
        source: serde_json::Error,
    },
    /// A line goes on without an end.
    #[error("golden question {line} has more than {LINE_BYTES_MAX} bytes; expected a question a line")]
    LongLine {
        /// Its number, from 1.
        line: usize,
    },
    /// More than are ever asked.
    #[error("there are more than {QUESTIONS_MAX} golden questions, expected a sample of the table's rows")]
    TooMany,
    /// The bytes could not be read.
    #[error("the golden questions could not be read: {0}")]
    Io(#[from] io::Error),
}

impl Golden {
    /// The question, as a caller would ask it.
    pub fn ask(&self) -> Ask {
        Ask { history: self.history.clone(), limit: self.limit, ..Ask::default() }
    }

    /// Compares an answer with the one that must come.
    pub fn check(&self, answer: &Answer<'_>) -> Result<(), GoldenMismatch> {
        let expected: Vec<_> = self.candidates.iter().map(GoldenCandidate::comparable).collect();
        let got: Vec<_> = answer.candidates.iter().map(|found| (found.cluster, found.score.decimal())).collect();
        if (expected == got) && (self.source == answer.source) {
            return Ok(());
        }
        let describe = |source: Source, candidates: &[(u32, u32)]| format!("{candidates:?} from {}", source.label());
        Err(GoldenMismatch {
            history: self.history.clone(),
            expected: describe(self.source, &expected),
            got: describe(answer.source, &got),
        })
    }
}

impl GoldenCandidate {
    /// A candidate as its score reads outside the table.
    pub fn new(cluster: u32, score: Score) -> Self {
        Self { cluster, score: f64::from(score.decimal()) / f64::from(10u32.pow(SCORE_DECIMALS)) }
    }

    fn comparable(&self) -> (u32, u32) {
        (self.cluster, (self.score * f64::from(10u32.pow(SCORE_DECIMALS))).round() as u32)
    }
}

/// Keeps a bounded, evenly spread sample of a stream of unknown length, the same for the same stream: every n-th row,
/// n doubling whenever the sample is full.
#[derive(Debug)]
pub struct Sample {
    kept: Vec<Golden>,
    seen: usize,
    stride: usize,
}

/// Golden questions of one length of history: few enough to ask all of a release's in under a millisecond.
const GOLDEN_MAX: usize = 32;
/// Most questions that a release may bring, all lengths together: each is held in memory, and asked before every swap.
pub const QUESTIONS_MAX: usize = 100_000;

impl Default for Sample {
    fn default() -> Self {
        Self { kept: Vec::new(), seen: 0, stride: 1 }
    }
}

impl Sample {
    /// Offers a row; `make` is called only if it is kept.
    pub fn offer(&mut self, make: impl FnOnce() -> Golden) {
        if self.seen.is_multiple_of(self.stride) {
            if self.kept.len() == GOLDEN_MAX {
                self.thin();
            }
            if self.seen.is_multiple_of(self.stride) {
                self.kept.push(make());
            }
        }
        self.seen += 1;
    }

    /// The rows kept, in the order they came.
    pub fn questions(self) -> Vec<Golden> {
        self.kept
    }

    fn thin(&mut self) {
        let mut position = 0;
        self.kept.retain(|_| {
            position += 1;
            position % 2 == 1
        });
        self.stride *= 2;
    }
}

/// Reads one question per line of JSON.
pub fn read_jsonl(reader: impl BufRead) -> Result<Vec<Golden>, GoldenError> {
    let parse = |(position, line): (usize, io::Result<Line>)| match line? {
        _ if position == QUESTIONS_MAX => Err(GoldenError::TooMany),
        Line::Long => Err(GoldenError::LongLine { line: position + 1 }),
        Line::Text(text) => {
            serde_json::from_str(&text).map_err(|source| GoldenError::Line { line: position + 1, source })
        }
    };
    lines(reader).enumerate().map(parse).collect()
}

/// Writes one question per line of JSON.
pub fn write_jsonl(questions: &[Golden], mut writer: impl Write) -> io::Result<()> {
    for question in questions {
        serde_json::to_writer(&mut writer, question)?;
        writer.write_all(b"\n")?;
    }
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::{GOLDEN_MAX, Golden, Sample};
    use crate::answer::Source;

    #[test]
    fn a_sample_is_bounded_even_and_keeps_the_first_row() {
        for rows in [1u32, 63, 64, 65, 1_000, 100_000] {
            let mut sample = Sample::default();
            for row in 0..rows {
                sample.offer(|| Golden { history: vec![row], limit: 1, candidates: vec![], source: Source::Table });
            }
            let kept: Vec<_> = sample.questions().into_iter().map(|question| question.history[0]).collect();
            assert!(kept.len() <= GOLDEN_MAX && kept.len() >= (rows as usize).min(GOLDEN_MAX / 2), "{rows}: {kept:?}");
            let stride = kept.get(1).copied().unwrap_or(1);
            assert!(kept.iter().zip(0..).all(|(&row, position)| row == position * stride), "{rows}: {kept:?}");
        }
    }
}
