//! The commands of the `segue-pipeline` program; their help is its manual. No command holds logic of its own.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::refresh::config::problem::ConfigError;

mod build;
mod count;
mod evaluate;
mod generate;
mod train;
mod infer;
mod refresh;
mod replay;
mod drift;

/// Shown under `segue-pipeline --help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: a file could not be used, or a row was refused under --strict
  2  the command line or a configuration is wrong
  3  refresh: nothing to do
  4  refresh: a gate refused, nothing was published
  5  refresh: another run is at work
  6  drift: above the bound of --fail-above";

/// Makes releases for `segue` out of interaction logs, or out of anyone's candidates.
#[derive(Debug, Parser)]
#[command(name = "segue-pipeline", version, after_help = EXIT_CODES, max_term_width = 120)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a release from a log of events, or from a file of candidates
    Build(Box<build::Args>),
    /// Count a log, once or partition by partition, for `refresh`
    Count(Box<count::Args>),
    /// Train a model on a log of events, and report on held-out time
    Train(Box<train::Args>),
    /// Run a model over every history there can be, for `build --candidates`
    Infer(infer::Args),
    /// Count what is new, make a release of it, judge it and publish it; for a clock or a scheduler
    Refresh(refresh::Args),
    /// Ask a running service what a log's users went on to, and report how often it was right
    Replay(Box<replay::Args>),
    /// Replay a log through time, and compare who would have known what came next
    Evaluate(Box<evaluate::Args>),
    /// Tell whether what follows what is changing, and how often to refresh
    Drift(Box<drift::Args>),
    /// Make a seeded log of any size, to try things on
    Generate(generate::Args),
    /// Print a completion script for a shell
    Completions {
        /// The shell to write for; `source <(segue-pipeline completions bash)` tries it out
        shell: Shell,
    },
}

/// Parses the command line, runs its one command and gives the exit code of the process.
pub fn run() -> ExitCode {
    match dispatch(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<ConfigError>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    let done = match command {
        // These have more than one good end.
        Command::Drift(args) => return drift::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Count(args) => count::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Infer(args) => infer::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Completions { shell } => completions(shell),
        Command::Refresh(args) => return refresh::run(&args),
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn completions(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "segue-pipeline", &mut script);
    print(String::from_utf8(script)?.trim_end())
}

/// Writes `text` and a line feed to standard output; a reader that left early (`| head`) is no failure.
fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// A number above zero.
fn positive(text: &str) -> Result<f64, String> {
    within(text, |value| value > 0.0, "a number above 0")
}

/// A number that is not below zero.
fn not_negative(text: &str) -> Result<f64, String> {
    within(text, |value| value >= 0.0, "a number of 0 or more")
}

/// A share, 0 to 1.
fn share(text: &str) -> Result<f64, String> {
    within(text, |value| (0.0..=1.0).contains(&value), "a number from 0 to 1")
}

fn within(text: &str, sound: impl Fn(f64) -> bool, expected: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|value: &f64| value.is_finite() && sound(*value));
    value.ok_or_else(|| format!("expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_combinations_are_refused() {
        let cases = [
            ("build --catalogue c.csv --out d", "--events"),
            ("build --events e.csv --candidates x.jsonl --catalogue c.csv --out d", "cannot be used with"),
            ("build --events e.csv --catalogue c.csv --out d --item-column item", "--item-map"),
            ("build --events e.csv --catalogue c.csv --out d --min-weight 2", "--weight-column"),
            ("build --events e.csv --catalogue c.csv --out d --half-life-days 0", "above 0"),
            ("build --events e.csv --catalogue c.csv --out d --smoothing 50,-1", "0 or more"),
            ("build --events e.csv --catalogue c.csv --out d --depth 4", "1..=3"),
            ("build --events e.csv --catalogue c.csv --out d --width 65", "1..=64"),
            ("count --events e.csv --catalogue c.csv", "--out"),
            ("count --events e.csv --catalogue c.csv --out d --state s", "cannot be used with"),
            ("count --events e.csv --catalogue c.csv --out d --request-users 1.1", "from 0 to 1"),
        ];
        for (line, expected) in cases {
            let words = std::iter::once("segue-pipeline").chain(line.split(' '));
            let error = Cli::try_parse_from(words).unwrap_err().to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
