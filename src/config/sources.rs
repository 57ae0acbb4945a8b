//! Gathers what the file, the environment and the flags give, weakest first; it must never choose between them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::args::ConfigArgs;
use super::file::File;
use super::key::Key;
use super::problem::{Hint, Origin, Problem};
use super::table::keys;
use super::value::Raw;

/// Every variable of the service starts with it.
const VARIABLE_PREFIX: &str = "SEGUE_";

/// The variable that names the file, weaker than `--config`.
const FILE_VARIABLE: &str = "SEGUE_CONFIG";

/// The variables of this process that are text: what an object store takes its endpoint and its credentials from.
pub fn store_variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// What all sources give, weakest source first.
#[derive(Debug, Default)]
pub struct Sources {
    /// A value for a key, later ones stronger.
    pub(super) given: Vec<Given>,
    /// What could not be understood at all.
    pub(super) problems: Vec<Problem>,
}

/// One source's value for one key.
#[derive(Debug)]
pub(super) struct Given {
    /// The key it is for.
    pub(super) key: &'static Key,
    /// Who gave it.
    pub(super) origin: Origin,
    /// What it said.
    pub(super) raw: Raw,
}

impl Sources {
    /// Gathers from `args`, this process's environment and the file that either names.
    pub fn of_process(args: &ConfigArgs) -> Self {
        Self::default().with_process(args)
    }

    /// Adds `args`, this process's environment and the file that either names.
    pub fn with_process(self, args: &ConfigArgs) -> Self {
        let variables: Vec<_> = std::env::vars_os().collect();
        let named = variables.iter().find(|(name, _)| name == FILE_VARIABLE).map(|(_, path)| PathBuf::from(path));
        let mut sources = self;
        if let Some(path) = args.file.clone().or(named) {
            sources = sources.with_file(&path);
        }
        sources.with_variables(variables).with_flags(args)
    }

    /// Adds the file at `path`.
    pub fn with_file(mut self, path: &Path) -> Self {
        match fs::read_to_string(path) {
            Ok(text) => self.with_text(path, &text),
            Err(source) => {
                self.problems.push(Problem::FileUnreadable { path: path.to_owned(), source });
                self
            }
        }
    }

    /// Adds `text` as if it stood in a file at `path`.
    pub fn with_text(mut self, path: &Path, text: &str) -> Self {
        File { path, text }.read_into(&mut self);
        self
    }

    /// Adds the `SEGUE_...` ones of `variables`.
    pub fn with_variables(mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        for (name, value) in variables {
            if let Some(name) = name.to_str().filter(|name| is_ours(name, &value)) {
                self.variable(name, &value);
            }
        }
        self
    }

    /// Adds the flags of the command line.
    pub fn with_flags(mut self, args: &ConfigArgs) -> Self {
        self.given.extend(args.flags.iter().map(|(key, value)| Given {
            key,
            origin: Origin::Flag(key.flag()),
            raw: Raw::Untyped(value.clone()),
        }));
        self
    }

    fn variable(&mut self, name: &str, value: &OsStr) {
        let origin = Origin::Variable(name.to_owned());
        match (keys().find(|key| key.variable() == name), value.to_str()) {
            (Some(key), Some(text)) => self.given.push(Given { key, origin, raw: Raw::Untyped(text.to_owned()) }),
            (Some(_), None) => self.problems.push(Problem::NotUnicode { origin }),
            (None, _) => {
                let hint = Hint::nearest(name, keys().map(Key::variable));
                self.problems.push(Problem::UnknownVariable { origin, hint });
            }
        }
    }
}

fn is_ours(name: &str, value: &OsStr) -> bool {
    name.starts_with(VARIABLE_PREFIX) && name != FILE_VARIABLE && !is_service_link(name, value)
}

/// Kubernetes and Docker set such variables for every neighbour, and a neighbour named "segue" (the usual name of this
/// service's own Kubernetes Service) would otherwise keep the process from starting. `SEGUE_PORT` is theirs only with
/// a URL in it: a bare number is an operator's mistake and must be told.
fn is_service_link(name: &str, value: &OsStr) -> bool {
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let words: Vec<&str> = name.split('_').collect();
    let holds_url = || value.to_str().is_some_and(|text| text.contains("://"));
    words.windows(2).any(|pair| matches!(pair, ["SERVICE", "HOST" | "PORT"]))
        || words.windows(2).any(|pair| pair[0] == "PORT" && is_number(pair[1]))
        || (words.last() == Some(&"PORT") && holds_url())
}
