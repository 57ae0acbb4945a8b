//! Numbers as rows are spilled: little-endian, one after the other.
//!
//! It must never be used for anything that outlives the process.

use std::io::{self, Read, Write};

/// Reads one number.
///
/// # Errors
/// Those of the input, and its end.
pub fn u32_of(input: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    input.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

/// Reads one number.
///
/// # Errors
/// Those of the input, and its end.
pub fn i32_of(input: &mut impl Read) -> io::Result<i32> {
    Ok(u32_of(input)?.cast_signed())
}

/// Reads one number.
///
/// # Errors
/// Those of the input, and its end.
pub fn i64_of(input: &mut impl Read) -> io::Result<i64> {
    let mut bytes = [0; 8];
    input.read_exact(&mut bytes)?;
    Ok(i64::from_le_bytes(bytes))
}

/// Reads a list.
///
/// # Errors
/// Those of the input, and its end.
pub fn list_of(input: &mut impl Read) -> io::Result<Vec<u32>> {
    let length = u32_of(input)?;
    (0..length).map(|_| u32_of(input)).collect()
}

/// Writes a list.
///
/// # Errors
/// Those of the output.
pub fn write_list(out: &mut impl Write, list: &[u32]) -> io::Result<()> {
    out.write_all(&(list.len() as u32).to_le_bytes())?;
    list.iter().try_for_each(|item| out.write_all(&item.to_le_bytes()))
}
