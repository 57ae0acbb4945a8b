//! Finds the fields of rows in Parquet, reading only the columns that are named.

use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, PrimitiveArray, RecordBatch, StringArray, cast::AsArray};
use arrow_schema::{ArrowError, DataType, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::read::error::ReadError;
use crate::read::field::{Columns, Field, RawRow, RowSink};
use crate::read::source::Source;

/// Rows decoded at once.
const BATCH_ROWS: usize = 16 * 1024;

/// Reads every row of the file into `sink`.
pub(crate) fn read(source: &Source<'_>, columns: &Columns, sink: &mut dyn RowSink) -> Result<(), ReadError> {
    let failed = |error| ReadError::Parquet { path: source.path.to_owned(), source: error };
    let builder = ParquetRecordBatchReaderBuilder::try_new(source.file()?).map_err(failed)?;
    let places = find(source, builder.schema(), columns)?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), places.iter().copied());
    let rows = builder.metadata().file_metadata().num_rows().cast_unsigned();
    let mut bar = source.progress.rows(source.path, rows);
    let mut first = 1;
    for batch in builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(failed)? {
        let batch = batch.map_err(arrow(source))?;
        take(source, &Batch { batch: &batch, first, columns }, sink)?;
        first += batch.num_rows() as u64;
        bar.advance(batch.num_rows() as u64);
    }
    Ok(())
}

/// The columns' places in the file.
fn find(source: &Source<'_>, schema: &Schema, columns: &Columns) -> Result<Vec<usize>, ReadError> {
    let missing = |name: &str| ReadError::Column {
        path: source.path.to_owned(),
        expected: name.to_owned(),
        got: schema.fields().iter().map(|field| field.name().clone()).collect(),
    };
    columns.names().map(|name| schema.index_of(name).map_err(|_| missing(name))).collect()
}

/// A batch and where it stands in the file.
struct Batch<'a> {
    batch: &'a RecordBatch,
    first: u64,
    columns: &'a Columns,
}

fn take(source: &Source<'_>, batch: &Batch<'_>, sink: &mut dyn RowSink) -> Result<(), ReadError> {
    let columns = batch.columns.names().map(|name| column(source, batch.batch, name)).collect::<Result<Vec<_>, _>>()?;
    for at in 0..batch.batch.num_rows() {
        let field = |place: usize| columns.get(place).map_or(Field::Missing, |column: &Column| column.field(at));
        sink.row(RawRow::new(batch.first + at as u64, field))?;
    }
    Ok(())
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
}

fn column(source: &Source<'_>, batch: &RecordBatch, name: &str) -> Result<Column, ReadError> {
    let (_, field) = batch.schema_ref().column_with_name(name).ok_or_else(|| odd(source, name, &DataType::Null))?;
    let array = &batch.column(batch.schema_ref().index_of(name).map_err(arrow(source))?);
    let target = shape(field.data_type()).ok_or_else(|| odd(source, name, field.data_type()))?;
    let array: ArrayRef = arrow_cast::cast(array, &target).map_err(arrow(source))?;
    Ok(match target {
        DataType::Int64 => Column::Int(array.as_primitive().clone()),
        DataType::Float64 => Column::Float(array.as_primitive().clone()),
        DataType::Utf8 => Column::Text(array.as_string().clone()),
        _ => Column::Time(array.as_primitive().clone()),
    })
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

fn odd(source: &Source<'_>, column: &str, got: &DataType) -> ReadError {
    ReadError::ColumnType {
        path: source.path.to_owned(),
        column: column.to_owned(),
        expected: "integers, floats, booleans, text or timestamps",
        got: got.clone(),
    }
}

fn arrow<'a>(source: &'a Source<'a>) -> impl Fn(ArrowError) -> ReadError + 'a {
    |error| ReadError::Arrow { path: source.path.to_owned(), source: error }
}
