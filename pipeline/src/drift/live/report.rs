//! What a service said as one HTML page.

use std::path::Path;

use anyhow::Context;

use crate::drift::live::{Live, Sources, Unseen};
use crate::drift::words;
use crate::page::palette::{GREY, SERIES};
use crate::page::{Cell, Dot, Dots, Page, Table};
use crate::provenance::TOOL;

/// Writes the page.
///
/// # Errors
/// When it cannot be drawn or written.
pub fn write(live: &Live, path: &Path) -> anyhow::Result<()> {
    let mut page = Page::new("Drift of a running service", &live.lead());
    if let Some(distance) = &live.sources.distance {
        page.fact(&words::plain(distance.value), "of the answers from another source than expected");
        page.fact(&words::plain(distance.chance), "by chance alone, at most (95 %)");
    }
    page.fact(&format!("{:.1} %", 100.0 * live.unseen.share), "of the answers not from the table");
    sources(&mut page, &live.sources)?;
    unseen(&mut page, &live.unseen);
    page.foot(&format!("Release {}. {TOOL}.", live.release));
    page.write(path).with_context(|| format!("cannot write {}", path.display()))
}

fn sources(page: &mut Page, sources: &Sources) -> anyhow::Result<()> {
    page.section(
        "Where answers come from",
        "The release expects the shares that it would have if every user of its log asked once. Real traffic weighs busy users more, so a small \
         lasting distance is no alarm; one that grows is.",
    );
    let mut dots = Dots { x_name: "share of answers".to_owned(), ..Dots::default() };
    let mut table = Table::new(["source", "answers", "share", "expected"]);
    for source in &sources.sources {
        let share = source.share;
        let dot = |name: &str, colour, range| Dot { name: format!("{} {name}", source.source), colour, range };
        dots.dots.push(dot("now", SERIES[0], [share.value, share.low, share.high]));
        dots.dots.extend(source.expected.map(|expected| dot("expected", GREY, [expected; 3])));
        table.row([
            Cell::text(&*source.source),
            Cell::figure(source.answers.to_string()),
            Cell::figure(words::plain(share.value)).beside(words::interval(share)).bar(share.value),
            Cell::figure(source.expected.map_or("not said".to_owned(), words::plain)),
        ]);
    }
    page.figure(&dots.svg()?, "Shares of answers by source, with their 95 % intervals, and what the release expected.");
    page.table(&table);
    Ok(())
}

fn unseen(page: &mut Page, unseen: &Unseen) {
    page.section("What the table did not hold", &unseen.words());
    let mut table = Table::new(["history, oldest first", "requests", "share of the log"]);
    for history in &unseen.most {
        table.row([
            Cell::text(history.words()),
            Cell::figure(history.count.to_string()),
            Cell::figure(words::plain(history.share)).bar(history.share),
        ]);
    }
    page.table(&table);
}
