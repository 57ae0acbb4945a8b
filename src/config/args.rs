//! The command-line flags, one for each key of the table; it must never check a value, so that every problem is
//! reported together.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};

use super::key::Key;
use super::table::{SECTIONS, keys};

const FILE: &str = "config";

/// `--config` and a flag for every key, to be flattened into a command.
#[derive(Clone, Debug, Default)]
pub struct ConfigArgs {
    /// The file that `--config` names.
    pub file: Option<PathBuf>,
    /// Keys set by a flag, with the text they were given.
    pub flags: Vec<(&'static Key, String)>,
}

impl Args for ConfigArgs {
    fn augment_args(command: Command) -> Command {
        let flags = SECTIONS.iter().flat_map(|section| {
            let heading = format!("Section [{}]", section.name);
            section.keys.iter().map(move |key| flag(key).help_heading(heading.clone()))
        });
        command.arg(file_flag()).args(flags)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ConfigArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = |key: &'static Key| Some((key, matches.get_one::<String>(key.name)?.clone()));
        Ok(Self { file: matches.get_one::<PathBuf>(FILE).cloned(), flags: keys().filter_map(given).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn file_flag() -> Arg {
    Arg::new(FILE)
        .long(FILE)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("The configuration file (TOML) [env: SEGUE_CONFIG]")
}

/// Negative numbers are taken as values so that the key's own message refuses them.
fn flag(key: &'static Key) -> Arg {
    Arg::new(key.name)
        .long(key.flag())
        .value_name("VALUE")
        .allow_negative_numbers(true)
        .hide_short_help(true)
        .help(flag_help(key))
}

fn flag_help(key: &Key) -> String {
    let help: Vec<_> = key.help.iter().map(|line| line.trim()).collect();
    let default = key.kind.default().map(|value| value.to_string()).filter(|text| !text.is_empty());
    let default = default.map(|text| format!(" [default: {}]", text.trim_matches('"'))).unwrap_or_default();
    format!("{}{default} [env: {}]", help.join(" "), key.variable())
}
