//! Reads anyone's candidates from Parquet or JSON lines into a sorter.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Int64Array, ListArray, RecordBatch, StructArray};
use arrow_schema::{ArrowError, DataType, Field};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Deserialize;
use std::io::BufRead;
use std::sync::Arc;

use crate::candidates::check::RawCandidates;
use crate::read::{Format, ReadError, Source};

/// The column of histories: lists of cluster ids, oldest first.
const HISTORY: &str = "history";

/// The column of candidates: lists of `{cluster, score}`.
const CANDIDATES: &str = "candidates";

/// Takes rows, or what was found in the place of one.
pub type Visit<'a> = dyn FnMut(u64, Result<RawCandidates, String>) -> Result<(), ReadError> + 'a;

/// Reads every row of the file.
///
/// # Errors
/// When the file cannot be read, when it lacks a column, or when `visit` says so.
pub fn read(source: &Source<'_>, format: Format, visit: &mut Visit<'_>) -> Result<(), ReadError> {
    match format {
        Format::Jsonl => read_jsonl(source, visit),
        Format::Parquet => read_parquet(source, visit),
        Format::Csv => Err(ReadError::Format { path: source.path.to_owned() }),
    }
}

/// A line of JSON; other fields are left alone.
#[derive(Deserialize)]
struct Line {
    history: Vec<i64>,
    candidates: Vec<LineCandidate>,
}

#[derive(Deserialize)]
struct LineCandidate {
    cluster: i64,
    score: Option<f64>,
}

fn read_jsonl(source: &Source<'_>, visit: &mut Visit<'_>) -> Result<(), ReadError> {
    for (row, line) in (1..).zip(source.text()?.split(b'\n')) {
        let line = line.map_err(source.io())?;
        if !line.trim_ascii().is_empty() {
            visit(row, serde_json::from_slice::<Line>(&line).map(Line::raw).map_err(|error| error.to_string()))?;
        }
    }
    Ok(())
}

impl Line {
    fn raw(self) -> RawCandidates {
        let candidates = self.candidates.into_iter().map(|candidate| (candidate.cluster, candidate.score)).collect();
        RawCandidates { history: self.history, candidates }
    }
}

fn read_parquet(source: &Source<'_>, visit: &mut Visit<'_>) -> Result<(), ReadError> {
    let failed = |error| ReadError::Parquet { path: source.path.to_owned(), source: error };
    let builder = ParquetRecordBatchReaderBuilder::try_new(source.file()?).map_err(failed)?;
    let mut bar = source.progress.rows(source.path, builder.metadata().file_metadata().num_rows().cast_unsigned());
    let mut row = 1;
    for batch in builder.build().map_err(failed)? {
        let batch = Batch::new(source, &batch.map_err(arrow(source))?)?;
        for at in 0..batch.histories.len() {
            visit(row, batch.row(at).ok_or_else(|| "a null".to_owned()))?;
            row += 1;
        }
        bar.advance(batch.histories.len() as u64);
    }
    Ok(())
}

/// A batch in the shapes that every sound file can be turned into.
struct Batch {
    histories: ListArray,
    candidates: ListArray,
    clusters: Int64Array,
    scores: arrow_array::Float64Array,
}

impl Batch {
    fn new(source: &Source<'_>, batch: &RecordBatch) -> Result<Self, ReadError> {
        let integers = DataType::List(Arc::new(Field::new("item", DataType::Int64, true)));
        let histories = cast(source, column(source, batch, HISTORY)?, &integers)?.as_list().clone();
        let candidates = lists(source, column(source, batch, CANDIDATES)?)?;
        let fields = candidates.values().as_struct_opt().ok_or_else(|| odd(source, candidates.data_type()))?;
        let clusters = cast(source, member(source, fields, "cluster")?, &DataType::Int64)?;
        let scores = cast(source, member(source, fields, "score")?, &DataType::Float64)?;
        Ok(Self {
            histories,
            clusters: clusters.as_primitive::<Int64Type>().clone(),
            scores: scores.as_primitive::<Float64Type>().clone(),
            candidates,
        })
    }

    /// The row, or `None` where a list or an id is null.
    fn row(&self, at: usize) -> Option<RawCandidates> {
        if self.histories.is_null(at) || self.candidates.is_null(at) {
            return None;
        }
        let history = self.histories.value(at).as_primitive::<Int64Type>().iter().collect::<Option<_>>()?;
        let places = self.candidates.value_offsets()[at] as usize..self.candidates.value_offsets()[at + 1] as usize;
        let candidates =
            places.map(|place| Some((id(&self.clusters, place)?, self.score(place)))).collect::<Option<_>>()?;
        Some(RawCandidates { history, candidates })
    }

    fn score(&self, place: usize) -> Option<f64> {
        self.scores.is_valid(place).then(|| self.scores.value(place))
    }
}

fn id(clusters: &Int64Array, place: usize) -> Option<i64> {
    clusters.is_valid(place).then(|| clusters.value(place))
}

fn column<'a>(source: &Source<'_>, batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ReadError> {
    let names = || batch.schema_ref().fields().iter().map(|field| field.name().clone()).collect();
    batch.column_by_name(name).ok_or_else(|| missing(source, name, names()))
}

fn member<'a>(source: &Source<'_>, fields: &'a StructArray, name: &str) -> Result<&'a ArrayRef, ReadError> {
    let names = || fields.column_names().into_iter().map(str::to_owned).collect();
    fields.column_by_name(name).ok_or_else(|| missing(source, name, names()))
}

fn missing(source: &Source<'_>, expected: &str, got: Vec<String>) -> ReadError {
    ReadError::Column { path: source.path.to_owned(), expected: expected.to_owned(), got }
}

/// Lists of any kind as the usual kind, their items untouched.
fn lists(source: &Source<'_>, array: &ArrayRef) -> Result<ListArray, ReadError> {
    let item = match array.data_type() {
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) => item.clone(),
        other => return Err(odd(source, other)),
    };
    Ok(cast(source, array, &DataType::List(item))?.as_list().clone())
}

fn cast(source: &Source<'_>, array: &ArrayRef, target: &DataType) -> Result<ArrayRef, ReadError> {
    arrow_cast::cast(array, target).map_err(arrow(source))
}

fn odd(source: &Source<'_>, got: &DataType) -> ReadError {
    let expected = "a list of struct<cluster: integer, score: float>";
    ReadError::ColumnType { path: source.path.to_owned(), column: CANDIDATES.to_owned(), expected, got: got.clone() }
}

fn arrow<'a>(source: &'a Source<'a>) -> impl Fn(ArrowError) -> ReadError + 'a {
    |error| ReadError::Arrow { path: source.path.to_owned(), source: error }
}
