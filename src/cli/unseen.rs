//! `segue unseen`: what was asked for that the table did not hold, merged from a store's files or asked of a running
//! service; it must never print a count as if all requests had been counted where only a sample was.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::{Subcommand, ValueEnum};
use tempfile::NamedTempFile;

use super::access::AccessArgs;
use crate::unseen::file::Span;
use crate::unseen::merge::Merge;
use crate::unseen::{HISTORY_MAX, files};

/// What to do with the unseen log.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print how often each unseen history was asked for, the most frequent first, scaled to all requests
    Export(ExportArgs),
}

/// Export the unseen log.
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// The store, or a directory with files of the log
    #[arg(long, value_name = "DIR", required_unless_present = "to", conflicts_with = "to")]
    from_dir: Option<PathBuf>,
    /// The operator's door of a running service, such as http://127.0.0.1:9090: its files, and what it has not written
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    #[command(flatten)]
    access: AccessArgs,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Cut histories to so many of their most recent clusters, and add up those that become one
    #[arg(long, value_name = "CLUSTERS", value_parser = clap::value_parser!(u8).range(1..=HISTORY_MAX as i64))]
    length_max: Option<u8>,
}

/// The forms of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// As the log's own files: a header, then an object a line
    Jsonl,
    /// Columns `history` (ids with spaces between), `count` and `missed_max`
    Csv,
}

pub(super) fn run(command: Command) -> anyhow::Result<()> {
    let Command::Export(args) = command;
    let length_max = args.length_max.map(usize::from);
    let span = match (&args.from_dir, &args.to) {
        (Some(dir), _) => merged(dir, length_max)?,
        (None, Some(url)) => args.access.client(url)?.unseen(length_max)?,
        (None, None) => unreachable!("clap requires one of the two"),
    };
    match &args.out {
        Some(path) => write_file(path, args.format, &span),
        None => left_early(write(args.format, &span, &mut BufWriter::new(io::stdout().lock()))),
    }
}

/// The files of a directory as one span.
fn merged(dir: &Path, length_max: Option<usize>) -> anyhow::Result<Span> {
    let mut merge = Merge::new(length_max);
    ensure!(dir.is_dir(), "{} is no directory; expected a store, or the files of an unseen log", dir.display());
    let inner = crate::unseen::dir(dir);
    for path in files::list(if inner.is_dir() { &inner } else { dir })? {
        let file = File::open(&path).with_context(|| format!("{} cannot be opened", path.display()))?;
        merge.add(BufReader::new(file)).with_context(|| format!("{} cannot be used", path.display()))?;
    }
    Ok(merge.finish())
}

fn write_file(path: &Path, format: Format, span: &Span) -> anyhow::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let refused = || format!("{} cannot be written", path.display());
    let mut file = NamedTempFile::new_in(dir).with_context(refused)?;
    write(format, span, &mut BufWriter::new(file.as_file_mut())).with_context(refused)?;
    file.as_file().sync_all().with_context(refused)?;
    file.persist(path).map(drop).with_context(refused)
}

fn write(format: Format, span: &Span, out: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Jsonl => span.write(out)?,
        Format::Csv => write_csv(span, out)?,
    }
    out.flush()
}

fn write_csv(span: &Span, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "history,count,missed_max")?;
    for row in &span.rows {
        let ids: Vec<_> = row.history.iter().map(u32::to_string).collect();
        writeln!(out, "{},{},{}", ids.join(" "), row.count, row.missed_max)?;
    }
    Ok(())
}

/// A reader that left early (`| head`) is no failure.
fn left_early(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
