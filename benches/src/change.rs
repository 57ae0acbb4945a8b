//! What an operator does to a service under load, and whether that shows in its replies.

use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;

use crate::figures::{latencies, median, quantiles_us, table};
use crate::witness::{Sample, Witness};

/// Time before anything counts: connections are made, and nothing was asked before.
pub const WARM_UP: Duration = Duration::from_secs(2);

/// A change's window ends so long after the service said that it was done: what it let go of is freed meanwhile.
const AFTER_CHANGE: Duration = Duration::from_millis(20);

/// What the operator did, from the first byte until the service said that it was done.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// What it was.
    pub kind: &'static str,
    /// When it was asked for.
    pub asked: Instant,
    /// When the service said that it was done.
    pub done: Instant,
}

impl Change {
    /// Does something and notes how long that took.
    pub fn timed(kind: &'static str, change: impl FnOnce() -> Result<()>) -> Result<Self> {
        let asked = Instant::now();
        change()?;
        Ok(Self { kind, asked, done: Instant::now() })
    }

    /// When what it sets off is over too.
    fn over(&self) -> Instant {
        self.done + AFTER_CHANGE
    }

    fn milliseconds(&self) -> f64 {
        (self.done - self.asked).as_secs_f64() * 1e3
    }
}

/// Shows the tail in changes of each kind, beside the tail between changes.
pub fn report(witnesses: &[Witness], changes: &[Change]) {
    report_truth(witnesses);
    for kind in kinds(changes) {
        let times: Vec<_> = changes.iter().filter(|change| change.kind == kind).map(Change::milliseconds).collect();
        let longest = times.iter().copied().fold(0.0, f64::max);
        println!("{} x {kind}: median {:.1} ms, longest {longest:.1} ms", times.len(), median(&times));
    }
    let mut table = table(&["window", "replies", "p50 us", "p90", "p99", "p99.9", "max"]);
    let between = windows(witnesses, changes, None);
    table.add_row(row("between", &between));
    let mut all = latencies();
    for kind in kinds(changes) {
        let histogram = windows(witnesses, changes, Some(kind));
        table.add_row(row(kind, &histogram));
        all += histogram;
    }
    table.add_row(row("all changes", &all));
    println!("{table}");
    println!("p99.9 in changes / between: {:.2}x", quantiles_us(&all)[3] / quantiles_us(&between)[3]);
    report_pairs(witnesses, changes);
}

/// Each change beside a stretch of time just before it: a machine that stalls now and then, whoever works on it, decides the tail of a
/// whole run, but not the median of many short ones.
fn report_pairs(witnesses: &[Witness], changes: &[Change]) {
    let pairs: Vec<_> = changes.iter().zip(Pair::all(witnesses, changes)).collect();
    let mut table = table(&["p99.9 us, median", "in it", "before it", "ratio, median"]);
    for kind in kinds(changes) {
        let of_kind = || pairs.iter().filter(|(change, _)| change.kind == kind).map(|(_, pair)| pair.tails_us());
        let column = |figure: fn([f64; 2]) -> f64| median(&of_kind().map(figure).collect::<Vec<_>>());
        let (inside, before, ratio) =
            (column(|[it, _]| it), column(|[_, before]| before), column(|[it, before]| it / before));
        table.add_row([kind.to_owned(), format!("{inside:.0}"), format!("{before:.0}"), format!("{ratio:.2}x")]);
    }
    println!("{table}");
}

/// Latencies in a change, and in as much time before it.
struct Pair {
    inside: Histogram<u64>,
    before: Histogram<u64>,
}

impl Pair {
    /// A pair for each change.
    fn all(witnesses: &[Witness], changes: &[Change]) -> Vec<Self> {
        let mut pairs: Vec<_> = changes.iter().map(|_| Self { inside: latencies(), before: latencies() }).collect();
        for witness in witnesses {
            let Some(epoch) = witness.epoch else { continue };
            for sample in &witness.samples {
                let due = epoch + sample.due;
                let at = changes.partition_point(|change| change.over() < due);
                let (Some(change), Some(pair)) = (changes.get(at), pairs.get_mut(at)) else { continue };
                pair.record(sample, change.asked.saturating_duration_since(due), change.over() - change.asked);
            }
        }
        pairs
    }

