//! Finds the fields of rows in JSON lines.

use std::fmt;
use std::io::BufRead;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::read::error::ReadError;
use crate::read::field::{Columns, Field, RawRow, RowSink};
use crate::read::source::Source;
use crate::refusals::Reason;

/// Reads every line of the file into `sink`; blank lines are skipped.
pub(crate) fn read(source: &Source<'_>, columns: &Columns, sink: &mut dyn RowSink) -> Result<(), ReadError> {
    let mut text = source.text()?;
    let mut line = Vec::new();
    let mut row = 0;
    while text.read_until(b'\n', &mut line).map_err(source.io())? > 0 {
        row += 1;
        if !line.trim_ascii().is_empty() {
            take(&line, row, columns, sink)?;
        }
        line.clear();
    }
    Ok(())
}

fn take(line: &[u8], row: u64, columns: &Columns, sink: &mut dyn RowSink) -> Result<(), ReadError> {
    let mut parser = serde_json::Deserializer::from_slice(line);
    match Fields(columns).deserialize(&mut parser).and_then(|fields| parser.end().map(|()| fields)) {
        Ok(fields) => sink.row(RawRow::new(row, |at| field(&fields[at]))),
        Err(error) => sink.bad(row, Reason::Malformed, &error.to_string()),
    }
}

fn field(value: &Value) -> Field<'_> {
    match value {
        Value::Null => Field::Missing,
        Value::Bool(value) => Field::Int(i64::from(*value)),
        Value::Number(number) => number.as_i64().map_or_else(|| float(number), Field::Int),
        Value::String(text) if text.is_empty() => Field::Missing,
        Value::String(text) => Field::Text(text),
        Value::Array(_) | Value::Object(_) => Field::Odd,
    }
}

fn float(number: &serde_json::Number) -> Field<'_> {
    number.as_f64().map_or(Field::Odd, Field::Float)
}

/// Picks the named fields out of an object and skips the others unparsed.
struct Fields<'a>(&'a Columns);

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = [Value; 4];

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = [Value; 4];

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = [const { Value::Null }; 4];
        while let Some(key) = map.next_key::<String>()? {
            match self.0.names().position(|name| name == key) {
                Some(at) => fields[at] = map.next_value()?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(fields)
    }
}
