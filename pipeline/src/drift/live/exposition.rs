//! Reads the few series that matter from metrics in the Prometheus text format; all others are passed over.

use std::collections::BTreeMap;

/// Answers by the source of their first candidate.
pub const ANSWERS: &str = "segue_answers_total";

/// When the process began, in seconds since 1970.
pub const BEGAN: &str = "process_start_time_seconds";

/// The values of a metric, added up by one of its labels.
pub fn by_label(text: &str, metric: &str, label: &str) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for (labels, value) in series(text, metric) {
        if let Some(of) = value_of(labels, label) {
            *sums.entry(of.to_owned()).or_default() += value;
        }
    }
    sums
}

/// The value of a metric without labels.
pub fn value(text: &str, metric: &str) -> Option<f64> {
    series(text, metric).next().map(|(_, value)| value)
}

/// The labels, between their braces, and the value of each series of a metric.
fn series<'a>(text: &'a str, metric: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
    let parse = move |line: &'a str| {
        let rest = line.strip_prefix(metric).filter(|rest| rest.starts_with([' ', '{']))?;
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => rest.split_once('}')?,
            None => ("", rest),
        };
        // A time may follow the value.
        Some((labels, rest.split_whitespace().next()?.parse().ok()?))
    };
    text.lines().filter_map(parse)
}

/// The value of one label; none of those that are read here holds a quote or a comma.
fn value_of<'a>(labels: &'a str, label: &str) -> Option<&'a str> {
    let pair = |pair: &'a str| pair.trim().split_once('=').filter(|(name, _)| *name == label);
    labels.split(',').find_map(pair).map(|(_, value)| value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# HELP segue_answers_total Answers by the path of their first candidate; every item of a batch counts.
# TYPE segue_answers_total counter
segue_answers_total{door=\"grpc\",source=\"table\"} 3
segue_answers_total{door=\"http\",source=\"suffix\"} 2
segue_answers_total{door=\"http\",source=\"table\"} 40 1700000000000
segue_answers_totally_other{source=\"table\"} 9
process_start_time_seconds 1.5e9
";

    #[test]
    fn adds_up_by_label_and_passes_over_the_rest() {
        let sums = by_label(TEXT, ANSWERS, "source");
        assert_eq!(sums.into_iter().collect::<Vec<_>>(), [("suffix".to_owned(), 2.0), ("table".to_owned(), 43.0)]);
        assert_eq!((value(TEXT, BEGAN), value(TEXT, "other")), (Some(1.5e9), None));
    }
}
