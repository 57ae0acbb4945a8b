//! Finds the fields of rows in Parquet, reading only the columns that are named.

use std::path::{Path, PathBuf};

use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, PrimitiveArray, RecordBatch, StringArray, cast::AsArray};
use arrow_schema::{ArrowError, DataType, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use crate::read::error::ReadError;
use crate::read::field::{Columns, Field, RawRow, RowSink};
use crate::read::source::Source;
use crate::source::Object;
use crate::source::object::Fetched;

/// Rows decoded at once.
const BATCH_ROWS: usize = 16 * 1024;

/// Reads every row of the file into `sink`.
pub(crate) fn read(source: &Source<'_>, columns: &Columns, sink: &mut dyn RowSink) -> Result<(), ReadError> {
    let file = ParquetFile::open(source.object()?, source.path.to_owned(), columns)?;
    let mut bar = source.progress.rows(source.path, file.rows());
    for group in 0..file.groups() {
        file.each_batch(group, &mut |batch| {
            (0..batch.rows).try_for_each(|at| sink.row(batch.row(at)))?;
            bar.advance(batch.rows as u64);
            Ok(())
        })?;
    }
    Ok(())
}

/// A file whose columns are known; its row groups can be read from many threads at once.
#[derive(Debug)]
pub(crate) struct ParquetFile {
    object: Object,
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    names: Vec<String>,
    /// Which of the file's columns these are.
    places: Vec<usize>,
}

/// Some rows of a file: a column for each field that has one.
pub(crate) struct Batch {
    columns: Vec<Column>,
    /// How many rows there are.
    pub(crate) rows: usize,
    /// Which row of the file the first one is, from 1.
    first: u64,
}

/// The columns of a batch whose every row has a user, a time and a target that are integers.
pub(crate) struct Integers<'a> {
    /// Users.
    pub(crate) users: &'a [i64],
    /// Times.
    pub(crate) times: &'a [i64],
    /// Clusters' ids.
    pub(crate) targets: &'a [i64],
    /// Whether the times are in microseconds, whatever the unit of bare numbers.
    pub(crate) stamped: bool,
}

impl ParquetFile {
    /// Reads what the file says of itself and finds the columns.
    pub(crate) fn open(object: Object, path: PathBuf, columns: &Columns) -> Result<Self, ReadError> {
        let failed = |error| ReadError::Parquet { path: path.clone(), source: error };
        let metadata = ArrowReaderMetadata::load(&object, ArrowReaderOptions::new()).map_err(failed)?;
        let names: Vec<String> = columns.names().map(str::to_owned).collect();
        let places = find(&path, metadata.schema(), &names)?;
        Ok(Self { object, path, metadata, names, places })
    }

    /// How many rows it has.
    pub(crate) fn rows(&self) -> u64 {
        self.metadata.metadata().file_metadata().num_rows().cast_unsigned()
    }

    /// How many row groups it has.
    pub(crate) fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// How many rows a row group has.
    pub(crate) fn group_rows(&self, group: usize) -> u64 {
        self.metadata.metadata().row_group(group).num_rows().cast_unsigned()
    }

