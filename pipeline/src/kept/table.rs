//! Tables as Parquet: rows in, files out, and back as batches.
//!
//! It must never know what a column means; [`columns`](super::columns) says that.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use arrow_array::{ArrayRef, RecordBatch, new_null_array};
use arrow_schema::{Schema, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

/// Rows handed to Parquet at once.
const BATCH_ROWS: usize = 16 * 1024;

/// The columns of one table, being filled.
pub trait Columns {
    /// What a row is made of.
    type Row;

    /// The columns' names and types.
    fn schema() -> SchemaRef;
    /// Takes one row.
    fn push(&mut self, row: &Self::Row);
    /// The rows so far, leaving none.
    fn take(&mut self) -> Vec<ArrayRef>;
}

/// One file of a table being written.
#[derive(Debug)]
pub struct Table<C> {
    columns: C,
    pending: usize,
    rows: u64,
    writer: ArrowWriter<File>,
    path: PathBuf,
}

impl<C: Columns> Table<C> {
    /// Begins a file; what is at the path is lost.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: &Path, columns: C) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| refused(path))?;
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        let writer = ArrowWriter::try_new(file, C::schema(), Some(properties)).with_context(|| refused(path))?;
        Ok(Self { columns, pending: 0, rows: 0, writer, path: path.to_owned() })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn push(&mut self, row: &C::Row) -> anyhow::Result<()> {
        self.columns.push(row);
        self.pending += 1;
        self.rows += 1;
        if self.pending < BATCH_ROWS { Ok(()) } else { self.flush() }
    }

    /// Ends the file, which is on the disk then; gives the number of rows.
    ///
    /// # Errors
    /// When the rest cannot be written.
    pub fn finish(mut self) -> anyhow::Result<u64> {
        self.flush()?;
        let file = self.writer.into_inner().with_context(|| refused(&self.path))?;
        file.sync_all().with_context(|| refused(&self.path))?;
        Ok(self.rows)
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let batch = RecordBatch::try_new(C::schema(), self.columns.take()).with_context(|| refused(&self.path))?;
        self.pending = 0;
        self.writer.write(&batch).with_context(|| refused(&self.path))
    }
}

/// Reads every file of a directory's table, in the order of their names, as batches of exactly the columns of `schema`. A column that may be
/// null and is missing is null; a table that is missing has no rows.
///
/// # Errors
/// When a file cannot be read or lacks a column; those of `visit`.
pub fn read(
    dir: &Path,
    schema: &Schema,
    mut visit: impl FnMut(&RecordBatch) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    files(dir)?.iter().try_for_each(|path| read_file(path, schema, &mut visit))
}

/// Reads one file, as [`read`] does.
///
/// # Errors
/// Those of [`read`].
pub fn read_file(
    path: &Path,
    schema: &Schema,
    mut visit: impl FnMut(&RecordBatch) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let unread = || format!("cannot read {}", path.display());
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).with_context(unread)?);
    let builder = builder.with_context(unread)?;
    let known = |name: &str| schema.field_with_name(name).is_ok();
    let places = builder.schema().fields().iter().enumerate().filter(|(_, field)| known(field.name()));
    let mask = ProjectionMask::roots(builder.parquet_schema(), places.map(|(place, _)| place));
    for batch in builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().with_context(unread)? {
        visit(&shaped(&batch.with_context(unread)?, schema).with_context(unread)?)?;
    }
    Ok(())
}

fn files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(dir).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.with_context(|| format!("cannot list {}", dir.display()))?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).filter(|path| is_part(path)).collect();
    files.sort();
    Ok(files)
}

/// Whether a file is of the table: what begins with `.` or `_` is a writer's own.
fn is_part(path: &Path) -> bool {
    let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with(['.', '_']));
    !hidden && path.extension().is_some_and(|extension| extension == "parquet")
}

fn shaped(batch: &RecordBatch, schema: &Schema) -> anyhow::Result<RecordBatch> {
    let column = |field: &arrow_schema::FieldRef| match batch.column_by_name(field.name()) {
        Some(array) => arrow_cast::cast(array, field.data_type()).map_err(anyhow::Error::from),
        None if field.is_nullable() => Ok(new_null_array(field.data_type(), batch.num_rows())),
        None => anyhow::bail!("expected a column {:?}", field.name()),
    };
    let columns = schema.fields().iter().map(column).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(Arc::new(schema.clone()), columns)?)
}

fn refused(path: &Path) -> String {
    format!("cannot write {}; check the directory and its free space", path.display())
}
