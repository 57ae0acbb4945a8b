//! Takes the keys of a TOML file one by one, each checked as it is taken, and keeps every problem for one report.
//!
//! It must never know what a key is for: those who ask say what they expect.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use segue::config::problem::Hint;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;

/// A file being taken apart.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    text: &'a str,
    /// Paths in the file are relative to this.
    dir: &'a Path,
    sections: BTreeMap<String, Given>,
    /// Every key that was asked for, in order.
    pub(super) asked: Vec<String>,
    pub(super) problems: Vec<Problem>,
}

/// A section that the file has.
#[derive(Debug)]
struct Given {
    line: usize,
    keys: BTreeMap<String, Value>,
}

/// A value that the file gives.
#[derive(Clone, Debug)]
struct Value {
    line: usize,
    value: toml::Value,
    written: String,
}

/// One section, whether the file has it or not.
#[derive(Debug)]
pub(super) struct Section<'f, 'a> {
    fields: &'f mut Fields<'a>,
    name: &'static str,
}

impl<'a> Fields<'a> {
    /// Parses a file's text. What is not TOML is a problem, and nothing else is looked at then.
    pub(super) fn new(text: &'a str, dir: &'a Path) -> Self {
        let mut fields = Self { text, dir, sections: BTreeMap::new(), asked: Vec::new(), problems: Vec::new() };
        match DeTable::parse(text) {
            Ok(table) => table.get_ref().iter().for_each(|(word, value)| fields.give(word, value)),
            Err(fault) => {
                let line = fields.line(fault.span().map_or(0, |span| span.start));
                fields.problems.push(Problem::NotToml { line, message: fault.message().to_owned() });
            }
        }
        fields
    }

    /// A section of the file.
    pub(super) fn section<'f>(&'f mut self, name: &'static str) -> Section<'f, 'a> {
        Section { fields: self, name }
    }

    /// Everything that nobody asked for becomes a problem.
    pub(super) fn refuse_the_rest(&mut self) {
        let sections = std::mem::take(&mut self.sections);
        for (section, given) in sections {
            for (key, value) in given.keys {
                self.refuse(value.line, format!("{section}.{key}"));
            }
            if !self.asked.iter().any(|asked| asked.split('.').next() == Some(section.as_str())) {
                self.refuse(given.line, format!("[{section}]"));
            }
        }
        self.problems.sort_by_key(Problem::line);
    }

    fn refuse(&mut self, line: usize, name: String) {
        let hint = match Hint::nearest(&name, self.asked.iter().cloned()) {
            Hint::DidYouMean(near) => Some(near),
            Hint::SeeReference => self.same_word(&name),
        };
        self.problems.push(Problem::Unknown { line, name, hint });
    }

    /// The usual slip is to put a key into another section.
    fn same_word(&self, name: &str) -> Option<String> {
        let word = name.rsplit('.').next()?;
        self.asked.iter().find(|asked| asked.rsplit('.').next() == Some(word)).cloned()
    }

    fn give(&mut self, word: &Spanned<impl AsRef<str>>, value: &Spanned<DeValue<'_>>) {
        let (name, line) = (word.get_ref().as_ref().to_owned(), self.line(word.span().start));
        let DeValue::Table(table) = value.get_ref() else {
            self.problems.push(Problem::Unknown { line, name, hint: None });
            return;
        };
        let keys = table.iter().map(|(word, value)| (word.get_ref().to_string(), self.value(value))).collect();
        self.sections.insert(name, Given { line, keys });
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Value {
        Value {
            line: self.line(value.span().start),
            value: owned(value.get_ref()),
            written: self.text[value.span()].to_owned(),
        }
    }

    fn line(&self, offset: usize) -> usize {
        self.text[..offset].matches('\n').count() + 1
    }
}

