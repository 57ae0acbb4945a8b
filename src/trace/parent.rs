//! The W3C `traceparent` header; it must never refuse a request, only itself.

use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;

/// Bytes of version 00, which every later version begins with.
const LENGTH: usize = 55;

/// The caller's place in a trace, as <https://www.w3.org/TR/trace-context/> writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: NonZeroU128,
    parent_id: NonZeroU64,
    flags: u8,
}

/// What is wrong with a `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParentError {
    /// Too short, or longer than its version allows.
    #[error("traceparent: expected 55 bytes (more only in a version above 00), got {got}")]
    Length {
        /// Its length in bytes.
        got: usize,
    },
    /// Not four fields of lower-case hex.
    #[error("traceparent: expected version-trace-parent-flags in lower-case hex")]
    Form,
    /// Version ff is for ever forbidden.
    #[error("traceparent: expected a version below ff")]
    Version,
    /// All zeros mean no trace.
    #[error("traceparent: expected identifiers other than zero")]
    Zero,
}

impl TraceParent {
    /// The whole trace, as 32 hex digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// The caller's span, as 16 hex digits.
    pub fn parent_id(&self) -> String {
        format!("{:016x}", self.parent_id)
    }

    /// Whether the caller may have recorded its own part.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }
}

impl FromStr for TraceParent {
    type Err = ParentError;

    fn from_str(text: &str) -> Result<Self, ParentError> {
        let (known, later) = text.split_at_checked(LENGTH).ok_or(ParentError::Length { got: text.len() })?;
        let version = hex(known, 0..2)?;
        check_version(version as u8, known, later)?;
        check_dashes(known)?;
        Ok(Self {
            trace_id: NonZeroU128::new(hex(known, 3..35)?).ok_or(ParentError::Zero)?,
            parent_id: NonZeroU64::new(hex(known, 36..52)? as u64).ok_or(ParentError::Zero)?,
            flags: hex(known, 53..55)? as u8,
        })
    }
}

/// Version 00 ends where it ends; a later one may go on after a dash.
fn check_version(version: u8, known: &str, later: &str) -> Result<(), ParentError> {
    let got = known.len() + later.len();
    match version {
        0xff => Err(ParentError::Version),
        0 if !later.is_empty() => Err(ParentError::Length { got }),
        _ if !later.is_empty() && !later.starts_with('-') => Err(ParentError::Length { got }),
        _ => Ok(()),
    }
}

fn check_dashes(known: &str) -> Result<(), ParentError> {
    let dashed = [2, 35, 52].into_iter().all(|place| known.as_bytes()[place] == b'-');
    if dashed { Ok(()) } else { Err(ParentError::Form) }
}

/// Reads lower-case hex only: the standard forbids capitals, and `from_str_radix` would take a sign.
fn hex(text: &str, range: std::ops::Range<usize>) -> Result<u128, ParentError> {
    let digits = text.get(range).ok_or(ParentError::Form)?;
    if !digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(ParentError::Form);
    }
    u128::from_str_radix(digits, 16).map_err(|_| ParentError::Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(&str, &str, bool), ParentError>) {
        let got = text.parse::<TraceParent>();
        let shown = got.map(|parent| (parent.trace_id(), parent.parent_id(), parent.is_sampled()));
        let expected = expected.map(|(trace, parent, sampled)| (trace.to_owned(), parent.to_owned(), sampled));
        assert_eq!(shown, expected, "{text:?}");
    }

    #[test]
    fn a_traceparent_is_read_as_the_standard_says() {
        const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
        const PARENT: &str = "00f067aa0ba902b7";
        let form = Err(ParentError::Form);
        check("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01", Ok((TRACE, PARENT, true)));
        check("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-00", Ok((TRACE, PARENT, false)));
        check("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-fe", Ok((TRACE, PARENT, false)));
        check("cc-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01", Ok((TRACE, PARENT, true)));
        check("cc-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01-what-comes", Ok((TRACE, PARENT, true)));
        check("cc-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01.what", Err(ParentError::Length { got: 60 }));
        check("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01-more", Err(ParentError::Length { got: 60 }));
        check("ff-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01", Err(ParentError::Version));
        check("00-00000000000000000000000000000000-00f067aa0ba902b7-01", Err(ParentError::Zero));
        check("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", Err(ParentError::Zero));
        check("00-0AF7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01", form);
        check("00-+af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01", form);
        check("00_0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01", form);
        check("00-0af7651916cd43dd8448eb211c80319c_00f067aa0ba902b7-01", form);
        check("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7_01", form);
        check("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-0x", form);
        check("0é0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-001", form);
        check("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-é", form);
        check("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7", Err(ParentError::Length { got: 52 }));
        check("", Err(ParentError::Length { got: 0 }));
    }

    /// No text makes it panic: cuts at every place, and a two-byte letter put at every place.
    #[test]
    fn any_text_is_refused_or_read() {
        let whole = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
        for place in 0..=whole.len() {
            assert_eq!(whole[..place].parse::<TraceParent>().is_ok(), place == whole.len());
            let mixed = format!("{}é{}", &whole[..place], &whole[place..]);
            assert!(mixed.parse::<TraceParent>().is_err(), "{mixed:?}");
        }
    }
}
