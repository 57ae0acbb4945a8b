//! Reads the TOML file into raw values with their lines; it must never decide whether a value is right.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key::Section;
use super::problem::{Hint, Origin, Problem};
use super::sources::{Given, Sources};
use super::table::{SECTIONS, keys};
use super::value::Raw;

/// The text of a configuration file and the name that messages give it.
#[derive(Clone, Copy)]
pub(super) struct File<'a> {
    /// The file as it was named.
    pub path: &'a Path,
    /// All of it.
    pub text: &'a str,
}

impl File<'_> {
    /// Adds every key of the file to `sources`, and a problem for everything that is not a key.
    pub(super) fn read_into(self, sources: &mut Sources) {
        match DeTable::parse(self.text) {
            Ok(table) => table.get_ref().iter().for_each(|(word, value)| self.section(word, value, sources)),
            Err(fault) => sources.problems.push(Problem::FileNotToml {
                path: self.path.to_owned(),
                line: self.line(fault.span().map_or(0, |span| span.start)),
                message: fault.message().to_owned(),
            }),
        }
    }

    fn section(self, word: &Spanned<impl AsRef<str>>, value: &Spanned<DeValue<'_>>, sources: &mut Sources) {
        let (name, origin) = (word.get_ref().as_ref(), self.origin(word.span().start));
        match (SECTIONS.iter().find(|section| section.name == name), value.get_ref()) {
            (Some(section), DeValue::Table(table)) => self.keys(section, table, sources),
            (Some(section), _) => sources.problems.push(Problem::Wrong {
                origin,
                name: section.name,
                expected: format!("a section: [{name}] on a line of its own"),
                got: self.written(value),
            }),
            (None, DeValue::Table(_)) => sources.problems.push(unknown_section(origin, name)),
            (None, _) => sources.problems.push(unknown_key(origin, name)),
        }
    }

    fn keys(self, section: &Section, table: &DeTable<'_>, sources: &mut Sources) {
        for (word, value) in table {
            let origin = self.origin(word.span().start);
            match section.keys.iter().find(|key| key.word == *word.get_ref()) {
                Some(key) => sources.given.push(Given { key, origin, raw: self.raw(value) }),
                None => sources.problems.push(unknown_key(origin, &format!("{}.{}", section.name, word.get_ref()))),
            }
        }
    }

    fn raw(self, value: &Spanned<DeValue<'_>>) -> Raw {
        Raw::Toml { value: owned(value.get_ref()), written: self.written(value) }
    }

    fn written(self, value: &Spanned<DeValue<'_>>) -> String {
        self.text[value.span()].to_owned()
    }

    fn origin(self, offset: usize) -> Origin {
        Origin::File { path: self.path.to_owned(), line: self.line(offset) }
    }

    fn line(self, offset: usize) -> usize {
        self.text[..offset].matches('\n').count() + 1
    }
}

/// The types that some key takes; any other becomes an empty array, which no key takes.
fn owned(value: &DeValue<'_>) -> toml::Value {
    match value {
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Boolean(on) => toml::Value::Boolean(*on),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(toml::Value::Array(Vec::new()), toml::Value::Integer),
        DeValue::Array(items) => toml::Value::Array(items.iter().map(|item| owned(item.get_ref())).collect()),
        DeValue::Float(number) => number.as_str().parse().map_or(toml::Value::Array(Vec::new()), toml::Value::Float),
        DeValue::Datetime(_) | DeValue::Table(_) => toml::Value::Array(Vec::new()),
    }
}

fn unknown_section(origin: Origin, name: &str) -> Problem {
    let hint = Hint::nearest(name, SECTIONS.iter().map(|section| section.name.to_owned()));
    Problem::UnknownSection { origin, name: name.to_owned(), hint }
}

/// A key is also looked for by its own word, because the usual slip is to forget the section.
fn unknown_key(origin: Origin, name: &str) -> Problem {
    let word = name.rsplit('.').next().unwrap_or(name);
    let same_word = keys().find(|key| key.word == word).map(|key| Hint::DidYouMean(key.name.to_owned()));
    let hint = match Hint::nearest(name, keys().map(|key| key.name.to_owned())) {
        Hint::SeeReference => same_word.unwrap_or(Hint::SeeReference),
        near => near,
    };
    Problem::UnknownKey { origin, name: name.to_owned(), hint }
}
