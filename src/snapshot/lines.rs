//! Lines of a text file that came from outside; it must never hold more of one than its limit, whatever the file holds.

use std::io::{self, BufRead, Read};

/// Longest line that is read: a cluster with thousands of keywords is far below it.
pub const LINE_BYTES_MAX: u64 = 1 << 20;

/// One line.
pub(super) enum Line {
    /// Its text, without its end.
    Text(String),
    /// It goes on past [`LINE_BYTES_MAX`].
    Long,
}

/// The lines of a file, until one cannot be read.
pub(super) fn lines(mut reader: impl BufRead) -> impl Iterator<Item = io::Result<Line>> {
    std::iter::from_fn(move || next(&mut reader).transpose())
}

fn next(reader: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    let read = reader.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut bytes)?;
    let ended = bytes.pop_if(|last| *last == b'\n').is_some();
    match (read, ended) {
        (0, _) => Ok(None),
        (_, false) if read as u64 > LINE_BYTES_MAX => Ok(Some(Line::Long)),
        _ => {
            bytes.pop_if(|last| ended && *last == b'\r');
            let text = String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            Ok(Some(Line::Text(text)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LINE_BYTES_MAX, Line, lines};

    fn read(bytes: &[u8]) -> Vec<String> {
        let told = |line| match line {
            Ok(Line::Text(text)) => text,
            Ok(Line::Long) => "LONG".to_owned(),
            Err(_) => "ERROR".to_owned(),
        };
        lines(bytes).take(5).map(told).collect()
    }

    #[test]
    fn lines_are_those_of_the_standard_library_up_to_the_limit() {
        let texts: [&[u8]; 9] =
            [b"", b"a", b"a\n", b"a\nb", b"a\r\n\r\nb\r\n", b"\n\n", b"\r", b"a\r\r\nb", b"\xc3\xa4\n"];
        for bytes in texts {
            let expected: Vec<_> = std::io::BufRead::lines(bytes).map(|line| line.expect("text")).collect();
            assert_eq!(read(bytes), expected, "{bytes:?}");
        }
        assert_eq!(read(b"\xff")[0], "ERROR");
        let most = "x".repeat(LINE_BYTES_MAX as usize);
        assert_eq!(read(format!("{most}\nb").as_bytes()), [most.as_str(), "b"]);
        assert_eq!(read(format!("{most}x\n").as_bytes())[0], "LONG");
    }

    /// Counts what is asked of it, and never ends.
    struct Endless(u64);

    impl std::io::Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            into.fill(b'x');
            self.0 += into.len() as u64;
            assert!(self.0 < 4 * LINE_BYTES_MAX, "more was read than may be held");
            Ok(into.len())
        }
    }

    #[test]
    fn a_line_without_an_end_is_not_held() {
        let mut endless = std::io::BufReader::new(Endless(0));
        assert!(matches!(lines(&mut endless).next(), Some(Ok(Line::Long))));
    }
}
