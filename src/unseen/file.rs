//! A file of the unseen log: a header, then a line for each history, the most frequent first; it must never hold more
//! about its making than the span.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use super::HISTORY_MAX;
use crate::snapshot::manifest::Version;

/// The only format that this build reads and writes.
pub const UNSEEN_FORMAT: &str = "segue.unseen/1";

/// The first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Always [`UNSEEN_FORMAT`].
    pub format: String,
    /// The release whose table did not hold these histories; none where there were several.
    pub release: Option<Version>,
    /// When the span began, in seconds since 1970 UTC.
    pub from_unix_s: u64,
    /// When it ended.
    pub to_unix_s: u64,
    /// The share of histories that were counted at all.
    pub sample: f64,
    /// Records that are in no line: all that were counted are the lines' counts and these.
    pub dropped: u64,
}

/// Every other line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Cluster ids, oldest first; the most recent at most [`HISTORY_MAX`].
    pub history: Vec<u32>,
    /// How often it was surely seen.
    pub count: u64,
    /// How much more often at most, before memory was found for it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missed_max: u64,
}

/// What was counted between two moments.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// What it is of.
    pub header: Header,
    /// The most frequent first, each history once.
    pub rows: Vec<Row>,
}

/// Why a file of the log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum UnseenError {
    /// A line is none of ours.
    #[error(
        "line {line}: {source}; expected a header of the format {UNSEEN_FORMAT}, then {{\"history\":[22,9],\"count\":3}} a line"
    )]
    Line {
        /// Which, from 1.
        line: u64,
        /// What the parser found.
        source: serde_json::Error,
    },
    /// Written by another build.
    #[error(
        "line {line}: the format is {got:?}, expected {UNSEEN_FORMAT:?}; read it with the version of segue that wrote it"
    )]
    Format {
        /// Which, from 1.
        line: u64,
        /// What came.
        got: String,
    },
    /// A value that no log holds.
    #[error("line {line}: {what} is {got}, expected {expected}; the file is damaged, leave it out")]
    Value {
        /// Which, from 1.
        line: u64,
        /// What is wrong.
        what: &'static str,
        /// What came.
        got: String,
        /// What could have come.
        expected: &'static str,
    },
    /// Lines before the first header.
    #[error("line {line} comes before a header; expected one of the format {UNSEEN_FORMAT}")]
    Headless {
        /// Which, from 1.
        line: u64,
    },
    /// It cannot be read at all.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// A line, whatever it is.
enum Line {
    Header(Header),
    Row(Row),
}

/// The one field that tells lines apart.
#[derive(Deserialize)]
struct Kind {
    format: Option<String>,
}

impl Header {
    /// Of a span from and to a time, in seconds since 1970 UTC.
    pub fn new(release: Option<Version>, [from_unix_s, to_unix_s]: [u64; 2], sample: f64) -> Self {
        Self { format: UNSEEN_FORMAT.to_owned(), release, from_unix_s, to_unix_s, sample, dropped: 0 }
    }

    /// The same, with so many records dropped.
    pub fn with_dropped(self, dropped: u64) -> Self {
        Self { dropped, ..self }
    }
}

impl Span {
    /// Puts rows in order.
    pub fn new(header: Header, mut rows: Vec<Row>) -> Self {
        rows.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.history.cmp(&b.history)));
        Self { header, rows }
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.header.dropped == 0
    }

    /// The sum of the counts.
    pub fn counted(&self) -> u64 {
        self.rows.iter().map(|row| row.count).sum()
    }

    /// Writes the header and the rows.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        write_line(&self.header, out)?;
        self.rows.iter().try_for_each(|row| write_line(row, out))
    }

    /// Reads one span, or several that stand one after the other, and hands each line to `take`.
    pub fn read(input: impl BufRead, take: &mut dyn FnMut(&Header, Row)) -> Result<Vec<Header>, UnseenError> {
        let mut headers = Vec::new();
        for (line, text) in (1..).zip(input.lines()) {
            match parse(line, &text?)? {
                Line::Header(header) => headers.push(header),
                Line::Row(row) => take(headers.last().ok_or(UnseenError::Headless { line })?, row),
            }
        }
        Ok(headers)
    }
}

fn parse(line: u64, text: &str) -> Result<Line, UnseenError> {
    let not_ours = |source| UnseenError::Line { line, source };
    match serde_json::from_str::<Kind>(text).map_err(not_ours)?.format {
        Some(got) if got != UNSEEN_FORMAT => Err(UnseenError::Format { line, got }),
        Some(_) => sound_header(line, serde_json::from_str(text).map_err(not_ours)?),
        None => sound_row(line, serde_json::from_str(text).map_err(not_ours)?),
    }
}

fn sound_header(line: u64, header: Header) -> Result<Line, UnseenError> {
    if header.sample > 0.0 && header.sample <= 1.0 {
        return Ok(Line::Header(header));
    }
    let got = header.sample.to_string();
    Err(UnseenError::Value { line, what: "the sample", got, expected: "a share above 0, at most 1" })
}

fn sound_row(line: u64, row: Row) -> Result<Line, UnseenError> {
    if (1..=HISTORY_MAX).contains(&row.history.len()) {
        return Ok(Line::Row(row));
    }
    let got = format!("of {} clusters", row.history.len());
    Err(UnseenError::Value { line, what: "the history", got, expected: "1 to 4" })
}

fn write_line(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
