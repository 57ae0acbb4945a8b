//! One row as a format gives it: fields of no meaning yet, borrowed from the reader's buffer.
//!
//! A format may turn a field into the nearest of these shapes; it must not refuse a value, only a row that is none.

use crate::read::error::ReadError;
use crate::refusals::Reason;

/// Which columns of an event file mean what.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Whose event it is.
    pub user: String,
    /// When it happened.
    pub time: String,
    /// What it was about: a cluster, or an item to be mapped to one.
    pub target: String,
    /// How strong the engagement was.
    pub weight: Option<String>,
}

impl Columns {
    /// The columns in the order of [`RawRow`]'s fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [&self.user, &self.time, &self.target].into_iter().chain(&self.weight).map(String::as_str)
    }
}

/// The unit of a time that is a bare number; a Parquet timestamp brings its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum TimeUnit {
    /// Seconds since 1970.
    #[default]
    #[value(name = "s")]
    Seconds,
    /// Milliseconds since 1970.
    #[value(name = "ms")]
    Milliseconds,
    /// Microseconds since 1970.
    #[value(name = "us")]
    Microseconds,
}

impl TimeUnit {
    /// Microseconds in one of the unit.
    pub const fn us(self) -> i64 {
        match self {
            Self::Seconds => 1_000_000,
            Self::Milliseconds => 1_000,
            Self::Microseconds => 1,
        }
    }
}

/// One field.
#[derive(Clone, Debug, PartialEq)]
pub enum Field<'a> {
    /// Null, absent or empty.
    Missing,
    /// An integer, or a boolean as 0 or 1.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A timestamp in microseconds since 1970.
    TimeUs(i64),
    /// Text, still to be read.
    Text(&'a str),
    /// A value of a shape that no column can have: a list, an object, bytes that are not UTF-8.
    Odd,
}

impl Field<'_> {
    /// The field as a refusal quotes it.
    pub fn quote(&self) -> String {
        match self {
            Self::Missing => "nothing".to_owned(),
            Self::Int(value) | Self::TimeUs(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Text(text) => (*text).to_owned(),
            Self::Odd => "a value that is neither text nor a number".to_owned(),
        }
    }
}

/// The fields of one row.
#[derive(Clone, Debug, PartialEq)]
pub struct RawRow<'a> {
    /// The line of a text file or the row of a Parquet file, from 1.
    pub row: u64,
    /// The user's field.
    pub user: Field<'a>,
    /// The time's field.
    pub time: Field<'a>,
    /// The cluster's or the item's field.
    pub target: Field<'a>,
    /// The weight's field; [`Field::Missing`] without a weight column.
    pub weight: Field<'a>,
}

impl<'a> RawRow<'a> {
    /// A row of its fields in the order of [`Columns::names`].
    pub fn new(row: u64, mut field: impl FnMut(usize) -> Field<'a>) -> Self {
        Self { row, user: field(0), time: field(1), target: field(2), weight: field(3) }
    }
}

/// Takes rows as a format finds them.
pub trait RowSink {
    /// Takes a row.
    ///
    /// # Errors
    /// When the run must stop.
    fn row(&mut self, row: RawRow<'_>) -> Result<(), ReadError>;

    /// Takes a row that the format could not make out.
    ///
    /// # Errors
    /// When the run must stop.
    fn bad(&mut self, row: u64, reason: Reason, got: &str) -> Result<(), ReadError>;
}
