//! What a service said as tables for a terminal.

use std::fmt;

use crate::drift::live::Live;
use crate::drift::summary::{right, table};
use crate::drift::words;

impl fmt::Display for Live {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sources = table(["source", "answers", "share", "expected"]);
        for source in &self.sources.sources {
            let expected = source.expected.map_or("not said".to_owned(), words::plain);
            sources.add_row([source.source.clone(), source.answers.to_string(), words::sure(source.share), expected]);
        }
        let mut unseen = table(["unseen history", "requests", "share of the log"]);
        for history in &self.unseen.most {
            unseen.add_row([history.words(), history.count.to_string(), words::plain(history.share)]);
        }
        writeln!(formatter, "{}\n{}", right(sources), right(unseen))?;
        write!(formatter, "release {}. {}", self.release, self.lead())
    }
}
