//! Medians, latency summaries and tables: how a measurement becomes a line of text.
//!
//! It must never drop a round: medians are taken over everything that was measured.

use comfy_table::{Table, presets::ASCII_MARKDOWN};
use hdrhistogram::Histogram;

/// Median of `values`, the upper one of an even count; 0 when empty.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// The smallest and largest of `values`, as `low..high` with one decimal.
pub fn range(values: &[f64]) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{low:.1}..{high:.1}")
}

/// Latencies in nanoseconds, from 1 us to 60 s with three significant digits.
pub fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1_000, 60_000_000_000, 3).expect("the bounds are constants that hdrhistogram accepts")
}

/// p50, p90, p99, p99.9 and the largest, in microseconds.
pub fn quantiles_us(histogram: &Histogram<u64>) -> [f64; 5] {
    let at = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
    [at(0.5), at(0.9), at(0.99), at(0.999), histogram.max() as f64 / 1_000.0]
}

/// The quantiles as one cell of a table.
pub fn quantiles_text(histogram: &Histogram<u64>) -> String {
    quantiles_us(histogram).map(|value| format!("{value:.0}")).join(" / ")
}

/// An empty Markdown table with these column names.
pub fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(columns);
    table
}
