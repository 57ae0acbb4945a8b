//! Finds the fields of rows in CSV.

use csv::{ByteRecord, ReaderBuilder};

use crate::read::error::ReadError;
use crate::read::field::{Columns, Field, RawRow, RowSink};
use crate::read::source::Source;
use crate::refusals::Reason;

/// Reads every row of the file into `sink`.
pub(crate) fn read(source: &Source<'_>, columns: &Columns, sink: &mut dyn RowSink) -> Result<(), ReadError> {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(source.text()?);
    let io = |error: csv::Error| source.io()(error.into());
    let header = reader.byte_headers().map_err(io)?.clone();
    let places = find(source, &header, columns)?;
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(io)? {
        let row = record.position().map_or(0, csv::Position::line);
        if record.len() == header.len() {
            sink.row(RawRow::new(row, |at| field(&record, places[at])))?;
        } else {
            let got = format!("{} fields where the header has {}", record.len(), header.len());
            sink.bad(row, Reason::Malformed, &got)?;
        }
    }
    Ok(())
}

/// Where the columns of [`Columns::names`] are.
fn find(source: &Source<'_>, header: &ByteRecord, columns: &Columns) -> Result<[Option<usize>; 4], ReadError> {
    let mut places = [None; 4];
    for (place, name) in places.iter_mut().zip(columns.names()) {
        let found = header.iter().position(|column| column == name.as_bytes());
        *place = Some(found.ok_or_else(|| missing(source, header, name))?);
    }
    Ok(places)
}

fn missing(source: &Source<'_>, header: &ByteRecord, expected: &str) -> ReadError {
    let got = header.iter().map(|column| String::from_utf8_lossy(column).into_owned()).collect();
    ReadError::Column { path: source.path.to_owned(), expected: expected.to_owned(), got }
}

fn field(record: &ByteRecord, place: Option<usize>) -> Field<'_> {
    match place.and_then(|place| record.get(place)) {
        None | Some(b"") => Field::Missing,
        Some(bytes) => std::str::from_utf8(bytes).map_or(Field::Odd, Field::Text),
    }
}
