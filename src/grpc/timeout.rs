//! How long a caller waits: `grpc-timeout` and the message's own field; it must never start a clock.

use std::time::Duration;

use http::HeaderMap;

use crate::error::Error;

/// The standard header, as <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md> writes it.
const GRPC_TIMEOUT: &str = "grpc-timeout";
/// Digits that the standard allows.
const DIGITS_MAX: usize = 8;

/// The time that the headers give, if they give one.
pub(super) fn of(headers: &HeaderMap) -> Result<Option<Duration>, Error> {
    let Some(value) = headers.get(GRPC_TIMEOUT) else { return Ok(None) };
    let invalid = || Error::GrpcTimeoutInvalid { got: String::from_utf8_lossy(value.as_bytes()).into_owned() };
    parse(value.as_bytes()).map(Some).ok_or_else(invalid)
}

/// The smaller of two times, either of which may be absent.
pub(super) fn smaller(of_call: Option<Duration>, timeout_ms: Option<u32>) -> Option<Duration> {
    let of_message = timeout_ms.map(|ms| Duration::from_millis(ms.into()));
    of_call.into_iter().chain(of_message).min()
}

fn parse(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    // `parse` alone would take a sign.
    if digits.len() > DIGITS_MAX || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let amount = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'H' => Some(Duration::from_secs(amount * 3600)),
        b'M' => Some(Duration::from_secs(amount * 60)),
        b'S' => Some(Duration::from_secs(amount)),
        b'm' => Some(Duration::from_millis(amount)),
        b'u' => Some(Duration::from_micros(amount)),
        b'n' => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{parse, smaller};

    #[test]
    fn timeouts_are_read_as_the_standard_says() {
        let rows: &[(&str, Option<Duration>)] = &[
            ("2H", Some(Duration::from_secs(7200))),
            ("3M", Some(Duration::from_secs(180))),
            ("99999999S", Some(Duration::from_secs(99_999_999))),
            ("50m", Some(Duration::from_millis(50))),
            ("7u", Some(Duration::from_micros(7))),
            ("0n", Some(Duration::ZERO)),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
            ("123456789m", None),
            ("+5m", None),
            ("-5m", None),
            ("5", None),
            ("m", None),
            ("", None),
            ("5 m", None),
            ("5s", None),
            ("5\u{e9}", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text.as_bytes()), *expected, "{text:?}");
        }
    }

    #[test]
    fn the_smaller_time_holds() {
        let ms = Duration::from_millis;
        assert_eq!(smaller(None, None), None);
        assert_eq!(smaller(Some(ms(5)), None), Some(ms(5)));
        assert_eq!(smaller(None, Some(7)), Some(ms(7)));
        assert_eq!(smaller(Some(ms(5)), Some(7)), Some(ms(5)));
        assert_eq!(smaller(Some(ms(9)), Some(7)), Some(ms(7)));
    }
}
