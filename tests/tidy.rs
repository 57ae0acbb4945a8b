//! The house rules that no compiler holds, as tables: what may stand only where, and how large things may grow.
//!
//! It reads source as lines of text and knows of Rust's grammar only what `rustfmt` fixes: items end where a line is
//! their closing brace at their own indent, and a `#[cfg(test)]` module ends a file.

use std::fs;
use std::path::{Path, PathBuf};

/// Which code a rule is about.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    /// Everything but tests.
    Program,
    /// Test programs, and the test modules of the program's files.
    Tests,
}

/// Words that may stand only in some files, and why.
struct Only {
    part: Part,
    words: &'static [&'static str],
    /// The files to look at: those whose path starts like this.
    under: &'static str,
    /// Where the words may stand: paths that start like this.
    allowed: &'static [&'static str],
    reason: &'static str,
}

const ONLY: &[Only] = &[
    Only {
        part: Part::Program,
        words: &["env::var", "env::vars", "env = \"", "std::env::{", "option_env!"],
        under: "src/",
        allowed: &["src/config.rs", "src/config/"],
        reason: "the environment is read only by the configuration",
    },
    Only {
        part: Part::Program,
        words: &["unsafe {", "unsafe fn", "unsafe impl", "allow(unsafe_code"],
        under: "",
        allowed: &["src/snapshot/map.rs", "src/model/engine/kernel.rs", "benches/", "fuzz/"],
        reason: "unsafe code stands only where a table is mapped, and where a product's registers are filled",
    },
    Only {
        part: Part::Program,
        words: &["\"segue_"],
        under: "src/",
        allowed: &["src/metrics.rs", "src/metrics/"],
        reason: "metric names stand only in the metrics",
    },
    Only {
        part: Part::Program,
        words: &["metrics::counter!", "metrics::gauge!", "metrics::histogram!", "metrics::{counter"],
        under: "src/",
        allowed: &["src/metrics.rs", "src/metrics/"],
        reason: "everything else holds handles",
    },
    Only {
        part: Part::Program,
        words: &["include_proto!", "pub mod pb", "tonic::include"],
        under: "src/",
        allowed: &["src/wire.rs", "src/wire/"],
        reason: "generated types stand only in the wire",
    },
    Only {
        part: Part::Program,
        words: &[
            "StatusCode::",
            "tonic::Code as",
            "Code::InvalidArgument",
            "Code::ResourceExhausted",
            "Code::FailedPrecondition",
            "Status::invalid_argument",
            "Status::unavailable",
            "Status::internal",
        ],
        under: "src/",
        allowed: &["src/error.rs"],
        reason: "one table spells every failure",
    },
    Only {
        part: Part::Program,
        words: &["tokio", "axum", "tonic", "hyper"],
        under: "src/snapshot",
        allowed: &["src/snapshot/reload.rs", "src/snapshot/lifecycle/watch.rs"],
        reason: "the snapshot knows no runtime and no protocol; two files let others wait for it",
    },
    Only {
        part: Part::Program,
        words: &["tokio", "axum", "tonic", "hyper", "StatusCode", "fs::"],
        under: "src/answer",
        allowed: &[],
        reason: "the answer is pure",
    },
    Only {
        part: Part::Program,
        words: &["tokio", "axum", "tonic", "hyper"],
        under: "src/model",
        allowed: &["src/model/worker.rs"],
        reason: "the model knows no runtime and no protocol; its pool replies through a channel of one's",
    },
    Only {
        part: Part::Program,
        words: &["fs::", "File::"],
        under: "src/unseen.rs",
        allowed: &[],
        reason: "recording an unseen history touches no disk",
    },
    Only {
        part: Part::Program,
        words: &["ArcSwap", "arc_swap"],
        under: "src/",
        allowed: &["src/snapshot/live.rs"],
        reason: "one pointer says what serves",
    },
    Only {
        part: Part::Program,
        words: &["segue_pipeline", "segue-pipeline ="],
        under: "src/",
        allowed: &[],
        reason: "the service never depends on the pipeline",
    },
    Only {
        part: Part::Program,
        words: &["segue-pipeline = {", "segue-pipeline.workspace", "path = \"pipeline\""],
        under: "Cargo.toml",
        allowed: &[],
        reason: "the service never depends on the pipeline",
    },
    Only {
        part: Part::Program,
        words: &["anyhow::"],
        under: "src/",
        allowed: &["src/main.rs", "src/cli.rs", "src/cli/", "src/serve.rs"],
        reason: "the library's errors are enums",
    },
    Only {
        part: Part::Tests,
        words: &["#[ignore", "thread::sleep", "time::sleep", "sleep_ms"],
        under: "",
        allowed: &["tests/tidy.rs"],
        reason: "a test waits for what it tests, never for time, and always runs",
    },
    Only {
        part: Part::Program,
        words: &[".unwrap()", "todo!(", "dbg!("],
        under: "",
        allowed: &["benches/"],
        reason: "an `expect` says why it cannot fail",
    },
];

/// Most lines of a file.
const FILE_LINES_MAX: usize = 450;
/// Most lines of a function, its signature and closing brace included.
const FUNCTION_LINES_MAX: usize = 70;

/// A file of the checkout, by its path from the root.
struct Source {
    path: String,
    text: String,
}

#[test]
fn words_stand_only_where_they_may() {
    let found = |source: &Source| ONLY.iter().flat_map(|only| misplaced(source, only)).collect();
    check(sources(&["rs", "toml"]), found);
}

