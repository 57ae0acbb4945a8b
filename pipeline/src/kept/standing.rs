//! Where users stand and what is asked of them, as rows that can be sorted and spilled.
//!
//! It must never say what such a row means: [`walk`](super::walk) does.

use std::cmp::Ordering;
use std::io::{self, Read, Write};

use crate::kept::Request;
use crate::kept::bytes::{i32_of, i64_of, list_of, u32_of, write_list};
use crate::kept::walk::Standing;
use crate::sort::Row;

/// By user, of whom there is one row.
impl Row for Standing {
    fn order(&self, other: &Self) -> Ordering {
        self.user.cmp(&other.user)
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + (self.items.len() + self.tail.len()) * size_of::<u32>()
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.user.to_le_bytes())?;
        out.write_all(&self.last_us.to_le_bytes())?;
        write_list(out, &self.items)?;
        out.write_all(&self.first_us.unwrap_or_default().to_le_bytes())?;
        out.write_all(&u32::from(self.first_us.is_some()).to_le_bytes())?;
        out.write_all(&self.day.to_le_bytes())?;
        out.write_all(&self.day_steps.to_le_bytes())?;
        write_list(out, &self.tail)
    }

    fn read(input: &mut impl Read) -> io::Result<Self> {
        let (user, last_us, items) = (i64_of(input)?, i64_of(input)?, list_of(input)?);
        let (first_us, first) = (i64_of(input)?, u32_of(input)? > 0);
        let (day, day_steps, tail) = (i32_of(input)?, u32_of(input)?, list_of(input)?);
        Ok(Self { user, last_us, items, first_us: Some(first_us).filter(|_| first), day, day_steps, tail })
    }
}

/// By user, as Parquet orders them, then by time; a user's steps of one time stay as they came.
impl Row for Request {
    fn order(&self, other: &Self) -> Ordering {
        let key = |request: &Self| (request.user.cast_signed(), request.time_us);
        key(self).cmp(&key(other))
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.history.len() * size_of::<u32>()
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.user.cast_signed().to_le_bytes())?;
        out.write_all(&self.time_us.to_le_bytes())?;
        write_list(out, &self.history)?;
        out.write_all(&self.next.to_le_bytes())
    }

    fn read(input: &mut impl Read) -> io::Result<Self> {
        let (user, time_us) = (i64_of(input)?.cast_unsigned(), i64_of(input)?);
        Ok(Self { user, time_us, history: list_of(input)?, next: u32_of(input)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_back() {
        let whole = Standing {
            user: -3,
            last_us: 9,
            items: vec![1, 2],
            first_us: Some(0),
            day: -4,
            day_steps: 5,
            tail: vec![6],
        };
        for standing in [whole, Standing::default()] {
            let mut bytes = Vec::new();
            standing.write(&mut bytes).unwrap();
            assert_eq!(Standing::read(&mut bytes.as_slice()).unwrap(), standing);
        }
        let request = Request { user: u64::MAX, time_us: -1, history: vec![3, 4], next: 5 };
        let mut bytes = Vec::new();
        request.write(&mut bytes).unwrap();
        assert_eq!(Request::read(&mut bytes.as_slice()).unwrap(), request);
    }
}