    /// Notes a sample that fell due so long before the change, if that is no longer than the change took.
    fn record(&mut self, sample: &Sample, before: Duration, took: Duration) {
        let histogram = if before > sample.latency { &mut self.before } else { &mut self.inside };
        if before <= took {
            histogram.saturating_record(sample.latency.as_nanos() as u64);
        }
    }

    fn tails_us(&self) -> [f64; 2] {
        [&self.inside, &self.before].map(|histogram| quantiles_us(histogram)[3])
    }
}

fn report_truth(witnesses: &[Witness]) {
    let sum = |figure: fn(&Witness) -> u64| witnesses.iter().map(figure).sum::<u64>();
    println!(
        "replies {}, failed {}, not what their release says {}",
        sum(|witness| witness.samples.len() as u64),
        sum(|witness| witness.failures.len() as u64),
        sum(|witness| witness.torn),
    );
    let wrong = witnesses.iter().filter_map(|witness| witness.first_wrong.as_ref());
    wrong.for_each(|wrong| println!("first wrong: {wrong}"));
}

/// The cells of a table's row: a name, how many replies, and their latencies.
fn row(name: &str, histogram: &Histogram<u64>) -> impl Iterator<Item = String> {
    let cells = quantiles_us(histogram).map(|value| format!("{value:.0}"));
    [name.to_owned(), histogram.len().to_string()].into_iter().chain(cells)
}

/// The kinds of change, in the order in which they first happened.
fn kinds(changes: &[Change]) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    for change in changes {
        if !kinds.contains(&change.kind) {
            kinds.push(change.kind);
        }
    }
    kinds
}

/// Latencies of the replies whose wait overlaps a change of this kind; with none, of those that overlap no change. Ends with the
/// last change.
fn windows(witnesses: &[Witness], changes: &[Change], kind: Option<&str>) -> Histogram<u64> {
    let mut histogram = latencies();
    for witness in witnesses {
        let Some(epoch) = witness.epoch else { continue };
        let warm = witness.samples.iter().filter(|sample| sample.due > WARM_UP);
        let inside = warm.filter(|sample| window_of(sample, epoch, changes) == Some(kind));
        inside.for_each(|sample| histogram.saturating_record(sample.latency.as_nanos() as u64));
    }
    histogram
}

/// The kind of change that a sample falls in, if in one; none of both after the last.
fn window_of<'a>(sample: &Sample, epoch: Instant, changes: &'a [Change]) -> Option<Option<&'a str>> {
    let due = epoch + sample.due;
    let next = changes.get(changes.partition_point(|change| change.over() < due))?;
    Some((due + sample.latency >= next.asked).then_some(next.kind))
}

/// Shows the tails of turns of two kinds that alternate.
pub fn report_turns(witnesses: &[Witness], turns: &[Change]) {
    report_truth(witnesses);
    let tails: Vec<_> =
        turns.iter().map(|turn| windows(witnesses, std::slice::from_ref(turn), Some(turn.kind))).collect();
    let mut table = table(&["turns", "replies", "p50 us", "p90", "p99", "p99.9", "max"]);
    for kind in kinds(turns) {
        let mut all = latencies();
        turns.iter().zip(&tails).filter(|(turn, _)| turn.kind == kind).for_each(|(_, tail)| all += tail);
        table.add_row(row(kind, &all));
    }
    println!("{table}");
    for (name, at) in [("p50", 0), ("p99", 2), ("p99.9", 3)] {
        let ratio = |pair: &[Histogram<u64>]| quantiles_us(&pair[1])[at] / quantiles_us(&pair[0])[at];
        let ratios: Vec<_> = tails.chunks_exact(2).map(ratio).collect();
        println!("{name} with / without: {:.3}x, median of {} pairs", median(&ratios), ratios.len());
    }
}
