//! Chooses the strongest value of each key and checks it; it must never stop at the first problem.

use std::collections::BTreeMap;

use super::Config;
use super::key::Key;
use super::problem::{ConfigError, Origin, Problem};
use super::rules::{Clash, RULES};
use super::sources::{Given, Sources};
use super::table::keys;
use super::value::{Held, Value};

/// The effective value of every key with its origin, and all that is wrong with them.
#[derive(Debug)]
pub struct Settings {
    settings: BTreeMap<&'static str, Setting>,
    problems: Vec<Problem>,
}

/// A key's effective value.
#[derive(Debug)]
pub struct Setting {
    /// The value; a stand-in when the key is `at_fault`.
    pub value: Value,
    /// The source that set it.
    pub origin: Origin,
    /// Its value was refused or is missing: rules about it would only repeat that.
    pub at_fault: bool,
}

impl Settings {
    /// Resolves every key: flag over variable over file over default.
    pub fn resolve(sources: Sources) -> Self {
        let Sources { given, problems } = sources;
        let strongest: BTreeMap<_, _> = given.into_iter().map(|given| (given.key.name, given)).collect();
        let mut resolved = Self { settings: BTreeMap::new(), problems };
        keys().for_each(|key| resolved.settle(key, strongest.get(key.name)));
        resolved.check_rules();
        resolved
    }

    /// The configuration, or everything that is wrong with it.
    pub fn into_config(self) -> Result<Config, ConfigError> {
        if self.problems.is_empty() { Ok(self.build()) } else { Err(ConfigError { problems: self.problems }) }
    }

    /// Everything found wrong, in the order of finding.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The effective setting of `key`.
    pub fn setting(&self, key: &Key) -> &Setting {
        &self.settings[key.name]
    }

    /// The field for the key called `name`; `None` when the field's type is not the key's kind.
    pub(super) fn held<T: Held>(&self, name: &str) -> Option<T> {
        T::held(&self.settings.get(name)?.value)
    }

    fn settle(&mut self, key: &'static Key, given: Option<&Given>) {
        let setting = match given {
            Some(given) => self.check(key, given),
            None => self.default_of(key),
        };
        self.settings.insert(key.name, setting);
    }

    fn check(&mut self, key: &'static Key, given: &Given) -> Setting {
        let origin = given.origin.clone();
        if let Some(value) = given.raw.check(&key.kind) {
            return Setting { value, origin, at_fault: false };
        }
        self.problems.push(Problem::Wrong {
            origin: origin.clone(),
            name: key.name,
            expected: key.kind.to_string(),
            got: given.raw.to_string(),
        });
        Setting { value: key.kind.stand_in(), origin, at_fault: true }
    }

    fn default_of(&mut self, key: &'static Key) -> Setting {
        if let Some(value) = key.kind.default() {
            return Setting { value, origin: Origin::Default, at_fault: false };
        }
        self.report_missing(key);
        Setting { value: key.kind.stand_in(), origin: Origin::Default, at_fault: true }
    }

    /// A file that could not be read may well set the key, so then nothing is called missing.
    fn report_missing(&mut self, key: &'static Key) {
        let unread =
            |problem: &Problem| matches!(problem, Problem::FileUnreadable { .. } | Problem::FileNotToml { .. });
        if self.problems.iter().any(unread) {
            return;
        }
        self.problems.push(Problem::Missing {
            name: key.name,
            expected: key.kind.to_string(),
            flag: key.flag(),
            variable: key.variable(),
        });
    }

    fn check_rules(&mut self) {
        let config = self.build();
        let clashes = RULES.iter().filter_map(|rule| rule(&config));
        let problems: Vec<_> = clashes.filter_map(|clash| self.clash(clash)).collect();
        self.problems.extend(problems);
    }

    fn clash(&self, clash: Clash) -> Option<Problem> {
        let [left, right] = clash.keys;
        let (at_left, at_right) = (&self.settings[left], &self.settings[right]);
        (!at_left.at_fault && !at_right.at_fault).then(|| Problem::Clash {
            left,
            left_origin: at_left.origin.clone(),
            right,
            right_origin: at_right.origin.clone(),
            expected: clash.expected,
            got: clash.got,
        })
    }

    /// The configuration, with a stand-in for each value at fault.
    pub(super) fn build(&self) -> Config {
        Config::held(self).expect("every field has its key's type: each default is built by the first test that runs")
    }
}
