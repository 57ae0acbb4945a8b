//! What the fields of a row mean: the one place where a row becomes an event or a refusal.
//!
//! It never guesses: a value that is not plainly right is refused with what was expected in its place.

use segue::snapshot::catalogue::Catalogue;

use crate::event::Event;
use crate::items::Items;
use crate::read::field::{Field, RawRow, TimeUnit};
use crate::refusals::Reason;
use crate::users::{Users, hash_of_integer, hash_of_text};

/// Integers up to this size are exact as `f64`; tools that lost the type of a column write `22.0` for `22`.
const EXACT_FLOAT_MAX: f64 = 9_007_199_254_740_992.0;

/// What the target column holds.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// Cluster ids.
    Cluster,
    /// Items, with the map that gives each its cluster.
    Item(&'a Items),
}

/// Makes events of rows.
#[derive(Debug)]
pub struct Decoder<'a> {
    catalogue: &'a Catalogue,
    target: Target<'a>,
    time_unit: TimeUnit,
    weight_min: Option<f64>,
    users: Users,
}

/// An event without its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Microseconds since 1970.
    pub time_us: i64,
    /// The cluster's dense index.
    pub cluster: u32,
}

/// Why a row is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason.
    pub reason: Reason,
    /// The value that is at fault.
    pub got: String,
}

impl<'a> Decoder<'a> {
    /// A decoder for clusters of `catalogue`, without weights.
    pub fn new(catalogue: &'a Catalogue, target: Target<'a>, time_unit: TimeUnit) -> Self {
        Self { catalogue, target, time_unit, weight_min: None, users: Users::default() }
    }

    /// Leaves out rows whose weight is below `weight_min`.
    #[must_use]
    pub fn with_weight_min(self, weight_min: Option<f64>) -> Self {
        Self { weight_min, ..self }
    }

    /// How many users were met.
    pub fn users(&self) -> usize {
        self.users.len()
    }

    /// The hashes of the users that were met, by number.
    pub fn into_hashes(self) -> Vec<u64> {
        self.users.into_hashes()
    }

    /// The row's event, or `None` when its weight is too small.
    ///
    /// # Errors
    /// When a field is not what it should be.
    pub fn decode(&mut self, row: &RawRow<'_>) -> Result<Option<Event>, Refused> {
        let Some(place) = self.place(row)? else { return Ok(None) };
        // Last, so that a user is counted only when an event of theirs is.
        let user = self.user(&row.user).ok_or_else(|| refused(Reason::User, &row.user))?;
        Ok(Some(Event { user, cluster: place.cluster, time_us: place.time_us }))
    }

    /// The same with the user's [hash](hash_of_text) in place of a number, which needs no memory of users.
    ///
    /// # Errors
    /// When a field is not what it should be.
    pub fn decode_hashed(&self, row: &RawRow<'_>) -> Result<Option<(u64, Place)>, Refused> {
        let Some(place) = self.place(row)? else { return Ok(None) };
        let user = user_hash(&row.user).ok_or_else(|| refused(Reason::User, &row.user))?;
        Ok(Some((user, place)))
    }

    /// The unit of times that are bare numbers.
    pub fn time_unit(&self) -> TimeUnit {
        self.time_unit
    }

    /// The catalogue, where rows of plain cluster ids without weights need nothing else.
    pub fn plain_clusters(&self) -> Option<&'a Catalogue> {
        match self.target {
            Target::Cluster if self.weight_min.is_none() => Some(self.catalogue),
            _ => None,
        }
    }

    fn place(&self, row: &RawRow<'_>) -> Result<Option<Place>, Refused> {
        let time_us = time_us(&row.time, self.time_unit).ok_or_else(|| refused(Reason::Time, &row.time))?;
        let cluster = self.cluster(&row.target)?;
        if let Some(weight_min) = self.weight_min {
            let weight = weight(&row.weight).ok_or_else(|| refused(Reason::Weight, &row.weight))?;
            if weight < weight_min {
                return Ok(None);
            }
        }
        Ok(Some(Place { time_us, cluster }))
    }

    fn user(&mut self, field: &Field<'_>) -> Option<u32> {
        match field {
            Field::Text(text) => self.users.number_of_text(text),
            other => self.users.number_of_integer(integer(other)?),
        }
    }

    fn cluster(&self, field: &Field<'_>) -> Result<u32, Refused> {
        match self.target {
            Target::Cluster => cluster_index(self.catalogue, field),
            Target::Item(items) => item(items, field).ok_or_else(|| refused(Reason::UnknownItem, field)),
        }
    }
}

fn user_hash(field: &Field<'_>) -> Option<u64> {
    match field {
        Field::Text(text) => Some(hash_of_text(text)),
        other => integer(other).map(hash_of_integer),
    }
}

/// The dense index of the cluster whose id the field holds.
///
/// # Errors
/// When it holds no id, or one that the catalogue does not know.
pub fn cluster_index(catalogue: &Catalogue, field: &Field<'_>) -> Result<u32, Refused> {
    let id = integer(field).and_then(|id| u32::try_from(id).ok()).ok_or_else(|| refused(Reason::Cluster, field))?;
    catalogue.index_of(id).ok_or_else(|| refused(Reason::UnknownCluster, field))
}

