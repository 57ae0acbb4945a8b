//! What does one lookup in process cost, beside one random cache line and beside other structures?
//!
//! Data: made-up pairs of clusters, 80 % of the possible ones present, ten candidates each. Command: `lookup --keys 579121` and
//! `lookup --keys 50000000`. Baseline: one random 64-byte line of a mapped file as large as the table. Rounds are interleaved in one
//! thread of one process; figures are medians. "dep": the next question depends on the last answer. A miss gives no data to depend
//! on, so its dependent reads show what branch prediction hides; "mix" asks hits and misses in random order, where it cannot.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Parser;
use segue_bench::figures::{median, table};
use segue_bench::rows::{Rows, mix};
use segue_bench::structures::disk::{Lmdb, Redb};
use segue_bench::structures::memory::{Dash, Hashbrown, PerfectHash, Sorted};
use segue_bench::structures::{Decoded, Line, Segue, Structure};

/// Compares lookups.
#[derive(Parser)]
struct Cli {
    /// Histories present, about.
    #[arg(long, default_value_t = 579_121)]
    keys: u64,
    /// Share of the possible histories that is present.
    #[arg(long, default_value_t = 0.8)]
    present: f64,
    /// Interleaved rounds.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Independent lookups of a round; dependent ones are a quarter of it.
    #[arg(long, default_value_t = 200_000)]
    lookups: usize,
    /// What to compare the table with; several hold much memory at once with many keys.
    #[arg(long, value_delimiter = ',', default_value = "hashbrown,dashmap,sorted,ptr_hash,lmdb,redb")]
    with: Vec<String>,
    /// Directory for files; several gigabytes with many keys. A table left there is used again.
    #[arg(long, default_value = "/tmp/segue-bench-lookup")]
    dir: PathBuf,
}

/// How questions follow each other, in the order of the columns.
const MIXES: [&str; 3] = ["hit", "miss", "mix"];

/// A structure under test, with its measured ns per lookup: for each mix, independent then dependent.
struct Row {
    name: String,
    run: Run,
    measured: [[Vec<f64>; 2]; 3],
}

/// Asks all questions in an order and gives ns per lookup.
type Run = Box<dyn Fn(&[[u32; 2]], Order) -> f64>;

#[derive(Clone, Copy)]
enum Order {
    Independent,
    Dependent,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    std::fs::create_dir_all(&cli.dir)?;
    let rows = Rows::new(cli.keys, cli.present);
    let path = cli.dir.join(format!("table-{}-{}", rows.clusters, cli.present));
    let segue = Segue::build(&path, rows)?;
    println!(
        "{} keys of {} possible, {} bytes a key",
        segue.present(),
        rows.possible(),
        segue.bytes() as u64 / segue.present()
    );
    let count = segue.present() as usize;
    let mut structures = vec![Row::new("limit: one line", Line::copy_of(&path, rows)?), Row::new("segue", segue)];
    structures.push(Row::new("segue, decoded", Decoded(Segue::build(&path, rows)?)));
    for name in &cli.with {
        eprintln!("building {name}");
        structures.push(build(name, &cli, rows, count)?);
    }
    measure(&cli, rows, &mut structures);
    print(&structures);
    Ok(())
}

fn build(name: &str, cli: &Cli, rows: Rows, count: usize) -> Result<Row> {
    Ok(match name {
        "hashbrown" => Row::new(name, Hashbrown::build(rows, count)),
        "dashmap" => Row::new(name, Dash::build(rows, count)),
        "sorted" => Row::new(name, Sorted::build(rows)),
        "ptr_hash" => Row::new(name, PerfectHash::build(rows)),
        "lmdb" => Row::new(name, Lmdb::build(&cli.dir, rows)?),
        "redb" => Row::new(name, Redb::build(&cli.dir, rows)?),
        #[cfg(feature = "rocksdb")]
        "rocksdb" => Row::new(name, segue_bench::structures::disk::Rocks::build(&cli.dir, rows)?),
        other => anyhow::bail!("no structure is called {other}; rocksdb needs `--features rocksdb`"),
    })
}

impl Row {
    fn new(name: &str, structure: impl Structure + 'static) -> Self {
        let run = move |questions: &[[u32; 2]], order: Order| match order {
            Order::Independent => independent(&structure, questions),
            Order::Dependent => dependent(&structure, questions),
        };
        Self { name: name.to_owned(), run: Box::new(run), measured: Default::default() }
    }
}

/// Every structure and column gets other questions in each round, so that none finds its lines warm from the one before.
fn measure(cli: &Cli, rows: Rows, structures: &mut [Row]) {
    let wanted = (cli.lookups * structures.len() * cli.rounds).min(8_000_000);
    let (hits, misses) = (rows.draw(true, wanted), rows.draw(false, wanted));
    let mixed: Vec<_> =
        (0..wanted).map(|turn| if mix(turn as u64) & 1 == 0 { hits[turn] } else { misses[turn] }).collect();
    let count = structures.len();
    for round in 0..cli.rounds {
        for turn in 0..count {
            let number = (turn + round) % count;
            for (column, questions) in [&hits, &misses, &mixed].into_iter().enumerate() {
                let row = &mut structures[number];
                let part = (round * count + turn) * MIXES.len() + column;
                let from = (part * cli.lookups) % (wanted - cli.lookups + 1);
                let questions = &questions[from..from + cli.lookups];
                row.measured[column][0].push((row.run)(questions, Order::Independent));
                row.measured[column][1].push((row.run)(&questions[..cli.lookups / 4], Order::Dependent));
            }
        }
    }
}

#[inline(never)]
fn independent(structure: &impl Structure, questions: &[[u32; 2]]) -> f64 {
    let started = Instant::now();
    let sum = questions.iter().fold(0, |sum, question| sum ^ structure.find(*question));
    black_box(sum);
    started.elapsed().as_nanos() as f64 / questions.len() as f64
}

/// The answer is masked to nothing by a number that the compiler cannot know, then added to the next position.
#[inline(never)]
fn dependent(structure: &impl Structure, questions: &[[u32; 2]]) -> f64 {
    let mask = black_box(0u64);
    let last = questions.len() - 1;
    let started = Instant::now();
    let answer =
        (0..questions.len()).fold(0, |answer, at| structure.find(questions[(at + (answer & mask) as usize).min(last)]));
    black_box(answer);
    started.elapsed().as_nanos() as f64 / questions.len() as f64
}

fn print(structures: &[Row]) {
    let kinds = MIXES.iter().flat_map(|mix| [format!("{mix} ns"), format!("{mix} dep ns")]);
    let columns: Vec<_> = ["structure".to_owned()].into_iter().chain(kinds).collect();
    let mut table = table(&columns.iter().map(String::as_str).collect::<Vec<_>>());
    // A line is a line: few keys miss, so that the limit's own lines would be warm in the columns of misses.
    let limit = medians(&structures[0])[..2].repeat(MIXES.len());
    for row in structures {
        let cells = medians(row).into_iter().zip(&limit).map(|(ns, limit)| format!("{ns:.1} ({:.2}x)", ns / limit));
        table.add_row([row.name.clone()].into_iter().chain(cells));
    }
    println!("{table}");
}

fn medians(row: &Row) -> Vec<f64> {
    row.measured.iter().flatten().map(|values| median(values)).collect()
}