#[test]
fn every_file_says_what_it_is() {
    check(sources(&["rs"]), |source| {
        let opens = source.text.starts_with("//! ") && source.text.contains('.');
        if opens { vec![] } else { vec![(1, "opens without `//!` and a sentence".to_owned())] }
    });
}

#[test]
fn files_and_functions_are_small() {
    check(sources(&["rs"]), |source| {
        let lines = source.text.lines().count();
        let long = (lines > FILE_LINES_MAX).then(|| (lines, format!("{lines} lines, at most {FILE_LINES_MAX}")));
        long.into_iter().chain(long_functions(&source.text)).collect()
    });
}

#[test]
fn the_rules_are_about_files_that_are_there() {
    let sources = sources(&["rs", "toml"]);
    let there = |prefix: &str| sources.iter().any(|source| source.path.starts_with(prefix));
    let named = [
        "src/config.rs",
        "src/snapshot/map.rs",
        "src/model/engine/kernel.rs",
        "src/snapshot/live.rs",
        "src/metrics.rs",
        "src/error.rs",
    ];
    assert!(named.into_iter().all(there), "a rule names a file that was moved");
    assert!(sources.len() > 50, "only {} files were looked at", sources.len());
}

#[test]
fn every_rule_can_fail() {
    for only in ONLY {
        let dir = if only.part == Part::Tests { "tests/" } else { only.under };
        let path = if Path::new(dir).extension().is_some() { dir.to_owned() } else { format!("{dir}/other.rs") };
        for word in only.words {
            let source = Source { path: path.clone(), text: format!("//! {word}\n\nlet x = {word};\n") };
            assert_eq!(misplaced(&source, only).len(), 1, "{word} in {path}");
        }
    }
    let long =
        |lines| long_functions(&format!("    pub(crate) async fn f(\n{}    }}\n", "        x();\n".repeat(lines)));
    assert_eq!((long(FUNCTION_LINES_MAX - 2).len(), long(FUNCTION_LINES_MAX - 1).len()), (0, 1));
}

type Findings = Vec<(usize, String)>;

/// Reports everything that `find` finds, each as `file:line: what`.
#[track_caller]
fn check(sources: Vec<Source>, find: impl Fn(&Source) -> Findings) {
    let report = |source: &Source| {
        find(source).into_iter().map(|(line, what)| format!("{}:{line}: {what}", source.path)).collect::<Vec<_>>()
    };
    let reports: Vec<_> = sources.iter().flat_map(report).collect();
    assert!(reports.is_empty(), "\n{}", reports.join("\n"));
}

fn misplaced(source: &Source, only: &Only) -> Findings {
    if !source.path.starts_with(only.under) || only.allowed.iter().any(|allowed| source.path.starts_with(allowed)) {
        return Vec::new();
    }
    let word = |line: &str| only.words.iter().find(|word| line.contains(**word));
    let finding = |(number, line): (usize, &str)| Some((number, format!("`{}`: {}", word(line)?, only.reason)));
    source.code(only.part).filter_map(finding).collect()
}

impl Source {
    /// The numbered lines of one part of the file, without comments.
    fn code(&self, part: Part) -> impl Iterator<Item = (usize, &str)> {
        let mut now =
            if self.path.contains("tests/") || self.path.ends_with("tests.rs") { Part::Tests } else { Part::Program };
        let mut in_part = move |line: &&str| {
            if line.trim() == "#[cfg(test)]" {
                now = Part::Tests;
            }
            now == part && !line.trim_start().starts_with("//")
        };
        (1..).zip(self.text.lines()).filter(move |(_, line)| in_part(line))
    }
}

/// Functions above the limit: from a line with `fn` to the next closing brace at the same indent.
fn long_functions(text: &str) -> Findings {
    let lines: Vec<_> = text.lines().collect();
    let long = |start: usize| {
        let indent = lines[start].len() - lines[start].trim_start().len();
        let close = format!("{}}}", " ".repeat(indent));
        let length = 1 + lines[start..].iter().position(|line| *line == close)?;
        (length > FUNCTION_LINES_MAX).then(|| (start + 1, format!("a function of {length} lines")))
    };
    (0..lines.len()).filter(|&start| starts_function(lines[start])).filter_map(long).collect()
}

/// Whether a function with a body of several lines starts here, whatever stands before its `fn`.
fn starts_function(line: &str) -> bool {
    let qualifiers = ["pub", "pub(crate)", "pub(super)", "const", "async", "unsafe"];
    let mut words = line.split_whitespace().skip_while(|word| qualifiers.contains(word));
    words.next() == Some("fn") && !line.ends_with(['}', ';'])
}

/// Every file of the checkout with one of these extensions, ascending by path.
fn sources(extensions: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(root, &mut paths);
    paths.retain(|path| path.extension().is_some_and(|found| extensions.iter().any(|extension| found == *extension)));
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file is UTF-8 text");
        let path = path.strip_prefix(root).expect("it is under the root").to_string_lossy().into_owned();
        Source { path, text }
    };
    paths.into_iter().map(read).collect()
}

/// Adds every file under `dir`, but for build output and what is hidden.
fn collect(dir: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory of the checkout can be read").filter_map(Result::ok) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let skipped = name.starts_with('.') || ["target", "corpus", "artifacts"].contains(&name.as_str());
        match path.is_dir() {
            _ if skipped => {}
            true => collect(&path, paths),
            false => paths.push(path),
        }
    }
}