fn item(items: &Items, field: &Field<'_>) -> Option<u32> {
    match field {
        Field::Text(text) => items.cluster_of(text),
        Field::Missing | Field::Odd => None,
        other => items.cluster_of(&integer(other)?.to_string()),
    }
}

fn time_us(field: &Field<'_>, unit: TimeUnit) -> Option<i64> {
    match field {
        Field::TimeUs(time_us) => Some(*time_us),
        Field::Int(time) => time.checked_mul(unit.us()),
        Field::Float(time) => whole(time * unit.us() as f64),
        Field::Text(text) => match text.trim().parse::<i64>() {
            Ok(time) => time.checked_mul(unit.us()),
            Err(_) => whole(text.trim().parse::<f64>().ok()? * unit.us() as f64),
        },
        Field::Missing | Field::Odd => None,
    }
}

/// The nearest integer, where there is one that is exact.
fn whole(value: f64) -> Option<i64> {
    // The bound also turns away infinities and NaN, for which the comparison is false.
    if value.abs() <= EXACT_FLOAT_MAX { Some(value.round() as i64) } else { None }
}

fn integer(field: &Field<'_>) -> Option<i64> {
    match field {
        Field::Int(value) => Some(*value),
        Field::Float(value) => whole(*value).filter(|_| value.fract() == 0.0),
        Field::Text(text) => match text.trim().parse() {
            Ok(value) => Some(value),
            Err(_) => integer(&Field::Float(text.trim().parse().ok()?)),
        },
        Field::Missing | Field::TimeUs(_) | Field::Odd => None,
    }
}

fn weight(field: &Field<'_>) -> Option<f64> {
    match field {
        Field::Int(value) => Some(*value as f64),
        Field::Float(value) => Some(*value).filter(|value| !value.is_nan()),
        Field::Text(text) => match text.trim() {
            text if text.eq_ignore_ascii_case("true") => Some(1.0),
            text if text.eq_ignore_ascii_case("false") => Some(0.0),
            text => text.parse().ok().filter(|value: &f64| !value.is_nan()),
        },
        Field::Missing | Field::TimeUs(_) | Field::Odd => None,
    }
}

fn refused(reason: Reason, field: &Field<'_>) -> Refused {
    Refused { reason, got: field.quote() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use segue::snapshot::catalogue::Cluster;

    fn catalogue() -> Catalogue {
        let cluster = |id| Cluster { id, name: String::new(), keywords: Vec::new(), parent: None };
        Catalogue::new(vec![cluster(10), cluster(22)]).unwrap()
    }

    fn decode(fields: [Field<'_>; 4]) -> Result<Option<(i64, u32)>, Reason> {
        let catalogue = catalogue();
        let mut decoder = Decoder::new(&catalogue, Target::Cluster, TimeUnit::Seconds).with_weight_min(Some(0.5));
        let row = RawRow::new(1, |at| fields[at].clone());
        let event = decoder.decode(&row).map_err(|refused| refused.reason)?;
        Ok(event.map(|event| (event.time_us, event.cluster)))
    }

    #[test]
    fn reads_each_shape_of_a_sound_row() {
        use Field::{Float, Int, Text, TimeUs};
        let event = Ok(Some((5_000_000, 1)));
        let cases = [
            ([Text("anna"), Text("5"), Text("22"), Text("1")], event),
            ([Int(3), Int(5), Int(22), Int(1)], event),
            ([Float(3.0), Float(5.0), Float(22.0), Float(0.5)], event),
            ([Text("a"), TimeUs(5_000_000), Text("22.0"), Text("TRUE")], event),
            ([Text("a"), Text("5.0"), Text(" 22 "), Text("0.4")], Ok(None)),
            ([Text("a"), Text("5"), Text("22"), Text("false")], Ok(None)),
        ];
        for (fields, expected) in cases {
            assert_eq!(decode(fields.clone()), expected, "{fields:?}");
        }
    }

    #[test]
    fn refuses_each_field_for_its_own_reason() {
        use Field::{Float, Int, Missing, Odd, Text};
        let cases = [
            ([Missing, Int(5), Int(22), Int(1)], Reason::User),
            ([Float(1.5), Int(5), Int(22), Int(1)], Reason::User),
            ([Int(1), Text("noon"), Int(22), Int(1)], Reason::Time),
            ([Int(1), Float(f64::NAN), Int(22), Int(1)], Reason::Time),
            ([Int(1), Int(i64::MAX), Int(22), Int(1)], Reason::Time),
            ([Int(1), Int(5), Odd, Int(1)], Reason::Cluster),
            ([Int(1), Int(5), Int(-1), Int(1)], Reason::Cluster),
            ([Int(1), Int(5), Float(22.5), Int(1)], Reason::Cluster),
            ([Int(1), Int(5), Int(23), Int(1)], Reason::UnknownCluster),
            ([Int(1), Int(5), Int(22), Missing], Reason::Weight),
            ([Int(1), Int(5), Int(22), Text("NaN")], Reason::Weight),
        ];
        for (fields, expected) in cases {
            assert_eq!(decode(fields.clone()), Err(expected), "{fields:?}");
        }
    }
}