    /// Reads a row group batch by batch.
    pub(crate) fn each_batch(
        &self,
        group: usize,
        visit: &mut dyn FnMut(Batch) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let failed = |error| ReadError::Parquet { path: self.path.clone(), source: error };
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), self.places.iter().copied());
        let fetched = self.fetch(group, &mask)?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(fetched, self.metadata.clone());
        let builder = builder.with_projection(mask).with_row_groups(vec![group]).with_batch_size(BATCH_ROWS);
        let mut first = 1 + (0..group).map(|before| self.group_rows(before)).sum::<u64>();
        for batch in builder.build().map_err(failed)? {
            let batch = batch.map_err(|error| self.arrow(error))?;
            let columns = self.names.iter().map(|name| self.column(&batch, name)).collect::<Result<Vec<_>, _>>()?;
            let rows = batch.num_rows();
            visit(Batch { columns, rows, first })?;
            first += rows as u64;
        }
        Ok(())
    }

    /// The bytes of the columns of a row group.
    fn fetch(&self, group: usize, mask: &ProjectionMask) -> Result<Fetched, ReadError> {
        let columns = self.metadata.metadata().row_group(group).columns().iter().enumerate();
        let named = columns.filter(|(leaf, _)| mask.leaf_included(*leaf)).map(|(_, column)| column.byte_range());
        let mut ranges: Vec<_> = named.map(|(start, length)| start..start + length).collect();
        ranges.sort_by_key(|range| range.start);
        Fetched::read(&self.object, ranges).map_err(|source| ReadError::Io { path: self.path.clone(), source })
    }

    fn column(&self, batch: &RecordBatch, name: &str) -> Result<Column, ReadError> {
        let at = batch.schema_ref().index_of(name).map_err(|error| self.arrow(error))?;
        let array = batch.column(at);
        let target = shape(array.data_type()).ok_or_else(|| self.odd(name, array.data_type()))?;
        let array: ArrayRef = arrow_cast::cast(array, &target).map_err(|error| self.arrow(error))?;
        Ok(match target {
            DataType::Int64 => Column::Int(array.as_primitive().clone()),
            DataType::Float64 => Column::Float(array.as_primitive().clone()),
            DataType::Utf8 => Column::Text(array.as_string().clone()),
            _ => Column::Time(array.as_primitive().clone()),
        })
    }

    fn odd(&self, column: &str, got: &DataType) -> ReadError {
        ReadError::ColumnType {
            path: self.path.clone(),
            column: column.to_owned(),
            expected: "integers, floats, booleans, text or timestamps",
            got: got.clone(),
        }
    }

    fn arrow(&self, error: ArrowError) -> ReadError {
        ReadError::Arrow { path: self.path.clone(), source: error }
    }
}

impl Batch {
    /// One row.
    pub(crate) fn row(&self, at: usize) -> RawRow<'_> {
        let field = |place: usize| self.columns.get(place).map_or(Field::Missing, |column: &Column| column.field(at));
        RawRow::new(self.first + at as u64, field)
    }

    /// The columns, where all three are integers without gaps.
    pub(crate) fn integers(&self) -> Option<Integers<'_>> {
        let [users, times, targets] = self.columns.get(..3)? else { return None };
        let stamped = matches!(times, Column::Time(_));
        Some(Integers { users: users.integers()?, times: times.integers()?, targets: targets.integers()?, stamped })
    }
}

/// The columns' places in the file.
fn find(path: &Path, schema: &Schema, names: &[String]) -> Result<Vec<usize>, ReadError> {
    let missing = |name: &String| ReadError::Column {
        path: path.to_owned(),
        expected: name.clone(),
        got: schema.fields().iter().map(|field| field.name().clone()).collect(),
    };
    names.iter().map(|name| schema.index_of(name).map_err(|_| missing(name))).collect()
}

/// One column of a batch in one of the shapes a field can have.
enum Column {
    Int(PrimitiveArray<Int64Type>),
    Float(PrimitiveArray<Float64Type>),
    Time(PrimitiveArray<TimestampMicrosecondType>),
    Text(StringArray),
}

impl Column {
    fn field(&self, at: usize) -> Field<'_> {
        match self {
            Self::Int(values) if values.is_valid(at) => Field::Int(values.value(at)),
            Self::Float(values) if values.is_valid(at) => Field::Float(values.value(at)),
            Self::Time(values) if values.is_valid(at) => Field::TimeUs(values.value(at)),
            Self::Text(values) if values.is_valid(at) && !values.value(at).is_empty() => Field::Text(values.value(at)),
            _ => Field::Missing,
        }
    }

    /// The values, where all are there and are integers or times.
    fn integers(&self) -> Option<&[i64]> {
        match self {
            Self::Int(values) if values.null_count() == 0 => Some(values.values()),
            Self::Time(values) if values.null_count() == 0 => Some(values.values()),
            _ => None,
        }
    }
}

/// The shape that holds every value of a type, `None` for types that no field can have.
fn shape(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Boolean => Some(DataType::Int64),
        integer if integer.is_integer() => Some(DataType::Int64),
        number if number.is_floating() => Some(DataType::Float64),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(DataType::Utf8),
        DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64 => {
            Some(DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, None))
        }
        DataType::Dictionary(_, values) => shape(values),
        _ => None,
    }
}