impl Section<'_, '_> {
    /// Takes a key: `None` where it is not given, or is wrong, which is then a problem.
    pub(super) fn take<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&toml::Value) -> Option<T>,
    ) -> Option<T> {
        self.fields.asked.push(format!("{}.{key}", self.name));
        let value = self.fields.sections.get_mut(self.name)?.keys.remove(key)?;
        let parsed = parse(&value.value);
        if parsed.is_none() {
            self.wrong(value.line, key, (expected, &value.written));
        }
        parsed
    }

    /// The same for a key that must be given.
    pub(super) fn require<T: Default>(
        &mut self,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&toml::Value) -> Option<T>,
    ) -> T {
        let given = self.has(key);
        let taken = self.take(key, expected, parse);
        if !given {
            let name = format!("{}.{key}", self.name);
            self.fields.problems.push(Problem::Missing { name, expected: expected.to_owned() });
        }
        taken.unwrap_or_default()
    }

    /// Whether the file gives a key that was not taken yet.
    pub(super) fn has(&self, key: &str) -> bool {
        self.fields.sections.get(self.name).is_some_and(|given| given.keys.contains_key(key))
    }

    /// A number within bounds.
    pub(super) fn number(&mut self, key: &'static str, expected: &str, sound: impl Fn(f64) -> bool) -> Option<f64> {
        self.take(key, expected, |value| number(value).filter(|number| number.is_finite() && sound(*number)))
    }

    /// A whole number from `min` to `max`.
    pub(super) fn whole(&mut self, key: &'static str, (min, max): (u64, u64)) -> Option<u64> {
        let expected = if max == u64::MAX { format!("{min} or more") } else { format!("{min} to {max}") };
        let parse = |value: &toml::Value| u64::try_from(value.as_integer()?).ok();
        self.take(key, &format!("a whole number, {expected}"), |value| {
            parse(value).filter(|number| (min..=max).contains(number))
        })
    }

    /// One of the words of a type.
    pub(super) fn word<T: ValueEnum>(&mut self, key: &'static str) -> Option<T> {
        let words: Vec<String> = T::value_variants()
            .iter()
            .filter_map(|word| Some(word.to_possible_value()?.get_name().to_owned()))
            .collect();
        self.take(key, &format!("one of {}", words.join(", ")), |value| T::from_str(value.as_str()?, false).ok())
    }

    /// Text that is not empty.
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        self.take(key, "text", text)
    }

    /// True or false.
    pub(super) fn switch(&mut self, key: &'static str) -> Option<bool> {
        self.take(key, "true or false", toml::Value::as_bool)
    }

    /// A path, relative to the file's directory.
    pub(super) fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        let dir = self.fields.dir.to_owned();
        self.take(key, "a path", |value| text(value).map(|path| dir.join(path)))
    }

    /// A path that must be given.
    pub(super) fn required_path(&mut self, key: &'static str, expected: &str) -> PathBuf {
        let dir = self.fields.dir.to_owned();
        self.require(key, expected, |value| text(value).map(|path| dir.join(path)))
    }

    /// A path relative to the file's directory, or a URL as it stands; it must be given.
    pub(super) fn required_place(&mut self, key: &'static str, expected: &str) -> String {
        let dir = self.fields.dir.to_owned();
        self.require(key, expected, |value| text(value).map(|text| place(&dir, &text)))
    }

    /// At least one path or URL.
    pub(super) fn places(&mut self, key: &'static str) -> Option<Vec<String>> {
        let dir = self.fields.dir.to_owned();
        self.take(key, "a list of paths or URLs, at least one", |value| {
            let places = |array: &Vec<toml::Value>| {
                array.iter().map(|value| text(value).map(|text| place(&dir, &text))).collect::<Option<Vec<_>>>()
            };
            value.as_array().and_then(places).filter(|places| !places.is_empty())
        })
    }

    /// At least one number that is not below zero.
    pub(super) fn numbers(&mut self, key: &'static str) -> Option<Vec<f64>> {
        self.take(key, "a list of numbers of 0 or more, at least one", |value| {
            let sound = |value: &toml::Value| number(value).filter(|number| number.is_finite() && *number >= 0.0);
            let numbers = value.as_array()?.iter().map(sound).collect::<Option<Vec<_>>>()?;
            Some(numbers).filter(|numbers| !numbers.is_empty())
        })
    }

    /// Keys of this section that do not go together.
    pub(super) fn clash(&mut self, keys: &str, expected: &'static str) {
        let line = self.line();
        self.fields.problems.push(Problem::Clash { line, keys: format!("[{}] {keys}", self.name), expected });
    }

    /// A gate of this section whose limit makes no sense.
    pub(super) fn refuse_gate(&mut self, what: String) {
        let line = self.line();
        self.fields.problems.push(Problem::Gate { line, what });
    }

    /// Where the section begins.
    fn line(&self) -> usize {
        self.fields.sections.get(self.name).map_or(1, |given| given.line)
    }

    fn wrong(&mut self, line: usize, key: &str, (expected, got): (&str, &str)) {
        let name = format!("{}.{key}", self.name);
        self.fields.problems.push(Problem::Wrong { line, name, expected: expected.to_owned(), got: got.to_owned() });
    }
}

/// A URL as it stands, a path in the file's directory.
fn place(dir: &Path, text: &str) -> String {
    if text.contains("://") { text.to_owned() } else { dir.join(text).to_string_lossy().into_owned() }
}

fn text(value: &toml::Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn number(value: &toml::Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|number| number as f64))
}

/// The types that some key takes; any other becomes an empty table, which no key takes.
fn owned(value: &DeValue<'_>) -> toml::Value {
    let none = || toml::Value::Table(toml::Table::new());
    match value {
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Boolean(on) => toml::Value::Boolean(*on),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or_else(|_| none(), toml::Value::Integer)
        }
        DeValue::Float(number) => number.as_str().parse().map_or_else(|_| none(), toml::Value::Float),
        DeValue::Array(items) => toml::Value::Array(items.iter().map(|item| owned(item.get_ref())).collect()),
        DeValue::Datetime(_) | DeValue::Table(_) => none(),
    }
}
