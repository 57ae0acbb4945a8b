//! A report as one HTML page that needs nothing beside it: text, tables and pictures, by day, by night, on a phone and on paper.
//!
//! It knows nothing of what is reported, fetches nothing and runs no script. All text is escaped; only pictures are taken as they are, and
//! those are drawn here.

use std::fmt::Write;
use std::io;
use std::path::Path;

pub mod palette;
pub mod table;
pub mod chart;
pub mod lines;
pub mod dots;

pub use chart::ChartError;
pub use dots::{Dot, Dots};
pub use lines::{Line, Lines, Point, Tick};
pub use table::{Cell, Table};

/// The page's own style; the colours come from the [palette].
const STYLE: &str = include_str!("page/style.css");

/// A page, written from top to bottom.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    lead: String,
    facts: Vec<(String, String)>,
    /// Names of the sections, for the list at the top.
    sections: Vec<String>,
    /// HTML.
    body: String,
    foot: String,
}

impl Page {
    /// A page with a title and the sentences that say what it found.
    pub fn new(title: &str, lead: &str) -> Self {
        Self {
            title: title.to_owned(),
            lead: lead.to_owned(),
            facts: Vec::new(),
            sections: Vec::new(),
            body: String::new(),
            foot: String::new(),
        }
    }

    /// A figure that stands large under the lead, with what it is.
    pub fn fact(&mut self, figure: &str, what: &str) -> &mut Self {
        self.facts.push((figure.to_owned(), what.to_owned()));
        self
    }

    /// Begins a section: its heading, and the text that says how to read it; an empty line in it begins a paragraph.
    pub fn section(&mut self, heading: &str, text: &str) -> &mut Self {
        let id = self.sections.len() + 1;
        self.push(&format!("<h2 id=\"s{id}\">{}</h2>\n", escape(heading)));
        self.sections.push(heading.to_owned());
        self.text(text)
    }

    /// Paragraphs; an empty line begins a new one.
    pub fn text(&mut self, text: &str) -> &mut Self {
        let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty());
        paragraphs.for_each(|paragraph| self.push(&format!("<p>{}</p>\n", escape(paragraph.trim()))));
        self
    }

    /// A table.
    pub fn table(&mut self, table: &Table) -> &mut Self {
        self.push(&table.html());
        self
    }

    /// A picture as [`Lines`] and [`Dots`] draw it, or any other SVG in the colours of the [palette], and what it shows.
    pub fn figure(&mut self, svg: &str, caption: &str) -> &mut Self {
        let caption = escape(caption);
        let svg = svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{caption}\" "), 1);
        self.push(&format!(
            "<figure><div class=\"wide\" tabindex=\"0\">{svg}</div><figcaption>{caption}</figcaption></figure>\n"
        ));
        self
    }

    /// The small print at the end: of what, with which settings, by which program.
    pub fn foot(&mut self, text: &str) -> &mut Self {
        text.clone_into(&mut self.foot);
        self
    }

    /// The page's bytes.
    pub fn html(&self) -> String {
        let title = escape(&self.title);
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
             <style>\n{}{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n<p class=\"lead\">{}</p>\n{}{}\
             </header>\n<main>\n{}</main>\n<footer><p>{}</p></footer>\n</body>\n</html>\n",
            palette::css(),
            escape(&self.lead),
            self.facts_html(),
            self.contents(),
            self.body,
            escape(&self.foot),
        )
    }

    /// Writes the page to a file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, self.html())
    }

    fn push(&mut self, html: &str) {
        self.body.push_str(html);
    }

    fn facts_html(&self) -> String {
        let fact = |(figure, what): &(String, String)| {
            format!("<div><dt>{}</dt><dd>{}</dd></div>", escape(what), escape(figure))
        };
        match self.facts.is_empty() {
            true => String::new(),
            false => format!("<dl class=\"facts\">{}</dl>\n", self.facts.iter().map(fact).collect::<String>()),
        }
    }

    /// The list of sections; a page of one or two needs none.
    fn contents(&self) -> String {
        if self.sections.len() < 3 {
            return String::new();
        }
        let mut links = String::new();
        for (id, heading) in (1..).zip(&self.sections) {
            // Writing to a string cannot fail.
            let _ = write!(links, "<a href=\"#s{id}\">{}</a>", escape(heading));
        }
        format!("<nav>{links}</nav>\n")
    }
}

/// Text as it stands in HTML, in an attribute too.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
