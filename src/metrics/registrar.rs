//! Turns a declared metric into a handle on this process's own recorder; it must never install that recorder globally.

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// Where a metric is said to come from; the exporter does not show it.
const METADATA: Metadata<'static> = Metadata::new("segue", Level::INFO, None);

/// One row of the table of metrics.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its full name, unit and `_total` included.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it counts, for the `# HELP` line.
    pub help: &'static str,
    /// Its label names, in the order in which values are given.
    pub labels: &'static [&'static str],
}

/// What a metric is to Prometheus.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts by upper bounds, ascending, in the metric's unit.
    Histogram(&'static [f64]),
}

impl Metric {
    /// The upper bounds of a histogram, in the metric's unit; none for another kind.
    pub fn buckets(&self) -> &'static [f64] {
        match self.kind {
            Kind::Histogram(buckets) => buckets,
            Kind::Counter | Kind::Gauge => &[],
        }
    }
}

/// Declares each metric as a constant, and all of them as `METRICS`.
macro_rules! declare {
    ($($id:ident = $kind:expr, $name:literal, [$($label:literal),*], $help:literal;)*) => {
        $(const $id: Metric = Metric { name: $name, kind: $kind, help: $help, labels: &[$($label),*] };)*

        /// Every metric that this crate declares. The `process_` ones come on top, from the `metrics-process` crate.
        pub const METRICS: &[Metric] = &[$($id),*];
    };
}
pub(super) use declare;

/// Hands out handles and renders what they hold.
pub(super) struct Registrar {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Registrar {
    /// Describes every metric of the table; none is rendered before its first handle.
    pub(super) fn new(table: &[Metric]) -> Self {
        let recorder = table.iter().fold(PrometheusBuilder::new(), with_buckets).build_recorder();
        for metric in table {
            describe(&recorder, metric);
        }
        Self { handle: recorder.handle(), recorder }
    }

    /// A counter whose label values stand in the order of the declaration.
    pub(super) fn counter(&self, metric: &Metric, values: &[&str]) -> Counter {
        self.recorder.register_counter(&key(metric, values), &METADATA)
    }

    /// As [`Registrar::counter`].
    pub(super) fn gauge(&self, metric: &Metric, values: &[&str]) -> Gauge {
        self.recorder.register_gauge(&key(metric, values), &METADATA)
    }

    /// As [`Registrar::counter`].
    pub(super) fn histogram(&self, metric: &Metric, values: &[&str]) -> Histogram {
        self.recorder.register_histogram(&key(metric, values), &METADATA)
    }

    /// Runs code that reports through the macros of the `metrics` crate, and keeps what it reports here.
    pub(super) fn locally(&self, report: impl FnOnce()) {
        metrics::with_local_recorder(&self.recorder, report);
    }

    /// The families that have handles, each with its help and type, in no order.
    pub(super) fn render(&self) -> String {
        self.handle.render()
    }

    /// Drains the samples that histograms hold back.
    pub(super) fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

fn with_buckets(builder: PrometheusBuilder, metric: &Metric) -> PrometheusBuilder {
    let Kind::Histogram(buckets) = metric.kind else { return builder };
    builder
        .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)
        .expect("the only error is an empty list, and declared lists are not empty")
}

fn describe(recorder: &PrometheusRecorder, metric: &Metric) {
    let (name, help) = (metric.name.into(), metric.help.into());
    match metric.kind {
        Kind::Counter => recorder.describe_counter(name, None, help),
        Kind::Gauge => recorder.describe_gauge(name, None, help),
        Kind::Histogram(_) => recorder.describe_histogram(name, None, help),
    }
}

fn key(metric: &Metric, values: &[&str]) -> Key {
    assert_eq!(metric.labels.len(), values.len(), "{} takes the labels {:?}", metric.name, metric.labels);
    let label = |(name, value): (&&'static str, &&str)| Label::new(*name, (*value).to_owned());
    Key::from_parts(metric.name, metric.labels.iter().zip(values).map(label).collect::<Vec<_>>())
}
